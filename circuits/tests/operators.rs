//! Every operator of the quantised graph: the circuit computes what the interpreter does, and stock
//! halo2's MockProver accepts it, on extreme and random inputs, with both forms and several limb
//! widths.

mod common;

use common::{After, Net, Noise, check, window};
use zkinfer_circuits::{Exposure, Objective, compile};
use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Operator, Requantise, Ties, Window,
};
use zkinfer_verifier::circuit::description;

const INT8: After = After::Int8 { shift: 13, zero_point: 5 };
const RELU: After = After::Relu { shift: 12, zero_point: -128 };

fn requantise(shift: u32, zero_point: i64) -> Requantise {
    Requantise { shift, ties: Ties::Up, zero_point, function: Function::clamp(-128, 127) }
}

#[test]
fn convolution_with_padding_strides_and_dilations() {
    let mut net = Net::new("conv", &[(&[1, 2, 5, 6], -7)]);
    let geometry =
        Window { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] };
    let y = net.convolution(&mut Noise(1), 0, 3, 1, geometry, INT8);
    check(&net.finish(y));
}

#[test]
fn grouped_and_depthwise_convolutions() {
    let mut net = Net::new("groups", &[(&[1, 4, 4, 4], 3)]);
    let noise = &mut Noise(2);
    let x = net.convolution(noise, 0, 6, 2, window([2, 2], [1, 1], [0; 4]), RELU);
    let y = net.convolution(
        noise,
        x,
        6,
        6,
        window([2, 2], [1, 1], [1, 1, 0, 0]),
        After::Table { shift: 9, zero_point: 2 },
    );
    check(&net.finish(y));
}

#[test]
fn one_dimensional_convolution_without_requantisation() {
    let mut net = Net::new("conv1d", &[(&[1, 3, 9], 100)]);
    let y =
        net.convolution(&mut Noise(3), 0, 2, 1, window([1, 3], [1, 2], [0, 1, 0, 1]), After::Raw);
    check(&net.finish(y));
}

#[test]
fn linear_over_one_position() {
    let mut net = Net::new("linear", &[(&[1, 11], -128)]);
    let noise = &mut Noise(4);
    let x = net.linear(noise, 0, 7, After::Relu { shift: 16, zero_point: -20 });
    let y = net.linear(noise, x, 5, After::Raw);
    check(&net.finish(y));
}

#[test]
fn linear_over_many_positions() {
    let mut net = Net::new("positions", &[(&[1, 3, 2, 5], 9)]);
    let noise = &mut Noise(5);
    let x = net.linear(noise, 0, 4, INT8);
    let y = net.linear(noise, x, 3, After::Raw);
    net.output(x);
    check(&net.finish(y));
}

#[test]
fn shift_zero_adds_the_zero_point_only() {
    let mut net = Net::new("unshifted", &[(&[1, 4], 1)]);
    let linear = Operator::Linear {
        weights: vec![1, 0, 0, -1, 0, 2, 0, 0].into(),
        bias: vec![3, -4],
        multipliers: vec![1, 1],
        requantise: Some(requantise(0, -9)),
    };
    let y = net.node(linear, &[0], &[1, 2], -9);
    check(&net.finish(y));
}

#[test]
fn sum_of_three_with_constants_per_element() {
    let mut net = Net::new("sum", &[(&[1, 2, 3], 4), (&[1, 2, 3], -128)]);
    let sum = Operator::Sum {
        multipliers: vec![700, -900, 1500],
        constant: vec![0, 40_000, -40_000, 1, 2, 3],
        requantise: Some(requantise(11, -3)),
    };
    let y = net.node(sum, &[0, 1, 0], &[1, 2, 3], -3);
    check(&net.finish(y));
}

