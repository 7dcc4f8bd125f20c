//! Functions of one number, one after the other: sums with a number, products, powers.

use super::found::plain;
use super::group::origin;
use crate::float::activation::Activation;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::{ValueId, Window};

/// A number below which a norm is cut off so that nothing is divided by zero.
const TINY: f64 = 1e-5;

/// `gain·(factor·v + offset)^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Power {
    pub(super) factor: f64,
    pub(super) offset: f64,
    pub(super) exponent: f64,
    pub(super) gain: f64,
}

/// A function of each element by itself.
#[derive(Clone, Copy)]
enum Step {
    Affine {
        factor: f64,
        offset: f64,
    },
    Power(f64),
    /// Nothing below a small number.
    AtLeast(f64),
}

/// Whether a node is a function of each element by itself, and the same for all.
pub(super) fn is_step(node: &Node) -> bool {
    steps(node).is_some()
}

/// What is computed from the value where a chain begins, and that value.
pub(super) fn chain(graph: &Graph, value: ValueId) -> Option<(Power, ValueId)> {
    let mut value = origin(graph, value);
    let mut found = Vec::new();
    while let Some(steps) = plain(graph, value).and_then(steps) {
        found.extend(steps.into_iter().rev());
        let node = plain(graph, value)?;
        value = origin(graph, *node.inputs.first()?);
    }
    let one = Power { factor: 1.0, offset: 0.0, exponent: 1.0, gain: 1.0 };
    let power = found.into_iter().rev().try_fold(one, Power::then)?;
    Some((power, value))
}

/// The steps that a node is, first to last.
fn steps(node: &Node) -> Option<Vec<Step>> {
    let same = |numbers: &[f64]| {
        let first = numbers.first().copied()?;
        numbers.iter().all(|&x| x == first).then_some(first)
    };
    if node.inputs.len() != 1 {
        return None;
    }
    match &node.operator {
        &Operator::Activation(Activation::Power { factor, offset, exponent }) => {
            let affine = Step::Affine { factor: factor.into(), offset: offset.into() };
            Some(vec![affine, Step::Power(exponent.into())])
        }
        Operator::Activation(activation) => match activation.clip()? {
            (low, f64::INFINITY) if low > 0.0 && low <= TINY => Some(vec![Step::AtLeast(low)]),
            _ => None,
        },
        Operator::Add { subtract, constant } => {
            let factor = if subtract.first() == Some(&true) { -1.0 } else { 1.0 };
            let offset = if constant.is_empty() { 0.0 } else { same(constant)? };
            Some(vec![Step::Affine { factor, offset }])
        }
        Operator::Conv { window, groups, layer: Layer::Real { weights, bias } }
            if *window == Window::unit()
                && *groups == bias.len()
                && weights.len() == bias.len() =>
        {
            let each =
                |numbers: &[f32]| same(&numbers.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
            Some(vec![Step::Affine { factor: each(weights)?, offset: each(bias)? }])
        }
        _ => None,
    }
}

impl Power {
    fn then(self, step: Step) -> Option<Self> {
        match step {
            Step::Affine { factor, offset } if self.exponent == 1.0 => Some(Self {
                factor: self.factor * self.gain * factor,
                offset: self.offset * self.gain * factor + offset,
                gain: 1.0,
                ..self
            }),
            Step::Affine { factor, offset: 0.0 } => Some(Self { gain: self.gain * factor, ..self }),
            Step::Affine { .. } => None,
            Step::Power(exponent) => {
                let gain = if exponent == 1.0 { self.gain } else { self.gain.powf(exponent) };
                Some(Self { exponent: self.exponent * exponent, gain, ..self })
            }
            Step::AtLeast(low) if self.offset == 0.0 => {
                let offset = (low / self.gain).powf(1.0 / self.exponent);
                Some(Self { offset, ..self })
            }
            Step::AtLeast(_) => None,
        }
    }

    /// One divided by it.
    pub(super) fn inverse(self) -> Self {
        Self { exponent: -self.exponent, gain: 1.0 / self.gain, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_make_one_power() {
        let one = Power { factor: 1.0, offset: 0.0, exponent: 1.0, gain: 1.0 };
        let power = |steps: &[Step]| steps.iter().copied().try_fold(one, Power::then);
        let root = [
            Step::Affine { factor: 3.0, offset: 0.0 },
            Step::Affine { factor: 1.0, offset: 0.5 },
            Step::Power(0.5),
            Step::Affine { factor: 4.0, offset: 0.0 },
            Step::Power(-1.0),
        ];
        let found = power(&root).unwrap();
        assert_eq!(found, Power { factor: 3.0, offset: 0.5, exponent: -0.5, gain: 0.25 });
        assert_eq!(found.inverse().exponent, 0.5);
        assert_eq!(power(&[Step::Power(0.5), Step::AtLeast(1e-6)]).unwrap().offset, 1e-12);
        assert_eq!(power(&[Step::Power(0.5), Step::Affine { factor: 1.0, offset: 1.0 }]), None);
    }
}
