//! Sealed weights, inputs and outputs on the command line: who can prove, what a verifier accepts,
//! chains, manifests.

mod desk;

use std::fs;

use desk::Desk;

const NAME: &str = "mlp-64-32-16-10";

fn rejected(desk: &Desk, arguments: &[&str], reason: &str) {
    let output = desk.run(arguments);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        output.status.code(),
        Some(1),
        "{arguments:?}: {text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains(reason), "{arguments:?}: {reason:?} is not in {text}");
}

#[test]
fn weights_stay_secret_and_are_the_sealed_ones() {
    let desk = Desk::proven();
    let verified =
        desk.json(&["verify", "mlp-64-32-16-10.vk", "mlp-64-32-16-10.seal", "sample.proof"]);
    let seal = desk.json(&["inspect", "mlp-64-32-16-10.seal"]);
    assert_eq!(verified["seal"], seal["digest"]);
    assert_eq!(desk.json(&["inspect", "sample.proof"])["model"], verified["model_digest"]);
    assert_eq!(desk.json(&["inspect", "mlp-64-32-16-10.opening"])["digest"], seal["digest"]);
    #[cfg(unix)]
    for (file, mode) in [("zkc", 0o600), ("opening", 0o600), ("vk", 0o644), ("seal", 0o644)] {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(desk.path(&format!("{NAME}.{file}"))).expect("a file");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{file}");
    }
    // The key holds no weight: that of the same network with public weights is longer by all of
    // them.
    desk.succeed(&[
        "compile",
        "mlp-64-32-16-10.onnx",
        "--calibration",
        "calibration.npz",
        "--weights",
        "public",
        "-o",
        "open",
    ]);
    let size = |file: &str| fs::metadata(desk.path(file)).expect("a file").len();
    assert!(size("open.vk") > size("mlp-64-32-16-10.vk") + 2000);
    assert!(!desk.path("open.seal").exists());
    desk.succeed(&["prove", "open.zkc", "sample.npy", "-o", "open.proof"]);
    desk.succeed(&["verify", "open.vk", "open.proof"]);
    desk.refuse(&["seal", "open.zkc"], &["open.zkc", "public"]);

    // Sealed again: the same weights under another name.
    desk.succeed(&["seal", "mlp-64-32-16-10.zkc", "-o", "again"]);
    rejected(
        &desk,
        &["verify", "mlp-64-32-16-10.vk", "again.seal", "sample.proof"],
        "another model's seal",
    );
    desk.succeed(&[
        "prove",
        "mlp-64-32-16-10.zkc",
        "sample.npy",
        "--opening",
        "again.opening",
        "-o",
        "again.proof",
    ]);
    desk.succeed(&["verify", "mlp-64-32-16-10.vk", "again.seal", "again.proof"]);
    rejected(&desk, &["verify", "mlp-64-32-16-10.vk", "again.proof"], "another model's seal");

    // An opening of other weights, and none.
    desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,2", "-o", "other"]);
    let wrong =
        ["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--opening", "other.opening", "--force"];
    desk.refuse(&wrong, &["mlp-64-32-16-10.zkc", "not those that were sealed"]);
    fs::remove_file(desk.path("mlp-64-32-16-10.opening")).expect("the opening");
    desk.refuse(
        &["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--force"],
        &["mlp-64-32-16-10.opening", "zkinfer seal"],
    );
    fs::remove_file(desk.path("mlp-64-32-16-10.seal")).expect("the seal");
    desk.refuse(&["verify", "mlp-64-32-16-10.vk", "sample.proof"], &["mlp-64-32-16-10.seal"]);
    let bytes = fs::read(desk.path("again.seal")).expect("a seal");
    fs::write(desk.path("cut.seal"), &bytes[..bytes.len() / 2]).expect("a file");
    desk.refuse(&["verify", "mlp-64-32-16-10.vk", "cut.seal", "sample.proof"], &["cut.seal"]);
}