#[test]
fn sum_of_branches_that_stand_in_different_shapes() {
    let mut net = Net::new("residual", &[(&[1, 2, 3, 3], 0)]);
    let noise = &mut Noise(6);
    let x = net.convolution(noise, 0, 2, 1, window([3, 3], [1, 1], [1; 4]), INT8);
    let sum = Operator::Sum {
        multipliers: vec![1024, 513],
        constant: vec![77; 18],
        requantise: Some(requantise(10, 2)),
    };
    let y = net.node(sum.clone(), &[0, x], &[1, 2, 3, 3], 2);
    check(&net.finish(y));
}

#[test]
fn rescaling_alone() {
    let mut net = Net::new("rescale", &[(&[1, 6], 11)]);
    let sum = Operator::Sum {
        multipliers: vec![1],
        constant: vec![],
        requantise: Some(requantise(0, 11)),
    };
    let x = net.node(sum, &[0], &[1, 6], 11);
    // Reads the same centred input as the linear layer beside it: shared, yet not rescaled with the
    // sum.
    let sum = Operator::Sum {
        multipliers: vec![1],
        constant: vec![],
        requantise: Some(requantise(3, 0)),
    };
    let y = net.node(sum, &[0], &[1, 6], 0);
    let z = net.linear(&mut Noise(7), 0, 2, INT8);
    net.output(x);
    net.output(z);
    check(&net.finish(y));
}

#[test]
fn average_pool_with_equal_and_with_cut_windows() {
    for pads in [[0; 4], [1, 1, 0, 1]] {
        let mut net = Net::new("average", &[(&[1, 2, 4, 5], -6)]);
        let geometry = window([2, 3], [1, 2], pads);
        let [height, width] = geometry.output([4, 5]).unwrap();
        let taps = |y, x| geometry.taps([y, x], [4, 5]).count() as i64;
        let multipliers = (0..height)
            .flat_map(|y| (0..width).map(move |x| (y, x)))
            .map(|(y, x)| 4096 / taps(y, x));
        let multipliers: Vec<i64> = multipliers.collect();
        let average = Operator::AveragePool {
            window: geometry.clone(),
            multipliers,
            requantise: Some(requantise(12, -6)),
        };
        let y = net.node(average, &[0], &[1, 2, height, width], -6);
        check(&net.finish(y));
    }
}

#[test]
fn global_average_pool() {
    let mut net = Net::new("global", &[(&[1, 3, 4, 4], 8)]);
    let average = Operator::AveragePool {
        window: Window::whole([4, 4]),
        multipliers: vec![333],
        requantise: Some(requantise(14, 1)),
    };
    let y = net.node(average, &[0], &[1, 3, 1, 1], 1);
    check(&net.finish(y));
}

#[test]
fn max_pool_of_every_shape() {
    for geometry in [
        window([2, 2], [2, 2], [0; 4]),
        window([3, 3], [2, 2], [1; 4]),
        window([3, 3], [1, 1], [1; 4]),
        window([1, 3], [1, 1], [0, 1, 0, 1]),
        window([5, 4], [1, 1], [2, 1, 2, 1]),
        window([1, 1], [2, 2], [0; 4]),
        Window { kernel: [2, 2], strides: [1, 2], pads: [0, 1, 0, 0], dilations: [2, 3] },
    ] {
        let mut net = Net::new("max", &[(&[1, 2, 5, 6], 3)]);
        let y = net.max_pool(0, geometry);
        check(&net.finish(y));
    }
}

/// Each comparison of a chain slices the lane that it is of: what is read grows with the square of
/// its length, unless it is cut in blocks.
#[test]
fn max_pool_of_a_long_lane() {
    let mut net = Net::new("lane", &[(&[1, 2, 1, 300], 3)]);
    let y = net.max_pool(0, window([1, 300], [1, 1], [0; 4]));
    let graph = net.finish(y);
    let circuit = compile(&graph, &Exposure::public(), Objective::Prover).unwrap();
    let count = circuit.key().description().nodes.len();
    assert!(count < 300, "{count}");
    check(&graph);
    let mut net = Net::new("padded", &[(&[1, 1, 2, 300], 3)]);
    let y = net.max_pool(0, window([2, 303], [1, 1], [0, 1, 0, 2]));
    check(&net.finish(y));
}

