//! The command line as its users meet it: the main job, and one clear line for every bad input.

mod desk;

use std::fs;

use desk::Desk;
use ndarray::{Array, Array2, Array4};
use ndarray_npy::write_npy;
use serde_json::Value;
use zkinfer::models::Dataset;
use zkinfer::{Model, Stage};

#[test]
fn three_commands_from_model_to_verified_proof() {
    let desk = Desk::proven();
    let verified = desk.succeed(&["verify", "mlp-64-32-16-10.vk", "sample.proof"]);
    assert!(verified.starts_with("verified"), "{verified}");
    assert!(verified.contains("class 6"), "the sample is a six: {verified}");

    let verified = desk.json(&["verify", "mlp-64-32-16-10.vk", "sample.proof"]);
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["outputs"][0]["class"], 6);
    let run = desk.json(&["run", "mlp-64-32-16-10.zkc", "sample.npy"]);
    assert_eq!(
        run["outputs"], verified["outputs"],
        "what is proven is what the interpreter computes"
    );
}

#[test]
fn compiling_says_how_well_the_integers_follow_the_floats() {
    let desk = Desk::new();
    let compile = ["compile", "mlp-64-32-16-10.onnx", "--calibration", "calibration.npz"];
    let said = desk.succeed(&compile);
    assert!(said.contains("of its spread"), "{said}");
    assert!(said.contains("top class the same in 16 of 16"), "{said}");
    assert!(said.contains("on 16 samples of the calibration"), "{said}");
    let agreement = desk.json(&[&compile[..], &["--force"]].concat())["agreement"].take();
    let output = &agreement["outputs"][0];
    assert!(output["cosine"].as_f64().expect("a number") > 0.99, "{agreement}");
    assert_eq!(output["parts"].as_array().expect("a list").len(), 10, "{agreement}");
    let nodes = agreement["nodes"].as_array().expect("a list");
    let introduced = |node: &Value| node["introduced"]["error"].as_f64().expect("a number");
    assert!(nodes.iter().any(|node| introduced(node) > 0.0), "{agreement}");
    // Without samples nothing is known.
    let compile = ["compile", "mlp-64-32-16-10.onnx", "--force"];
    assert!(desk.json(&compile)["agreement"].is_null());
    let said = desk.succeed(&compile);
    assert!(said.contains("agreement with the float model: nothing is known"), "{said}");
}

