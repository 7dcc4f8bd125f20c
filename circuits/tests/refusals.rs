//! Graphs and inputs that are refused, each with an error that names the culprit.

mod common;

use common::{After, Net, Noise, window};
use zkinfer_circuits::{Error, Exposure, InputError, Objective, compile};
use zkinfer_models::quantised::{Graph, Operator, Requantise};

fn refusal(graph: &Graph) -> String {
    compile(graph, &Exposure::public(), Objective::Prover).unwrap_err().to_string()
}

fn linear() -> Graph {
    let mut net = Net::new("linear", &[(&[1, 3], 0)]);
    let y = net.linear(&mut Noise(1), 0, 2, After::Int8 { shift: 4, zero_point: 0 });
    net.finish(y)
}

#[test]
fn references() {
    let mut graph = linear();
    graph.nodes[0].inputs[0] = 1;
    assert_eq!(refusal(&graph), "node0: reads value 1, which is not before it");
    graph.nodes[0].inputs.clear();
    assert_eq!(refusal(&graph), "node0: it reads fewer values than its operator");
    graph.nodes[0].inputs = vec![0, 0];
    assert_eq!(refusal(&graph), "node0: it reads more values than its operator");
    let mut graph = linear();
    graph.outputs[0].value = 9;
    assert_eq!(refusal(&graph), "y0: reads value 9, which is not before it");
    graph.outputs.clear();
    assert!(matches!(compile(&graph, &Exposure::public(), Objective::Size), Err(Error::Description(_))));
}

#[test]
fn an_index_is_no_operand() {
    let mut net = Net::new("index", &[(&[1, 3], 0)]);
    let index = net.argmax(0, 1, false, &[1]);
    let y = net.node(Operator::Reshape, &[index], &[1, 1], 0);
    assert!(
        matches!(compile(&net.finish(y), &Exposure::public(), Objective::Size), Err(Error::ReadsIndex { node }) if node == "node1")
    );
}

/// The numbers of a linear layer.
struct Parts<'a> {
    weights: &'a mut Vec<i32>,
    bias: &'a mut Vec<i64>,
    multipliers: &'a mut Vec<i64>,
    requantise: &'a mut Requantise,
}

#[test]
fn numbers_that_do_not_fit() {
    let set = |change: &dyn Fn(Parts<'_>)| {
        let mut graph = linear();
        let Operator::Linear { weights, bias, multipliers, requantise } = &mut graph.nodes[0].operator else {
            unreachable!()
        };
        change(Parts { weights, bias, multipliers, requantise: requantise.as_mut().unwrap() });
        refusal(&graph)
    };
    assert_eq!(set(&|parts| parts.bias.truncate(1)), "node0: it has as many biases as multipliers");
    assert_eq!(set(&|parts| parts.weights.truncate(4)), "node0: its weights do not fit its channels and kernel");
    let overflow = "node0: its rescaling does not fit 62 bits; quantise with smaller multipliers or shifts";
    assert_eq!(set(&|parts| parts.multipliers[0] = i64::MAX), overflow);
    assert_eq!(set(&|parts| parts.requantise.zero_point = i64::MAX), overflow);
    assert_eq!(set(&|parts| parts.requantise.shift = 99), overflow);
    assert_eq!(set(&|parts| parts.multipliers[0] = 1 << 47), "node0: its values can exceed 62 bits");
    assert_eq!(set(&|parts| parts.requantise.function.values.clear()), "node0: its function has no entries");
}

#[test]
fn sums_pools_and_views_that_do_not_fit() {
    let requantise = linear().nodes[0].operator.clone();
    let Operator::Linear { requantise: Some(requantise), .. } = requantise else { unreachable!() };
    let sum = |multipliers: Vec<i64>, constant: Vec<i64>| {
        let mut net = Net::new("sum", &[(&[1, 3], 0), (&[3, 1], 0)]);
        let y = net.node(Operator::Sum { multipliers, constant, requantise: requantise.clone() }, &[0, 1], &[1, 3], 0);
        refusal(&net.finish(y))
    };
    assert_eq!(sum(vec![1], vec![]), "node0: it has one multiplier per summand");
    assert_eq!(sum(vec![1, 1], vec![]), "node0: its summands have its shape");

    let pool = |shape: &[usize], window| {
        let mut net = Net::new("pool", &[(shape, 0)]);
        let y = net.node(Operator::MaxPool { window }, &[0], &[1, 1, 2, 2], 0);
        refusal(&net.finish(y))
    };
    let plain = window([2, 2], [1, 1], [0; 4]);
    let malformed = "node0: its window over its input does not give its shape";
    assert!(pool(&[3, 3], plain.clone()).starts_with("node0: a window slides"));
    assert_eq!(pool(&[1, 1, 2, 2], plain), malformed);
    assert_eq!(pool(&[1, 1, 2, 2], window([0, 1], [1, 1], [0; 4])), malformed);
    assert_eq!(pool(&[1, 1, 2, 2], window([usize::MAX, 1], [1, 1], [1; 4])), malformed);

    let mut net = Net::new("raw", &[(&[1, 2, 4], 0)]);
    let raw = net.linear(&mut Noise(1), 0, 4, After::Raw);
    let y = net.max_pool(raw, window([1, 2], [1, 1], [0; 4]));
    assert!(
        matches!(compile(&net.finish(y), &Exposure::public(), Objective::Size), Err(Error::WideMaximum { node }) if node == "node1")
    );

    let view = |operator: Operator, shape: &[usize]| {
        let mut net = Net::new("view", &[(&[1, 3], 0)]);
        let y = net.node(operator, &[0], shape, 0);
        refusal(&net.finish(y))
    };
    assert_eq!(view(Operator::Reshape, &[2, 2]), "node0: a reshape keeps the number of elements");
    assert_eq!(
        view(Operator::Slice { axis: 2, start: 0, step: 1 }, &[1, 1]),
        "node0: the axis of its slice does not exist"
    );
    assert_eq!(view(Operator::Slice { axis: 1, start: 2, step: 1 }, &[1, 2]), "node0: a slice leaves its input");
    assert_eq!(
        view(Operator::Transpose { permutation: vec![0, 0] }, &[1, 3]),
        "node0: a transpose needs a permutation of the dimensions"
    );
}

#[test]
fn inputs() {
    let circuit = compile(&linear(), &Exposure::public(), Objective::Prover).unwrap();
    assert_eq!(circuit.witness(&[], &[]), Err(InputError::Count { expected: 1, got: 0 }));
    let refused = |values: Vec<i64>| circuit.witness(&[], &[values]).unwrap_err().to_string();
    assert_eq!(refused(vec![1, 2]), "x0: 2 elements, its shape [1, 3] has 3");
    assert_eq!(refused(vec![1, -129, 3]), "x0: element 1 is -129, its declared range is -128..=127");
    assert_eq!(
        refused(vec![1, 2, i64::MAX]),
        format!("x0: element 2 is {}, its declared range is -128..=127", i64::MAX)
    );
}
