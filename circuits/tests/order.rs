//! Operators that compare, choose and put in order: the circuit computes what the interpreter does,
//! and stock halo2's MockProver accepts it, on extreme and random inputs.

mod common;

use common::{Net, check};
use zkinfer_models::integer::graph::Operator;

#[test]
fn extremes_of_activations() {
    let mut net = Net::new("extremes", &[(&[1, 8], 9), (&[1, 8], 9), (&[1, 8], 9)]);
    (net.0.inputs[1].minimum, net.0.inputs[1].maximum) = (-3, 1000);
    let high = net.node(Operator::Max, &[0, 1, 2], &[1, 8], 9);
    let low = net.node(Operator::Min, &[high, 1], &[1, 8], 9);
    for (first, second) in [(0, 1), (1, 0)] {
        for operator in [Operator::Max, Operator::Min] {
            let y = net.node(operator, &[first, second], &[1, 8], 9);
            net.output(y);
        }
    }
    net.output(high);
    check(&net.finish(low));
}

#[test]
fn selection_by_a_condition() {
    let mut net = Net::new("select", &[(&[1, 8], 0), (&[1, 8], 4), (&[1, 8], 4)]);
    (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (0, 1);
    (net.0.inputs[2].minimum, net.0.inputs[2].maximum) = (-3, 1000);
    let [y, z] =
        [[0, 1, 2], [0, 2, 1]].map(|operands| net.node(Operator::Select, &operands, &[1, 8], 4));
    net.output(y);
    check(&net.finish(z));
}

#[test]
fn largest_and_smallest_elements_in_order() {
    let mut net = Net::new("top", &[(&[2, 5, 2], 3)]);
    for smallest in [false, true] {
        for indices in [false, true] {
            let top = Operator::TopK { axis: 1, smallest, indices };
            let y = net.node(top, &[0], &[2, 3, 2], if indices { 0 } else { 3 });
            if indices {
                net.0.nodes.last_mut().unwrap().quantisation.scale = 1.0;
            }
            net.output(y);
        }
    }
    let smallest = Operator::ArgMax { axis: 1, select_last: true, smallest: true };
    let y = net.node(smallest, &[0], &[2, 2], 0);
    net.0.nodes.last_mut().unwrap().quantisation.scale = 1.0;
    check(&net.finish(y));
}

/// By a network: one run that is filled up, three runs of which one waits for the second merge, and
/// lanes that are not next to each other.
#[test]
fn many_elements_in_order() {
    let mut net = Net::new("many", &[(&[2, 30, 2], 3), (&[1, 46], 0)]);
    for input in &mut net.0.inputs {
        (input.minimum, input.maximum) = (-3, 4);
    }
    for (smallest, indices) in [(false, true), (true, false), (true, true)] {
        let top = Operator::TopK { axis: 1, smallest, indices };
        for (input, shape) in [(0, &[2, 20, 2][..]), (1, &[1, 16])] {
            let y = net.node(top.clone(), &[input], shape, 3 * i64::from(!indices && input == 0));
            if indices {
                net.0.nodes.last_mut().unwrap().quantisation.scale = 1.0;
            }
            net.output(y);
        }
    }
    let top = Operator::TopK { axis: 1, smallest: false, indices: false };
    let y = net.node(top, &[1], &[1, 16], 0);
    check(&net.finish(y));
}
