use super::*;
use crate::integer::graph::{Function, Quantisation, Requantise, Ties};
use crate::integer::interpreter;
use crate::quantise::report::{NodeReport, Report};
use crate::testing::arbitrary::arb_case;
use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

const QUANTISATION: Quantisation = Quantisation { scale: 0.1, zero_point: 0 };

fn node(name: &str, operator: Operator, inputs: &[ValueId], shape: &[usize]) -> Node {
    Node {
        name: name.into(),
        inputs: inputs.to_vec(),
        operator,
        shape: shape.to_vec(),
        quantisation: QUANTISATION,
    }
}

fn linear(name: &str, input: ValueId, rows: usize, taps: usize, raw: bool) -> Node {
    let weights = (0..rows * taps).map(|i| i32::from((i * 37 % 200) as i8)).collect();
    let requantise = (!raw).then(|| Requantise {
        shift: 6,
        ties: Ties::Up,
        zero_point: 0,
        function: Function::clamp(-128, 127),
    });
    let operator = Operator::Linear {
        weights: Weights::Own(weights),
        bias: vec![3; rows],
        multipliers: vec![1; rows],
        requantise,
    };
    node(name, operator, &[input], &[1, rows])
}

/// `nodes` over one input, the last of them put out.
fn graph(nodes: Vec<Node>) -> Graph {
    let outputs = vec![Output { name: "y".into(), value: nodes.len() }];
    let inputs = vec![Input {
        name: "x".into(),
        shape: vec![1, 3],
        quantisation: QUANTISATION,
        minimum: -128,
        maximum: 127,
    }];
    Graph { name: "net".into(), inputs, nodes, outputs, parts: BTreeMap::new() }
}

/// `a → (b → c) + a → d → logits`: value 0 is the input.
fn residual() -> Graph {
    let requantise = Requantise {
        shift: 0,
        ties: Ties::Up,
        zero_point: 0,
        function: Function::clamp(-128, 127),
    };
    let sum =
        Operator::Sum { multipliers: vec![1, 1], constant: vec![], requantise: Some(requantise) };
    graph(vec![
        linear("a", 0, 4, 3, false),
        linear("b", 1, 2, 4, false),
        linear("c", 2, 4, 2, false),
        node("sum", sum, &[1, 3], &[1, 4]),
        linear("d", 4, 5, 4, false),
        linear("logits", 5, 2, 5, true),
    ])
}

/// Runs the segments one after another.
fn run(segments: &[Graph], inputs: &[ArrayD<i64>]) -> Vec<ArrayD<i64>> {
    for pair in segments.windows(2) {
        let [output] = &pair[0].outputs[..] else { panic!("{} outputs", pair[0].outputs.len()) };
        let [input] = &pair[1].inputs[..] else { panic!("{} inputs", pair[1].inputs.len()) };
        assert_eq!(output.name, input.name);
        assert_eq!(pair[0].shape(output.value), input.shape);
        assert_eq!(pair[0].quantisation(output.value), input.quantisation);
    }
    segments
        .iter()
        .fold(inputs.to_vec(), |values, segment| interpreter::run(segment, &values).unwrap())
}

fn cut(node: usize, value: ValueId, elements: usize) -> Cut {
    Cut { node, value, elements }
}

#[test]
fn cuts_are_where_one_value_crosses() {
    assert_eq!(residual().cuts(), [cut(0, 1, 4), cut(3, 4, 4), cut(4, 5, 5)]);
    let mut two = residual();
    two.outputs.push(Output { name: "hidden".into(), value: 4 });
    assert_eq!(two.cuts(), [cut(0, 1, 4)], "an output lies before the others");
    let mut late = residual();
    late.inputs.push(late.inputs[0].clone());
    late.nodes.iter_mut().for_each(|node| {
        node.inputs.iter_mut().for_each(|value| *value += usize::from(*value > 0))
    });
    late.outputs[0].value += 1;
    assert_eq!(late.cuts(), [cut(0, 2, 4), cut(3, 5, 4), cut(4, 6, 5)]);
    late.nodes[3].inputs[1] = 1;
    assert_eq!(late.cuts(), [cut(3, 5, 4), cut(4, 6, 5)], "the second input crosses the first cut");
}

