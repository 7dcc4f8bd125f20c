//! What the importer says of a network's size, against what compiling makes of it.

use std::path::Path;

use zkinfer::models::float::room;
use zkinfer::models::limits;
use zkinfer::verifier::limits as verifier;
use zkinfer::{Compile, Exposure, Model, Objective};

/// The importer cannot ask the verifier, so it has limits of its own: the same.
#[test]
fn importer_and_verifier_have_the_same_limits() {
    assert_eq!(limits::MAX_ELEMENTS, verifier::MAX_ELEMENTS);
    assert_eq!(limits::MAX_RANK, verifier::MAX_RANK);
    assert_eq!(limits::MAX_NODES, verifier::MAX_NODES);
    assert_eq!(limits::MAX_TENSORS, verifier::MAX_TENSORS);
}

/// A network is refused at import only if its circuit would be: what is counted there is never more
/// than the circuit has, and not far below.
#[test]
fn what_an_import_counts_is_what_a_circuit_has_at_least() {
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/zoo");
    let float = [
        "mlp-64-32-16-10",
        "cnn-8x8",
        "lenet5",
        "mlp-784-512-256-10",
        "twins",
        "mobilenetv2-32",
        "unet-32",
        "resnet8-32",
    ];
    let files = float
        .iter()
        .flat_map(|name| [format!("{name}/{name}.onnx"), format!("{name}/{name}.qdq.onnx")]);
    for file in files {
        let model = Model::load(zoo.join(&file)).expect("a supported model");
        let least = room::least_elements(model.graph()).expect("within the limits");
        let quantised = model
            .quantise(&model.calibrate_input_range(0.0, 1.0).expect("ranges"))
            .expect("integers");
        let circuit =
            quantised.compile_with(&Exposure::public(), Objective::Size).expect("a circuit");
        let nodes = &circuit.key().analysis().nodes;
        let elements: usize = nodes.iter().map(|node| node.elements).sum();
        assert!(least <= elements, "{file}: {least} counted, {elements} compiled");
        assert!(elements <= 3 * least, "{file}: {least} counted, {elements} compiled");
    }
}
