//! Checks that no valid graph meets, since validation refuses more, and that lowering relies on all
//! the same.

use zkinfer_models::integer::graph::{Graph, Input, Node, Operator, Quantisation};
use zkinfer_verifier::circuit::interval::Interval;

use super::lowering::{Lowering, Value};
use crate::error::Error;

const READING: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

/// Lowers one operator over inputs of these shapes and ranges.
fn lower(
    inputs: &[(&[usize], [i64; 2])],
    operator: Operator,
    shape: &[usize],
) -> Result<(), Error> {
    let input = |(shape, [minimum, maximum]): &(&[usize], [i64; 2])| Input {
        name: "x".into(),
        shape: shape.to_vec(),
        quantisation: READING,
        minimum: *minimum,
        maximum: *maximum,
    };
    let node = Node {
        name: "node".into(),
        inputs: (0..inputs.len()).collect(),
        operator,
        shape: shape.to_vec(),
        quantisation: READING,
    };
    let inputs = inputs.iter().map(input).collect();
    let graph = Graph {
        name: "graph".into(),
        inputs,
        nodes: vec![node],
        outputs: Vec::new(),
        parts: Default::default(),
    };
    let started = super::started(&graph, &super::Exposure::public()).unwrap();
    let mut lowering = Lowering::new(&graph, false, started);
    for (index, input) in graph.inputs.iter().enumerate() {
        let range = Interval { minimum: input.minimum, maximum: input.maximum };
        let node = lowering.builder.input(index, input.shape.clone(), range);
        lowering.values.push(Value::Node(node));
    }
    lowering.builder.enter("node");
    super::node(&mut lowering, &graph.nodes[0]).map(|_| ())
}

fn wide() -> Result<(), Error> {
    Err(Error::WideMaximum { node: "node".into() })
}

#[test]
fn operands_have_the_shape_of_the_result() {
    let same = Err(Error::Malformed { node: "node".into(), what: "its operands have its shape" });
    let range = [0, 1];
    for operator in [Operator::Max, Operator::Min, Operator::Select] {
        let three: [(&[usize], _); 3] = [(&[1, 2], range), (&[1, 2], range), (&[1, 2], range)];
        assert_eq!(lower(&three, operator.clone(), &[1, 2]), Ok(()));
        assert_eq!(lower(&three, operator.clone(), &[2, 1]), same);
        for other in 0..3 {
            let mut inputs = three;
            inputs[other].0 = &[2, 1];
            assert_eq!(lower(&inputs, operator.clone(), &[1, 2]), same);
        }
    }
}

/// A length of ranges: of that many steps, and of one step more.
const LONGEST: i64 = 1 << 18;

#[test]
fn differences_have_a_table() {
    for operator in [Operator::Max, Operator::Min] {
        let extreme = |a, b| lower(&[(&[1, 2], a), (&[1, 2], b)], operator.clone(), &[1, 2]);
        assert_eq!(extreme([0, LONGEST], [-3 + LONGEST / 2, 5 + LONGEST / 2]), Ok(()));
        assert_eq!(extreme([-1, LONGEST], [0, 1]), wide());
        assert_eq!(extreme([0, 1], [-1, LONGEST]), wide());
    }
    let select = |yes, no| {
        lower(&[(&[1, 2], [0, 1]), (&[1, 2], yes), (&[1, 2], no)], Operator::Select, &[1, 2])
    };
    assert_eq!(select([0, LONGEST], [3, 4]), Ok(()));
    assert_eq!(select([-1, LONGEST], [3, 4]), wide());
    assert_eq!(select([3, 4], [-1, LONGEST]), wide());
}

#[test]
fn no_more_places_than_elements() {
    let top = |places| {
        let operator = Operator::TopK { axis: 1, smallest: false, indices: false };
        lower(&[(&[1, 3], [0, 1])], operator, &[1, places])
    };
    assert_eq!([1, 3].map(top), [Ok(()), Ok(())]);
    assert_eq!(top(4), wide());
}
