//! A language model on the command line: compiled to generate, a prompt answered, the answer proven
//! and verified; ids shown, private and sealed.

mod desk;

use std::fs;

use desk::Desk;
use serde_json::{Value, json};
use zkinfer_models::testing::language::{Transformer, lines};

const MODEL: Transformer =
    Transformer { length: 8, vocabulary: 7, layers: 1, causal: true, rotary: false, seed: 3 };

/// A desk with a small language model, samples and a prompt.
fn with_model() -> Desk {
    let desk = Desk::new();
    fs::write(desk.path("tiny.onnx"), MODEL.onnx().bytes()).expect("written");
    let samples = json!({ "ids": lines(&MODEL, 12) }).to_string();
    fs::write(desk.path("samples.json"), samples).expect("written");
    fs::write(desk.path("prompt.json"), "[2, 0, 1]").expect("written");
    desk
}

/// Compiles it to generate, as `name`.
fn compile(desk: &Desk, name: &str, options: &[&str]) {
    let usual = [
        "compile",
        "tiny.onnx",
        "--calibration",
        "samples.json",
        "--accept-loss",
        "--generate",
        "3",
        "--padding",
        "6",
        "-o",
        name,
    ];
    desk.succeed(&[&usual, options].concat());
}

const GENERATE: [&str; 6] = ["generate", "tiny.zkc", "--prompt", "prompt.json", "--tokens", "3"];

#[test]
fn a_prompt_is_answered_and_the_answer_verified() {
    let desk = with_model();
    compile(&desk, "tiny", &[]);
    let unproven = desk.json(&[&GENERATE[..], &["--unproven"]].concat());
    assert!(!desk.path("prompt.proof").exists());
    let generated = desk.json(&GENERATE);
    assert_eq!(unproven["answer"], generated["answer"]);
    assert_eq!(generated["prompt"], json!([2, 0, 1]));
    let answer = generated["answer"].as_array().expect("ids").clone();
    assert_eq!(answer.len(), 3);
    let verified = desk.json(&["verify", "tiny.vk", "prompt.proof"]);
    assert_eq!(verified["verified"], true);
    let expected = json!({
        "prompt_tokens": 3, "answer_tokens": 3, "prompt": [2, 0, 1], "answer": answer,
        "prompt_text": null, "answer_text": null,
    });
    assert_eq!(verified["generation"], expected);
    // In words.
    let said = desk.succeed(&["verify", "tiny.vk", "prompt.proof"]);
    assert!(said.contains("prompt  3 ids: 2 0 1"), "{said}");
    assert!(said.contains("each id of the answer is the likeliest"), "{said}");
    let inspected = desk.json(&["inspect", "tiny.vk"]);
    assert_eq!(inspected["layout"]["outputs"][0]["generates"], true);
    // It ends where it is told to, or after fewer ids: what was said is what is said again.
    let stop = answer[0].to_string();
    let ended = desk.json(&[&GENERATE[..], &["--stop", &stop, "--force"]].concat());
    assert_eq!(ended["answer"], json!([answer[0]]));
    let verified = desk.json(&["verify", "tiny.vk", "prompt.proof"]);
    assert_eq!(verified["generation"]["answer"], json!([answer[0]]));
    // Any prompt that leaves room, by the same circuit; and so does `prove`, of the right ids.
    fs::write(desk.path("long.json"), "[2, 0, 1, 5, 5, 3, 4]").expect("written");
    let long = ["generate", "tiny.zkc", "--prompt", "long.json", "--tokens"];
    let one = desk.json(&[&long[..], &["1"]].concat());
    let line = [&[2, 0, 1, 5, 5, 3, 4][..], &[one["answer"][0].as_i64().expect("an id")]].concat();
    let inputs = json!({ "ids": line, "prompt_tokens": [7], "answer_tokens": [1] });
    fs::write(desk.path("line.json"), inputs.to_string()).expect("written");
    desk.succeed(&["prove", "tiny.zkc", "line.json"]);
    desk.refuse(
        &[&long[..], &["2", "--force"]].concat(),
        &["7 ids of prompt and 2 of answer", "8"],
    );
    desk.refuse(&[&long[..], &["4", "--force"]].concat(), &["compiled for 1 to 3"]);
    let within = |most| [&GENERATE[..], &["--force", "--max-memory", most]].concat();
    let figures = ["tiny.zkc", "proving is predicted to take", "more than the 1000.0 kB of"];
    desk.refuse(&within("1MB"), &figures);
    desk.succeed(&within("1GB"));
    // Of wrong ones the prover itself says it.
    let wrong = [&line[..7], &[(line[7] + 1) % 7]].concat();
    let inputs = json!({ "ids": wrong, "prompt_tokens": [7], "answer_tokens": [1] });
    fs::write(desk.path("wrong.json"), inputs.to_string()).expect("written");
    desk.refuse(&["prove", "tiny.zkc", "wrong.json"], &["id 7 is", "the likeliest one there is"]);
}