#[test]
fn max_pool_over_a_narrow_range_and_over_a_maximum() {
    let mut net = Net::new("stacked", &[(&[1, 3, 8], 3)]);
    let noise = &mut Noise(8);
    let x = net.convolution(
        noise,
        0,
        2,
        1,
        window([1, 2], [1, 1], [0, 1, 0, 0]),
        After::Relu { shift: 12, zero_point: 90 },
    );
    let x = net.max_pool(x, window([1, 3], [1, 1], [0, 1, 0, 1]));
    let x = net.max_pool(x, window([1, 2], [1, 2], [0; 4]));
    let y = net.linear(noise, x, 3, INT8);
    check(&net.finish(y));
}

#[test]
fn activation_by_table() {
    let mut net = Net::new("activation", &[(&[1, 20], 0)]);
    let table =
        Function { minimum: -100, values: (0..180).map(|x| (x * 37) % 256 - 128).collect() };
    let x = net.node(Operator::Activation(table), &[0], &[1, 20], 0);
    // One entry, a constant: the wide form needs it repeated.
    let y = net.node(
        Operator::Activation(Function { minimum: 3, values: vec![-5] }),
        &[x],
        &[1, 20],
        0,
    );
    net.output(x);
    check(&net.finish(y));
}

#[test]
fn views() {
    let mut net = Net::new("views", &[(&[1, 2, 3, 4], 2)]);
    let transposed =
        net.node(Operator::Transpose { permutation: vec![0, 3, 1, 2] }, &[0], &[1, 4, 2, 3], 2);
    let sliced =
        net.node(Operator::Slice { axis: 1, start: 3, step: -2 }, &[transposed], &[1, 2, 2, 3], 2);
    let padded = net.node(
        Operator::Pad { before: vec![0, 1, 0, 0], after: vec![0, 0, 0, 2], value: -60 },
        &[sliced],
        &[1, 3, 2, 5],
        2,
    );
    let joined =
        net.node(Operator::Concat { axis: 1 }, &[padded, padded, padded], &[1, 9, 2, 5], 2);
    let flat = net.node(Operator::Reshape, &[joined], &[1, 90], 2);
    let y = net.linear(&mut Noise(9), flat, 2, INT8);
    net.output(padded);
    check(&net.finish(y));
}

#[test]
fn argmax_over_each_axis_with_both_tie_rules() {
    for select_last in [false, true] {
        let mut net = Net::new("argmax", &[(&[1, 4, 3], 0)]);
        let inner = net.argmax(0, 2, select_last, &[1, 4]);
        let middle = net.argmax(0, 1, select_last, &[1, 1, 3]);
        let raw = net.linear(&mut Noise(10), 0, 5, After::Raw);
        let wide = net.argmax(raw, 2, select_last, &[1, 4, 1]);
        net.output(inner);
        net.output(middle);
        check(&net.finish(wide));
    }
}

/// The verifier takes no dense cotangent through 300 taps at 300 positions.
#[test]
fn an_argmax_behind_a_long_kernel_reads_a_copy() {
    for (taps, copies) in [(300, 1), (100, 0)] {
        let mut net = Net::new("spectrum", &[(&[1, 1, 2 * taps - 1], 0)]);
        let window = window([1, taps], [1, 1], [0; 4]);
        let raw = net.convolution(&mut Noise(12), 0, 1, 1, window, After::Raw);
        let y = net.argmax(raw, 2, false, &[1, 1]);
        let graph = net.finish(y);
        check(&graph);
        let circuit = compile(&graph, &Exposure::public(), Objective::Size).unwrap();
        let nodes = circuit.key().description().nodes.iter();
        let copy =
            |node: &&description::Node| matches!(node.operator, description::Operator::Copy(_));
        assert_eq!(nodes.filter(copy).count(), copies, "{taps} taps");
    }
}

