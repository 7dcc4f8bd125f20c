//! Dimensions that a file leaves open: their lengths by name, by input, or 1.

use zkinfer_models::Model;
use zkinfer_models::onnx::Dimensions;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};

#[test]
fn symbolic_dimensions_become_one() {
    let shape =
        vec![Length::DimParam("batch".into()), Length::DimParam("c".into()), Length::DimValue(3)];
    let builder = Builder::new(13)
        .typed_input("x", DataType::Float, shape)
        .node(Op::new("Relu", &["x"], &["y"]))
        .output("y");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    assert_eq!(model.inputs()[0].shape, [1, 1, 3]);
    assert_eq!(
        model.notes(),
        [
            "dimension \"batch\" is 1; choose another length with `--dim NAME=N`",
            "dimension \"c\" is 1; choose another length with `--dim NAME=N`"
        ]
    );
}

#[test]
fn symbolic_dimensions_are_bound_by_name() {
    let shape = vec![Length::DimParam("n".into()), Length::DimValue(3)];
    let builder = Builder::new(13)
        .typed_input("x", DataType::Float, shape)
        .node(Op::new("Relu", &["x"], &["y"]))
        .output("y");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, builder.bytes()).unwrap();
    let bind = |name: &str| {
        let lengths = [(name.to_owned(), 16)].into();
        Model::load_with(&path, &Dimensions { lengths, ..Dimensions::default() })
    };
    let model = bind("n").unwrap();
    assert_eq!(model.graph().shape(1), [16, 3]);
    assert!(model.notes().is_empty());
    let message = bind("N").unwrap_err().to_string();
    assert!(message.ends_with(
        "dimension \"N\": the model has no dimension of this name; its symbolic \
                dimensions are \"n\""
    ));
}

fn named(name: &str) -> Length {
    Length::DimParam(name.into())
}

/// Inputs of these shapes, each through a Relu.
fn relus(inputs: &[(&str, Vec<Length>)]) -> Builder {
    inputs.iter().fold(Builder::new(13), |builder, (name, shape)| {
        let result = format!("y-{name}");
        builder
            .typed_input(name, DataType::Float, shape.clone())
            .node(Op::new("Relu", &[name], &[&result]))
            .output(&result)
    })
}

/// Shapes of all inputs of a model with some of them given, and its notes.
fn shapes(
    builder: Builder,
    lengths: &[(&str, usize)],
    shapes: &[(&str, &[usize])],
) -> Result<(Vec<Vec<usize>>, Vec<String>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, builder.bytes()).unwrap();
    let dimensions = Dimensions {
        lengths: lengths.iter().map(|&(name, length)| (name.to_owned(), length)).collect(),
        shapes: shapes.iter().map(|&(name, shape)| (name.to_owned(), shape.to_vec())).collect(),
        ..Dimensions::default()
    };
    let model = Model::load_with(&path, &dimensions).map_err(|error| {
        error.to_string().replace(&format!("{:?}", path.display().to_string()), "m")
    })?;
    let inputs = model.inputs().iter().map(|input| input.shape.clone()).collect();
    Ok((inputs, model.notes().to_vec()))
}

#[test]
fn shapes_fix_what_has_no_name_and_what_has_the_same() {
    let open = [
        // How exporters write what they do not know.
        vec![Length::DimValue(-1), Length::DimValue(3), Length::DimValue(-1), named("")],
        vec![named("?"), Length::DimValue(3), named("?"), named("?")],
    ];
    for shape in open {
        let builder = relus(&[("x", shape)]);
        let given = shapes(builder.clone(), &[], &[("x", &[1, 3, 48, 192])]).unwrap();
        assert_eq!(given, (vec![vec![1, 3, 48, 192]], vec![]));
        let (left, notes) = shapes(builder, &[], &[]).unwrap();
        assert_eq!(left, [[1, 3, 1, 1]]);
        assert!(
            notes[0].contains("1; choose another length with `--dim NAME=N`")
                || notes
                    == ["input \"x\" has dimensions without length or name: they are 1; choose \
                        others with `--shape NAME=N,N`"]
        );
    }
}