#[test]
fn hidden_ids_are_proven_and_not_shown() {
    let desk = with_model();
    let shown = |verified: &Value| verified["generation"].clone();
    let hidden = json!({
        "prompt_tokens": 3, "answer_tokens": 2, "prompt": null, "answer": null,
        "prompt_text": null, "answer_text": null,
    });
    compile(&desk, "tiny", &["--input", "ids=private"]);
    let two = ["generate", "tiny.zkc", "--prompt", "prompt.json", "--tokens", "2"];
    let private = desk.json(&two);
    assert_eq!(shown(&desk.json(&["verify", "tiny.vk", "prompt.proof"])), hidden);
    let said = desk.succeed(&["verify", "tiny.vk", "prompt.proof"]);
    assert!(said.contains("prompt  3 ids, answer 2 ids, not shown"), "{said}");

    compile(&desk, "other", &["--input", "sealed"]);
    let sealed = ["generate", "other.zkc", "--prompt", "prompt.json", "--tokens", "2", "-o", "s"];
    let sealed = desk.json(&sealed);
    assert_eq!(sealed["answer"], private["answer"]);
    assert_eq!(shown(&desk.json(&["verify", "other.vk", "s.proof"])), hidden);
    assert_eq!(sealed["opening"], "s.ids.opening");
    assert!(desk.path("s.ids.opening").exists() && desk.path("s.ids.seal").exists());
    // Of hidden ids all that there is room for are proven.
    fs::write(desk.path("long.json"), "[2, 0, 1, 5, 5, 3]").expect("written");
    let long = ["generate", "tiny.zkc", "--prompt", "long.json", "--tokens", "1"];
    desk.refuse(&long, &["6 ids of prompt and 3 of answer"]);
    // Ids that are not the likeliest have no proof.
    let inputs = json!({ "ids": [2, 0, 1, 9 % 7, 6, 6, 6, 6], "prompt_tokens": [3],
        "answer_tokens": [1] });
    fs::write(desk.path("wrong.json"), inputs.to_string()).expect("written");
    desk.refuse(&["prove", "tiny.zkc", "wrong.json"], &["not the likeliest"]);
}

/// A desk with a small language model of three layers, split in three.
fn with_segments(options: &[&str]) -> Desk {
    let desk = with_model();
    let model = Transformer { layers: 3, ..MODEL };
    fs::write(desk.path("deep.onnx"), model.onnx().bytes()).expect("written");
    let usual = ["split", "deep.onnx", "--segments", "3", "--calibration", "samples.json"];
    let generates = ["--accept-loss", "--generate", "3", "--padding", "6", "--bits", "10"];
    desk.succeed(&[&usual[..], &generates, options].concat());
    desk
}

/// Verifies three proofs as one chain.
fn chain(proofs: [&str; 3]) -> Vec<&str> {
    [&["verify"], &proofs[..], &["--chain"]].concat()
}

const SEGMENTS: [&str; 6] = ["generate", "deep.1.zkc", "--segments", "3", "--tokens", "3"];

fn generated(desk: &Desk, prompt: &str, name: &str) -> Value {
    fs::write(desk.path("prompt.json"), prompt).expect("written");
    desk.json(&[&SEGMENTS[..], &["--prompt", "prompt.json", "-o", name]].concat())
}

