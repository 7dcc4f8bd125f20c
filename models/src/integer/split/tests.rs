use super::*;
use crate::integer::graph::{Function, Input, Output, Quantisation, Requantise, Ties, Weights};
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

/// Runs the segments one after another: what crosses are the first inputs of the next one, and the
/// others are the graph's, by their names.
fn run(graph: &Graph, segments: &[Graph], inputs: &[ArrayD<i64>]) -> Vec<ArrayD<i64>> {
    let mut before: Option<(&Graph, Vec<ArrayD<i64>>)> = None;
    for segment in segments {
        let mut values = Vec::new();
        if let Some((before, outputs)) = before {
            for (output, input) in before.outputs.iter().zip(&segment.inputs) {
                assert_eq!(output.name, input.name);
                assert_eq!(before.shape(output.value), input.shape);
                assert_eq!(before.quantisation(output.value), input.quantisation);
            }
            values = outputs;
        }
        for input in &segment.inputs[values.len()..] {
            let whole = graph.inputs.iter().position(|whole| whole == input);
            values.push(inputs[whole.expect("an input of the graph")].clone());
        }
        before = Some((segment, interpreter::run(segment, &values).unwrap()));
    }
    before.expect("a segment").1
}

fn cut(node: usize, value: ValueId, elements: usize) -> Cut {
    Cut { node, value, elements }
}

#[test]
fn cuts_are_where_one_value_crosses() {
    assert_eq!(residual().cuts(|_| true), [cut(0, 1, 4), cut(3, 4, 4), cut(4, 5, 5)]);
    let mut two = residual();
    two.outputs.push(Output { name: "hidden".into(), value: 4 });
    assert_eq!(two.cuts(|_| true), [cut(0, 1, 4)], "an output lies before the others");
    let mut late = residual();
    late.inputs.push(late.inputs[0].clone());
    late.nodes.iter_mut().for_each(|node| {
        node.inputs.iter_mut().for_each(|value| *value += usize::from(*value > 0))
    });
    late.outputs[0].value += 1;
    assert_eq!(late.cuts(|_| true), [cut(0, 2, 4), cut(3, 5, 4), cut(4, 6, 5)]);
    late.nodes[3].inputs[1] = 1;
    assert_eq!(late.cuts(|_| true), [cut(0, 2, 4), cut(3, 5, 4), cut(4, 6, 5)]);
    assert_eq!(late.cuts(|_| false), late.cuts(|_| true), "each input is read by one segment");
    late.nodes[3].inputs = vec![4, 0];
    let all = [cut(0, 2, 4), cut(1, 3, 2), cut(2, 4, 4), cut(3, 5, 4), cut(4, 6, 5)];
    assert_eq!(late.cuts(|_| true), all);
    assert_eq!(late.cuts(|input| input != 0), all[3..], "the first input would be read by two");
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
        ends(true).cuts(|_| true),
        [0, 1, 2].map(|node| cut(node, node + 1, 4)),
        "accumulators do not cross"
    );
    let all = [cut(0, 1, 4), cut(1, 2, 4), cut(2, 3, 4), cut(3, 4, 2), cut(4, 5, 2)];
    assert_eq!(ends(false).cuts(|_| true), all);
}

#[test]
fn segments_are_the_pieces_of_the_whole() {
    let graph = residual();
    let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![100, -128, 55]).unwrap();
    let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
    for cuts in [&[][..], &[0], &[3], &[0, 3], &[0, 3, 4]] {
        let segments = graph.split(cuts).unwrap();
        assert_eq!(segments.len(), cuts.len() + 1);
        assert_eq!(run(&graph, &segments, std::slice::from_ref(&input)), whole, "{cuts:?}");
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
        assert_eq!(run(&graph, &segments, std::slice::from_ref(&input)), whole, "{cuts:?}");
    }
}

