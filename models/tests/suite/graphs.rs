//! Quantised graphs: the interpreter against an independent reading of the contract, and what
//! validation refuses.

use ndarray::{ArrayD, IxDyn, indices};
use proptest::prelude::*;
use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Graph, Input, Node, Operator, Output, Quantisation, Requantise, Ties,
    Window,
};
use zkinfer_models::integer::interpreter::{self, Interpreter};
use zkinfer_models::testing::arbitrary::arb_case;

/// The contract's formulas element by element, with coordinates and 128-bit integers and nothing of
/// the interpreter's.
fn naive(graph: &Graph, inputs: &[ArrayD<i64>]) -> Vec<ArrayD<i64>> {
    let mut values = inputs.to_vec();
    for node in &graph.nodes {
        let result = ArrayD::from_shape_fn(node.shape.clone(), |at| {
            let at: Vec<usize> = (0..node.shape.len()).map(|axis| at[axis]).collect();
            element(graph, node, &values, &at)
        });
        values.push(result);
    }
    values
}

fn requantise(z: i128, requantise: Option<&Requantise>) -> i64 {
    let Some(Requantise { shift, ties, zero_point, function }) = requantise else {
        return i64::try_from(z).unwrap();
    };
    let unit = 1i128 << shift;
    let (below, rest) = (z.div_euclid(unit), z.rem_euclid(unit));
    // Twice the distance from the half.
    let beyond = 2 * rest - unit;
    let up = match ties {
        _ if *shift == 0 => false,
        Ties::Up => beyond >= 0,
        Ties::Even { slack } if beyond.abs() <= 2 * i128::from(*slack) => below % 2 != 0,
        Ties::Even { .. } => beyond > 0,
    };
    let rounded = below + i128::from(up) + i128::from(*zero_point);
    table(function, rounded)
}

fn table(function: &Function, argument: i128) -> i64 {
    let last = i128::from(function.minimum) + function.values.len() as i128 - 1;
    let argument = argument.max(function.minimum.into()).min(last);
    function.values[(argument - i128::from(function.minimum)) as usize]
}

/// The elements of a window over one channel: (tap, element), padding as `None`.
fn windowed(
    window: &Window,
    x: &ArrayD<i64>,
    channel: usize,
    at: &[usize],
) -> Vec<([usize; 2], Option<i64>)> {
    let flat = x.ndim() == 3;
    let (height, width) = if flat { (1, x.shape()[2]) } else { (x.shape()[2], x.shape()[3]) };
    let (row, column) = if flat { (0, at[2]) } else { (at[2], at[3]) };
    let mut taps = Vec::new();
    for i in 0..window.kernel[0] {
        for j in 0..window.kernel[1] {
            let y =
                (row * window.strides[0] + i * window.dilations[0]) as i64 - window.pads[0] as i64;
            let z = (column * window.strides[1] + j * window.dilations[1]) as i64
                - window.pads[1] as i64;
            let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&z);
            let element = inside.then(|| match flat {
                true => x[[0, channel, z as usize].as_slice()],
                false => x[[0, channel, y as usize, z as usize].as_slice()],
            });
            taps.push(([i, j], element));
        }
    }
    taps
}