#[test]
fn inputs_and_outputs_are_hidden_as_asked() {
    let desk = Desk::new();
    let compile = [
        "compile",
        "mlp-64-32-16-10.onnx",
        "--calibration",
        "calibration.npz",
        "--weights",
        "public",
    ];
    desk.succeed(
        &[&compile[..], &["--input", "sealed", "--output-visibility", "sealed", "-o", "s"]]
            .concat(),
    );
    desk.succeed(&["seal", "s.zkc", "--tensor", "sample.npy"]);
    desk.refuse(&["seal", "s.zkc", "--tensor", "sample.npy"], &["already exists"]);
    let proved = desk.json(&["prove", "s.zkc", "sample.opening"]);
    assert_eq!(proved["outputs"][0]["class"], 6, "the prover sees what nobody else does");
    let verified = desk.json(&["verify", "s.vk", "sample.proof"]);
    for tensor in [&verified["inputs"][0], &verified["outputs"][0]] {
        assert_eq!(
            (&tensor["visibility"], tensor["integers"].as_array().map(Vec::len)),
            (&"sealed".into(), Some(0))
        );
    }
    assert!(
        desk.path("sample.logits.opening").exists()
            || proved["openings"].as_array().is_some_and(|o| o.len() == 1)
    );
    desk.refuse(&["prove", "s.zkc", "sample.npy", "--force"], &["sealed", "zkinfer seal"]);

    desk.succeed(&[&compile[..], &["--input", "image=private", "-o", "p"]].concat());
    desk.succeed(&["prove", "p.zkc", "sample.npy", "-o", "p.proof"]);
    let verified = desk.json(&["verify", "p.vk", "p.proof"]);
    assert_eq!(verified["inputs"][0]["visibility"], "private");
    assert_eq!(verified["outputs"][0]["class"], 6);
    desk.refuse(
        &["seal", "p.zkc", "--tensor", "sample.npy", "-o", "t"],
        &["sample.npy", "no input", "sealed"],
    );
    desk.refuse(
        &[&compile[..], &["--input", "picture=sealed", "-o", "q"]].concat(),
        &["picture", "image"],
    );
    desk.refuse(
        &[&compile[..], &["--output-visibility", "private", "-o", "q"]].concat(),
        &["output"],
    );
    let output = desk.run(&[&compile[..], &["--input", "hidden"]].concat());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn lenet_in_three_segments_by_three_processes_is_one_chain() {
    let desk = Desk::with("lenet5");
    let split =
        desk.json(&["split", "lenet5.onnx", "--segments", "3", "--calibration", "calibration.npz"]);
    let segments = split["segments"].as_array().expect("segments");
    assert_eq!(segments.len(), 3);
    assert!(
        segments.iter().all(|segment| segment["layout"]["k"] == segments[0]["layout"]["k"]),
        "one k for all"
    );
    let mut input = "sample.npy".to_owned();
    for segment in 1..=3 {
        let (circuit, proof) = (format!("lenet5.{segment}.zkc"), format!("{segment}.proof"));
        let proved = desk.json(&["prove", &circuit, &input, "-o", &proof]);
        if let Some(opening) = proved["openings"][0].as_str() {
            input = opening.to_owned();
        }
    }
    let chain = desk.json(&["verify", "1.proof", "2.proof", "3.proof", "--chain"]);
    assert_eq!((&chain["verified"], &chain["chain"]), (&true.into(), &true.into()));
    // The whole network in one piece says the same.
    desk.succeed(&["compile", "lenet5.onnx", "--calibration", "calibration.npz", "--no-seal"]);
    let whole = desk.json(&["run", "lenet5.zkc", "sample.npy"]);
    assert_eq!(chain["proofs"][2]["outputs"][0]["integers"], whole["outputs"][0]["integers"]);
    // By one process: another run, whose segments do not go on from those of the first.
    let one = ["prove", "lenet5.1.zkc", "sample.npy", "--segments", "3", "-o", "one"];
    let proved = desk.json(&one);
    assert_eq!(proved["outputs"][0]["integers"], whole["outputs"][0]["integers"]);
    let proofs = ["one.1.proof", "one.2.proof", "one.3.proof"];
    assert_eq!(proved["proofs"], serde_json::json!(proofs));
    desk.succeed(&[&["verify"], &proofs[..], &["--chain"]].concat());
    rejected(
        &desk,
        &["verify", "one.1.proof", "2.proof", "3.proof", "--chain"],
        "chain breaks between proof 1",
    );
    let other = ["prove", "lenet5.2.zkc", "sample.npy", "--segments", "2", "-o", "other"];
    desk.refuse(&other, &["lenet5.2.zkc", "NAME.1.zkc"]);
    let missing = ["prove", "lenet5.1.zkc", "sample.npy", "--segments", "4", "-o", "four"];
    desk.refuse(&missing, &["lenet5.4.zkc", "--segments 4"]);
    desk.refuse(&one, &["one.1.proof", "--force"]);

    rejected(
        &desk,
        &["verify", "2.proof", "1.proof", "3.proof", "--chain"],
        "chain breaks between proof 1",
    );
    rejected(&desk, &["verify", "1.proof", "3.proof", "--chain"], "chain breaks");
    desk.succeed(&["verify", "2.proof", "1.proof"]);
    desk.refuse(&["verify", "1.proof", "--chain"], &["--chain", "two"]);
    // The first segment again: the same tensor, sealed afresh, so not the one that the second goes
    // on from.
    desk.succeed(&["prove", "lenet5.1.zkc", "sample.npy", "-o", "again.proof"]);
    rejected(
        &desk,
        &["verify", "again.proof", "2.proof", "3.proof", "--chain"],
        "chain breaks between proof 1",
    );
    desk.refuse(
        &["split", "lenet5.onnx", "--segments", "50", "-o", "many"],
        &["lenet5.onnx", "segments"],
    );
}

#[test]
fn manifests_say_who_published_what() {
    let desk = Desk::proven();
    desk.succeed(&["keygen", "publisher"]);
    desk.succeed(&["keygen", "stranger"]);
    let circuit = format!("{NAME}.zkc");
    let publish = [
        "publish",
        &circuit,
        "--model-version",
        "1.0",
        "--licence",
        "MIT",
        "--training-data",
        "digits",
    ];
    desk.refuse(
        &[&publish[..], &["--publisher", "zkinfer", "--sign", "publisher.pub.pem"]].concat(),
        &["publisher.pub.pem", "private"],
    );
    desk.succeed(&[&publish[..], &["--publisher", "zkinfer", "--sign", "publisher.pem"]].concat());
    let verify = ["verify", "mlp-64-32-16-10.vk", "sample.proof"];
    let text = desk.succeed(&verify);
    assert!(text.contains("(signature valid), who says to be \"zkinfer\""), "{text}");
    assert!(desk.succeed(&["inspect", "mlp-64-32-16-10.json"]).contains("licence \"MIT\""));
    assert!(desk.succeed(&["inspect", "mlp-64-32-16-10.vk"]).contains("(signature valid)"));
    desk.succeed(&[&verify[..], &["--publisher", "publisher.pub.pem"]].concat());
    desk.refuse(&[&verify[..], &["--publisher", "stranger.pub.pem"]].concat(), &["published by"]);

    let manifest = fs::read_to_string(desk.path("mlp-64-32-16-10.json")).expect("the manifest");
    fs::write(desk.path("mlp-64-32-16-10.json"), manifest.replace("\"1.0\"", "\"2.0\""))
        .expect("a file");
    desk.refuse(&verify, &["mlp-64-32-16-10.json", "wrong signature"]);
    desk.refuse(&["inspect", "mlp-64-32-16-10.json"], &["wrong signature"]);
    // Unsigned, it is shown as such, and serves nobody who demands a publisher.
    desk.succeed(&[&publish[..], &["--force"]].concat());
    assert!(desk.succeed(&verify).contains("unsigned"));
    desk.refuse(
        &[&verify[..], &["--publisher", "publisher.pub.pem"]].concat(),
        &["published by nobody"],
    );
    // The manifest of another model.
    desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,2", "-o", "other"]);
    desk.succeed(&["publish", "other.zkc", "--model-version", "1", "--licence", "MIT"]);
    desk.refuse(
        &["verify", "mlp-64-32-16-10.vk", "other.json", "sample.proof"],
        &["another model"],
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(desk.path("publisher.pem")).expect("the key").permissions().mode() & 0o777,
            0o600
        );
    }
}
