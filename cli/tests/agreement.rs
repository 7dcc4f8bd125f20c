//! The verdict on a network: what compiling refuses, what goes with the compiled network and its
//! manifest, what is drawn, and what is told of inputs at the ends of their range.

mod desk;

use std::fs;

use desk::Desk;
use ndarray::Array2;
use ndarray_npy::write_npy;
use serde_json::Value;

const MODEL: &str = "mlp-64-32-16-10.onnx";
const COMPILE: [&str; 4] = ["compile", MODEL, "--calibration", "calibration.npz"];

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn what_differs_more_than_allowed_is_refused_or_warned_of() {
    let desk = Desk::new();
    // It is off by about a hundredth.
    let strict = ["--max-error", "0.1"];
    let said = [MODEL, "\"logits\" differs", "more than 0.1 %: refused", "most is lost at Gemm \""];
    desk.refuse(&[&COMPILE[..], &strict].concat(), &[&said[..], &["--accept-loss"]].concat());
    let split = ["split", MODEL, "--calibration", "calibration.npz", "--segments", "2"];
    desk.refuse(&[&split[..], &strict].concat(), &said);
    desk.refuse(&[&COMPILE[..], &strict, &["--json"]].concat(), &said);

    let output = desk.run(&[&COMPILE[..], &strict, &["--accept-loss"]].concat());
    let warning = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{warning}");
    assert!(warning.starts_with("warning: output \"logits\" differs"), "{warning}");
    let report = desk.json(&["inspect", "mlp-64-32-16-10.zkc"])["report"].take();
    assert!(report["warnings"][0].as_str().expect("a text").contains("accepted"), "{report}");
    for bad in ["0", "-3", "x"] {
        let arguments = [&COMPILE[..], &["--force", "--max-error", bad]].concat();
        assert_eq!(desk.run(&arguments).status.code(), Some(2), "{bad}");
    }
    // What it is by default, nobody need accept.
    let output = desk.run(&[&COMPILE[..], &["--force"]].concat());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn figures_go_with_the_network_and_are_what_its_publisher_states() {
    let desk = Desk::proven();
    let agreement = desk.json(&["inspect", "mlp-64-32-16-10.zkc"])["report"]["agreement"].take();
    assert_eq!(agreement["samples"], 16);
    let output = &agreement["outputs"][0];
    assert!((0.001..0.1).contains(&number(&output["error"])), "{agreement}");
    assert!(number(&output["worst"]["error"]) >= number(&output["error"]), "{agreement}");
    assert_eq!(number(&output["same_class"]), 1.0);
    let shown = desk.succeed(&["inspect", "mlp-64-32-16-10.zkc"]);
    assert!(shown.contains("\"logits\" off the float model by 0."), "{shown}");

    desk.succeed(&["keygen", "me"]);
    let publish = ["publish", "mlp-64-32-16-10.zkc", "--model-version", "1", "--licence", "MIT"];
    desk.succeed(&[&publish[..], &["--publisher", "Me", "--sign", "me.pem"]].concat());
    let verified = desk.json(&["verify", "sample.proof"]);
    assert_eq!(verified["manifest"]["quantisation"]["agreement"], agreement);
    for arguments in [&["verify", "sample.proof"][..], &["inspect", "mlp-64-32-16-10.json"]] {
        let text = desk.succeed(arguments);
        let line = text.lines().find(|line| line.contains("off the float model by"));
        let line = line.unwrap_or_else(|| panic!("{arguments:?}: {text}"));
        assert!(line.contains("states, and no proof shows"), "{line}");
    }
    // Better figures than those that were signed.
    let manifest = fs::read_to_string(desk.path("mlp-64-32-16-10.json")).expect("a manifest");
    let forged = manifest.replace("\"samples\": 16", "\"samples\": 99");
    assert_ne!(forged, manifest);
    fs::write(desk.path("mlp-64-32-16-10.json"), forged).expect("a file");
    assert_eq!(desk.run(&["inspect", "mlp-64-32-16-10.json"]).status.code(), Some(2));

    desk.succeed(&["compile", MODEL, "-o", "unknown"]);
    assert!(desk.json(&["inspect", "unknown.zkc"])["report"]["agreement"].is_null());
    assert!(desk.succeed(&["inspect", "unknown.zkc"]).contains("nothing is known"));
}

#[test]
fn every_node_is_listed_and_drawn() {
    let desk = Desk::compiled();
    let evaluate = ["evaluate", MODEL, "test.npz", "--layers", "layers.svg"];
    let said = desk.succeed(&evaluate);
    let nodes = desk.json(&["evaluate", MODEL, "test.npz"])["nodes"].take();
    let nodes = nodes.as_array().expect("a list");
    let drawing = fs::read_to_string(desk.path("layers.svg")).expect("a drawing");
    assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"), "{drawing}");
    assert_eq!(drawing.matches("<g>").count(), nodes.len());
    for node in nodes {
        let name = node["name"].as_str().expect("a name");
        assert!(drawing.contains(&format!(">{name} (")) && said.contains(name), "{name}: {said}");
        assert!(number(&node["introduced"]["error"]) < 0.1, "{node}");
    }
    let again = desk.run(&evaluate);
    assert_eq!(again.status.code(), Some(2), "an existing drawing is kept");
    desk.succeed(&[&evaluate[..], &["--force"]].concat());
    // Another network's nodes are not these.
    let other = Desk::with("cnn-8x8");
    fs::copy(other.path("cnn-8x8.onnx"), desk.path("other.onnx")).expect("a file");
    fs::copy(other.path("test.npz"), desk.path("other.npz")).expect("a file");
    let circuit = ["--circuit", "mlp-64-32-16-10.zkc"];
    desk.refuse(&[&["evaluate", "other.onnx", "other.npz"][..], &circuit].concat(), &[]);
}

#[test]
fn a_verifier_is_told_of_elements_at_the_ends_of_a_range() {
    let desk = Desk::compiled();
    let mut sample = Array2::<f32>::zeros((1, 64));
    (sample[[0, 0]], sample[[0, 1]], sample[[0, 2]]) = (-3.0, 1e4, 2e4);
    write_npy(desk.path("wild.npy"), &sample).expect("a file");
    desk.run(&["prove", "mlp-64-32-16-10.zkc", "wild.npy"]);
    // The zeros are there too: nobody can tell them from what was clamped to zero.
    let said = desk.succeed(&["verify", "wild.proof"]);
    let line = said.lines().find(|line| line.contains("input ")).expect("a line");
    for part in ["\"image\": 62 of 64 elements", "2 at the upper", "cannot tell"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    let ends = desk.json(&["verify", "wild.proof"])["inputs_at_ends"].take();
    assert_eq!((&ends[0]["minimum"], &ends[0]["maximum"]), (&62.into(), &2.into()));
    assert_eq!(ends[0]["range"][0], 0.0);

    // Of what it is not shown, it is told nothing, but whoever seals is.
    let sealed = ["compile", MODEL, "--input", "sealed", "--weights", "public", "-o", "s"];
    desk.run(&sealed);
    let seal = ["seal", "s.zkc", "--tensor", "wild.npy", "-o", "x", "--json"];
    let output = desk.run(&seal);
    let seal: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&seal["clamped"][0]["below"], &seal["clamped"][0]["above"]),
        (&1.into(), &2.into())
    );
    desk.succeed(&["prove", "s.zkc", "x.opening", "-o", "s.proof"]);
    let verified = desk.json(&["verify", "s.vk", "s.proof"]);
    assert_eq!(verified["inputs_at_ends"].as_array().map(Vec::len), Some(0), "{verified}");
}

#[test]
fn few_samples_are_compared_by_networks_that_do_not_know_them() {
    let desk = Desk::new();
    // One sample is far larger than the others: no range that is measured without it holds it.
    let compiled = |count: usize| {
        let pixel = |(sample, pixel): (usize, usize)| {
            let pattern = ((sample + 1) * (pixel + 3) % 17) as f32 / 16.0;
            if sample == 2 { 40.0 * pattern } else { pattern }
        };
        write_npy(desk.path("few.npy"), &Array2::from_shape_fn((count, 64), pixel)).expect("data");
        let compile = ["compile", MODEL, "--calibration", "few.npy", "--force", "--accept-loss"];
        let agreement = desk.json(&compile)["agreement"].take();
        (agreement["held_out"] == true, number(&agreement["outputs"][0]["error"]))
    };
    let ((held_out, error), (other, least)) = (compiled(8), compiled(7));
    assert!(held_out && error > 0.5, "{error}");
    assert!(!other && least < 0.1, "{least}");
    let text = desk.succeed(&["compile", MODEL, "--calibration", "calibration.npz", "--force"]);
    assert!(!text.contains("each half"), "{text}");
}