fn element(graph: &Graph, node: &Node, values: &[ArrayD<i64>], at: &[usize]) -> i64 {
    let source = node.inputs.first().copied().unwrap_or(0);
    let x = &values[source];
    let zero = graph.quantisation(source).zero_point;
    let centred = |x: Option<i64>| x.map_or(0, |x| i128::from(x - zero));
    match &node.operator {
        Operator::Convolution {
            window,
            groups,
            weights,
            bias,
            multipliers,
            requantise: rescale,
        } => {
            let o = at[1];
            let per_group = x.shape()[1] / groups;
            let group = o / (bias.len() / groups);
            let [kh, kw] = window.kernel;
            let mut sum = i128::from(bias[o]);
            for c in 0..per_group {
                for ([i, j], element) in windowed(window, x, group * per_group + c, at) {
                    sum += i128::from(weights[((o * per_group + c) * kh + i) * kw + j])
                        * centred(element);
                }
            }
            requantise(i128::from(multipliers[o]) * sum, rescale.as_ref())
        }
        Operator::Linear { weights, bias, multipliers, requantise: rescale } => {
            let (&o, rows) = at.split_last().unwrap();
            let terms = x.shape()[x.ndim() - 1];
            let products = (0..terms).map(|t| {
                let element = x[IxDyn(&[rows, &[t]].concat())];
                i128::from(weights[o * terms + t]) * centred(Some(element))
            });
            let sum = products.sum::<i128>() + i128::from(bias[o]);
            requantise(i128::from(multipliers[o]) * sum, rescale.as_ref())
        }
        Operator::Sum { multipliers, constant, requantise: rescale } => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            let mut z = constant.get(flat).map_or(0, |&c| i128::from(c));
            for (&input, &multiplier) in node.inputs.iter().zip(multipliers) {
                let element = values[input][IxDyn(at)] - graph.quantisation(input).zero_point;
                z += i128::from(multiplier) * i128::from(element);
            }
            requantise(z, Some(rescale))
        }
        Operator::AveragePool { window, multipliers, requantise: rescale } => {
            let sum: i128 =
                windowed(window, x, at[1], at).into_iter().map(|(_, x)| centred(x)).sum();
            let width = node.shape[node.shape.len() - 1];
            let position = if x.ndim() == 3 { at[2] } else { at[2] * width + at[3] };
            requantise(i128::from(multipliers[position]) * sum, Some(rescale))
        }
        Operator::MaxPool { window } => {
            windowed(window, x, at[1], at).into_iter().filter_map(|(_, x)| x).max().unwrap()
        }
        Operator::Activation(function) => table(function, x[IxDyn(at)].into()),
        Operator::Product { multiplier, requantise: rescale } => {
            let [a, b] = [0, 1].map(|i| {
                let element = values[node.inputs[i]][IxDyn(at)]
                    - graph.quantisation(node.inputs[i]).zero_point;
                i128::from(element)
            });
            requantise(i128::from(*multiplier) * a * b, Some(rescale))
        }
        Operator::MatMul { multiplier, requantise: rescale } => {
            let ([batch @ .., m, n], terms) = (at, x.shape()[x.ndim() - 1]) else {
                unreachable!("a matrix has rows and columns")
            };
            let [a, b] = [0, 1].map(|i| &values[node.inputs[i]]);
            let zeros = [0, 1].map(|i| graph.quantisation(node.inputs[i]).zero_point);
            let product = |t: usize| {
                let a = a[IxDyn(&[batch, &[*m, t]].concat())] - zeros[0];
                let b = b[IxDyn(&[batch, &[t, *n]].concat())] - zeros[1];
                i128::from(a) * i128::from(b)
            };
            let sum: i128 = (0..terms).map(product).sum();
            requantise(i128::from(*multiplier) * sum, rescale.as_ref())
        }
        Operator::Binary(BinaryFunction { minimum, counts, values: entries }) => {
            let [i, j] = [0, 1].map(|side| {
                let element = values[node.inputs[side]][IxDyn(at)];
                element.max(minimum[side]).min(minimum[side] + counts[side] as i64 - 1)
                    - minimum[side]
            });
            entries[i as usize * counts[1] + j as usize]
        }
        Operator::Max => node.inputs.iter().map(|&input| values[input][IxDyn(at)]).max().unwrap(),
        Operator::Min => node.inputs.iter().map(|&input| values[input][IxDyn(at)]).min().unwrap(),
        Operator::Select => {
            let chosen = if x[IxDyn(at)] == 1 { 1 } else { 2 };
            values[node.inputs[chosen]][IxDyn(at)]
        }
        Operator::Constant(known) => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            known[flat]
        }
        Operator::Reshape => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            *x.iter().nth(flat).unwrap()
        }
        Operator::Transpose { permutation } => {
            let mut source = vec![0; at.len()];
            permutation.iter().zip(at).for_each(|(&axis, &index)| source[axis] = index);
            x[IxDyn(&source)]
        }
        Operator::Slice { axis, start, step } => {
            let mut source = at.to_vec();
            source[*axis] = (*start as isize + step * at[*axis] as isize) as usize;
            x[IxDyn(&source)]
        }
        Operator::Pad { before, value, .. } => {
            let source: Option<Vec<usize>> =
                at.iter().zip(before).map(|(index, before)| index.checked_sub(*before)).collect();
            source.and_then(|source| x.get(IxDyn(&source)).copied()).unwrap_or(*value)
        }
        Operator::Concat { axis } => {
            let mut source = at.to_vec();
            for &input in &node.inputs {
                if let Some(&element) = values[input].get(IxDyn(&source)) {
                    return element;
                }
                source[*axis] -= values[input].shape()[*axis];
            }
            unreachable!("outside all parts")
        }
        Operator::ArgMax { axis, select_last, smallest } => {
            let kept = node.shape.len() == x.ndim();
            let lane: Vec<i64> = (0..x.shape()[*axis])
                .map(|index| {
                    let mut source = at.to_vec();
                    if kept {
                        source[*axis] = index;
                    } else {
                        source.insert(*axis, index);
                    }
                    x[IxDyn(&source)]
                })
                .collect();
            let best = if *smallest { lane.iter().min() } else { lane.iter().max() }.unwrap();
            let found = match select_last {
                true => lane.iter().rposition(|x| x == best),
                false => lane.iter().position(|x| x == best),
            };
            found.unwrap() as i64
        }
        Operator::TopK { axis, smallest, indices } => {
            let lane: Vec<i64> = (0..x.shape()[*axis])
                .map(|index| {
                    let mut source = at.to_vec();
                    source[*axis] = index;
                    x[IxDyn(&source)]
                })
                .collect();
            // The element that exactly `at[axis]` others come before.
            let before = |i: usize, j: usize| {
                let ahead = if *smallest { lane[i] < lane[j] } else { lane[i] > lane[j] };
                ahead || (lane[i] == lane[j] && i < j)
            };
            let rank = |j: usize| (0..lane.len()).filter(|&i| before(i, j)).count();
            let index = (0..lane.len()).find(|&j| rank(j) == at[*axis]).unwrap();
            if *indices { index as i64 } else { lane[index] }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn interpreter_and_contract_agree((graph, inputs) in arb_case()) {
        prop_assert_eq!(interpreter::run_all(&graph, &inputs).unwrap(), naive(&graph, &inputs));
    }

    #[test]
    fn graphs_survive_serialisation((graph, _) in arb_case()) {
        let bytes = postcard::to_stdvec(&graph).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Graph>(&bytes).unwrap(), &graph);
        let text = serde_json::to_string(&graph).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Graph>(&text).unwrap(), &graph);
    }

    /// Whatever a damaged file decodes to, it is refused or runs; nothing panics.
    #[test]
    fn damaged_graphs_are_refused_or_run(
        (graph, _) in arb_case(), position in any::<prop::sample::Index>(), change in 1u8..,
    ) {
        let mut bytes = postcard::to_stdvec(&graph).unwrap();
        let position = position.index(bytes.len());
        bytes[position] ^= change;
        if let Ok(damaged) = postcard::from_bytes::<Graph>(&bytes)
            && let Ok(interpreter) = Interpreter::new(&damaged)
        {
            let small = damaged.inputs.iter().all(|input| input.shape.iter().product::<usize>(
                ) < 10_000);
            let nodes = damaged.nodes.iter().all(|node| node.shape.iter().product::<usize>(
                ) < 10_000);
            if small && nodes {
                let inputs = damaged.inputs.iter().map(|input| ArrayD::from_elem(
                    input.shape.clone(), input.minimum));
                interpreter.run_all(&inputs.collect::<Vec<_>>()).unwrap();
            }
        }
    }
}

