//! Element-wise functions of real numbers.

use super::composed::Composition;

/// An element-wise function, under its ONNX name.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, minimum), maximum)`; ReLU6 is `Clip` from 0 to 6. Either bound may be infinite.
    Clip {
        /// The lower bound.
        minimum: f32,
        /// The upper bound, not below the lower one.
        maximum: f32,
    },
    /// `x` if positive, `slope·x` otherwise.
    LeakyRelu {
        /// The factor for negative arguments (ONNX `alpha`).
        slope: f32,
    },
    /// `x` if above the threshold, 0 otherwise.
    ThresholdedRelu {
        /// ONNX `alpha`.
        threshold: f32,
    },
    /// `1 / (1 + e^(−x))`.
    Sigmoid,
    /// `min(max(slope·x + offset, 0), 1)`.
    HardSigmoid {
        /// ONNX `alpha`.
        slope: f32,
        /// ONNX `beta`.
        offset: f32,
    },
    /// `x·HardSigmoid(x)` with slope 1/6 and offset 1/2.
    HardSwish,
    /// `x·Sigmoid(alpha·x)`: Swish, and Silu with `alpha` 1.
    Swish {
        /// The factor of the argument.
        alpha: f32,
    },
    /// `x·tanh(ln(1 + e^x))`.
    Mish,
    /// `x·Φ(x)`, or with `tanh` its approximation by a hyperbolic tangent.
    Gelu {
        /// Which of the two.
        tanh: bool,
    },
    /// `x` if positive, `alpha·(e^x − 1)` otherwise, all times `gamma`: Elu with `gamma` 1, Selu.
    Elu {
        /// The limit for negative arguments.
        alpha: f32,
        /// The factor of everything.
        gamma: f32,
    },
    /// `x` if positive, `alpha·(e^(x/alpha) − 1)` otherwise.
    Celu {
        /// The limit for negative arguments.
        alpha: f32,
    },
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x` shrunk towards zero by `bias` where it is beyond `±threshold`, 0 elsewhere.
    Shrink {
        /// ONNX `lambd`.
        threshold: f32,
        /// ONNX `bias`.
        bias: f32,
    },
    /// `base·x + offset`, raised to `exponent`; a base below zero counts as zero. Sqrt, Reciprocal,
    /// Square, Pow with a constant exponent, LRN's quotient.
    Power {
        /// The factor of the argument.
        factor: f32,
        /// What is added to it.
        offset: f32,
        /// The exponent.
        exponent: f32,
    },
    /// `base^x`: Pow with a constant base.
    Exponential {
        /// The base, positive.
        base: f32,
    },
    /// `1` if not zero, else `0`: Cast to BOOL.
    Truth,
    /// A function without parameters.
    Plain(Plain),
    /// A function that the file spells out.
    Composed(Box<Composition<Self>>),
}

/// Functions without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// `|x|`.
    Abs,
    /// `−x`.
    Neg,
    /// `e^x`.
    Exp,
    /// The natural logarithm.
    Log,
    /// The largest integer not above.
    Floor,
    /// The smallest integer not below.
    Ceil,
    /// The nearest integer, halves to even.
    Round,
    /// Towards zero: Cast to an integer.
    Truncate,
    /// −1, 0 or 1.
    Sign,
    /// The error function.
    Erf,
    /// 1 for 0, else 0.
    Not,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Arc sine.
    Asin,
    /// Arc cosine.
    Acos,
    /// Arc tangent.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Inverse hyperbolic tangent.
    Atanh,
}

/// Plain functions with their ONNX names.
pub(crate) const PLAIN: &[(&str, Plain)] = &[
    ("Abs", Plain::Abs),
    ("Neg", Plain::Neg),
    ("Exp", Plain::Exp),
    ("Log", Plain::Log),
    ("Floor", Plain::Floor),
    ("Ceil", Plain::Ceil),
    ("Round", Plain::Round),
    ("Sign", Plain::Sign),
    ("Erf", Plain::Erf),
    ("Not", Plain::Not),
    ("Sin", Plain::Sin),
    ("Cos", Plain::Cos),
    ("Tan", Plain::Tan),
    ("Asin", Plain::Asin),
    ("Acos", Plain::Acos),
    ("Atan", Plain::Atan),
    ("Sinh", Plain::Sinh),
    ("Cosh", Plain::Cosh),
    ("Tanh", Plain::Tanh),
    ("Asinh", Plain::Asinh),
    ("Acosh", Plain::Acosh),
    ("Atanh", Plain::Atanh),
];

impl Activation {
    /// The function's value; not a number where it is not defined.
    pub fn apply(&self, x: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match *self {
            Self::Relu => x.max(0.0),
            Self::Clip { minimum, maximum } => x.max(minimum.into()).min(maximum.into()),
            Self::LeakyRelu { slope } => {
                if x < 0.0 {
                    f64::from(slope) * x
                } else {
                    x
                }
            }
            Self::ThresholdedRelu { threshold } => {
                if x > threshold.into() {
                    x
                } else {
                    0.0
                }
            }
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { slope, offset } => {
                (f64::from(slope) * x + f64::from(offset)).clamp(0.0, 1.0)
            }
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Swish { alpha } => x * sigmoid(f64::from(alpha) * x),
            Self::Mish => x * softplus(x).tanh(),
            Self::Gelu { tanh: false } => {
                0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
            }
            Self::Gelu { tanh: true } => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Self::Elu { alpha, gamma } => {
                f64::from(gamma) * if x > 0.0 { x } else { f64::from(alpha) * x.exp_m1() }
            }
            Self::Celu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(alpha) * (x / f64::from(alpha)).exp_m1()
                }
            }
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Shrink { threshold, bias } => {
                let (threshold, bias) = (f64::from(threshold), f64::from(bias));
                if x > threshold {
                    x - bias
                } else if x < -threshold {
                    x + bias
                } else {
                    0.0
                }
            }
            Self::Power { factor, offset, exponent } => {
                let base = f64::from(factor) * x + f64::from(offset);
                let whole = exponent.fract() == 0.0;
                if whole { base.powi(exponent as i32) } else { base.max(0.0).powf(exponent.into()) }
            }
            Self::Exponential { base } => f64::from(base).powf(x),
            Self::Truth => {
                if x == 0.0 {
                    0.0
                } else {
                    1.0
                }
            }
            Self::Plain(plain) => plain.apply(x),
            Self::Composed(ref composition) => composition.apply(x, Self::apply),
        }
    }

    /// The bounds, for functions that only saturate: they keep the scale of what they read.
    pub fn clip(&self) -> Option<(f64, f64)> {
        match *self {
            Self::Relu => Some((0.0, f64::INFINITY)),
            Self::Clip { minimum, maximum } => Some((minimum.into(), maximum.into())),
            _ => None,
        }
    }

    /// Whether a larger argument is known never to have a smaller value.
    pub fn never_falls(&self) -> bool {
        match *self {
            Self::LeakyRelu { slope } => slope >= 0.0,
            Self::HardSigmoid { slope, .. } => slope >= 0.0,
            Self::Elu { alpha, gamma } => alpha >= 0.0 && gamma >= 0.0,
            Self::Celu { alpha } => alpha > 0.0,
            Self::Relu | Self::Clip { .. } | Self::Sigmoid | Self::Softplus | Self::Softsign => {
                true
            }
            Self::Plain(plain) => {
                matches!(plain, Plain::Tanh | Plain::Exp | Plain::Atan | Plain::Erf | Plain::Asinh)
            }
            _ => false,
        }
    }

    /// Whether the result is 0 or 1.
    pub fn is_condition(&self) -> bool {
        matches!(self, Self::Truth | Self::Plain(Plain::Not))
    }

    /// The ONNX operator.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::Clip { .. } => "Clip",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::ThresholdedRelu { .. } => "ThresholdedRelu",
            Self::Sigmoid => "Sigmoid",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Swish { .. } => "Swish",
            Self::Mish => "Mish",
            Self::Gelu { .. } => "Gelu",
            Self::Elu { .. } => "Elu",
            Self::Celu { .. } => "Celu",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Shrink { .. } => "Shrink",
            Self::Power { .. } | Self::Exponential { .. } => "Pow",
            Self::Truth | Self::Plain(Plain::Truncate) => "Cast",
            Self::Composed(_) => "Function",
            Self::Plain(plain) => {
                PLAIN.iter().find(|(_, other)| other == plain).map_or("Plain", |(name, _)| name)
            }
        }
    }
}

impl Plain {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Abs => x.abs(),
            Self::Neg => -x,
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Truncate => x.trunc(),
            Self::Sign => {
                if x == 0.0 {
                    0.0
                } else {
                    x.signum()
                }
            }
            Self::Erf => erf(x),
            Self::Not => {
                if x == 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.tan(),
            Self::Asin => x.asin(),
            Self::Acos => x.acos(),
            Self::Atan => x.atan(),
            Self::Sinh => x.sinh(),
            Self::Cosh => x.cosh(),
            Self::Tanh => x.tanh(),
            Self::Asinh => x.asinh(),
            Self::Acosh => x.acosh(),
            Self::Atanh => x.atanh(),
        }
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The error function: its Taylor series near zero, elsewhere the continued fraction of its
/// complement (Abramowitz and Stegun, 7.1.5 and 7.1.14).
pub(crate) fn erf(x: f64) -> f64 {
    let (magnitude, square) = (x.abs(), x * x);
    let value = if magnitude < 2.5 {
        let mut term = magnitude;
        let mut sum = magnitude;
        for n in 1..80 {
            let n = f64::from(n);
            term *= -square / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else if magnitude > 6.0 {
        1.0
    } else {
        let fraction =
            (1..60).rev().fold(magnitude, |below, n| magnitude + f64::from(n) / 2.0 / below);
        1.0 - (-square).exp() / fraction * std::f64::consts::FRAC_2_SQRT_PI / 2.0
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_has_its_published_values() {
        // Abramowitz and Stegun, table 7.1.
        for (x, value) in
            [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)]
        {
            assert!((erf(x) - value).abs() < 1e-9, "{x}");
            assert_eq!(erf(-x), -erf(x));
        }
        let (below, above) = (erf(2.5 - 1e-12), erf(2.5));
        assert!((below - above).abs() < 1e-11, "{below} {above}");
    }

    #[test]
    fn every_plain_function_has_a_name() {
        assert!(PLAIN.iter().all(|(name, plain)| Activation::Plain(*plain).name() == *name));
    }
}
