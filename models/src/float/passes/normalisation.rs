//! What is left of BatchNormalization, where no Conv or Gemm precedes it, as a depthwise
//! convolution with a 1×1 kernel.

use super::rebuild::Rebuild;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::Window;

pub(super) fn lower(mut source: Graph) -> Graph {
    let mut rebuild = Rebuild::new(&source);
    for node in std::mem::take(&mut source.nodes) {
        match node.operator {
            Operator::BatchNormalization { .. } => lower_one(&mut rebuild, node),
            _ => rebuild.keep(node),
        }
    }
    rebuild.finish(source)
}

fn lower_one(rebuild: &mut Rebuild, mut node: Node) {
    if let Operator::BatchNormalization { scale, offset } = node.operator {
        let groups = scale.len();
        let layer = Layer::Real { weights: scale, bias: offset };
        node.operator = Operator::Conv { window: Window::unit(), groups, layer };
    }
    if matches!(node.shape[..], [1, _, _] | [1, _, _, _]) {
        return rebuild.keep(node);
    }
    // A convolution wants one plane per channel: [1, C] becomes [1, C, 1] and back, as do more
    // dimensions.
    let (name, shape) = (node.name.clone(), node.shape.clone());
    let plane = vec![1, shape[1], shape[2..].iter().product()];
    let view = |part: &str, node: &Node, input: usize, shape: Vec<usize>| Node {
        name: format!("{name}/{part}"),
        operator: Operator::Reshape,
        fused: None,
        inputs: vec![input],
        shape,
        value: node.value.clone(),
        grid: None,
    };
    let before = view("before", &node, rebuild.number(node.inputs[0]), plane.clone());
    node.inputs = vec![rebuild.push(before)];
    node.shape = plane;
    let after = node.clone();
    let scaled = rebuild.push(node);
    let value = rebuild.push(view("after", &after, scaled, shape));
    rebuild.renumbered.push(Some(value));
}
