//! Accumulators that a Sum adds up before anything is rounded: the circuit computes what the
//! interpreter does, and has cells for one requantisation.

mod common;

use common::{After, Net, Noise, check, window};
use zkinfer_circuits::{Exposure, lower};
use zkinfer_models::integer::graph::{
    Function, Graph, Operator, Requantise, Ties, ValueId, Window,
};
use zkinfer_verifier::circuit::description;

fn requantise(shift: u32, ties: Ties) -> Requantise {
    Requantise { shift, ties, zero_point: -3, function: Function::clamp(-128, 127) }
}

fn sum(net: &mut Net, multipliers: &[i64], inputs: &[ValueId], requantise: Requantise) -> ValueId {
    let shape = net.shape(inputs[0]);
    let requantise = Some(requantise);
    let sum = Operator::Sum { multipliers: multipliers.to_vec(), constant: vec![], requantise };
    net.node(sum, inputs, &shape, -3)
}

fn same_size() -> Window {
    window([3, 3], [1, 1], [1; 4])
}

/// Nodes of a graph's description: requantisations and copies, with these weights.
fn own_cells(graph: &Graph, exposure: &Exposure) -> [usize; 2] {
    let lowered = lower::lower(graph, exposure).unwrap();
    let plan = &common::plans(graph)[0];
    let circuit = zkinfer_circuits::compile_with(lowered, plan).unwrap();
    let nodes = &circuit.key().description().nodes;
    let count = |kind: fn(&description::Operator) -> bool| {
        nodes.iter().filter(|node| kind(&node.operator)).count()
    };
    [
        count(|operator| matches!(operator, description::Operator::Requantise(_))),
        count(|operator| matches!(operator, description::Operator::Copy(_))),
    ]
}

#[test]
fn a_convolution_and_what_it_is_added_to() {
    for inputs in [[1, 0], [0, 1]] {
        let mut net = Net::new("residual", &[(&[1, 2, 3, 4], 7)]);
        net.convolution(&mut Noise(1), 0, 2, 1, same_size(), After::Raw);
        let y = sum(&mut net, &[1, -1300], &inputs, requantise(12, Ties::Up));
        let graph = net.finish(y);
        assert_eq!(own_cells(&graph, &Exposure::public()), [1, 0]);
        assert_eq!(own_cells(&graph, &Exposure::default()), [1, 0]);
        check(&graph);
    }
}

#[test]
fn two_convolutions_and_more_behind_them() {
    let mut net = Net::new("projection", &[(&[1, 3, 4, 4], -20)]);
    let noise = &mut Noise(2);
    let a = net.convolution(noise, 0, 4, 1, same_size(), After::Relu { shift: 12, zero_point: 1 });
    let b = net.convolution(noise, a, 2, 2, same_size(), After::Raw);
    let c = net.convolution(noise, 0, 2, 1, window([1, 1], [1, 1], [0; 4]), After::Raw);
    let s = sum(&mut net, &[1, 1], &[b, c], requantise(16, Ties::Up));
    let y = net.convolution(noise, s, 2, 1, same_size(), After::Raw);
    let graph = net.finish(y);
    assert_eq!(own_cells(&graph, &Exposure::default()), [2, 0]);
    check(&graph);
}

/// Halves to even take two divisions of one sum, so sealed weights need a copy of it.
#[test]
fn halves_to_even() {
    let mut net = Net::new("even", &[(&[1, 2, 3, 3], 0)]);
    net.convolution(&mut Noise(3), 0, 2, 1, same_size(), After::Raw);
    let y = sum(&mut net, &[1, 700], &[1, 0], requantise(11, Ties::Even { slack: 3 }));
    let graph = net.finish(y);
    assert_eq!(own_cells(&graph, &Exposure::public()), [3, 0]);
    assert_eq!(own_cells(&graph, &Exposure::default()), [3, 1]);
    check(&graph);
}

#[test]
fn accumulators_that_others_read_too() {
    let mut net = Net::new("shared", &[(&[1, 6], 4)]);
    let noise = &mut Noise(4);
    let a = net.linear(noise, 0, 5, After::Raw);
    let b = net.linear(noise, 0, 5, After::Raw);
    let flat = net.node(Operator::Reshape, &[b], &[1, 5], 0);
    let twice = sum(&mut net, &[1, 2, 1], &[a, a, flat], requantise(14, Ties::Up));
    net.output(a);
    let once = sum(&mut net, &[1, 3], &[b, twice], requantise(14, Ties::Up));
    check(&net.finish(once));
}

