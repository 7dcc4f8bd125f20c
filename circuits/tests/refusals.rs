//! Graphs and inputs that are refused, each with an error that names the culprit.

mod common;

use common::{After, Net, Noise, window};
use zkinfer_circuits::{Error, Exposure, InputError, Objective, compile};
use zkinfer_models::integer::graph::{Graph, Operator, Requantise};

fn refusal(graph: &Graph) -> String {
    compile(graph, &Exposure::public(), Objective::Prover).unwrap_err().to_string()
}

/// What validation says of a graph that must not be lowered, whatever proofs are to show.
fn invalid(graph: &Graph, problem: &str) {
    for exposure in [Exposure::public(), Exposure::default()] {
        match compile(graph, &exposure, Objective::Prover) {
            Err(Error::Graph(fault)) => assert_eq!(fault.problem, problem),
            other => panic!(
                "{problem}: {:?}",
                other.map(|circuit| circuit.into_key().description().clone())
            ),
        }
    }
}

fn linear() -> Graph {
    let mut net = Net::new("linear", &[(&[1, 3], 0)]);
    let y = net.linear(&mut Noise(1), 0, 2, After::Int8 { shift: 4, zero_point: 0 });
    net.finish(y)
}

/// The layer's numbers changed.
fn changed(change: impl Fn(Parts<'_>)) -> Graph {
    let mut graph = linear();
    let Operator::Linear { weights, bias, multipliers, requantise } = &mut graph.nodes[0].operator
    else {
        unreachable!()
    };
    let (mut own, requantise) = (weights.own().unwrap().to_vec(), requantise.as_mut().unwrap());
    change(Parts { weights: &mut own, bias, multipliers, requantise });
    *weights = own.into();
    graph
}

/// The numbers of a linear layer.
struct Parts<'a> {
    weights: &'a mut Vec<i32>,
    bias: &'a mut Vec<i64>,
    multipliers: &'a mut Vec<i64>,
    requantise: &'a mut Requantise,
}

/// Each of these would be compiled to some function if nobody asked whether the graph has one:
/// lowering looks at less than the interpreter relies on.
#[test]
fn graphs_without_a_meaning() {
    // A condition of 2 is neither branch.
    let mut net = Net::new("select", &[(&[1, 3], 0), (&[1, 3], 0), (&[1, 3], 0)]);
    let y = net.node(Operator::Select, &[0, 1, 2], &[1, 3], 0);
    let mut graph = net.finish(y);
    (graph.inputs[0].minimum, graph.inputs[0].maximum) = (0, 2);
    invalid(&graph, "its condition is not 0 or 1");
    graph.inputs[0].maximum = 1;
    assert!(compile(&graph, &Exposure::public(), Objective::Prover).is_ok());

    // Weights beyond three digits.
    invalid(
        &changed(|parts| parts.weights[0] = i32::MIN),
        "weight -2147483648 of channel 0 is larger than 8355711",
    );
    invalid(
        &changed(|parts| parts.weights[5] = i32::MAX),
        "weight 2147483647 of channel 1 is larger than 8355711",
    );
    // A bias beyond six digits, which would leave its row in a seal.
    invalid(
        &changed(|parts| parts.bias[1] = 1 << 40),
        "bias 1099511627776 of channel 1 is larger than 33814345695",
    );
    // Numbers that contradict each other.
    invalid(
        &changed(|parts| parts.bias.truncate(1)),
        "its operator gives shape [1, 1], but shape [1, 2] is declared",
    );
    invalid(&changed(|parts| parts.weights.truncate(4)), "4 weights, expected 6");
    invalid(&changed(|parts| parts.multipliers.truncate(1)), "1 multipliers, expected 2");
    invalid(
        &changed(|parts| parts.multipliers[0] = -3),
        "multiplier -3 of channel 0 is not positive",
    );
    invalid(&changed(|parts| parts.multipliers[0] = i64::MAX), "its accumulator can reach 2^62");
    invalid(
        &changed(|parts| parts.requantise.zero_point = i64::MAX),
        &format!("zero point {} has more than 16 bits", i64::MAX),
    );
    invalid(&changed(|parts| parts.requantise.shift = 99), "shift 99 is above 62");
    invalid(&changed(|parts| parts.requantise.function.values.clear()), "a table of 0 entries");
    invalid(
        &changed(|parts| parts.requantise.function.values[7] = 1 << 20),
        "entries of more than 16 bits",
    );

    // The shape people see is that of the integers, not only one of as many elements.
    let mut graph = linear();
    graph.nodes[0].shape = vec![2, 1];
    invalid(&graph, "its operator gives shape [1, 2], but shape [2, 1] is declared");
    let mut net = Net::new("pool", &[(&[1, 1, 3, 3], 0)]);
    let y = net.max_pool(0, window([2, 2], [1, 1], [0; 4]));
    let mut graph = net.finish(y);
    // One divisor for four positions.
    graph.nodes[0].operator = Operator::AveragePool {
        window: window([2, 2], [1, 1], [0; 4]),
        multipliers: vec![16],
        requantise: After::Int8 { shift: 6, zero_point: 0 }.requantise(),
    };
    invalid(&graph, "1 multipliers, expected 4");
    // A maximum of nothing but padding.
    let mut net = Net::new("padding", &[(&[1, 1, 3, 3], 0)]);
    let y = net.max_pool(0, window([1, 1], [1, 1], [1, 0, 0, 0]));
    invalid(&net.finish(y), "a window lies entirely on padding");
    // Integers that stand for other numbers than those beside them.
    let mut net = Net::new("maximum", &[(&[1, 3], 0), (&[1, 3], 5)]);
    let y = net.node(Operator::Max, &[0, 1], &[1, 3], 0);
    invalid(&net.finish(y), "scale and zero point differ from its input's");
}