#[test]
fn only_int8_crosses() {
    let ends = |raw| {
        let arg_max = Operator::ArgMax { axis: 0, select_last: false, smallest: false };
        graph(vec![
            linear("a", 0, 4, 3, false),
            node("flat", Operator::Reshape, &[1], &[4, 1]),
            node("turned", Operator::Transpose { permutation: vec![1, 0] }, &[2], &[1, 4]),
            linear("logits", 3, 2, 4, raw),
            node("view", Operator::Reshape, &[4], &[2]),
            node("index", arg_max, &[5], &[]),
        ])
    };
    assert_eq!(
        ends(true).cuts(),
        [0, 1, 2].map(|node| cut(node, node + 1, 4)),
        "accumulators do not cross"
    );
    let all = [cut(0, 1, 4), cut(1, 2, 4), cut(2, 3, 4), cut(3, 4, 2), cut(4, 5, 2)];
    assert_eq!(ends(false).cuts(), all);
}

#[test]
fn segments_are_the_pieces_of_the_whole() {
    let graph = residual();
    let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![100, -128, 55]).unwrap();
    let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
    for cuts in [&[][..], &[0], &[3], &[0, 3], &[0, 3, 4]] {
        let segments = graph.split(cuts).unwrap();
        assert_eq!(segments.len(), cuts.len() + 1);
        assert_eq!(run(&segments, std::slice::from_ref(&input)), whole, "{cuts:?}");
    }
    assert_eq!(graph.split(&[]).unwrap(), std::slice::from_ref(&graph));

    let mut report = Report::new("net");
    report.notes.push("a note".into());
    report.nodes.extend(graph.nodes.iter().map(NodeReport::new));
    let parts = graph.split(&[0, 3]).unwrap().into_iter().map(|segment| {
        let part = report.part(&segment);
        assert_eq!((&part.model, &part.notes), (&segment.name, &report.notes));
        let nodes: Vec<_> = part.nodes.into_iter().map(|entry| entry.name).collect();
        (
            segment.name,
            segment.inputs[0].name.clone(),
            segment.outputs[0].name.clone(),
            nodes.join(" "),
        )
    });
    let expected = [
        ("net.1", "x", "a", "a"),
        ("net.2", "a", "sum", "b c sum"),
        ("net.3", "sum", "y", "d logits"),
    ];
    let expected = expected.map(|(a, b, c, d)| (a.into(), b.into(), c.into(), d.into()));
    assert_eq!(parts.collect::<Vec<_>>(), expected);
}

/// A segment has the weights that its layers read: the first of these, unless the owner is
/// there itself.
#[test]
fn weights_stay_with_who_reads_them() {
    let mut nodes: Vec<Node> =
        (0..6).map(|index| linear(&format!("n{index}"), index, 3, 3, false)).collect();
    for (reader, owner) in [(2, 0), (4, 1), (5, 0)] {
        *nodes[reader].operator.weights_mut().unwrap() = Weights::Of(owner);
    }
    let graph = graph(nodes);
    let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![100, -128, 55]).unwrap();
    let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
    let owners = |segment: &Graph| {
        let weights = segment.nodes.iter().map(|node| node.operator.weights().unwrap().0);
        weights.map(Weights::owner).collect::<Vec<_>>()
    };
    for (cuts, expected) in [
        (&[2][..], [&[None, None, Some(0)][..], &[None, None, None]]),
        (&[0], [&[None], &[None, None, None, Some(0), Some(1)]]),
    ] {
        let segments = graph.split(cuts).unwrap();
        assert_eq!(segments.iter().map(owners).collect::<Vec<_>>(), expected, "{cuts:?}");
        assert_eq!(run(&segments, std::slice::from_ref(&input)), whole, "{cuts:?}");
    }
}

#[test]
fn other_places_are_refused() {
    for (nodes, at) in [
        (&[1][..], 1),
        (&[2], 2),
        (&[5], 5),
        (&[9], 9),
        (&[3, 0], 0),
        (&[0, 0], 0),
        (&[0, 1, 3], 1),
    ] {
        let refusal = SplitError::NotACut { graph: "net".into(), node: at };
        assert_eq!(residual().split(nodes), Err(refusal), "{nodes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn segments_of_any_graph_compute_what_it_computes((graph, inputs) in arb_case()) {
        let whole = interpreter::run(&graph, &inputs).unwrap();
        let nodes: Vec<usize> = graph.cuts().iter().map(|cut| cut.node).collect();
        for cuts in nodes.chunks(1).chain([&nodes[..]]) {
            prop_assert_eq!(&run(&graph.split(cuts).unwrap(), &inputs), &whole);
        }
    }
}