#[test]
fn a_shape_gives_other_inputs_the_lengths_of_its_names() {
    let builder = relus(&[
        ("ids", vec![named("batch"), named("length")]),
        ("mask", vec![named("batch"), Length::DimValue(1), named("length")]),
    ]);
    assert_eq!(
        shapes(builder.clone(), &[], &[("ids", &[1, 16])]).unwrap(),
        (vec![vec![1, 16], vec![1, 1, 16]], vec![])
    );
    assert_eq!(
        shapes(builder.clone(), &[("length", 16)], &[("ids", &[2, 16])]).unwrap().0,
        [vec![2, 16], vec![2, 1, 16]]
    );
    // Where a name stands for two lengths, those that read it have to say which.
    let twice = relus(&[("a", vec![named("n"), named("n")]), ("b", vec![named("n")])]);
    assert!(shapes(twice.clone(), &[], &[("a", &[2, 3])]).unwrap_err().contains(
        "input \"b\": its dimension \"n\" has the lengths [2, 3] in other inputs; give its own \
        shape with `--shape`"
    ));
    assert_eq!(
        shapes(twice, &[], &[("a", &[2, 3]), ("b", &[5])]).unwrap().0,
        [vec![2, 3], vec![5]]
    );
}

#[test]
fn shapes_that_contradict_the_file_are_refused() {
    let builder = relus(&[("x", vec![named("n"), Length::DimValue(3), Length::DimValue(-1)])]);
    for (lengths, given, problem) in [
        (vec![], ("x", &[1, 4, 5][..]), "x: 1,4,5: dimension 1 is 3 and cannot be 4"),
        (vec![], ("x", &[1, 3]), "x: 1,3: 2 lengths, expected 3"),
        (vec![("n", 2)], ("x", &[1, 3, 5]), "x: 1,3,5: `--dim` says n=2"),
    ] {
        let (_, rest) = problem.split_once(": ").unwrap();
        let message = shapes(builder.clone(), &lengths, &[given]).unwrap_err();
        let expected =
            format!("input \"x\": its shape in the file is \"n,3,?\", but `--shape` says {rest}");
        assert!(message.contains(&expected), "{message}");
    }
    assert_eq!(
        shapes(builder, &[], &[("z", &[1])]).unwrap_err(),
        "m: shape of \"z\": the model has no input of this name; its inputs are \"x\""
    );
}

/// Lengths that neither the file nor anybody says are those of the samples.
#[test]
fn open_lengths_are_those_of_the_samples() {
    let builder = |lengths: [Length; 2]| {
        Builder::new(13)
            .typed_input("x", DataType::Float, lengths.into())
            .node(Op::new("Relu", &["x"], &["y"]))
            .output("y")
    };
    let named = |name: &str| Length::DimParam(name.into());
    let folder = tempfile::tempdir().unwrap();
    let (path, samples) = (folder.path().join("m.onnx"), folder.path().join("x.json"));
    std::fs::write(&samples, r#"{"x": [[1, 2, 3], [4, 5, 6]]}"#).unwrap();
    let shape = |builder: Builder, lengths: &[(&str, usize)]| {
        std::fs::write(&path, builder.bytes()).unwrap();
        let lengths = lengths.iter().map(|&(name, length)| (name.to_owned(), length)).collect();
        let dimensions = Dimensions { lengths, ..Dimensions::default() };
        let model = Model::load_for(&path, &dimensions, &samples).unwrap();
        (model.inputs()[0].shape.clone(), model.notes().to_vec())
    };
    let open = || builder([named("batch"), named("length")]);
    let (found, notes) = shape(open(), &[]);
    assert_eq!(found, [1, 3]);
    assert_eq!(notes, ["input \"x\" has the shape [1, 3], which is that of the samples"]);
    // What somebody says goes before, and so does the file.
    assert_eq!(shape(open(), &[("length", 2)]).0, [1, 2]);
    assert_eq!(shape(builder([named("batch"), Length::DimValue(4)]), &[]).0, [1, 4]);
}