#[test]
fn what_an_input_holds_outside_its_range_is_said_or_refused() {
    let desk = Desk::compiled();
    let mut sample = Array2::<f32>::zeros((1, 64));
    (sample[[0, 0]], sample[[0, 1]], sample[[0, 2]]) = (-3.0, 1e4, 2e4);
    write_npy(desk.path("wild.npy"), &sample).expect("a file");
    let said = ["3 of 64 elements lie outside", "from -3.0000 to 20000.0000"];
    for command in ["run", "prove"] {
        let arguments = [command, "mlp-64-32-16-10.zkc", "wild.npy"];
        let output = desk.run(&arguments);
        let warning = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(said.iter().all(|part| warning.contains(part)), "{command}: {warning}");
        assert_eq!(output.status.code(), Some(0), "{command}");
        std::fs::remove_file(desk.path("wild.proof")).ok();
        let clamped = desk.json(&arguments)["clamped"].take();
        assert_eq!((&clamped[0]["below"], &clamped[0]["above"]), (&1.into(), &2.into()));
        std::fs::remove_file(desk.path("wild.proof")).ok();
        let strict = [&arguments[..], &["--strict"]].concat();
        desk.refuse(&strict, &["wild.npy", said[0], "or leave --strict"]);
        // Within the range nothing is said.
        let tame = [command, "mlp-64-32-16-10.zkc", "sample.npy", "--strict"];
        let output = desk.run(&tame);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
}

#[test]
fn a_profile_has_every_stage_with_its_prediction() {
    let desk = Desk::compiled();
    let profile =
        desk.json(&["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--profile"])["profile"].take();
    let number = |value: &Value| value.as_f64().expect("a number");
    let stages = profile["stages"].as_array().expect("a list");
    let names: Vec<&str> =
        stages.iter().map(|stage| stage["name"].as_str().expect("a name")).collect();
    assert_eq!(names, Stage::ALL.map(Stage::name));
    // A stage that the cost model calls something else would be predicted to take no time.
    assert!(stages.iter().all(|stage| number(&stage["predicted_seconds"]) > 0.0), "{profile}");
    let sum: f64 = stages.iter().map(|stage| number(&stage["cpu_seconds"])).sum();
    assert!(
        (sum - number(&profile["cpu_seconds"])).abs() < 1e-9
            && number(&profile["commit_ratio"]) > 1.0,
        "{profile}"
    );
    let table =
        desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--profile", "--force"]);
    assert!(names.iter().all(|name| table.contains(name)), "{table}");
}

#[test]
fn a_damaged_or_foreign_proof_is_rejected_with_exit_code_1() {
    let desk = Desk::proven();
    let proof = fs::read(desk.path("sample.proof")).expect("the proof");
    let rejected = |bytes: &[u8]| {
        fs::write(desk.path("forged.proof"), bytes).expect("a file");
        let output = desk.run(&["verify", "mlp-64-32-16-10.vk", "forged.proof"]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("rejected: "), "{text}");
    };
    for at in [0, 9, 40, proof.len() / 2, proof.len() - 1] {
        let mut bytes = proof.clone();
        bytes[at] ^= 1;
        rejected(&bytes);
    }
    rejected(&proof[..proof.len() / 2]);
    rejected(&[proof.as_slice(), b"trailing"].concat());
    rejected(b"");

    // The same network, quantised by other data, is another model.
    desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,2", "-o", "other"]);
    let output = desk.run(&["verify", "other.vk", "sample.proof", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(verdict["verified"], false);
    assert!(verdict["reason"].as_str().expect("a reason").contains("another model"));
}

#[test]
fn evaluate_inspect_urs_and_completions() {
    let desk = Desk::proven();
    let arguments = ["evaluate", "mlp-64-32-16-10.onnx", "test.npz"];
    let evaluation = desk.json(&arguments);
    let accuracy = |field: &str| evaluation[field].as_f64().expect("a number");
    assert!(accuracy("float_accuracy") >= 0.95);
    assert!(accuracy("int8_accuracy") >= accuracy("float_accuracy") - 0.01);
    // Whether tract is in this build depends on which crates are tested together.
    let model = Model::load(desk.path("mlp-64-32-16-10.onnx")).expect("a model");
    let read = |name| Dataset::read(desk.path(name), model.inputs()).expect("data");
    let calibration = model.calibrate(&read("calibration.npz")).expect("ranges");
    let graph = model.quantise(&calibration).expect("a quantised network").graph;
    let expected = model.evaluate(&graph, &read("test.npz")).expect("an evaluation");
    let mut without = evaluation.clone();
    without.as_object_mut().expect("an object").remove("nodes").expect("nodes");
    assert_eq!(without, serde_json::to_value(&expected).expect("JSON"));
    let shown = format!("  float run by     {}\n", expected.float_by);
    assert!(desk.succeed(&arguments).contains(&shown), "{shown}");

    let circuit = desk.json(&["inspect", "mlp-64-32-16-10.zkc"]);
    let key = desk.json(&["inspect", "mlp-64-32-16-10.vk"]);
    let proof = desk.json(&["inspect", "sample.proof"]);
    assert_eq!(circuit["layout"], key["layout"]);
    assert_eq!(key["layout"]["digest"], proof["key"]);
    assert_eq!(key["layout"]["predicted"]["proof_bytes"], proof["argument_bytes"]);
    assert!(desk.succeed(&["inspect", "mlp-64-32-16-10.zkc"]).contains("gemm1"));
    desk.refuse(&["inspect", "sample.npy"], &["sample.npy", "neither"]);

    let listed = desk.json(&["urs"]);
    let sizes: Vec<&Value> =
        listed["files"].as_array().expect("a list").iter().map(|file| &file["k"]).collect();
    assert!(sizes.contains(&&key["layout"]["k"]), "{sizes:?}");
    assert!(desk.succeed(&["completions", "bash"]).contains("zkinfer"));
}

#[test]
fn results_go_where_asked_and_overwrite_nothing() {
    let desk = Desk::compiled();
    let compile = ["compile", "mlp-64-32-16-10.onnx", "--calibration", "calibration.npz"];
    desk.refuse(&compile, &["mlp-64-32-16-10.zkc", "already exists", "--force"]);
    desk.succeed(&[&compile[..], &["--force"]].concat());
    fs::create_dir(desk.path("out")).expect("a directory");
    desk.succeed(&[&compile[..], &["-o", "out"]].concat());
    desk.succeed(&[&compile[..], &["-o", "out/named"]].concat());
    for file in
        ["out/mlp-64-32-16-10.zkc", "out/mlp-64-32-16-10.vk", "out/named.zkc", "out/named.vk"]
    {
        assert!(desk.path(file).is_file(), "{file}");
    }
    assert_eq!(
        fs::read(desk.path("out/named.vk")).expect("a key"),
        fs::read(desk.path("mlp-64-32-16-10.vk")).expect("a key"),
        "compiling is deterministic"
    );
    desk.refuse(
        &[&compile[..], &["-o", "nowhere/named"]].concat(),
        &["nowhere", "no such directory"],
    );
    desk.refuse(&["prove", "mlp-64-32-16-10.zkc", "sample.npy", "-o", "nowhere/p"], &["nowhere"]);
}

#[test]
fn bad_models_are_refused() {
    let desk = Desk::new();
    let compile = |name: &str, expected: &[&str]| {
        desk.refuse(
            &["compile", name, "--calibration", "calibration.npz"],
            &[&[name], expected].concat(),
        );
    };
    let model = fs::read(desk.path("mlp-64-32-16-10.onnx")).expect("the model");
    fs::write(desk.path("truncated.onnx"), &model[..model.len() / 2]).expect("a file");
    compile("truncated.onnx", &[]);
    fs::write(desk.path("empty.onnx"), b"").expect("a file");
    compile("empty.onnx", &[]);
    fs::write(desk.path("text.onnx"), b"this is no model").expect("a file");
    compile("text.onnx", &[]);
    fs::create_dir(desk.path("folder.onnx")).expect("a directory");
    compile("folder.onnx", &["directory"]);
    compile("missing.onnx", &[]);
    // A Relu (field 4, four bytes) becomes an operator that cannot be proven.
    let at = model.windows(6).position(|bytes| bytes == b"\x22\x04Relu").expect("a Relu node");
    let mut unknown = model.clone();
    unknown[at + 2] = b'Z';
    fs::write(desk.path("zelu.onnx"), unknown).expect("a file");
    let output = desk.run(&["compile", "zelu.onnx", "--calibration", "calibration.npz"]);
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{message}");
    for part in ["zelu.onnx", "relu1", "Zelu", "this operator is not supported"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert!(!desk.path("zelu.zkc").exists());
}

#[test]
fn bad_data_is_refused() {
    let desk = Desk::compiled();
    let write = |name: &str, values: Vec<f32>, columns: usize| {
        let rows = values.len() / columns;
        write_npy(
            desk.path(name),
            &Array2::from_shape_vec((rows, columns), values).expect("a shape"),
        )
        .expect("a file");
    };
    let prove = |name: &str, expected: &[&str]| {
        desk.refuse(&["prove", "mlp-64-32-16-10.zkc", name], &[&[name], expected].concat());
    };
    write("narrow.npy", vec![0.0; 63], 63);
    prove("narrow.npy", &["64"]);
    write("several.npy", vec![0.0; 128], 64);
    prove("several.npy", &[]);
    let mut holes = vec![0.0; 64];
    holes[5] = f32::NAN;
    write("nan.npy", holes, 64);
    prove("nan.npy", &["NaN"]);
    write_npy(desk.path("image.npy"), &Array4::<f32>::zeros((1, 3, 5, 5))).expect("a file");
    prove("image.npy", &["64"]);
    // Flags are numbers, complex ones are none.
    write_npy(desk.path("bool.npy"), &Array::from_elem((1, 64), true)).expect("a file");
    desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "bool.npy"]);
    let array = fs::read(desk.path("sample.npy")).expect("the sample");
    let at = array.windows(3).position(|bytes| bytes == b"<f4").expect("its type");
    let complex = [&array[..at], b"<c8", &array[at + 3..]].concat();
    fs::write(desk.path("complex.npy"), complex).expect("a file");
    prove("complex.npy", &["<c8"]);
    fs::write(desk.path("text.npy"), b"not an array").expect("a file");
    prove("text.npy", &[]);
    fs::write(desk.path("words.json"), br#"{"image": ["a", "b"]}"#).expect("a file");
    prove("words.json", &[]);
    prove("missing.npy", &[]);
    prove("sample.txt", &[]);

    write("none.npy", vec![], 64);
    let compile = ["compile", "mlp-64-32-16-10.onnx", "--force", "--calibration"];
    desk.refuse(&[&compile[..], &["none.npy"]].concat(), &["none.npy"]);
    desk.refuse(&[&compile[..], &["narrow.npy"]].concat(), &["narrow.npy"]);
    desk.refuse(&[&compile[..], &["nan.npy"]].concat(), &["nan.npy"]);

    let key = fs::read(desk.path("mlp-64-32-16-10.vk")).expect("the key");
    fs::write(desk.path("cut.vk"), &key[..100]).expect("a file");
    fs::write(desk.path("any.proof"), b"").expect("a file");
    desk.refuse(&["verify", "cut.vk", "any.proof"], &["cut.vk"]);
    desk.refuse(&["prove", "cut.vk", "sample.npy"], &["cut.vk"]);
    desk.refuse(&["verify", "mlp-64-32-16-10.vk", "missing.proof"], &["missing.proof"]);
}

#[test]
fn json_input_and_missing_calibration_work() {
    let desk = Desk::new();
    let output = desk.run(&["compile", "mlp-64-32-16-10.onnx"]);
    assert_eq!(output.status.code(), Some(0));
    let warning = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(warning.contains("warning") && warning.contains("calibration"), "{warning}");
    let pixels = vec!["0.5"; 64].join(",");
    fs::write(desk.path("grey.json"), format!("{{\"image\": [[{pixels}]]}}")).expect("a file");
    desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "grey.json"]);
    desk.succeed(&["verify", "mlp-64-32-16-10.vk", "grey.proof"]);
}

#[test]
fn the_demo_proves_verifies_and_rejects() {
    let desk = Desk::new();
    let demo = desk.json(&["demo"]);
    assert_eq!(demo["class"], demo["label"]);
    assert!(demo["forgery"]["rejected"].is_string());
    assert!(desk.succeed(&["demo", "--index", "3"]).contains('@'), "a picture is shown");
    desk.refuse(&["demo", "--index", "100000"], &["100000"]);
}

#[test]
fn devices_are_listed_and_chosen() {
    let desk = Desk::compiled();
    let listed = desk.json(&["devices"]);
    let devices = listed["devices"].as_array().expect("a list");
    assert_eq!(devices[0]["about"]["name"], "CPU");
    assert!(devices[0]["speed"]["terms"].as_f64().is_some_and(|terms| terms > 0.0), "{listed}");
    assert!(desk.succeed(&["devices"]).contains("CPU"));

    let prove = |device: &'static str| {
        ["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--force", "--device", device]
    };
    for device in ["cpu", "auto"] {
        desk.succeed(&prove(device));
        desk.succeed(&["verify", "mlp-64-32-16-10.vk", "sample.proof"]);
    }
    assert_eq!(desk.json(&prove("cpu"))["device"]["kind"], "processor");
    if listed["gpu_support"] == true {
        let proven = desk.json(&prove("gpu"));
        assert_eq!(proven["device"], devices[1]["about"], "the first that is listed");
        desk.succeed(&["verify", "mlp-64-32-16-10.vk", "sample.proof"]);
    } else {
        let output = desk.run(&prove("gpu"));
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.code() == Some(2) && text.contains("--features gpu"), "{text}");
    }
}