/// `x [1, 2, 3]` and one node over it.
fn single(operator: Operator, shape: &[usize]) -> Graph {
    let quantisation = Quantisation { scale: 0.5, zero_point: 0 };
    Graph {
        name: "g".into(),
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![1, 2, 3],
            quantisation,
            minimum: -128,
            maximum: 127,
        }],
        nodes: vec![Node {
            name: "n".into(),
            inputs: vec![0],
            operator,
            shape: shape.to_vec(),
            quantisation,
        }],
        outputs: vec![Output { name: "y".into(), value: 1 }],
        parts: Default::default(),
    }
}

fn rescale() -> Requantise {
    Requantise { shift: 8, ties: Ties::Up, zero_point: 0, function: Function::clamp(-128, 127) }
}

fn linear(weights: Vec<i32>, multiplier: i64, requantise: Option<Requantise>) -> Operator {
    Operator::Linear { weights, bias: vec![0], multipliers: vec![multiplier], requantise }
}

fn unit() -> Window {
    Window::unit()
}

fn fault(graph: &Graph) -> String {
    let message = graph.validate().unwrap_err().to_string();
    message.strip_prefix("quantised graph \"g\", ").unwrap().to_owned()
}

#[test]
fn validation_names_what_is_wrong() {
    let pool = |window| single(Operator::MaxPool { window }, &[1, 2, 3]);
    let slice = |axis, start, step| single(Operator::Slice { axis, start, step }, &[1, 2, 2]);
    let table =
        |values| single(Operator::Activation(Function { minimum: -128, values }), &[1, 2, 3]);
    let cases = [
        (
            single(linear(vec![1; 3], 1, Some(rescale())), &[1, 2, 2]),
            "node \"n\" (Linear): its operator gives shape [1, 2, 1], but shape [1, 2, 2] is \
            declared",
        ),
        (
            single(linear(vec![1; 4], 1, None), &[1, 2, 1]),
            "node \"n\" (Linear): 4 weights, expected 3",
        ),
        (
            single(linear(vec![1, -8_355_712, 1], 1, None), &[1, 2, 1]),
            "node \"n\" (Linear): weight -8355712 of channel 0 is larger than 8355711",
        ),
        (
            single(linear(vec![1; 3], 0, None), &[1, 2, 1]),
            "node \"n\" (Linear): multiplier 0 of channel 0 is not positive",
        ),
        (
            single(linear(vec![127; 3], 1 << 50, None), &[1, 2, 1]),
            "node \"n\" (Linear): its accumulator can reach 2^62",
        ),
        (
            single(linear(vec![127; 3], i64::MAX, None), &[1, 2, 1]),
            "node \"n\" (Linear): its accumulator can reach 2^62",
        ),
        (
            single(linear(vec![1; 3], 1, Some(Requantise { shift: 63, ..rescale() })), &[1, 2, 1]),
            "node \"n\" (Linear): shift 63 is above 62",
        ),
        (
            single(
                linear(vec![1; 3], 1, Some(Requantise { zero_point: 70_000, ..rescale() })),
                &[1, 2, 1],
            ),
            "node \"n\" (Linear): zero point 70000 has more than 16 bits",
        ),
        (
            single(
                linear(
                    vec![1; 3],
                    1,
                    Some(Requantise { ties: Ties::Even { slack: 64 }, ..rescale() }),
                ),
                &[1, 2, 1],
            ),
            "node \"n\" (Linear): a slack of 64 with shift 8",
        ),
        (
            pool(Window { kernel: [2, 1], ..unit() }),
            "node \"n\" (MaxPool): window Window { kernel: [2, 1], strides: [1, 1], pads: [0, 0, \
            0, 0], dilations: [1, 1] } does not fit shape [1, 2, 3]",
        ),
        (
            pool(Window { pads: [0, 1, 0, 0], kernel: [1, 1], strides: [1, 1], dilations: [1, 1] }),
            "node \"n\" (MaxPool): its operator gives shape [1, 2, 4], but shape [1, 2, 3] is \
            declared",
        ),
        (slice(2, 1, 2), "node \"n\" (Slice): elements 1, 1+(2), … leave dimension 2 of [1, 2, 3]"),
        (
            slice(2, 0, -1),
            "node \"n\" (Slice): elements 0, 0+(-1), … leave dimension 2 of [1, 2, 3]",
        ),
        (slice(5, 0, 1), "node \"n\" (Slice): dimension 5 of [1, 2, 3] does not exist"),
        (table(vec![]), "node \"n\" (Activation): a table of 0 entries"),
        (table(vec![0; 65_537]), "node \"n\" (Activation): a table of 65537 entries"),
        (table(vec![65_536]), "node \"n\" (Activation): entries of more than 16 bits"),
        (single(Operator::Reshape, &[5]), "node \"n\" (Reshape): [1, 2, 3] cannot become [5]"),
        (
            single(Operator::Reshape, &[usize::MAX, 2]),
            "node \"n\" (Reshape): shape [18446744073709551615, 2] is empty or has more than \
            33554432 elements",
        ),
        (
            single(Operator::Transpose { permutation: vec![0, 1, 1] }, &[1, 2, 2]),
            "node \"n\" (Transpose): [0, 1, 1] is not a permutation of 3 dimensions",
        ),
        (
            single(Operator::Concat { axis: 3 }, &[1, 2, 3]),
            "node \"n\" (Concat): dimension 3 of [1, 2, 3] does not exist",
        ),
        (
            single(Operator::Pad { before: vec![0; 3], after: vec![0; 2], value: 0 }, &[1, 2, 3]),
            "node \"n\" (Pad): 3+2 pads for shape [1, 2, 3]",
        ),
        (
            single(Operator::ArgMax { axis: 1, select_last: false, smallest: false }, &[1, 3]),
            "node \"n\" (ArgMax): an index needs scale 1 and zero point 0",
        ),
    ];
    for (graph, expected) in &cases {
        assert_eq!(fault(graph), *expected);
    }
}

