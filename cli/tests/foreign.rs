//! Names out of files on every screen: whatever they hold, they forge no line, steer no terminal
//! and hide nothing.

mod desk;

use std::fs;
use std::process::Output;

use desk::Desk;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use serde_json::Value;
use zkinfer::{Compile as _, Model, Objective};
use zkinfer_models::testing::onnx::{Builder, Op};

/// A forged line after a line break; a carriage return, sequences that clear a screen and name a
/// window, marks that turn a line, two without width, another line break, DEL, an escape sequence
/// in one character.
const HOSTILE: &str = "x\nforged: verified\r\u{1b}[2J\u{1b}]0;t\u{7}\u{202e}\u{200b}\u{2066}\
    \u{2028}\u{2029}\u{7f}\u{9b}1m\u{feff}\u{ad}";
/// How it is shown.
const SHOWN: &str = "\"x\\nforged: verified\\r\\u{1b}[2J";

fn acts(character: char) -> bool {
    let format = [
        '\u{ad}'..='\u{ad}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
    ];
    (character.is_control() && character != '\n')
        || character == '\u{feff}'
        || format.iter().any(|r| r.contains(&character))
}

/// Runs a command for people and for programs; what both print is harmless, and what programs get
/// is JSON. The first output.
fn run(desk: &Desk, arguments: &[&str]) -> Output {
    let outputs = [vec![], vec!["--json"]].map(|json| desk.run(&[arguments, &json].concat()));
    for (output, json) in outputs.iter().zip([false, true]) {
        for stream in [&output.stdout, &output.stderr] {
            let text = std::str::from_utf8(stream).expect("UTF-8");
            assert_eq!(text.find(acts), None, "{arguments:?}: {text:?}");
            for line in text.lines() {
                assert!(!line.trim_start().starts_with("forged"), "{arguments:?}: {text}");
                assert!(
                    json || line.chars().count() < 2000,
                    "{arguments:?}: {} characters",
                    line.chars().count()
                );
            }
        }
        if json && !output.stdout.is_empty() {
            serde_json::from_slice::<Value>(&output.stdout).expect("one JSON value");
        }
    }
    let [output, _] = outputs;
    output
}

fn succeeds(desk: &Desk, arguments: &[&str], shown: &str) -> String {
    let output = run(desk, arguments);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains(shown), "{arguments:?}: {shown} is not in {text}");
    text
}

fn fails(desk: &Desk, arguments: &[&str], shown: &str) {
    let output = run(desk, arguments);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {text}");
    assert!(text.contains(shown), "{arguments:?}: {shown} is not in {text}");
}

fn network(name: &str, operator: &str) -> Builder {
    let [x, w, h, y] = ["x", "w", "h", "y"].map(|suffix| format!("{name}{suffix}"));
    Builder::new(13)
        .input(&x, &[1, 4])
        .floats(&w, &[3, 4], &[0.5; 12])
        .node(Op::new("Gemm", &[&x, &w], &[&h]).int("transB", 1).named(&format!("{name}gemm")))
        .node(Op::new(operator, &[&h], &[&y]).named(&format!("{name}end")))
        .output(&y)
}

fn archive(desk: &Desk, file: &str, arrays: &[(&str, usize)]) {
    let mut archive = NpzWriter::new(fs::File::create(desk.path(file)).expect("a file"));
    for (name, columns) in arrays {
        archive.add_array(*name, &Array2::<f32>::from_elem((2, *columns), 0.5)).expect("an array");
    }
    archive.finish().expect("an archive");
}

/// A message of protocol buffers: one field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        bytes.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    [bytes, content.to_vec()].concat()
}

