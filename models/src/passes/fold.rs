//! BatchNormalization, and Add or Sub with a constant, into the weights and bias of the Conv or Gemm before them.

use crate::graph::{Graph, Node, Operator};

/// Folds front to back: a folded node makes way for the next.
pub(super) fn run(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        if let Some(producer) = graph.only_producer(index)
            && let Some(folded) = fold(&graph.nodes[producer], &graph.nodes[index])
        {
            graph.nodes[producer] = folded;
            graph.absorb(index, producer);
        }
    }
}

/// The producer with the node after it folded in.
fn fold(producer: &Node, node: &Node) -> Option<Node> {
    let mut folded = producer.clone();
    match &node.operator {
        Operator::BatchNormalization { scale, offset } => {
            let (weights, bias) = parameters(&mut folded.operator)?;
            // Gemm's features are the channels of a normalisation only where both are dimension 1.
            if bias.len() != scale.len() || producer.shape.get(1) != Some(&scale.len()) {
                return None;
            }
            if matches!(producer.operator, Operator::Gemm { .. }) && producer.shape.len() != 2 {
                return None;
            }
            affine(weights, bias, scale, offset);
        }
        Operator::Add { subtract, constant } => match &mut folded.operator {
            Operator::Add { subtract: signs, constant: sum } => {
                merge(signs, sum, subtract[0], constant);
            }
            operator => {
                let axis = match operator {
                    Operator::Conv { .. } => 1,
                    _ => producer.shape.len() - 1,
                };
                let (weights, bias) = parameters(operator)?;
                let offset = per_channel(constant, &producer.shape, axis)?;
                let sign = if subtract[0] { -1.0 } else { 1.0 };
                affine(weights, bias, &vec![sign; offset.len()], &offset);
            }
        },
        _ => return None,
    }
    folded.value.clone_from(&node.value);
    finite(&folded.operator).then_some(folded)
}

/// Weights and bias of an operator that has them.
fn parameters(operator: &mut Operator) -> Option<(&mut Vec<f32>, &mut Vec<f32>)> {
    match operator {
        Operator::Conv { weights, bias, .. } | Operator::Gemm { weights, bias } => Some((weights, bias)),
        _ => None,
    }
}

/// `scale·(W·x + b) + offset = (scale·W)·x + (scale·b + offset)`, in double precision.
fn affine(weights: &mut [f32], bias: &mut [f32], scale: &[f32], offset: &[f32]) {
    let terms = weights.len() / bias.len();
    for (channel, row) in weights.chunks_mut(terms).enumerate() {
        let factor = f64::from(scale[channel]);
        for weight in row {
            *weight = (factor * f64::from(*weight)) as f32;
        }
        bias[channel] = (factor * f64::from(bias[channel]) + f64::from(offset[channel])) as f32;
    }
}

/// `±(Σ ±x + c) + d`.
fn merge(signs: &mut [bool], sum: &mut Vec<f32>, negate: bool, constant: &[f32]) {
    if negate {
        signs.iter_mut().for_each(|sign| *sign = !*sign);
        sum.iter_mut().for_each(|x| *x = -*x);
    }
    if sum.is_empty() {
        *sum = constant.to_vec();
    } else {
        sum.iter_mut().zip(constant).for_each(|(x, y)| *x += y);
    }
}

/// A constant of `shape` as one number per index of `axis`, if that is all it depends on. None at all means zeros.
fn per_channel(constant: &[f32], shape: &[usize], axis: usize) -> Option<Vec<f32>> {
    let channels = shape[axis];
    if constant.is_empty() {
        return Some(vec![0.0; channels]);
    }
    let inner: usize = shape[axis + 1..].iter().product();
    let first: Vec<f32> = (0..channels).map(|channel| constant[channel * inner]).collect();
    let mut elements = constant.iter().enumerate();
    let uniform = elements.all(|(index, &x)| x == first[index / inner % channels]);
    uniform.then_some(first)
}

fn finite(operator: &Operator) -> bool {
    match operator {
        Operator::Conv { weights, bias, .. } | Operator::Gemm { weights, bias } => {
            weights.iter().chain(bias).all(|x| x.is_finite())
        }
        Operator::Add { constant, .. } => constant.iter().all(|x| x.is_finite()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::per_channel;

    #[test]
    fn constants_per_channel_are_found() {
        let shape = [1, 2, 2];
        assert_eq!(per_channel(&[1.0, 1.0, 3.0, 3.0], &shape, 1), Some(vec![1.0, 3.0]));
        assert_eq!(per_channel(&[1.0, 2.0, 3.0, 3.0], &shape, 1), None);
        assert_eq!(per_channel(&[1.0, 2.0, 1.0, 2.0], &shape, 2), Some(vec![1.0, 2.0]));
        assert_eq!(per_channel(&[], &shape, 1), Some(vec![0.0, 0.0]));
    }
}
