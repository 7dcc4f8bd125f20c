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
    let generated = desk.json(&GENERATE);
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
    desk.refuse(&split, &["what generates is one circuit"]);
    desk.succeed(&compile(&[]));
    desk.refuse(&GENERATE, &["tiny.zkc", "does not generate"]);
}