#[test]
fn a_model_in_segments_answers_and_is_verified_as_one_chain() {
    let desk = with_segments(&[]);
    let first = generated(&desk, "[2, 0, 1]", "first");
    let proofs = ["first.1.proof", "first.2.proof", "first.3.proof"];
    let verified = desk.json(&chain(proofs));
    let expected = json!({
        "prompt_tokens": 3, "answer_tokens": 3, "prompt": [2, 0, 1], "answer": first["answer"],
        "prompt_text": null, "answer_text": null,
    });
    assert_eq!(verified["generation"], expected);
    let said = desk.succeed(&chain(proofs));
    assert!(said.contains("prompt  3 ids: 2 0 1"), "{said}");
    // The whole in one circuit answers the same.
    let usual = ["compile", "deep.onnx", "--calibration", "samples.json", "--accept-loss"];
    let generates = ["--generate", "3", "--padding", "6", "--bits", "10", "--no-seal"];
    desk.succeed(&[&usual[..], &generates, &["--weights", "public"]].concat());
    let whole = ["generate", "deep.zkc", "--prompt", "prompt.json", "--tokens", "3", "-o", "w"];
    assert_eq!(desk.json(&whole)["answer"], first["answer"]);
    // And `prove` proves the same ids.
    let line = [&[2, 0, 1][..], &ids(&first["answer"])].concat();
    let line = [line, vec![6; 2]].concat();
    let inputs = json!({ "ids": line, "prompt_tokens": [3], "answer_tokens": [3] });
    fs::write(desk.path("line.json"), inputs.to_string()).expect("written");
    desk.succeed(&["prove", "deep.1.zkc", "line.json", "--segments", "3", "-o", "again"]);
    let again = desk.json(&chain(["again.1.proof", "again.2.proof", "again.3.proof"]));
    assert_eq!(again["generation"], expected);
    let more = ["prove", "deep.1.zkc", "line.json", "prompt.json", "--segments", "3"];
    desk.refuse(&more, &["prompt.json", "one file holds all inputs"]);
    // A segment alone says what is likeliest behind something, but not behind what.
    for part in [&["verify", "first.3.proof"][..], &["verify", "first.2.proof", "first.3.proof"]] {
        for chain in [&[][..], &["--chain"]] {
            let part = [part, if part.len() > 2 { chain } else { &[] }].concat();
            let said = desk.succeed(&part);
            assert!(!said.contains("the likeliest"), "{said}");
        }
    }
    // A segment of another run, and one of the same prompt proven again.
    let reject = |proofs: [&str; 3], why: &str| {
        let output = desk.run(&chain(proofs));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the chain breaks between proof") && said.contains(why), "{said}");
    };
    generated(&desk, "[2, 0, 3]", "other");
    let crossing = "differ, so another tensor comes in than goes out";
    reject(["other.1.proof", "first.2.proof", "first.3.proof"], crossing);
    reject(["first.1.proof", "other.2.proof", "first.3.proof"], crossing);
    reject(["first.1.proof", "first.2.proof", "other.3.proof"], crossing);
    reject(["again.1.proof", "first.2.proof", "first.3.proof"], crossing);
    desk.refuse(
        &[&SEGMENTS[..2], &SEGMENTS[4..], &["--prompt", "prompt.json"]].concat(),
        &["deep.1.zkc", "--segments"],
    );
    let small = ["--prompt", "prompt.json", "--max-memory", "1MB", "-o", "small"];
    let figures = ["deep.1.zkc", "proving a segment is predicted to take"];
    desk.refuse(&[&SEGMENTS[..], &small].concat(), &figures);
}

fn ids(value: &Value) -> Vec<i64> {
    let ids = value.as_array().into_iter().flatten();
    ids.map(|id| id.as_i64().expect("an id")).collect()
}

