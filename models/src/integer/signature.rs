//! What a network reads: inputs by name and shape, and the integers that stand for their numbers,
//! where the file says which.

use super::graph::Quantisation;

/// An input: a name and a fixed shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The ONNX name.
    pub name: String,
    /// The shape, batch 1 included.
    pub shape: Vec<usize>,
    /// How it is quantised, if the file says so.
    pub grid: Option<Grid>,
}

/// The integers that stand for a value's real numbers, where the file says which.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Scale and zero point.
    pub quantisation: Quantisation,
    /// The smallest integer.
    pub minimum: i64,
    /// The largest integer.
    pub maximum: i64,
}

impl Grid {
    /// The integers of a range, standing for themselves.
    pub const fn integers(minimum: i64, maximum: i64) -> Self {
        Self { quantisation: Quantisation { scale: 1.0, zero_point: 0 }, minimum, maximum }
    }

    /// Whole numbers of any size, of which it is not known yet which ones occur.
    pub(crate) const fn open(signed: bool) -> Self {
        Self::integers(if signed { -Self::FAR } else { 0 }, Self::FAR)
    }

    /// An end that stands for none.
    const FAR: i64 = 1 << 40;

    /// Whether the integers are the numbers themselves.
    pub fn is_whole(&self) -> bool {
        self.quantisation == Self::BOOLEAN.quantisation
    }

    /// Whether it says of its numbers only that they are whole.
    pub(crate) fn is_open(&self) -> bool {
        self.maximum >= Self::FAR
    }

    /// False and true.
    pub const BOOLEAN: Self = Self::integers(0, 1);

    /// The integer nearest to a real number, as ONNX's QuantizeLinear finds it.
    pub fn quantise(&self, x: f64) -> i64 {
        self.quantisation.quantise(x, self.minimum, self.maximum)
    }

    /// The real number that an integer stands for.
    pub fn dequantise(&self, integer: i64) -> f64 {
        self.quantisation.dequantise(integer)
    }

    /// Number of integers.
    pub fn count(&self) -> usize {
        (self.maximum - self.minimum) as usize + 1
    }

    /// Bits that hold as many integers.
    pub(crate) fn bits(&self) -> u32 {
        self.count().next_power_of_two().trailing_zeros()
    }
}

/// Inputs as one line for messages: `"x" [1, 4], "y" [1, 2]`.
pub(crate) fn describe(inputs: &[Input]) -> String {
    let described: Vec<String> =
        inputs.iter().map(|input| format!("{:?} {:?}", input.name, input.shape)).collect();
    described.join(", ")
}