#[test]
fn a_linear_network_and_an_input_as_output() {
    let mut net = Net::new("echo", &[(&[1, 3], 0)]);
    net.output(0);
    let y = net.linear(&mut Noise(11), 0, 1, After::Raw);
    let graph = net.finish(y);
    let circuit = zkinfer_circuits::compile(
        &graph,
        &zkinfer_circuits::Exposure::public(),
        zkinfer_circuits::Objective::Size,
    )
    .unwrap();
    for inputs in common::inputs(&graph, 1) {
        // No lookup and no cell at all: a linear network is proven by the adjoint check alone.
        let witness = circuit.witness(&[], &inputs).unwrap();
        assert!(witness.columns.is_empty());
        assert_eq!(witness.outputs, common::interpret(&graph, &inputs));
        assert_eq!(
            common::names(zkinfer_circuits::judge::mock_prove(circuit.key(), &witness)),
            [""; 0]
        );
    }
}

#[test]
fn ties_to_even() {
    let mut net = Net::new("even", &[(&[1, 6], 3)]);
    let noise = &mut Noise(21);
    let even = |shift, slack| After::Even { shift, zero_point: 7, slack };
    // Halves are frequent with a short shift, and only near halves with slack.
    let x = net.linear(noise, 0, 5, even(3, 0));
    let y = net.linear(noise, x, 4, even(11, 300));
    let unscaled = net.linear(noise, 0, 3, even(0, 0));
    net.output(unscaled);
    check(&net.finish(y));
}

#[test]
fn a_sum_with_ties_to_even() {
    let mut net = Net::new("even sum", &[(&[1, 9], -5), (&[1, 9], 4)]);
    let rescale = Requantise { ties: Ties::Even { slack: 0 }, ..requantise(1, -3) };
    let requantise = Some(rescale);
    let sum = Operator::Sum { multipliers: vec![1, -1], constant: vec![], requantise };
    let y = net.node(sum, &[0, 1], &[1, 9], -3);
    check(&net.finish(y));
}

#[test]
fn weights_of_several_digits() {
    let mut net = Net::new("wide weights", &[(&[1, 2, 4, 3], 100)]);
    let weights = [255, -255, 200, -1, 0, 128, -129, 32_639, -8_355_711];
    let weights = |count: usize| weights.iter().copied().cycle().take(count).collect::<Vec<i32>>();
    let convolution = |after: After| Operator::Convolution {
        window: window([2, 2], [1, 1], [0; 4]),
        groups: 1,
        weights: weights(16).into(),
        bias: vec![-500, 70_000],
        multipliers: vec![3, 1],
        requantise: after.requantise(),
    };
    let x = net.node(convolution(After::Int8 { shift: 18, zero_point: 5 }), &[0], &[1, 2, 3, 2], 5);
    let z = net.node(
        convolution(After::Even { shift: 18, zero_point: 0, slack: 2 }),
        &[0],
        &[1, 2, 3, 2],
        0,
    );
    let flat = net.flatten(x);
    let linear = Operator::Linear {
        weights: weights(24).into(),
        bias: vec![1, 2],
        multipliers: vec![1, 2],
        requantise: None,
    };
    let y = net.node(linear, &[flat], &[1, 2], 0);
    net.output(z);
    check(&net.finish(y));
}