/// The head's segment runs honestly on what the others handed on, but says of other ids that they
/// were the prompt: nothing of its own proof is wrong.
#[test]
fn ids_of_a_chain_are_the_same_wherever_they_are_read() {
    for visibility in ["public", "sealed"] {
        let desk = with_segments(&["--input", &format!("ids={visibility}")]);
        let first = generated(&desk, "[2, 0, 1]", "first");
        let line = [&[2, 0, 1][..], &ids(&first["answer"])].concat();
        let line: Vec<i64> = [line, vec![6; 2]].concat();
        let hidden = visibility == "sealed";
        if hidden {
            // All eight ids are proven; what the answer is stays.
            desk.succeed(&["verify", "first.1.proof", "first.2.proof", "first.3.proof", "--chain"]);
        }
        // Segment by segment, to have what goes on.
        let prove = |segment: usize, inputs: &[&str], name: &str| {
            let circuit = format!("deep.{segment}.zkc");
            let proved = desk.json(&[&["prove", &circuit], inputs, &["-o", name]].concat());
            let openings = proved["openings"].as_array().into_iter().flatten();
            openings.map(|name| name.as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        let write = |name: &str, ids: &[i64]| {
            let inputs = json!({ "ids": ids, "prompt_tokens": [3], "answer_tokens": [3] });
            fs::write(desk.path(name), inputs.to_string()).expect("written");
        };
        write("line.json", &line);
        let other = [&[5], &line[1..]].concat();
        write("other.json", &other);
        let seal = |name: &str, ids: &[i64]| {
            fs::write(desk.path("ids.json"), json!(ids).to_string()).expect("written");
            desk.succeed(&["seal", "deep.1.zkc", "--tensor", "ids.json", "-o", name]);
        };
        let own = if hidden { "line.opening" } else { "line.json" };
        if hidden {
            seal("line", &line);
            seal("other", &other);
        }
        let strs = |names: &[String]| names.to_vec();
        let one = strs(&prove(1, &[own], "one"));
        let two: Vec<&str> = one.iter().map(String::as_str).collect();
        let two = prove(2, &two, "two");
        let three = |ids: &[&str], name: &str| {
            let carried = two.iter().map(String::as_str);
            prove(3, &carried.chain(ids.iter().copied()).collect::<Vec<_>>(), name);
            desk.run(&["verify", "one.proof", "two.proof", &format!("{name}.proof"), "--chain"])
        };
        let given = |name: &'static str, opening: &'static str| {
            if hidden { vec!["line.json", opening] } else { vec![name] }
        };
        assert_eq!(three(&given("line.json", "line.opening"), "three").status.code(), Some(0));
        let forged = three(&given("other.json", "other.opening"), "forged");
        let said = String::from_utf8_lossy(&forged.stdout);
        assert_eq!(forged.status.code(), Some(1), "{said}");
        assert!(said.contains(r#""ids" comes in again, and is another tensor"#), "{said}");
    }
}

#[test]
fn what_cannot_generate_is_refused() {
    let desk = with_model();
    let usual = ["tiny.onnx", "--calibration", "samples.json", "--accept-loss"];
    let compile = |options: &[&'static str]| [&["compile"], &usual[..], options].concat();
    desk.refuse(&compile(&["--generate", "8"]), &["tiny.onnx", "an answer of 8 ids"]);
    desk.refuse(&compile(&["--generate", "2", "--padding", "7"]), &["7 is no id: they are 0 to 6"]);
    let ahead = Transformer { causal: false, ..MODEL };
    fs::write(desk.path("ahead.onnx"), ahead.onnx().bytes()).expect("written");
    let ahead = ["compile", "ahead.onnx", "--calibration", "samples.json", "--accept-loss"];
    desk.refuse(&[&ahead[..], &["--generate", "2"]].concat(), &["Softmax", "a causal mask"]);
    let split = [&["split"], &usual[..], &["--generate", "2", "--segments", "2"]].concat();
    let private = [&split[..], &["--input", "ids=private"]].concat();
    desk.refuse(&private, &["at most 1 segments", r#""ids" is private"#, "--input sealed"]);
    desk.succeed(&compile(&[]));
    desk.refuse(&GENERATE, &["tiny.zkc", "does not generate"]);
}
