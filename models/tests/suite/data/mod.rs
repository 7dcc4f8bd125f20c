//! Samples in every format, and what is wrong with the others.

mod elements;
mod pictures;
mod promises;
mod tables;

use std::path::PathBuf;

use ndarray::{ArrayD, Dimension, IxDyn};
use ndarray_npy::{NpzWriter, WritableElement, write_npy};
use zkinfer_models::data::read_sample;
use zkinfer_models::integer::graph::{self, Graph, Quantisation};
use zkinfer_models::integer::signature::Input;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Calibration, Dataset, Model};

fn input(name: &str, shape: &[usize]) -> Input {
    Input { name: name.into(), shape: shape.to_vec(), grid: None }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn npy<T: WritableElement>(&self, array: ArrayD<T>) -> PathBuf {
        write_npy(self.path("a.npy"), &array).unwrap();
        self.path("a.npy")
    }

    fn error(&self, path: &PathBuf, inputs: &[Input]) -> String {
        let message = Dataset::read(path, inputs).unwrap_err().to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        message.replace(&self.0.path().display().to_string(), "")
    }
}

fn counting<T: Copy + From<u8>>(shape: &[usize]) -> ArrayD<T> {
    let count = shape.iter().product::<usize>();
    ArrayD::from_shape_vec(shape, (0..count).map(|i| T::from(i as u8)).collect()).unwrap()
}

#[test]
fn shapes_of_one_sample_and_of_many() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2, 3])];
    for (shape, samples) in
        [(vec![1, 2, 3], 1), (vec![2, 3], 1), (vec![5, 2, 3], 5), (vec![5, 1, 2, 3], 5)]
    {
        let data = Dataset::read(folder.npy(counting::<f32>(&shape)), &inputs).unwrap();
        assert_eq!(data.samples().len(), samples, "{shape:?}");
        assert!(data.samples().iter().all(|sample| sample[0].shape() == [1, 2, 3]));
    }
    assert_eq!(
        folder.error(&folder.npy(counting::<f32>(&[5, 3, 2])), &inputs),
        "\"/a.npy\", array \"a\": shape [5, 3, 2] does not fit input \"x\", expected [1, 2, 3] for \
        one sample or [N, 2, 3] for N; reshape it"
    );
    assert_eq!(
        folder.error(&folder.npy(counting::<f32>(&[0, 2, 3])), &inputs),
        "\"/a.npy\", array \"a\": shape [0, 2, 3] holds no samples; give at least one"
    );
    // Without a batch dimension the first one counts samples only in front of all others.
    let plain = [input("x", &[2, 3])];
    assert_eq!(
        Dataset::read(folder.npy(counting::<f32>(&[4, 2, 3])), &plain).unwrap().samples().len(),
        4
    );
    assert!(Dataset::read(folder.npy(counting::<f32>(&[4, 3])), &plain).is_err());
}

fn npz(
    folder: &Folder,
    arrays: &[(&str, ArrayD<f32>)],
    labels: Option<(&str, ArrayD<i64>)>,
) -> PathBuf {
    let mut writer =
        NpzWriter::new_compressed(std::fs::File::create(folder.path("d.npz")).unwrap());
    for (name, array) in arrays {
        writer.add_array(*name, array).unwrap();
    }
    if let Some((name, array)) = labels {
        writer.add_array(name, &array).unwrap();
    }
    writer.finish().unwrap();
    folder.path("d.npz")
}

#[test]
fn npz_by_name_with_labels() {
    let folder = Folder::new();
    let two = [input("a", &[1, 2]), input("b", &[1, 3])];
    let labels = ArrayD::from_shape_vec(vec![4], vec![0, 1, 2, 3]).unwrap();
    for name in ["label", "labels", "y"] {
        let arrays = [("b", counting::<f32>(&[4, 3])), ("a", counting::<f32>(&[4, 2]))];
        let data =
            Dataset::read(npz(&folder, &arrays, Some((name, labels.clone()))), &two).unwrap();
        assert_eq!(data.labels().unwrap(), [[0], [1], [2], [3]]);
        assert_eq!(data.samples()[0][0].shape(), [1, 2]);
    }
    // A single input takes a single array of any name.
    let one = [input("image", &[1, 2])];
    let path = npz(&folder, &[("x_test", counting::<f32>(&[4, 2]))], Some(("y", labels.clone())));
    assert_eq!(Dataset::read(path, &one).unwrap().samples().len(), 4);
    let path = npz(&folder, &[("b", counting::<f32>(&[4, 3]))], None);
    assert_eq!(
        folder.error(&path, &two),
        "\"/d.npz\": no array for input \"a\" [1, 2] (found \"b\"); name the array like the input"
    );
    let path =
        npz(&folder, &[("a", counting::<f32>(&[4, 2])), ("b", counting::<f32>(&[5, 3]))], None);
    assert_eq!(
        folder.error(&path, &two),
        "\"/d.npz\": input \"b\" has 5 samples but \"a\" has 4; give every input the same number"
    );
    let path = npz(&folder, &[("image", counting::<f32>(&[3, 2]))], Some(("y", labels)));
    assert_eq!(
        folder.error(&path, &one),
        "\"/d.npz\", array \"y\": labels of shape [4] for 3 samples, expected [3], the number of \
        the class of each, or [3, …], those of its positions"
    );
}

