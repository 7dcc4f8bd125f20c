//! Intervals: whatever the inputs and sealed tensors in their declared ranges, every value of every
//! node lies in the interval that the verifier derives; and in small circuits both ends are
//! attained. An interval that is too small makes honest inputs unprovable, or lets integers reach
//! the modulus unseen; one that is too large makes tables long.

mod common;

use common::evaluate::evaluate;
use common::{Net, Noise, cases};
use proptest::prelude::*;
use zkinfer_circuits::{Circuit, Exposure, compile_with, lower, optimise};
use zkinfer_models::testing::arbitrary::arb_graph;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, Hadamard, Input, Node, Operator, Output,
    OutputSource, Product, Quantisation, Requantise, Scheme, View, ViewKind, Weights,
};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{VerifyingKey, Visibility};

const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });

/// A description of inputs and one operator behind them, which is put out in its shape.
fn single(inputs: &[(&[usize], [i64; 2])], operator: Operator, shape: &[usize]) -> Description {
    let input = |(shape, [minimum, maximum]): &(&[usize], [i64; 2])| Input {
        name: "x".into(),
        shape: shape.to_vec(),
        minimum: *minimum,
        maximum: *maximum,
        quantisation: READING,
        visibility: Visibility::Public,
    };
    let sealed =
        matches!(&operator, Operator::Contract(contract) if contract.weights == Weights::Sealed);
    let inputs: Vec<Input> = inputs.iter().map(input).collect();
    let node = |operator| Node { name: "node".into(), operator };
    let mut nodes: Vec<Node> =
        (0..inputs.len()).map(|index| node(Operator::Input(index))).collect();
    nodes.push(node(operator));
    let outputs = vec![Output {
        name: "y".into(),
        shape: shape.to_vec(),
        source: OutputSource::Node(inputs.len()),
        quantisation: READING,
        visibility: Visibility::Public,
    }];
    Description {
        name: "single".into(),
        k: 7,
        limb_bits: 2,
        bias_digits: sealed.into(),
        functions: vec![],
        inputs,
        nodes,
        outputs,
    }
}

/// Every way to put each element of some tensors at an end of its range.
fn corners(ranges: &[(usize, [i64; 2])]) -> impl Iterator<Item = Vec<Vec<i64>>> {
    let count: usize = ranges.iter().map(|(count, _)| count).sum();
    assert!(count <= 16, "{count} elements have too many corners");
    (0..1usize << count).map(move |mut bits| {
        let mut element = |ends: &[i64; 2]| {
            let end = ends[bits & 1];
            bits >>= 1;
            end
        };
        ranges.iter().map(|(count, ends)| (0..*count).map(|_| element(ends)).collect()).collect()
    })
}

