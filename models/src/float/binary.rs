//! Functions of two real numbers, for operators on two tensors.

use serde::{Deserialize, Serialize};

/// An element-wise function of two tensors, under its ONNX name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinaryOperator {
    /// `a / b`, or for integers that towards zero.
    Div {
        /// Whether both are integers.
        integers: bool,
    },
    /// `a^b`.
    Pow,
    /// The remainder of `a / b`, with the sign of `b` or with `fmod` of `a`.
    Mod {
        /// C's rule.
        fmod: bool,
    },
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// 1 if they are equal, else 0.
    Equal,
    /// 1 if `a < b`, else 0.
    Less,
    /// 1 if `a ≤ b`, else 0.
    LessOrEqual,
    /// 1 if `a > b`, else 0.
    Greater,
    /// 1 if `a ≥ b`, else 0.
    GreaterOrEqual,
    /// 1 if both are, else 0.
    And,
    /// 1 if one is, else 0.
    Or,
    /// 1 if exactly one is, else 0.
    Xor,
}

impl BinaryOperator {
    /// The function's value.
    pub fn apply(self, a: f64, b: f64) -> f64 {
        let truth = |condition: bool| if condition { 1.0 } else { 0.0 };
        match self {
            Self::Div { integers: false } => a / b,
            Self::Div { integers: true } => (a / b).trunc(),
            Self::Pow => a.powf(b),
            Self::Mod { fmod: true } => a % b,
            Self::Mod { fmod: false } => a - b * (a / b).floor(),
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Equal => truth(a == b),
            Self::Less => truth(a < b),
            Self::LessOrEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterOrEqual => truth(a >= b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
            Self::Xor => truth((a != 0.0) != (b != 0.0)),
        }
    }

    /// Whether the result is 0 or 1.
    pub fn is_condition(self) -> bool {
        !matches!(self, Self::Div { .. } | Self::Pow | Self::Mod { .. } | Self::Max | Self::Min)
    }

    /// For comparisons, the result for operands whose difference is negative, zero, positive.
    pub fn by_difference(self) -> Option<[i64; 3]> {
        match self {
            Self::Equal => Some([0, 1, 0]),
            Self::Less => Some([1, 0, 0]),
            Self::LessOrEqual => Some([1, 1, 0]),
            Self::Greater => Some([0, 0, 1]),
            Self::GreaterOrEqual => Some([0, 1, 1]),
            _ => None,
        }
    }

    /// The ONNX operator.
    pub fn name(self) -> &'static str {
        match self {
            Self::Div { .. } => "Div",
            Self::Pow => "Pow",
            Self::Mod { .. } => "Mod",
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Equal => "Equal",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }
}
