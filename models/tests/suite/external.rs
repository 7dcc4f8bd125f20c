//! Tensors in files beside the model: whose bytes are read, and how many.

use std::fs::File;
use std::path::Path;

use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::{
    DataLocation, DataType, StringStringEntryProto, TensorProto,
};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::weights;

/// `y = x·w` with the weights in a file beside the model.
fn external(dims: &[i64], entries: &[(&str, &str)]) -> Builder {
    let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
        key: key.into(),
        value: value.into(),
    };
    let tensor = TensorProto {
        name: "w".into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        data_location: Some(DataLocation::External as i32),
        external_data: entries.iter().map(entry).collect(),
        ..TensorProto::default()
    };
    Builder::new(13)
        .input("x", &[1, 4])
        .tensor(tensor)
        .node(Op::new("MatMul", &["x", "w"], &["y"]))
        .output("y")
}

/// A folder with a model and a file of weights behind 4 bytes of something else.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path("model")).unwrap();
        let raw: Vec<u8> = weights(8).iter().flat_map(|w| w.to_le_bytes()).collect();
        std::fs::write(folder.path("model/w.bin"), [&[9; 4], &raw[..], &[9; 4]].concat()).unwrap();
        std::fs::write(folder.path("secret.bin"), raw).unwrap();
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, entries: &[(&str, &str)]) -> Result<Vec<f32>, String> {
        self.load_shape(&[4, 2], entries)
    }

    fn load_shape(&self, dims: &[i64], entries: &[(&str, &str)]) -> Result<Vec<f32>, String> {
        let path = self.path("model/m.onnx");
        std::fs::write(&path, external(dims, entries).bytes()).unwrap();
        let model = Model::load(&path).map_err(|error| error.to_string())?;
        let x = ndarray::ArrayD::from_shape_vec(vec![1, 4], vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        Ok(model.run(&[x]).unwrap()[0].iter().copied().collect())
    }

    #[track_caller]
    fn refused(&self, entries: &[(&str, &str)], problem: &str) {
        let message = self.load(entries).unwrap_err();
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn exactly_the_bytes_that_the_shape_needs() {
    let folder = Folder::new();
    let first = Ok(weights(8)[..2].to_vec());
    assert_eq!(folder.load(&[("location", "w.bin"), ("offset", "4"), ("length", "32")]), first);
    assert_eq!(folder.load(&[("location", "./w.bin"), ("offset", "4"), ("length", "32")]), first);
    folder.refused(
        &[("location", "w.bin"), ("offset", "4")],
        "external data: 36 bytes for shape [4, 2], expected 32",
    );
    folder.refused(
        &[("location", "w.bin"), ("length", "28")],
        "external data: 28 bytes for shape [4, 2], expected 32",
    );
    folder.refused(
        &[("location", "w.bin"), ("offset", "12"), ("length", "32")],
        "32 bytes from 12 on, but \"w.bin\" has 40",
    );
    let largest = u64::MAX.to_string();
    folder.refused(
        &[("location", "w.bin"), ("offset", &largest), ("length", "32")],
        "but \"w.bin\" has 40",
    );
    folder.refused(
        &[("location", "w.bin"), ("offset", "8"), ("length", &largest)],
        "but \"w.bin\" has 40",
    );
    folder
        .refused(&[("location", "w.bin"), ("offset", "-1")], "external data: offset is no number");
    folder.refused(&[("offset", "4")], "external data: its location is missing");
    folder.refused(&[("location", "none.bin"), ("length", "32")], "external data: cannot read");
    // What a shape asks for is compared with what there is, before there is room for it.
    let message = folder
        .load_shape(&[1 << 12, 1 << 12], &[("location", "w.bin"), ("length", "67108864")])
        .unwrap_err();
    assert!(message.contains("67108864 bytes from 0 on, but \"w.bin\" has 40"), "{message}");
    // Two hundred gigabytes that take no room on disk.
    File::create(folder.path("model/sparse.bin")).unwrap().set_len(200_000_000_000).unwrap();
    folder.refused(
        &[("location", "sparse.bin")],
        "external data: 200000000000 bytes for shape [4, 2], expected 32",
    );
    assert_eq!(
        folder.load(&[("location", "sparse.bin"), ("offset", "150000000000"), ("length", "32")]),
        Ok(vec![0.0; 2])
    );
}

#[test]
fn only_files_of_the_folder() {
    let folder = Folder::new();
    let length = ("length", "32");
    for location in ["../secret.bin", "/etc/passwd", "sub/../../secret.bin", "", ".."] {
        folder.refused(&[("location", location), length], "external data: ");
    }
    folder.refused(
        &[("location", "../secret.bin"), length],
        "\"../secret.bin\" leaves the model's folder",
    );
    folder.refused(&[("location", "."), length], "it is a directory, expected a regular file");
}

#[cfg(unix)]
#[test]
fn links_do_not_leave_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let (offset, length) = (("offset", "4"), ("length", "32"));
    symlink("w.bin", folder.path("model/inner.bin")).unwrap();
    assert!(folder.load(&[("location", "inner.bin"), offset, length]).is_ok());
    symlink("../secret.bin", folder.path("model/outer.bin")).unwrap();
    symlink(folder.path(""), folder.path("model/up")).unwrap();
    for location in ["outer.bin", "up/secret.bin"] {
        let problem = format!(
            "{location:?} is a link that leaves the model's folder; copy the file it leads to"
        );
        folder.refused(&[("location", location), length], &problem);
    }
    // A folder that is itself reached through a link is the model's folder.
    symlink("model", folder.path("linked")).unwrap();
    std::fs::write(
        folder.path("linked/m.onnx"),
        external(&[4, 2], &[("location", "w.bin"), offset, length]).bytes(),
    )
    .unwrap();
    assert!(Model::load(folder.path("linked/m.onnx")).is_ok());
}

/// Neither the model itself nor its tensors are read from what has no end.
#[cfg(unix)]
#[test]
fn pipes_and_devices() {
    let folder = Folder::new();
    let pipe = folder.path("model/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    folder.refused(
        &[("location", "pipe"), ("length", "32")],
        "it is a device, pipe or socket, expected a regular file",
    );
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let message = Model::load(path).unwrap_err().to_string();
        assert!(
            message.contains("it is a device, pipe or socket, expected a regular file"),
            "{message}"
        );
    }
    let sparse = folder.path("model/sparse.onnx");
    File::create(&sparse).unwrap().set_len(200_000_000_000).unwrap();
    let message = Model::load(&sparse).unwrap_err().to_string();
    assert!(
        message.contains("it has 200000000000 bytes, and files of this kind at most 2147483648"),
        "{message}"
    );
}

