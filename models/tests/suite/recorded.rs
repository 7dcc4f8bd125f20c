//! Quantised files against what onnxruntime computed inside them: every integer tensor of every
//! layer.
//!
//! `models/zoo/recorded` holds the tensors of two samples per network and variant, made by
//! `models/zoo/record.py`. With `ZKINFER_RECORDED` set to a folder of such files (and the quantised
//! networks beside them), the same test compares whole test sets.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView1, Axis};
use ndarray_npy::NpzReader;
use zkinfer_models::Model;
use zkinfer_models::integer::interpreter::Interpreter;
use zkinfer_models::{Dataset, integer};

/// Differences that are allowed: one activation in 10,000, by one unit.
const ALLOWED: f64 = 1e-4;

/// What was compared.
#[derive(Default)]
struct Tally {
    values: usize,
    tensors: usize,
    off: usize,
    largest: i64,
    classes_differ: usize,
}

fn folder() -> PathBuf {
    match std::env::var_os("ZKINFER_RECORDED") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo/recorded"),
    }
}

/// The quantised network that belongs to a record: beside it, or among the shipped ones.
fn network(record: &Path) -> PathBuf {
    let beside = record.with_extension("onnx");
    let stem = record.file_stem().unwrap().to_string_lossy().into_owned();
    let (name, _) = stem.split_once('.').unwrap();
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name).join(format!("{stem}.onnx"));
    let nested = record.parent().unwrap().join(name).join(format!("{stem}.onnx"));
    [beside, nested, shipped].into_iter().find(|path| path.exists()).unwrap()
}

/// An array of small integers or floats as doubles.
fn read(reader: &mut NpzReader<std::fs::File>, name: &str) -> ArrayD<f64> {
    let entry = format!("{name}.npy");
    if let Ok(array) = reader.by_name::<ndarray::OwnedRepr<i8>, ndarray::IxDyn>(&entry) {
        return array.mapv(f64::from);
    }
    if let Ok(array) = reader.by_name::<ndarray::OwnedRepr<u8>, ndarray::IxDyn>(&entry) {
        return array.mapv(f64::from);
    }
    let array: ArrayD<f32> = reader.by_name(&entry).unwrap();
    array.mapv(f64::from)
}

fn compare(record: &Path) -> Tally {
    let model = Model::load(network(record)).unwrap();
    let mut reader = NpzReader::new(std::fs::File::open(record).unwrap()).unwrap();
    let names: Vec<String> = reader.names().unwrap();
    let names: Vec<String> =
        names.iter().map(|name| name.trim_end_matches(".npy").to_owned()).collect();
    let inputs: Vec<ArrayD<f64>> = model
        .inputs()
        .iter()
        .map(|input| read(&mut reader, &format!("input/{}", input.name)))
        .collect();
    let sample = |index: usize| -> Vec<ArrayD<f32>> {
        let pick = |tensor: &ArrayD<f64>| {
            tensor.index_axis(Axis(0), index).insert_axis(Axis(0)).mapv(|x| x as f32)
        };
        inputs.iter().map(pick).collect()
    };
    let count = inputs[0].shape()[0];
    let calibration = Dataset::new((0..count.min(8)).map(sample).collect(), None).unwrap();
    let graph = model.quantise(&model.calibrate(&calibration).unwrap()).unwrap().graph;
    let interpreter = Interpreter::new(&graph).unwrap();
    let float = model.graph();
    let mut tally = Tally::default();
    let tensors: Vec<(String, ArrayD<f64>)> = names
        .iter()
        .filter_map(|name| name.strip_prefix("tensor/"))
        .map(|name| (name.to_owned(), read(&mut reader, &format!("tensor/{name}"))))
        .collect();
    let outputs: Vec<ArrayD<f64>> = graph
        .outputs
        .iter()
        .map(|output| read(&mut reader, &format!("output/{}", output.name)))
        .collect();
    let values: Vec<(usize, usize)> = tensors
        .iter()
        .enumerate()
        .filter_map(|(index, (name, _))| Some((index, value_of(float, &graph, name)?)))
        .collect();
    tally.tensors = values.len();
    for index in 0..count {
        let integers = graph.quantise_inputs(&sample(index)).unwrap();
        // Each layer reads what onnxruntime's layers before it came to, so that differences do not
        // add up.
        let judge = |value: usize, result: &mut ArrayD<i64>| {
            for &(tensor, _) in values.iter().filter(|(_, other)| *other == value) {
                let expected = tensors[tensor].1.index_axis(Axis(0), index);
                assert_eq!(expected.len(), result.len(), "{}", tensors[tensor].0);
                for (&expected, found) in expected.iter().zip(result.iter_mut()) {
                    let difference = (expected as i64 - *found).abs();
                    tally.values += 1;
                    tally.off += usize::from(difference > 0);
                    tally.largest = tally.largest.max(difference);
                    *found = expected as i64;
                }
            }
        };
        interpreter.run_replacing(&integers, judge).unwrap();
        let all = interpreter.run_all(&integers).unwrap();
        let real = graph.dequantise_outputs(
            &graph.outputs.iter().map(|o| all[o.value].clone()).collect::<Vec<_>>(),
        );
        let expected = outputs[0].index_axis(Axis(0), index).insert_axis(Axis(0)).to_owned();
        let differ = classes(&real[0])
            .into_iter()
            .zip(classes(&expected))
            .filter(|(ours, theirs)| ours != theirs);
        tally.classes_differ += differ.count();
    }
    tally
}

/// The class at every position of `[1, C, ...]`.
fn classes(scores: &ArrayD<f64>) -> Vec<usize> {
    let best = |lane: ArrayView1<'_, f64>| {
        (0..lane.len()).fold(0, |best, i| if lane[i] > lane[best] { i } else { best })
    };
    scores.lanes(Axis(1)).into_iter().map(best).collect()
}

/// The integer value that an ONNX value of this name has become.
fn value_of(
    float: &zkinfer_models::float::graph::Graph,
    graph: &integer::graph::Graph,
    name: &str,
) -> Option<usize> {
    let named = |node: &zkinfer_models::float::graph::Node| node.value == name;
    let node = float.nodes.iter().rposition(|node| named(node) && node.grid.is_some());
    let node = node.or_else(|| float.nodes.iter().rposition(named))?;
    let known = graph.nodes.iter().position(|other| other.name == float.nodes[node].name)?;
    Some(graph.inputs.len() + known)
}

#[test]
fn every_layer_is_what_onnxruntime_computes() {
    let mut records: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "npz"))
        .collect();
    records.sort();
    assert!(records.len() >= 28, "{} records", records.len());
    for record in records {
        let tally = compare(&record);
        println!(
            "{}: {} tensors, {} values, {} off, by {} at most, {} classes differ",
            record.file_stem().unwrap().to_string_lossy(),
            tally.tensors,
            tally.values,
            tally.off,
            tally.largest,
            tally.classes_differ
        );
        assert!(tally.tensors > 0);
        assert!(tally.largest <= 1, "{record:?}");
        assert!(tally.off as f64 <= ALLOWED * tally.values as f64, "{record:?}");
        assert_eq!(tally.classes_differ, 0, "{record:?}");
    }
}
