//! What makes a description invalid: one case per reason, and none that panics.

mod support;

use support::{contract, valid};
use zkinfer_verifier::description::{
    Combine, Contract, Description, Form, Function, Operator, OutputSource, Requantise, View, ViewKind, Weights,
};
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

fn refuse(change: impl FnOnce(&mut Description)) -> Error {
    let mut description = valid();
    change(&mut description);
    VerifyingKey::new(description).expect_err("an invalid description")
}

fn refuse_node(index: usize, operator: Operator) -> Error {
    refuse(|d| d.nodes[index].operator = operator)
}

fn refuse_contract(change: impl FnOnce(&mut Contract)) -> Error {
    let mut contract = contract();
    change(&mut contract);
    refuse_node(1, Operator::Contract(contract))
}

fn is_shape(error: Error, node: &str) {
    assert!(matches!(&error, Error::Shape { node: n, .. } if n == node), "{error}");
}

#[test]
fn the_base_case_is_valid() {
    let key = VerifyingKey::new(valid()).unwrap();
    assert_eq!(key.analysis().nodes[1].shape, [2, 3, 3]);
    // Σ of four weights 1 over [−8, 7] or padding, times 3.
    let interval = key.analysis().nodes[1].interval;
    assert_eq!((interval.minimum, interval.maximum), (-96, 84));
}

#[test]
fn sizes_and_counts() {
    assert_eq!(refuse(|d| d.k = 4), Error::RowsOutOfRange { got: 4 });
    assert_eq!(refuse(|d| d.k = 64), Error::RowsOutOfRange { got: 64 });
    assert_eq!(refuse(|d| d.limb_bits = 0), Error::LimbBitsOutOfRange { got: 0 });
    assert_eq!(refuse(|d| d.limb_bits = 17), Error::LimbBitsOutOfRange { got: 17 });
    assert_eq!(refuse(|d| d.inputs.clear()), Error::Missing { what: "input" });
    assert_eq!(refuse(|d| d.outputs.clear()), Error::Missing { what: "output" });
    let huge = usize::MAX / 2;
    assert!(matches!(refuse(|d| d.inputs[0].shape = vec![huge, huge]), Error::TooLarge { .. }));
    is_shape(refuse(|d| d.inputs[0].shape = vec![0]), "x");
    let pad =
        View { inputs: vec![2], kind: ViewKind::Pad { before: vec![1 << 24; 3], after: vec![huge; 3], value: 0 } };
    assert!(matches!(refuse_node(3, Operator::View(pad)), Error::TooLarge { .. }));
    // Narrow tables grow with the interval: refused before they are built.
    let wide_range = |d: &mut Description| {
        d.inputs[0].maximum = 1 << 40;
        let narrow = Requantise { input: 1, limbs: 0, function: Function::clamp(0, 1), form: Form::Narrow };
        d.nodes[2].operator = Operator::Requantise(narrow);
    };
    assert!(matches!(refuse(wide_range), Error::TooLarge { what: "table rows", .. }));
}

#[test]
fn references_point_backwards() {
    assert!(matches!(refuse_contract(|c| c.input = 1), Error::ForwardReference { reference: 1, .. }));
    let sum = Combine { terms: vec![(0, 1), (9, 1)], constant: vec![] };
    assert!(matches!(refuse_node(1, Operator::Combine(sum)), Error::ForwardReference { reference: 9, .. }));
    is_shape(refuse_node(0, Operator::Input(1)), "input");
    assert!(matches!(refuse(|d| d.outputs[0].source = OutputSource::Node(5)), Error::ForwardReference { .. }));
}

#[test]
fn contractions_fit_their_parameters() {
    let changes: [fn(&mut Contract); 10] = [
        |c| c.rows = 0,
        |c| c.groups = 2,
        |c| c.groups = 0,
        |c| c.strides = [0, 1],
        |c| c.kernel = [0, 2],
        |c| c.kernel = [9, 2],
        |c| c.dilations = [usize::MAX, 1],
        |c| c.weights = Weights::Public(vec![1; 9]),
        |c| c.row_factors.push(1),
        |c| c.column_factors = vec![1; 8],
    ];
    for change in changes {
        is_shape(refuse_contract(change), "conv");
    }
    is_shape(refuse_contract(|c| c.bias.clear()), "conv");
    is_shape(refuse(|d| d.inputs[0].shape = vec![9]), "conv");
}