#[test]
fn json_objects_and_lists() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    let list = folder.text("l.json", "[[1, 2.5], [3, 4], [5, 6]]");
    assert_eq!(Dataset::read(&list, &inputs).unwrap().samples().len(), 3);
    let object = folder.text("o.json", r#"{"x": [[1, 2]], "label": [1]}"#);
    assert_eq!(Dataset::read(&object, &inputs).unwrap().labels().unwrap(), [[1]]);
    for (text, expected) in [
        (
            "[[1, 2], [3]]",
            "array \"(the list)\": its lists differ in length or depth; make it rectangular",
        ),
        (
            "[[1, \"a\"]]",
            "array \"(the list)\": it holds \"a\", expected numbers in nested lists of equal \
            length",
        ),
        (
            "{\"x\": [[1e39, 0]]}",
            "array \"x\": element [0, 0] is inf, expected finite numbers; clean the data",
        ),
        ("3", "expected an object of nested lists by input name, or one nested list"),
        ("{}", "it holds no arrays; write the data again"),
        ("[]", "array \"(the list)\": shape [0] holds no samples; give at least one"),
        (
            "{\"x\": [[0, 0]], \"label\": [0.5]}",
            "array \"label\": label 0.5, expected whole numbers from 0",
        ),
    ] {
        let message = folder.error(&folder.text("b.json", text), &inputs);
        assert!(message.ends_with(expected), "{message}");
    }
    assert!(folder.error(&folder.text("b.json", "[1,"), &inputs).contains("not JSON ("));
}

#[test]
fn not_a_number_is_refused() {
    let folder = Folder::new();
    let array = ArrayD::from_shape_vec(vec![2, 2], vec![0.0, 1.0, f32::NAN, 2.0]).unwrap();
    assert_eq!(
        folder.error(&folder.npy(array), &[input("x", &[1, 2])]),
        "\"/a.npy\", array \"a\": element [1, 0] is NaN, expected finite numbers; clean the data"
    );
}

#[test]
fn files_that_are_no_data() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    for name in ["e.npy", "e.npz", "e.json"] {
        assert_eq!(
            folder.error(&folder.text(name, ""), &inputs),
            format!("\"/{name}\": it is empty; write or copy the data again")
        );
    }
    for name in ["t.npy", "t.npz"] {
        let message = folder.error(&folder.text(name, "neither"), &inputs);
        assert!(message.contains(" file ("), "{message}");
    }
    let text = folder.text("i.txt", "x");
    let message = folder.error(&text, &inputs);
    assert!(message.contains("does not end in .npz, .npy, .json, .csv, .png or .jpg"), "{message}");
    let message = folder.error(&folder.path(""), &inputs);
    assert!(message.contains("it is a directory without a .png or .jpg file"), "{message}");
    assert!(folder.error(&folder.path("none.npy"), &inputs).starts_with("cannot read"));
}

#[test]
fn one_sample_means_one() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    assert_eq!(read_sample(folder.npy(counting::<f32>(&[2])), &inputs).unwrap()[0].shape(), [1, 2]);
    let message =
        read_sample(folder.npy(counting::<f32>(&[3, 2])), &inputs).unwrap_err().to_string();
    assert!(
        message.ends_with("it holds 3 samples, expected one; save a single sample"),
        "{message}"
    );
}