/// Two segments that read one input have it both; what is computed of no input each computes.
#[test]
fn segments_share_inputs_and_constants() {
    let sum = || Operator::Sum {
        multipliers: vec![1, 1],
        constant: vec![],
        requantise: Some(Requantise {
            shift: 0,
            ties: Ties::Up,
            zero_point: 0,
            function: Function::clamp(-128, 127),
        }),
    };
    let mut graph = graph(vec![
        node("constant", Operator::Constant(vec![1, -2, 3]), &[], &[1, 3]),
        node("a", sum(), &[0, 1], &[1, 3]),
        linear("b", 2, 3, 3, false),
        node("c", sum(), &[3, 0], &[1, 3]),
        node("d", sum(), &[4, 1], &[1, 3]),
    ]);
    let second = Input { name: "z".into(), ..graph.inputs[0].clone() };
    graph.inputs.push(second);
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(|value| *value += usize::from(*value > 0));
    }
    graph.nodes[4].inputs[0] = 1;
    graph.nodes.push(node("e", sum(), &[5, 6], &[1, 3]));
    graph.outputs[0].value = 7;
    let cuts: Vec<usize> = graph.cuts(|_| true).iter().map(|cut| cut.node).collect();
    assert_eq!(cuts, [1, 2, 3]);
    let segments = graph.split(&[2, 3]).unwrap();
    let names = |segment: &Graph| {
        let inputs = segment.inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>();
        let nodes = segment.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
        [inputs.join(" "), nodes.join(" ")]
    };
    let expected = [["x", "constant a b"], ["b x", "c"], ["c z", "constant d e"]];
    assert_eq!(segments.iter().map(names).collect::<Vec<_>>(), expected);
    assert!(segments.iter().all(|segment| segment.validate().is_ok()));
    let inputs = [[100, -128, 55], [7, 8, -9]];
    let inputs = inputs.map(|x| ArrayD::from_shape_vec(IxDyn(&[1, 3]), x.to_vec()).unwrap());
    let whole = interpreter::run(&graph, &inputs).unwrap();
    for cuts in [&[2, 3][..], &[1], &[3], &[1, 2, 3]] {
        assert_eq!(run(&graph, &graph.split(cuts).unwrap(), &inputs), whole, "{cuts:?}");
    }
}

/// A residual stream that nobody rounds: both digits of it, of any number that it can be.
#[test]
fn what_was_not_rounded_crosses_as_two_digits() {
    let adds = |multipliers: [i64; 2]| Operator::Sum {
        multipliers: multipliers.to_vec(),
        constant: vec![],
        requantise: None,
    };
    let graph = graph(vec![
        linear("a", 0, 3, 3, false),
        node("stream", adds([900, -7]), &[0, 1], &[1, 3]),
        linear("b", 0, 3, 3, false),
        node("more", adds([1, 31]), &[2, 3], &[1, 3]),
    ]);
    // Behind the stream the input crosses too.
    assert_eq!(graph.cuts(|_| true), [cut(0, 1, 3), cut(1, 2, 6)]);
    let segments = graph.split(&[1]).unwrap();
    assert!(segments.iter().all(|segment| segment.validate().is_ok()));
    let [first, second] = &segments[..] else { panic!("two segments") };
    let names: Vec<&str> = second.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["stream high", "stream low", "x"]);
    for input in [[127, -128, 0], [-128, 127, 1], [3, -9, 64]] {
        let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), input.to_vec()).unwrap();
        let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
        for digits in interpreter::run(first, std::slice::from_ref(&input))
            .unwrap()
            .iter()
            .zip(&second.inputs)
        {
            let (digits, Input { minimum, maximum, .. }) = digits;
            assert!(digits.iter().all(|digit| (minimum..=maximum).contains(&digit)), "{digits}");
        }
        assert_eq!(run(&graph, &segments, std::slice::from_ref(&input)), whole);
    }
    let joined = Graph::joined(segments.clone()).unwrap();
    assert_eq!(joined, Graph { name: "net.1".into(), ..graph.clone() });
    // Of more bits than two short digits have, it does not cross.
    let mut wide = graph;
    let Operator::Sum { multipliers, .. } = &mut wide.nodes[1].operator else { panic!("a sum") };
    multipliers[0] = 1 << 20;
    assert_eq!(wide.cuts(|_| true), [cut(0, 1, 3)]);
}

#[test]
fn segments_of_one_split_are_joined_in_order() {
    let segments = residual().split(&[0, 3]).unwrap();
    let [a, b, c] = &segments[..] else { panic!("three segments") };
    let joined = Graph::joined(segments.clone()).unwrap();
    let mut whole = residual();
    whole.name = "net.1".into();
    assert_eq!(joined, whole);
    for (order, wrong) in [([b, a], "net.1"), ([a, c], "net.3"), ([a, a], "net.1")] {
        let refusal = SplitError::NotNext { segment: wrong.into() };
        assert_eq!(Graph::joined(order.map(Clone::clone).to_vec()), Err(refusal));
    }
    let mut other = b.clone();
    other.inputs[0].quantisation.scale = 0.2;
    assert!(Graph::joined(vec![a.clone(), other]).is_err());
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
        let nodes: Vec<usize> = graph.cuts(|_| true).iter().map(|cut| cut.node).collect();
        for cuts in nodes.chunks(1).chain([&nodes[..]]) {
            let segments = graph.split(cuts).unwrap();
            prop_assert_eq!(&run(&graph, &segments, &inputs), &whole);
            let joined = Graph::joined(segments).unwrap();
            let order = joined.inputs.iter().map(|input| {
                let at = graph.inputs.iter().position(|whole| whole == input).unwrap();
                inputs[at].clone()
            });
            let order: Vec<_> = order.collect();
            prop_assert_eq!(&interpreter::run(&joined, &order).unwrap(), &whole);
        }
    }
}