#[test]
fn weights_of_several_digits_and_many_positions() {
    let mut net = Net::new("digits", &[(&[1, 3, 2, 5], 9)]);
    let noise = &mut Noise(5);
    let positions = net.linear(noise, 0, 5, After::Raw);
    let y = sum(&mut net, &[1, 40], &[positions, 0], requantise(13, Ties::Up));
    let weights: Vec<i32> = (0..12).map(|index| (index - 6) * 31_000).collect();
    let wide = Operator::Convolution {
        window: Window::unit(),
        groups: 1,
        weights: weights.into(),
        bias: vec![1, -2, 3, 4],
        multipliers: vec![2; 4],
        requantise: None,
    };
    let narrow = net.convolution(noise, y, 4, 1, Window::unit(), After::Raw);
    let wide = net.node(wide, &[0], &[1, 4, 2, 5], 0);
    let y = sum(&mut net, &[1, 1], &[wide, narrow], requantise(22, Ties::Up));
    check(&net.finish(y));
}

/// Sums of many positions are added features first, where the contraction has made them: no copy,
/// and one division, with a constant and what is read twice beside them.
#[test]
fn many_positions_and_what_they_are_added_to() {
    let mut net = Net::new("positions", &[(&[1, 3, 4], 9), (&[1, 3, 4], 0)]);
    let noise = &mut Noise(6);
    let a = net.linear(noise, 0, 4, After::Raw);
    let b = net.linear(noise, 1, 4, After::Raw);
    let constant: Vec<i64> = (0..12).map(|index| 1000 * index - 7000).collect();
    let requantise = Some(requantise(13, Ties::Up));
    let sum = Operator::Sum { multipliers: vec![1, 300, -1], constant, requantise };
    // Where a view only shapes them anew, they stand as before.
    let flat = net.node(Operator::Reshape, &[b], &[3, 4], 0);
    let b = net.node(Operator::Reshape, &[flat], &[1, 3, 4], 0);
    let y = net.node(sum, &[a, 0, b], &[1, 3, 4], -3);
    let graph = net.finish(y);
    for exposure in [Exposure::public(), Exposure::default()] {
        assert_eq!(own_cells(&graph, &exposure), [1, 0]);
    }
    check(&graph);
}

/// Halves to even, a convolution beside the positions, and positions that something else reads.
#[test]
fn many_positions_beside_others() {
    let mut net = Net::new("beside", &[(&[1, 2, 3, 4], 9)]);
    let noise = &mut Noise(7);
    let a = net.linear(noise, 0, 4, After::Raw);
    let c = net.convolution(noise, 0, 2, 1, same_size(), After::Raw);
    let even = sum(&mut net, &[1, 2, 50], &[a, c, 0], requantise(13, Ties::Even { slack: 2 }));
    let twice = net.linear(noise, even, 4, After::Raw);
    let y = sum(&mut net, &[1, 60], &[twice, even], requantise(14, Ties::Up));
    net.output(twice);
    // Other features than those that were summed.
    let moved = net.linear(noise, even, 4, After::Raw);
    let moved = net.node(Operator::Reshape, &[moved], &[1, 4, 6], 0);
    let other = net.node(Operator::Reshape, &[even], &[1, 4, 6], -3);
    let z = sum(&mut net, &[1, 60], &[moved, other], requantise(14, Ties::Up));
    net.output(z);
    check(&net.finish(y));
}

/// Sums, averages and products as they are: outputs, alone or not, in views, and what other
/// sums add up.
#[test]
fn what_is_put_out_as_it_is() {
    for alone in [true, false] {
        let mut net = Net::new("raw", &[(&[1, 2, 3, 4], 9), (&[1, 2, 3, 4], -5)]);
        let noise = &mut Noise(8);
        let shape = [1, 2, 3, 4];
        let a = net.convolution(noise, 0, 2, 1, same_size(), After::Raw);
        let b = net.linear(noise, 1, 4, After::Raw);
        let add = |constant: Vec<i64>| {
            let multipliers = vec![1, 77];
            Operator::Sum { multipliers, constant, requantise: None }
        };
        let sums = [
            net.node(add(vec![]), &[a, 0], &shape, 0),
            net.node(add((0..24).collect()), &[b, 0], &shape, 0),
            net.node(add(vec![]), &[1, 0], &shape, 0),
        ];
        let multipliers = vec![3; 12];
        let window = Window::unit();
        let average = Operator::AveragePool { window, multipliers, requantise: None };
        let average = net.node(average, &[0], &shape, 0);
        let [plain, scaled] = [1, 5].map(|multiplier| {
            let product = Operator::Product { multiplier, requantise: None };
            net.node(product, &[0, 1], &shape, 0)
        });
        let last = sum(&mut net, &[1, 2, 1], &[plain, average, 0], requantise(12, Ties::Up));
        for value in sums.into_iter().chain([average, plain, scaled]) {
            if !alone {
                let turned = Operator::Transpose { permutation: vec![0, 3, 2, 1] };
                let turned = net.node(turned, &[value], &[1, 4, 3, 2], 0);
                net.output(turned);
                let flat = net.node(Operator::Reshape, &[value], &[24], 0);
                net.output(flat);
            }
            net.output(value);
        }
        check(&net.finish(last));
    }
}