#[test]
fn views_and_sums_fit_their_inputs() {
    let view = |inputs: Vec<usize>, kind| refuse_node(3, Operator::View(View { inputs, kind }));
    is_shape(view(vec![2], ViewKind::Reshape(vec![17])), "view");
    is_shape(view(vec![2, 2], ViewKind::Reshape(vec![18])), "view");
    is_shape(view(vec![], ViewKind::Concat(0)), "view");
    is_shape(view(vec![2, 0], ViewKind::Concat(1)), "view");
    is_shape(view(vec![2], ViewKind::Concat(3)), "view");
    is_shape(view(vec![2], ViewKind::Transpose(vec![0, 1, 1])), "view");
    is_shape(view(vec![2], ViewKind::Transpose(vec![0, 1])), "view");
    is_shape(view(vec![2], ViewKind::Pad { before: vec![1], after: vec![1, 1, 1], value: 0 }), "view");
    for (axis, start, step, count) in [(3, 0, 1, 1), (1, 3, 1, 1), (1, 0, 1, 4), (1, 2, -1, 4), (1, 0, 1, 0)] {
        is_shape(view(vec![2], ViewKind::Slice { axis, start, step, count }), "view");
    }
    is_shape(view(vec![2], ViewKind::Slice { axis: 1, start: 1, step: i64::MAX, count: usize::MAX }), "view");
    let sum = |terms, constant| refuse_node(4, Operator::Combine(Combine { terms, constant }));
    is_shape(sum(vec![], vec![]), "sum");
    is_shape(sum(vec![(2, 1), (3, 1)], vec![]), "sum");
    is_shape(sum(vec![(3, 1)], vec![1, 2]), "sum");
}

#[test]
fn integers_stay_far_below_the_modulus() {
    let overflow = |error: Error| assert!(matches!(error, Error::Overflow { .. }), "{error}");
    overflow(refuse_contract(|c| c.row_factors[1] = i64::MAX));
    overflow(refuse_contract(|c| c.bias[0] = i64::MIN));
    overflow(refuse_contract(|c| c.column_factors = vec![i64::MIN; 9]));
    overflow(refuse_node(4, Operator::Combine(Combine { terms: vec![(3, i64::MIN)], constant: vec![] })));
    overflow(refuse_node(4, Operator::Combine(Combine { terms: vec![(3, 1)], constant: vec![i64::MAX] })));
    overflow(refuse(|d| d.inputs[0].maximum = i64::MAX));
    let requantise =
        |limbs, function, form| refuse_node(2, Operator::Requantise(Requantise { input: 1, limbs, function, form }));
    overflow(requantise(1, Function { minimum: 0, values: vec![0, i64::MIN] }, Form::Wide));
    overflow(requantise(1, Function { minimum: i64::MAX, values: vec![0, 1] }, Form::Wide));
    is_shape(requantise(16, Function::clamp(0, 1), Form::Wide), "requantise");
    is_shape(requantise(u32::MAX, Function::clamp(0, 1), Form::Wide), "requantise");
    is_shape(requantise(1, Function { minimum: 0, values: vec![] }, Form::Wide), "requantise");
    is_shape(requantise(1, Function { minimum: 0, values: vec![1] }, Form::Wide), "requantise");
}

#[test]
fn ranges_and_readings_make_sense() {
    let range = |error: Error| assert!(matches!(error, Error::Range { .. }), "{error}");
    range(refuse(|d| d.inputs[0].minimum = 8));
    range(refuse(|d| d.inputs[0].quantisation.scale = f64::NAN));
    range(refuse(|d| d.inputs[0].quantisation.scale = 0.0));
    range(refuse(|d| d.outputs[0].quantisation.scale = f64::INFINITY));
    range(refuse(|d| d.outputs[0].quantisation.zero_point = i64::MIN));
    is_shape(refuse(|d| d.outputs[0].shape = vec![17]), "y");
    is_shape(refuse(|d| d.outputs[0].source = OutputSource::ArgMax { input: 2, axis: 3, select_last: false }), "y");
}

#[test]
fn every_used_cell_has_a_table_and_every_tag_is_unique() {
    let key = VerifyingKey::new(valid()).unwrap();
    let (layout, tables) = (key.layout(), key.tables());
    for segment in layout.segments() {
        assert_eq!(segment.tags.len(), segment.lane.lookups().len());
        assert!(segment.tags.iter().all(|&tag| tag > 0 && tag < tables.list.len()));
    }
    let tuples: Vec<_> = tables.tuples().collect();
    assert_eq!(tuples.len(), tables.rows());
    assert_eq!(tuples.iter().filter(|(tag, _)| *tag == 0).collect::<Vec<_>>(), [&(0, [0; 3])]);
}