#[test]
fn validation_checks_the_graph_around_the_nodes() {
    let good = || single(Operator::Reshape, &[6]);
    assert!(good().validate().is_ok());
    let mut graph = good();
    graph.outputs[0].value = 7;
    assert_eq!(fault(&graph), "output \"y\": value 7 does not exist");
    let mut graph = good();
    graph.outputs.clear();
    assert_eq!(fault(&graph), "outputs: there is none");
    let mut graph = good();
    graph.nodes[0].inputs = vec![1];
    assert_eq!(
        fault(&graph),
        "node \"n\" (Reshape): reads value 1, which is not computed before it"
    );
    let mut graph = good();
    graph.nodes[0].inputs = vec![0, 0];
    assert_eq!(fault(&graph), "node \"n\" (Reshape): reads 2 values");
    let mut graph = good();
    // The same integers, read anew.
    graph.nodes[0].quantisation.scale = 0.25;
    assert!(graph.validate().is_ok());
    graph.nodes[0].operator = Operator::MaxPool { window: unit() };
    graph.nodes[0].shape = vec![1, 2, 3];
    assert_eq!(fault(&graph), "node \"n\" (MaxPool): scale and zero point differ from its input's");
    let mut graph = good();
    graph.inputs[0].quantisation.scale = f64::NAN;
    assert_eq!(fault(&graph), "input \"x\": scale NaN is not positive and finite");
}