/// Everything that a model goes through, with these names in its files.
fn a_model_called(name: &str) {
    let desk = Desk::new();
    let x = format!("{name}x");
    let model = network(name, "Softmax").bytes();
    fs::write(desk.path("m.onnx"), &model).expect("a model");
    archive(&desk, "data.npz", &[(&x, 4)]);
    fs::write(
        desk.path("x.json"),
        serde_json::json!({ x.as_str(): [[0.1, 0.2, 0.3, 0.4]] }).to_string(),
    )
    .expect("data");

    // The model's own name comes from its file's, which no file system lets be this long.
    let model = Model::from_bytes(format!("{name}.onnx"), &model).expect("a model");
    let circuit =
        model.quantise(&model.calibrate_input_range(-1.0, 1.0).expect("ranges")).expect("integers");
    let circuit = circuit.compile(Objective::Prover).expect("a circuit");
    fs::write(desk.path("m.zkc"), circuit.to_bytes()).expect("a circuit");
    fs::write(desk.path("m.vk"), circuit.key().to_bytes()).expect("a key");
    succeeds(&desk, &["seal", "m.zkc", "--force"], "m.seal");
    succeeds(
        &desk,
        &["compile", "m.onnx", "--calibration", "data.npz", "-o", "c", "--force"],
        "note: ",
    );
    let prove = ["prove", "m.zkc", "x.json", "--force"];
    succeeds(&desk, &prove, SHOWN);
    succeeds(&desk, &["run", "m.zkc", "x.json"], SHOWN);
    succeeds(&desk, &["evaluate", "m.onnx", "data.npz"], SHOWN);
    for file in ["m.zkc", "m.vk", "m.seal", "m.opening"] {
        succeeds(&desk, &["inspect", file], SHOWN);
    }
    succeeds(&desk, &["inspect", "x.proof"], "proof");

    // A publisher chooses all of this, and calls itself what it likes.
    succeeds(&desk, &["keygen", "me", "--force"], "me.pem");
    let publisher = format!("Me (signature valid, key GOOD){name}");
    let mut publish = vec![
        "publish",
        "m.zkc",
        "--model-version",
        name,
        "--licence",
        name,
        "--training-data",
        name,
    ];
    publish.extend(["--publisher", &publisher, "--sign", "me.pem", "--force"]);
    succeeds(&desk, &publish, SHOWN);
    for command in [
        &["verify", "x.proof"][..],
        &["inspect", "m.vk"],
        &["inspect", "m.zkc"],
        &["inspect", "m.json"],
    ] {
        let text = succeeds(&desk, command, SHOWN);
        let line = text.lines().find(|line| line.contains("published ")).expect("a publisher");
        assert!(
            line.find("key ") < line.find("\"Me (signature valid"),
            "the key stands before the name: {line}"
        );
    }
    let verified = desk.json(&["verify", "x.proof"]);
    assert_eq!(
        (verified["model"].as_str(), verified["manifest"]["licence"].as_str()),
        (Some(name), Some(name))
    );

    // Sealed on both sides; another opening, and none.
    let sealed =
        ["--input", "sealed", "--output-visibility", "sealed", "--weights", "public", "--force"];
    succeeds(&desk, &[&["compile", "m.onnx", "-o", "s"][..], &sealed].concat(), "s.vk");
    fails(&desk, &["prove", "s.zkc", "x.json", "-o", "s.proof"], "sealed");
    succeeds(&desk, &["seal", "s.zkc", "--tensor", "x.json", "-o", "t", "--force"], "t.seal");
    succeeds(&desk, &["inspect", "t.opening"], SHOWN);
    succeeds(&desk, &["prove", "s.zkc", "t.opening", "-o", "s.proof", "--force"], SHOWN);
    succeeds(&desk, &["verify", "s.vk", "s.proof"], SHOWN);
    fails(&desk, &["prove", "m.zkc", "x.json", "t.opening", "--force"], SHOWN);
    fails(&desk, &["prove", "m.zkc", "t.opening", "--force"], SHOWN);
    fails(
        &desk,
        &["seal", "s.zkc", "--tensor", "x.json", "--input", &format!("{HOSTILE}none"), "--force"],
        "x\\nforged",
    );

    // What is wrong is said with the names in it.
    archive(&desk, "wrong.npz", &[(&x, 5)]);
    archive(&desk, "others.npz", &[(&format!("{name}a"), 4), (&format!("{name}b"), 4)]);
    fs::write(desk.path("words.json"), serde_json::json!({ x.as_str(): [[name]] }).to_string())
        .expect("data");
    for data in ["wrong.npz", "others.npz", "words.json", "data.npz"] {
        fails(&desk, &["run", "m.zkc", data], data);
        fails(&desk, &["prove", "m.zkc", data, "--force"], data);
    }
    fails(&desk, &["compile", "m.onnx", "--calibration", "wrong.npz", "--force"], SHOWN);
    fails(&desk, &["compile", "m.onnx", "--input", "none=sealed", "--force"], SHOWN);
    fails(&desk, &["split", "m.onnx", "--segments", "9", "-o", "parts", "--force"], "segments");
    let refused = [
        network(name, name),
        network(name, "Relu").node(Op::new("Relu", &[&x], &["z"]).domain(name)).output("z"),
        network(name, "Relu").node(Op::new("Relu", &[&x], &["z"]).int(name, 1)).output("z"),
        network(name, "Relu")
            .node(Op::new("Relu", &[&format!("{name}nothing")], &["z"]))
            .output("z"),
        network(name, "Relu").output(&format!("{name}nothing")),
        network(name, "Relu").input(&x, &[1, 4]),
        network(name, "Relu").output(&format!("{name}w")),
    ];
    for (index, builder) in refused.into_iter().enumerate() {
        let file = format!("refused{index}.onnx");
        fs::write(desk.path(&file), builder.bytes()).expect("a model");
        fails(&desk, &["compile", &file], "x\\nforged");
    }
    // External data at a hostile place: a second part of the graph, which readers add to the first.
    for location in [name, &format!("../{name}")] {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        let tensor = [
            vec![8, 12, 16, 1, 112, 1],
            field(8, x.replace('x', "e").as_bytes()),
            field(13, &entry),
        ]
        .concat();
        let reader = Op::new("Add", &[&format!("{name}y"), &x.replace('x', "e")], &["z"]);
        let model =
            [network(name, "Relu").node(reader).output("z").bytes(), field(7, &field(5, &tensor))]
                .concat();
        fs::write(desk.path("external.onnx"), model).expect("a model");
        fails(&desk, &["compile", "external.onnx"], "external data: ");
    }
}