#[test]
fn unsigned_inputs() {
    let mut net = Net::new("unsigned", &[(&[1, 5], 128)]);
    (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (0, 255);
    let x = net.linear(&mut Noise(22), 0, 4, After::Even { shift: 13, zero_point: 128, slack: 0 });
    let relu = Operator::Activation(Function {
        minimum: 0,
        values: (0..256).map(|x: i64| x.max(128)).collect(),
    });
    let y = net.node(relu, &[x], &[1, 4], 128);
    check(&net.finish(y));
}

#[test]
fn products_of_activations() {
    let mut net = Net::new("product", &[(&[1, 2, 3], -128), (&[1, 2, 3], 17)]);
    let product = |multiplier, shift| Operator::Product {
        multiplier,
        requantise: Some(requantise(shift, -3)),
    };
    let x = net.node(product(5, 9), &[0, 1], &[1, 2, 3], -3);
    let y = net.node(product(1, 8), &[x, x], &[1, 2, 3], -3);
    net.output(x);
    check(&net.finish(y));
}

/// Of more bits than a table of arguments has room for, each of its own zero point; a product of a
/// value with itself; rounded to even.
#[test]
fn products_of_wide_activations() {
    let mut net = Net::new("wide", &[(&[1, 2, 3], 500), (&[1, 2, 3], -32768)]);
    for input in &mut net.0.inputs {
        (input.minimum, input.maximum) = (-(1 << 15), (1 << 15) - 1);
    }
    let product =
        |multiplier, rescaling| Operator::Product { multiplier, requantise: Some(rescaling) };
    let x = net.node(product(3, requantise(26, -3)), &[0, 1], &[1, 2, 3], -3);
    let even = Requantise { ties: Ties::Even { slack: 0 }, ..requantise(24, 4) };
    let y = net.node(product(1, even), &[0, 0], &[1, 2, 3], 4);
    net.output(x);
    check(&net.finish(y));
}

/// Rescaled, rounded to even, and as it is: an output, one in several batches, and behind views.
#[test]
fn products_of_matrices() {
    let even = Requantise { ties: Ties::Even { slack: 3 }, ..requantise(9, 4) };
    for (left, right, shape) in [
        (&[2, 3][..], &[3, 4][..], &[2, 4][..]),
        (&[1, 2, 3, 2], &[1, 2, 2, 2], &[1, 2, 3, 2]),
        (&[2, 2, 1, 3], &[2, 2, 3, 1], &[2, 2, 1, 1]),
    ] {
        let mut net = Net::new("matrices", &[(left, -128), (right, 17)]);
        let product = |multiplier, requantise| Operator::MatMul { multiplier, requantise };
        let rescaled = net.node(product(5, Some(requantise(11, -3))), &[0, 1], shape, -3);
        let rounded = net.node(product(3, Some(even.clone())), &[0, 1], shape, 4);
        let whole = net.node(product(1, None), &[0, 1], shape, 0);
        let scaled = net.node(product(7, None), &[0, 1], shape, 0);
        let turned: Vec<usize> = (0..shape.len()).rev().collect();
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let turned = Operator::Transpose { permutation: turned };
        let turned = net.node(turned, &[whole], &reversed, 0);
        let alone = net.node(product(1, None), &[0, 1], shape, 0);
        [rescaled, rounded, scaled, turned].into_iter().for_each(|value| net.output(value));
        check(&net.finish(alone));
    }
}

#[test]
fn functions_of_two_activations() {
    let mut net = Net::new("binary", &[(&[1, 7], 0), (&[1, 7], 0)]);
    (net.0.inputs[1].minimum, net.0.inputs[1].maximum) = (-4, 11);
    let values = (0..40 * 9).map(|x: i64| x * x * 31 % 251 - 120).collect();
    let function = BinaryFunction { minimum: [-20, -2], counts: [40, 9], values };
    let y = net.node(Operator::Binary(function), &[0, 1], &[1, 7], 0);
    check(&net.finish(y));
}

#[test]
fn constants_as_operands() {
    let mut net = Net::new("constants", &[(&[1, 3], 2)]);
    let one = net.node(Operator::Constant(vec![-7]), &[], &[1, 1], 2);
    let three = net.node(Operator::Constant(vec![5, -128, 127]), &[], &[1, 3], 2);
    let high = net.node(Operator::Max, &[0, three], &[1, 3], 2);
    let y = net.node(Operator::Concat { axis: 1 }, &[high, one], &[1, 4], 2);
    check(&net.finish(y));
}
