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