/// Demands that the last node takes exactly the ends of its interval, and that they are these. What
/// it computes is linear in every element by itself, so its extremes are at corners.
#[track_caller]
fn attained(description: &Description, expected: [i64; 2]) {
    let key = VerifyingKey::new(description.clone()).unwrap();
    let inputs =
        description.inputs.iter().map(|i| (i.shape.iter().product(), [i.minimum, i.maximum]));
    let model = key.layout().model_sheets().map(|sheet| {
        let ends = if sheet.role == Role::Biases { [-32, 31] } else { [-128, 127] };
        (sheet.tensor.elements(), ends)
    });
    let ranges: Vec<_> = inputs.chain(model).collect();
    let all = corners(&ranges).flat_map(|mut inputs| {
        let model = inputs.split_off(description.inputs.len());
        evaluate(description, key.analysis(), &model, &inputs).pop().unwrap()
    });
    let (low, high) = all.fold((i128::MAX, i128::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let interval = key.analysis().nodes.last().unwrap().interval;
    assert_eq!([interval.minimum, interval.maximum], expected);
    assert_eq!([low, high], expected.map(i128::from), "what its values come to");
}

fn contract(rows: usize, kernel: [usize; 2], weights: &[i8]) -> Contract {
    Contract {
        input: 0,
        rows,
        groups: 1,
        kernel,
        strides: [1, 1],
        pads: [0; 4],
        dilations: [1, 1],
        weights: Weights::Public(weights.to_vec()),
        row_factors: vec![1; rows],
        column_factors: Vec::new(),
        bias: vec![0; rows],
    }
}

/// A contraction over `[1, 1, 3]` in a range.
fn windows(range: [i64; 2], contract: Contract, shape: [usize; 3]) -> Description {
    single(&[(&[1, 1, 3], range)], Operator::Contract(contract), &shape)
}

#[test]
fn contractions() {
    // 2·x − 3·y of x and y in 1..=3.
    attained(&windows([1, 3], contract(1, [1, 2], &[2, -3]), [1, 1, 2]), [2 - 9, 6 - 3]);
    // The row with the least values is not that with the largest.
    let rows = Contract {
        row_factors: vec![5, -4],
        bias: vec![100, -7],
        ..contract(2, [1, 2], &[2, 3, 1, -1])
    };
    attained(&windows([1, 3], rows, [2, 1, 2]), [-4 * 2 - 7, 5 * 15 + 100]);
    let rows = Contract {
        row_factors: vec![-5, 4],
        bias: vec![-100, 7],
        ..contract(2, [1, 2], &[2, 3, 1, -1])
    };
    attained(&windows([1, 3], rows, [2, 1, 2]), [-5 * 15 - 100, 4 * 2 + 7]);
    // The ends of int8.
    attained(&windows([-8, 7], contract(1, [1, 1], &[-128]), [1, 1, 3]), [-128 * 7, 128 * 8]);
    attained(&windows([-8, 7], contract(1, [1, 1], &[127]), [1, 1, 3]), [-127 * 8, 127 * 7]);
}

#[test]
fn padding_contributes_zero() {
    for pad in 0..4 {
        let mut pads = [0; 4];
        pads[pad] = 1;
        let shape = if pad % 2 == 0 { [1, 2, 3] } else { [1, 1, 4] };
        attained(&windows([3, 5], Contract { pads, ..contract(1, [1, 1], &[2]) }, shape), [0, 10]);
        attained(
            &windows([-5, -3], Contract { pads, ..contract(1, [1, 1], &[2]) }, shape),
            [-10, 0],
        );
    }
    attained(&windows([3, 5], contract(1, [1, 1], &[2]), [1, 1, 3]), [6, 10]);
    // A whole window, and either half of one.
    let whole = Contract { pads: [0, 2, 0, 0], ..contract(1, [1, 2], &[7, 2]) };
    attained(&windows([3, 5], whole, [1, 1, 4]), [0, 45]);
    let halves = Contract { pads: [0, 1, 0, 1], ..contract(1, [1, 2], &[7, -2]) };
    attained(&windows([3, 5], halves, [1, 1, 4]), [-10, 35]);
}

#[test]
fn column_factors() {
    let factors = |factors: [i64; 3]| Contract {
        column_factors: factors.to_vec(),
        ..contract(1, [1, 1], &[1])
    };
    attained(&windows([2, 5], factors([3, 1, 2]), [1, 1, 3]), [2, 15]);
    attained(&windows([2, 5], factors([1, -2, 3]), [1, 1, 3]), [-10, 15]);
    attained(&windows([2, 5], factors([-1, -2, -3]), [1, 1, 3]), [-15, -2]);
    attained(&windows([-5, 2], factors([3, 0, -4]), [1, 1, 3]), [-15, 20]);
    let both = Contract {
        row_factors: vec![-2, 10],
        bias: vec![1, 0],
        column_factors: vec![3, 5, 4],
        ..contract(2, [1, 1], &[1; 2])
    };
    attained(&windows([2, 5], both, [2, 1, 3]), [-2 * 5 * 5 + 1, 10 * 5 * 5]);
}

#[test]
fn sealed_weights_and_biases_have_their_declared_ranges() {
    let sealed = |kernel, factor: i64, bias: i64| Contract {
        weights: Weights::Sealed,
        row_factors: vec![factor],
        bias: vec![bias],
        ..contract(1, kernel, &[])
    };
    let digits =
        |digits: u32, description: Description| Description { bias_digits: digits, ..description };
    // −128 or 127 times each of two elements, and a digit of the bias.
    attained(
        &windows([2, 5], sealed([1, 2], 1, 0), [1, 1, 2]),
        [2 * -128 * 5 - 32, 2 * 127 * 5 + 31],
    );
    attained(
        &windows([-5, 2], sealed([1, 2], 1, 0), [1, 1, 2]),
        [2 * 127 * -5 - 32, 2 * -128 * -5 + 31],
    );
    attained(&windows([0, 0], sealed([1, 1], 1, 9), [1, 1, 3]), [-32 + 9, 31 + 9]);
    // The factor multiplies the bias too, and turns both around.
    attained(
        &windows([0, 1], sealed([1, 1], -3, 9), [1, 1, 3]),
        [-3 * (127 + 31) + 9, 3 * (128 + 32) + 9],
    );
    // More digits, base 64.
    let range = |unit: i64| [-32 * unit, 31 * unit];
    attained(&digits(2, windows([0, 0], sealed([1, 1], 1, 0), [1, 1, 3])), range(65));
    attained(
        &digits(6, windows([0, 0], sealed([1, 1], 1, 0), [1, 1, 3])),
        range(1 + 64 + (1 << 12) + (1 << 18) + (1 << 24) + (1 << 30)),
    );
    // Column factors leave the bias alone.
    let columns = Contract { column_factors: vec![3, -1, 2], ..sealed([1, 1], 2, 0) };
    attained(&windows([0, 1], columns, [1, 1, 3]), [2 * (3 * -128 - 32), 2 * (3 * 127 + 31)]);
}

#[test]
fn products_and_sums() {
    let product = |a, b, expected| {
        let operator = Operator::Product(Product { left: 0, right: 1 });
        let inputs: [(&[usize], [i64; 2]); 2] = [(&[1, 1, 2], a), (&[1, 2, 2], b)];
        // A product is read by one equation: the output.
        attained(&single(&inputs, operator, &[1, 1, 2]), expected);
    };
    product([-3, 2], [-1, 4], [2 * -12, 2 * 8]);
    product([-3, -2], [-4, -1], [2 * 2, 2 * 12]);
    product([-3, 2], [-5, 1], [2 * -10, 2 * 15]);
    product([1, 2], [-5, 4], [2 * -10, 2 * 8]);

    let elements = |a, b, expected| {
        let operator = Operator::Hadamard(Hadamard { left: 0, right: 1 });
        let inputs: [(&[usize], [i64; 2]); 2] = [(&[2, 1], a), (&[2, 1], b)];
        attained(&single(&inputs, operator, &[2, 1]), expected);
    };
    elements([-3, 2], [-1, 4], [-12, 8]);
    elements([-3, -2], [-4, -1], [2, 12]);
    elements([-3, 2], [-5, 1], [-10, 15]);
    elements([1, 2], [-5, 4], [-10, 8]);

    let sum = |terms: [(usize, i64); 2], constant: &[i64], expected| {
        let operator =
            Operator::Combine(Combine { terms: terms.to_vec(), constant: constant.to_vec() });
        attained(&single(&[(&[3], [-2, 5]), (&[3], [1, 4])], operator, &[3]), expected);
    };
    sum([(0, 1), (1, 1)], &[], [-1, 9]);
    sum([(0, 3), (1, -2)], &[10], [-6 - 8 + 10, 15 - 2 + 10]);
    sum([(0, -3), (1, 2)], &[-10], [-15 + 2 - 10, 6 + 8 - 10]);
    sum([(0, 1), (1, 0)], &[7, -9, 0], [-2 - 9, 5 + 7]);
}

#[test]
fn views() {
    let view = |inputs: &[usize], kind, shape: &[usize], expected| {
        let all: [(&[usize], [i64; 2]); 3] = [(&[2], [1, 3]), (&[2], [2, 9]), (&[2], [-4, 2])];
        // Every input is one that the view reads.
        let read: Vec<_> = inputs.iter().map(|&input| all[input]).collect();
        let inputs = (0..read.len()).collect();
        attained(&single(&read, Operator::View(View { inputs, kind }), shape), expected);
    };
    let pad = |value| ViewKind::Pad { before: vec![0], after: vec![1], value };
    view(&[0], pad(2), &[3], [1, 3]);
    view(&[0], pad(-5), &[3], [-5, 3]);
    view(&[0], pad(8), &[3], [1, 8]);
    view(&[0, 1], ViewKind::Concat(0), &[4], [1, 9]);
    view(&[0, 2], ViewKind::Concat(0), &[4], [-4, 3]);
    view(&[1, 0, 2], ViewKind::Concat(0), &[6], [-4, 9]);
    view(&[2], ViewKind::Slice { axis: 0, start: 1, step: -1, count: 2 }, &[2], [-4, 2]);
}

#[test]
fn functions() {
    let requantise = |values: &[i64], expected| {
        for form in [Form::Narrow, Form::Wide] {
            let operator =
                Operator::Requantise(Requantise { input: 0, shift: 2, function: 0, form });
            // Every quotient by 4 of −4..=3, and beyond, is at an end of some range.
            let inputs: [(&[usize], [i64; 2]); 1] = [(&[2], [-4, 3])];
            let mut description = single(&inputs, operator, &[2]);
            description.functions = vec![Function { minimum: -1, values: values.to_vec() }];
            attained(&description, expected);
        }
    };
    requantise(&[5, -3], [-3, 5]);
    requantise(&[-3, 5], [-3, 5]);
    // Entries that no quotient meets count: a function is what its table says.
    let operator =
        Operator::Requantise(Requantise { input: 0, shift: 2, function: 0, form: Form::Narrow });
    let mut description = single(&[(&[2], [-4, 3])], operator, &[2]);
    description.functions = vec![Function { minimum: -1, values: vec![0, 7, -9, 0] }];
    let key = VerifyingKey::new(description).unwrap();
    let interval = key.analysis().nodes[1].interval;
    assert_eq!([interval.minimum, interval.maximum], [-9, 7]);
}

#[test]
fn the_gaps_of_an_argmax_have_limbs_enough() {
    // The largest gap, up to and from a power of the limbs' radix.
    for limb_bits in 1..=4 {
        for limbs in 1..=3 {
            let radix = 1i64 << (limb_bits * limbs);
            for largest in [radix - 1, radix, radix + 1] {
                let mut net = Net::new("gap", &[(&[1, 3], 0)]);
                (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (-1, largest - 1);
                let class = net.argmax(0, 1, limbs == 2, &[1]);
                let circuit = common::circuit(&net.finish(class), 8, limb_bits, 0);
                let witness = circuit.witness(&[], &[vec![-1, largest - 1, -1]]).unwrap();
                assert_eq!(witness.outputs, [[1]]);
                common::accepts(&circuit, &witness);
            }
        }
    }
}

/// What the key's sealed tensors can be at worst: at either end of their ranges, one end after the
/// other, and anything.
fn models(key: &VerifyingKey, noise: &mut Noise) -> [Vec<Vec<i64>>; 4] {
    let tensors: Vec<_> = key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect();
    [0, 1, 2, 3].map(|kind| {
        let element = |tensor: &zkinfer_verifier::circuit::sheet::SealedTensor,
                       at: usize,
                       noise: &mut Noise| match kind {
            0 => tensor.minimum,
            1 => tensor.maximum,
            2 => [tensor.minimum, tensor.maximum][at % 2],
            _ => noise.within(tensor.minimum, tensor.maximum),
        };
        tensors
            .iter()
            .map(|tensor| (0..tensor.elements()).map(|at| element(tensor, at, noise)).collect())
            .collect()
    })
}

/// Inputs that drive one element of one node as far as flipping one input element after the other
/// does.
fn driven(
    circuit: &Circuit,
    model: &[Vec<i64>],
    start: &[Vec<i64>],
    noise: &mut Noise,
) -> Vec<Vec<i64>> {
    let key = circuit.key();
    let nodes = key.analysis().nodes.len();
    let node = noise.within(0, nodes as i64 - 1) as usize;
    let element = noise.within(0, key.analysis().nodes[node].elements as i64 - 1) as usize;
    let sign = if noise.next().is_multiple_of(2) { 1 } else { -1 };
    let reach = |inputs: &[Vec<i64>]| {
        sign * evaluate(key.description(), key.analysis(), model, inputs)[node][element]
    };
    let mut best = (reach(start), start.to_vec());
    for (tensor, input) in key.description().inputs.iter().enumerate() {
        for at in 0..start[tensor].len() {
            for end in [input.minimum, input.maximum] {
                let mut inputs = best.1.clone();
                inputs[tensor][at] = end;
                let reached = reach(&inputs);
                if reached > best.0 {
                    best = (reached, inputs);
                }
            }
        }
    }
    best.1
}

/// Every value is in its node's interval, and every tuple of cells in its table.
fn check(circuit: &Circuit, model: &[Vec<i64>], inputs: &[Vec<i64>]) {
    let (key, witness) =
        (circuit.key(), circuit.witness(&common::integers(model), inputs).unwrap());
    let values = evaluate(key.description(), key.analysis(), model, inputs);
    for ((node, facts), values) in
        key.description().nodes.iter().zip(&key.analysis().nodes).zip(&values)
    {
        assert_eq!(values.len(), facts.elements);
        let range = i128::from(facts.interval.minimum)..=i128::from(facts.interval.maximum);
        let outside = values.iter().find(|value| !range.contains(value));
        assert_eq!(outside, None, "{} of {range:?}", node.name);
    }
    for (output, found) in key.description().outputs.iter().zip(&witness.outputs) {
        if let OutputSource::Node(node) = output.source {
            assert!(
                found.iter().map(|&x| i128::from(x)).eq(values[node].iter().copied()),
                "{}",
                output.name
            );
        }
    }
    for lookup in &key.layout().lookups {
        for (rows, tag) in &lookup.tags {
            for row in rows.clone() {
                let mut tuple = [0; 3];
                tuple
                    .iter_mut()
                    .zip(lookup.columns.clone())
                    .for_each(|(cell, column)| *cell = witness.columns[column][row]);
                assert!(
                    key.tables().find(*tag, tuple).is_some(),
                    "{tuple:?} is not in {:?}",
                    key.tables().list[*tag]
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_value_lies_in_its_interval(graph in arb_graph(), seed in any::<u64>(),
        sealed in any::<bool>()) {
        let noise = &mut Noise(seed);
        let weights = if sealed { Visibility::Sealed } else { Visibility::Public };
        let lowered = lower::lower(&graph, &Exposure { weights, ..Exposure::default() }).unwrap();
        let plans = optimise::candidates(&lowered).unwrap();
        // What is sealed has wide intervals, perhaps too wide for any table.
        prop_assume!(!plans.is_empty());
        let (plan, _) = plans[noise.within(0, plans.len() as i64 - 1) as usize];
        let circuit = compile_with(lowered, &plan).unwrap();
        let inputs = common::inputs(&graph, noise.next());
        for model in models(circuit.key(), noise) {
            for inputs in &inputs {
                check(&circuit, &model, inputs);
            }
            let start = &inputs[noise.within(0, inputs.len() as i64 - 1) as usize];
            check(&circuit, &model, &driven(&circuit, &model, start, noise));
        }
    }
}