#[test]
fn quantised_inputs_are_checked() {
    let graph = Graph {
        name: "g".into(),
        inputs: vec![graph::Input {
            name: "x".into(),
            shape: vec![1, 2],
            quantisation: Quantisation { scale: 0.5, zero_point: 1 },
            minimum: -128,
            maximum: 127,
        }],
        nodes: Vec::new(),
        outputs: Vec::new(),
        parts: Default::default(),
    };
    let tensor =
        |elements: Vec<f32>| ArrayD::from_shape_vec(IxDyn(&[1, elements.len()]), elements).unwrap();
    let integers = graph.quantise_inputs(&[tensor(vec![0.75, -1e9])]).unwrap();
    assert_eq!(integers[0].iter().copied().collect::<Vec<_>>(), [3, -128]);
    assert_eq!(graph.dequantise(0, &integers[0]).iter().copied().collect::<Vec<_>>(), [1.0, -64.5]);
    // The ends stand for -64.5 and 63, and half a step beyond them still rounds to them.
    assert_eq!(graph.clamped(0, &tensor(vec![-64.74, 63.24])), None);
    let clamped = graph.clamped(0, &tensor(vec![63.26, -1000.0])).unwrap();
    assert_eq!((clamped.below, clamped.above, clamped.elements), (1, 1, 2));
    assert_eq!((clamped.range, clamped.given[0]), ([-64.5, 63.0], -1000.0));
    assert_eq!(
        clamped.to_string(),
        "input \"x\": 2 of 2 elements lie outside -64.5000..=63.0000, for which the network is \
        quantised, and count as its ends (they go from -1000.0000 to 63.2600); calibrate with \
        data like this"
    );
    let message = graph.quantise_inputs(&[tensor(vec![0.0, f32::NAN])]).unwrap_err().to_string();
    assert_eq!(message, "input \"x\" holds NaN, expected finite numbers");
    let message = graph.quantise_inputs(&[tensor(vec![0.0; 3])]).unwrap_err().to_string();
    assert_eq!(message, "\"g\" expects \"x\" [1, 2], but shapes [[1, 3]] were given");
    assert_eq!(integers[0].raw_dim().slice(), [1, 2]);
}

fn relu() -> Model {
    let builder =
        Builder::new(13).input("x", &[1, 4]).node(Op::new("Relu", &["x"], &["y"])).output("y");
    Model::from_bytes("relu.onnx", &builder.bytes()).unwrap()
}

#[test]
fn calibration_without_data_warns() {
    let model = relu();
    let calibration = model.calibrate_input_range(-2.0, 3.0).unwrap();
    assert_eq!(model.calibrate_input_range(-2.0, 3.0).unwrap(), calibration);
    let quantised = model.quantise(&calibration).unwrap();
    assert_eq!(quantised.report.inputs[0].range.maximum, 3.0);
    assert_eq!(
        quantised.report.warnings,
        ["no calibration data: ranges come from random inputs in -2..3, accuracy may suffer; \
            pass typical samples"]
    );
    for (low, high) in [(1.0, 1.0), (f32::NAN, 1.0), (0.0, f32::INFINITY)] {
        let message = model.calibrate_input_range(low, high).unwrap_err().to_string();
        assert!(
            message.ends_with("expected two finite numbers, the first below the second"),
            "{message}"
        );
    }
}

#[test]
fn calibration_of_another_model() {
    let model = relu();
    let mut calibration = model.calibrate_input_range(0.0, 1.0).unwrap();
    calibration.results.remove("y_node");
    assert_eq!(
        model.quantise(&calibration).unwrap_err().to_string(),
        "calibration has no range for value \"y_node\" of \"relu\"; calibrate with the model that \
        is quantised"
    );
    let text = serde_json::to_string(&model.calibrate_input_range(0.0, 1.0).unwrap()).unwrap();
    let mut broken: Calibration = serde_json::from_str(&text).unwrap();
    broken.results.get_mut("y_node").unwrap().minimum = f32::NEG_INFINITY;
    assert!(
        model
            .quantise(&broken)
            .unwrap_err()
            .to_string()
            .contains("value \"y_node\" of \"relu\" ranges over -inf..1")
    );
}

#[test]
fn labels_out_of_range_are_named() {
    let model = relu();
    let quantised = model.quantise(&model.calibrate_input_range(0.0, 1.0).unwrap()).unwrap();
    let data = Dataset::new(vec![vec![ArrayD::zeros(vec![1, 4])]], Some(vec![4])).unwrap();
    assert_eq!(
        model.evaluate(&quantised.graph, &data).unwrap_err().to_string(),
        "the label of sample 0 is 4, but output \"y\" has classes 0..4; check the labels"
    );
    assert!(Dataset::new(Vec::new(), None).is_none());
}