#[test]
fn references() {
    let mut graph = linear();
    graph.nodes[0].inputs[0] = 1;
    invalid(&graph, "reads value 1, which is not computed before it");
    graph.nodes[0].inputs.clear();
    invalid(&graph, "reads 0 values");
    graph.nodes[0].inputs = vec![0, 0];
    invalid(&graph, "reads 2 values");
    let mut graph = linear();
    graph.outputs[0].value = 9;
    invalid(&graph, "value 9 does not exist");
    graph.outputs.clear();
    invalid(&graph, "there is none");
    let mut net = Net::new("index", &[(&[1, 3], 0)]);
    let index = net.argmax(0, 1, false, &[1]);
    let y = net.node(Operator::Reshape, &[index], &[1, 1], 0);
    invalid(&net.finish(y), "reads the result of an ArgMax");
    let mut net = Net::new("raw", &[(&[1, 2, 4], 0)]);
    let raw = net.linear(&mut Noise(1), 0, 4, After::Raw);
    let y = net.max_pool(raw, window([1, 2], [1, 1], [0; 4]));
    invalid(&net.finish(y), "reads an accumulator that was not requantised");
}

/// Valid graphs whose numbers are too large for a circuit.
#[test]
fn numbers_that_do_not_fit() {
    let overflow = "\"node0\": its rescaling does not fit 62 bits; quantise with smaller \
        multipliers or shifts";
    let shifted =
        changed(|parts| (parts.requantise.shift, parts.requantise.zero_point) = (60, 100));
    assert_eq!(refusal(&shifted), overflow);
    assert_eq!(refusal(&changed(|parts| parts.requantise.shift = 61)), overflow);
    // Valid by itself, but not with the half that rounding adds.
    let half = changed(|Parts { weights, bias, multipliers, requantise }| {
        let reach: i64 = weights[..3].iter().map(|&weight| 128 * i64::from(weight).abs()).sum();
        multipliers[0] = (1 << 62) / (reach + bias[0].abs()) - 1;
        requantise.shift = 60;
        multipliers[1] = 1;
    });
    assert_eq!(refusal(&half), "\"node0\": its values can exceed 62 bits");
}

