//! Activation functions on real numbers.

use serde::{Deserialize, Serialize};

/// An element-wise function, under its ONNX name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// `1 / (1 + e^(−x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// The function's value.
    pub fn apply(&self, x: f64) -> f64 {
        match *self {
            Self::Relu => x.max(0.0),
            Self::Clip { minimum, maximum } => x.max(minimum.into()).min(maximum.into()),
            Self::LeakyRelu { slope } if x < 0.0 => f64::from(slope) * x,
            Self::LeakyRelu { .. } => x,
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
        }
    }

    /// The bounds, for functions that only saturate: they keep the scale of what they read.
    pub fn clip(&self) -> Option<(f64, f64)> {
        match *self {
            Self::Relu => Some((0.0, f64::INFINITY)),
            Self::Clip { minimum, maximum } => Some((minimum.into(), maximum.into())),
            Self::LeakyRelu { .. } | Self::Sigmoid | Self::Tanh => None,
        }
    }

    /// Whether a larger argument never has a smaller value.
    pub fn never_falls(&self) -> bool {
        match *self {
            Self::LeakyRelu { slope } => slope >= 0.0,
            Self::Relu | Self::Clip { .. } | Self::Sigmoid | Self::Tanh => true,
        }
    }

    /// Beyond `±saturation` the function is constant to within half an int8 step of its range, so that finer steps are worth
    /// more than a wider argument.
    pub fn saturation(&self) -> f64 {
        match self {
            // 1 − σ(6.5) = 0.0015 < 1/510, and 1 − tanh(3.5) = 0.0018 < 1/255.
            Self::Sigmoid => 6.5,
            Self::Tanh => 3.5,
            Self::Relu | Self::Clip { .. } | Self::LeakyRelu { .. } => f64::INFINITY,
        }
    }

    /// The ONNX operator.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::Clip { .. } => "Clip",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
        }
    }
}
