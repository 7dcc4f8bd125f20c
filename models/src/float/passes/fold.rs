//! BatchNormalization, and Add or Sub with a constant, into the weights and bias of the Conv or
//! Gemm before them.

use super::rewriting::Rewriting;
use crate::float::graph::{Node, Operator};

/// Folds front to back: a folded node makes way for the next.
pub(super) fn run(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        if let Some(producer) = rewriting.only_producer(index)
            && let Some(folded) =
                fold(&rewriting.graph.nodes[producer], &rewriting.graph.nodes[index])
        {
            rewriting.graph.nodes[producer] = folded;
            rewriting.absorb(index, producer);
        }
    }
}

/// A constant with a number beyond this is a mask: as a bias it would set the layer's units.
const MASK: f64 = 1e6;

/// The producer with the node after it folded in.
fn fold(producer: &Node, node: &Node) -> Option<Node> {
    let folds = matches!(
        (&node.operator, &producer.operator),
        (Operator::BatchNormalization { .. }, Operator::Conv { .. } | Operator::Gemm { .. })
            | (
                Operator::Add { .. },
                Operator::Conv { .. } | Operator::Gemm { .. } | Operator::Add { .. }
            )
    );
    if !folds || producer.fused.is_some() || producer.grid.is_some() {
        return None;
    }
    let mut folded = producer.clone();
    match (&node.operator, &mut folded.operator) {
        (
            Operator::BatchNormalization { scale, offset },
            Operator::Conv { layer, .. } | Operator::Gemm { layer },
        ) => {
            // Gemm's features are the channels of a normalisation only where both are dimension 1.
            if layer.channels() != scale.len() || producer.shape.get(1) != Some(&scale.len()) {
                return None;
            }
            if matches!(producer.operator, Operator::Gemm { .. }) && producer.shape.len() != 2 {
                return None;
            }
            layer.affine(scale, offset)?;
        }
        (
            Operator::Add { subtract, constant },
            Operator::Add { subtract: signs, constant: sum },
        ) if subtract.len() == 1 => {
            merge(signs, sum, subtract[0], constant);
            if sum.iter().any(|x| !x.is_finite()) {
                return None;
            }
        }
        (Operator::Add { subtract, constant }, operator)
            if subtract.len() == 1 && constant.iter().all(|x| x.abs() < MASK) =>
        {
            let axis = match operator {
                Operator::Conv { .. } => 1,
                _ => producer.shape.len() - 1,
            };
            let (Operator::Conv { layer, .. } | Operator::Gemm { layer }) = operator else {
                return None;
            };
            let offset = per_channel(constant, &producer.shape, axis)?;
            let sign = if subtract[0] { -1.0 } else { 1.0 };
            layer.affine(&vec![sign; offset.len()], &offset)?;
        }
        _ => return None,
    }
    folded.value.clone_from(&node.value);
    Some(folded)
}

/// `±(Σ ±x + c) + d`.
fn merge(signs: &mut [bool], sum: &mut Vec<f64>, negate: bool, constant: &[f64]) {
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

/// A constant of `shape` as one number per index of `axis`, if that is all it depends on. None at
/// all means zeros.
fn per_channel(constant: &[f64], shape: &[usize], axis: usize) -> Option<Vec<f32>> {
    let channels = shape[axis];
    if constant.is_empty() {
        return Some(vec![0.0; channels]);
    }
    let inner: usize = shape[axis + 1..].iter().product();
    let first: Vec<f64> = (0..channels).map(|channel| constant[channel * inner]).collect();
    let mut elements = constant.iter().enumerate();
    let uniform = elements.all(|(index, &x)| x == first[index / inner % channels]);
    uniform.then(|| first.into_iter().map(|x| x as f32).collect())
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