#[test]
fn sums_pools_and_views_that_do_not_fit() {
    let requantise = After::Int8 { shift: 4, zero_point: 0 }.requantise().unwrap();
    let sum = |multipliers: Vec<i64>, constant: Vec<i64>, shape: &[usize]| {
        let mut net = Net::new("sum", &[(&[1, 3], 0), (shape, 0)]);
        let y = net.node(
            Operator::Sum { multipliers, constant, requantise: Some(requantise.clone()) },
            &[0, 1],
            &[1, 3],
            0,
        );
        net.finish(y)
    };
    invalid(&sum(vec![1], vec![], &[1, 3]), "1 multipliers, expected 2");
    invalid(&sum(vec![1, 1], vec![1], &[1, 3]), "1 constants, expected 3");
    invalid(
        &sum(vec![1, 1], vec![], &[3, 1]),
        "its operator gives shape [3, 1], but shape [1, 3] is declared",
    );

    let pool = |shape: &[usize], window| {
        let mut net = Net::new("pool", &[(shape, 0)]);
        let y = net.node(Operator::MaxPool { window }, &[0], &[1, 1, 2, 2], 0);
        net.finish(y)
    };
    let plain = window([2, 2], [1, 1], [0; 4]);
    invalid(&pool(&[3, 3], plain.clone()), "reads shape [3, 3], not [1, C, H, W] or [1, C, L]");
    invalid(
        &pool(&[1, 1, 2, 2], plain),
        "its operator gives shape [1, 1, 1, 1], but shape [1, 1, 2, 2] is declared",
    );
    for broken in [window([0, 1], [1, 1], [0; 4]), window([usize::MAX, 1], [1, 1], [1; 4])] {
        invalid(
            &pool(&[1, 1, 2, 2], broken.clone()),
            &format!("window {broken:?} does not fit shape [1, 1, 2, 2]"),
        );
    }

    let view = |operator: Operator, shape: &[usize], problem: &str| {
        let mut net = Net::new("view", &[(&[1, 3], 0)]);
        let y = net.node(operator, &[0], shape, 0);
        invalid(&net.finish(y), problem);
    };
    view(Operator::Reshape, &[2, 2], "[1, 3] cannot become [2, 2]");
    view(
        Operator::Slice { axis: 2, start: 0, step: 1 },
        &[1, 1],
        "dimension 2 of [1, 3] does not exist",
    );
    view(
        Operator::Slice { axis: 1, start: 2, step: 1 },
        &[1, 2],
        "elements 2, 2+(1), … leave dimension 1 of [1, 3]",
    );
    view(
        Operator::Transpose { permutation: vec![0, 0] },
        &[1, 3],
        "[0, 0] is not a permutation of 2 dimensions",
    );
}

/// A key made for small biases cannot seal large ones: their upper digits would be lost.
#[test]
fn a_key_with_too_few_digits_for_the_biases() {
    let exposure = Exposure::default();
    let small = compile(&linear(), &exposure, Objective::Prover).unwrap();
    assert_eq!(
        common::model_tensors(&linear(), small.key()).map(|tensors| tensors[0].len()),
        Ok(6)
    );
    let large = changed(|parts| parts.bias[1] = 128_992);
    let refused = common::model_tensors(&large, small.key());
    assert_eq!(
        refused,
        Err(Error::TooFewDigits { node: "node0".into(), bias: 128_992, digits: 3 })
    );
    let own = compile(&large, &exposure, Objective::Prover).unwrap();
    assert_eq!(common::model_tensors(&large, own.key()).map(|tensors| tensors[0].len()), Ok(8));
}

#[test]
fn inputs() {
    let circuit = compile(&linear(), &Exposure::public(), Objective::Prover).unwrap();
    assert_eq!(circuit.witness(&[], &[]), Err(InputError::Count { expected: 1, got: 0 }));
    let refused = |values: Vec<i64>| circuit.witness(&[], &[values]).unwrap_err().to_string();
    assert_eq!(refused(vec![1, 2]), "\"x0\": 2 elements, its shape [1, 3] has 3");
    assert_eq!(
        refused(vec![1, -129, 3]),
        "\"x0\": element 1 is -129, its declared range is -128..=127"
    );
    assert_eq!(
        refused(vec![1, 2, i64::MAX]),
        format!("\"x0\": element 2 is {}, its declared range is -128..=127", i64::MAX)
    );
}