#[test]
fn accumulators_and_indices_end_the_graph() {
    let mut graph = single(linear(vec![1; 3], 1, None), &[1, 2, 1]);
    let mut next = graph.nodes[0].clone();
    next.inputs = vec![1];
    next.operator = Operator::Reshape;
    next.shape = vec![2];
    graph.nodes.push(next.clone());
    assert!(graph.validate().is_ok());
    graph.nodes[1].operator = Operator::Activation(Function::clamp(-128, 127));
    graph.nodes[1].shape = vec![1, 2, 1];
    assert_eq!(
        fault(&graph),
        "node \"n\" (Activation): reads an accumulator that was not requantised"
    );
    graph.nodes[0].operator = Operator::ArgMax { axis: 2, select_last: false, smallest: false };
    graph.nodes[0].quantisation.scale = 1.0;
    graph.nodes[1] = next;
    assert_eq!(fault(&graph), "node \"n\" (Reshape): reads the result of an ArgMax");
}

#[test]
fn inputs_are_checked() {
    let graph = single(Operator::Reshape, &[6]);
    let message =
        |inputs: &[ArrayD<i64>]| interpreter::run(&graph, inputs).unwrap_err().to_string();
    assert_eq!(
        message(&[]),
        "\"g\" has 1 inputs (\"x\"), but 0 were given; give one tensor each, in this order"
    );
    assert_eq!(
        message(&[ArrayD::zeros(vec![6])]),
        "input \"x\" has shape [6], expected [1, 2, 3]; reshape it"
    );
    assert_eq!(
        message(&[ArrayD::from_elem(vec![1, 2, 3], 128)]),
        "input \"x\" holds 128, which is outside -128..=127; quantise it with \
        `Graph::quantise_inputs`"
    );
}

#[test]
fn a_linear_layer_by_hand() {
    let mut graph = single(linear(vec![1, -2, 127], 3, Some(rescale())), &[1, 2, 1]);
    graph.inputs[0].quantisation.zero_point = 5;
    let x = ArrayD::from_shape_vec(vec![1, 2, 3], vec![6, 4, 7, -128, 127, -128]).unwrap();
    let outputs = interpreter::run(&graph, &[x]).unwrap();
    // 3·(1·1 − 2·(−1) + 127·2) = 771 → 3.01 → 3; 3·(−133 − 244 − 127·133) saturates.
    assert_eq!(outputs[0].iter().copied().collect::<Vec<_>>(), [3, -128]);
    assert_eq!(indices(vec![1]).into_iter().count(), 1);
}