/// A safetensors file in the model's folder.
fn safetensors(folder: &Folder, header: &str, bytes: &[u8]) {
    let length = (header.len() as u64).to_le_bytes();
    let file = [&length, header.as_bytes(), bytes].concat();
    std::fs::write(folder.path("model/w.safetensors"), file).unwrap();
}

/// The entry of a tensor among others.
fn entry(dtype: &str, shape: &str, offsets: &str) -> String {
    format!(
        "{{\"__metadata__\": {{\"format\": \"pt\"}}, \
        \"b\": {{\"dtype\": \"I8\", \"shape\": [4], \"data_offsets\": [0, 4]}}, \
        \"w\": {{\"dtype\": {dtype:?}, \"shape\": {shape}, \"data_offsets\": {offsets}}}}}"
    )
}

#[test]
fn safetensors_by_name_or_by_place() {
    let folder = Folder::new();
    let raw: Vec<u8> = weights(8).iter().flat_map(|w| w.to_le_bytes()).collect();
    let bytes = [&[9; 4], &raw[..]].concat();
    let header = entry("F32", "[4, 2]", "[4, 36]");
    safetensors(&folder, &header, &bytes);
    let first = Ok(weights(8)[..2].to_vec());
    let location = ("location", "w.safetensors");
    assert_eq!(folder.load(&[location]), first);
    let offset = (8 + header.len() + 4).to_string();
    assert_eq!(folder.load(&[location, ("offset", &offset), ("length", "32")]), first);
    for (header, problem) in [
        (
            entry("F16", "[4, 2]", "[4, 36]"),
            "its tensor \"w\" holds \"F16\", and the model's FLOAT",
        ),
        (entry("F4", "[4, 2]", "[4, 36]"), "its tensor \"w\" holds \"F4\", and the model's FLOAT"),
        (
            entry("F32", "[2, 4]", "[4, 36]"),
            "its tensor \"w\" has shape [2, 4], and the model's [4, 2]",
        ),
        (entry("F32", "[4, 2]", "[4, 32]"), "28 bytes for shape [4, 2], expected 32"),
        (entry("F32", "[4, 2]", "[8, 40]"), "but \"w.safetensors\" has"),
        (entry("F32", "[4, 2]", "[36, 4]"), "its tensor \"w\" ends at 4, before it begins at 36"),
        (
            entry("F32", "[4, 2]", &format!("[{0}, {0}]", u64::MAX)),
            "its tensor \"w\" ends at 18446744073709551615, before it begins at",
        ),
        (entry("F32", "[4, 2]", "[4]"), "it is no complete safetensors file ("),
        (entry("F32", "[4, 2]", "[-4, 28]"), "it is no complete safetensors file ("),
        ("{}".into(), "\"w.safetensors\": it has no tensor \"w\""),
        ("[]".into(), "it is no complete safetensors file ("),
        (format!("{header} {{}}"), "it is no complete safetensors file ("),
        (
            header.replace("\"b\"", "\"w\"").replace("I8", "F32"),
            "it is no complete safetensors file (two tensors are called \"w\"",
        ),
        ("[".repeat(100_000), "it is no complete safetensors file ("),
    ] {
        safetensors(&folder, &header, &bytes);
        folder.refused(&[location], problem);
    }
    let whole = {
        safetensors(&folder, &header, &bytes);
        std::fs::read(folder.path("model/w.safetensors")).unwrap()
    };
    for length in 0..whole.len() {
        std::fs::write(folder.path("model/w.safetensors"), &whole[..length]).unwrap();
        folder.refused(&[location], "external data: ");
    }
    let huge = [&u64::MAX.to_le_bytes(), &whole[8..]].concat();
    std::fs::write(folder.path("model/w.safetensors"), huge).unwrap();
    folder.refused(&[location], "a header of 18446744073709551615 bytes");
}