#[test]
fn hostile_names_are_harmless_everywhere() {
    a_model_called(HOSTILE);
}

#[test]
fn so_are_long_ones() {
    a_model_called(&format!("{HOSTILE}{}", "n".repeat(10_000)));
}

#[cfg(unix)]
#[test]
fn so_are_names_of_files() {
    let desk = Desk::proven();
    let hostile = format!("{HOSTILE}.proof");
    fs::copy(desk.path("sample.proof"), desk.path(&hostile)).expect("a proof");
    succeeds(&desk, &["verify", &hostile], "verified");
    for command in ["inspect", "verify"] {
        fails(&desk, &[command, &format!("{HOSTILE}none")], SHOWN);
    }
    let bytes = fs::read(desk.path("sample.proof")).expect("the proof");
    fs::write(desk.path(&hostile), &bytes[..100]).expect("a proof");
    fails(&desk, &["verify", &hostile], SHOWN);
    for extension in ["onnx", "vk", "zkc", "npz"] {
        let file = format!("{HOSTILE}.{extension}");
        fs::write(desk.path(&file), b"nothing of the kind").expect("a file");
        fails(&desk, &["compile", &file], SHOWN);
        fails(&desk, &["prove", &file, "sample.npy", "--force"], SHOWN);
        fails(&desk, &["prove", "mlp-64-32-16-10.zkc", &file], SHOWN);
        fails(&desk, &["inspect", &file], SHOWN);
    }
    fs::copy(desk.path("mlp-64-32-16-10.onnx"), desk.path(&format!("{HOSTILE}.onnx")))
        .expect("a model");
    succeeds(&desk, &["compile", &format!("{HOSTILE}.onnx"), "--force"], SHOWN);
    // Bytes that are no text are shown too, and break no JSON.
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"\xff\x1b[2J.proof");
    fs::copy(desk.path("sample.proof"), desk.path("").join(odd)).expect("a proof");
    for json in [false, true] {
        let mut command = desk.command(&["verify"]);
        command.arg(odd);
        if json {
            command.arg("--json");
        }
        let output = command.output().expect("the binary runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!((output.status.code(), text.find(acts)), (Some(0), None), "{text:?}");
    }
}
