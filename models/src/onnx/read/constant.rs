//! Constants: initialisers, `Constant` nodes, and what views make of them.

use ndarray::ArrayD;

use crate::tensor::moves;

/// A tensor known at import.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::onnx) enum Constant {
    /// Of all floating point types.
    Float(ArrayD<f32>),
    /// Real numbers that need more bits: biases that the file has quantised to 32.
    Double(ArrayD<f64>),
    /// Integers of all widths, and booleans.
    Integer(ArrayD<i64>),
    /// Integers of at most 8 bits, of which there may be many.
    Small(ArrayD<i16>),
    /// Real numbers that the file has quantised: `scale·(integer − zero)`.
    Quantised {
        /// The integers.
        integers: ArrayD<i16>,
        /// One for all, or one for each index of `axis`.
        scales: Vec<f32>,
        /// As many.
        zeros: Vec<i64>,
        axis: usize,
    },
}

impl Constant {
    /// Numbers as a constant of integers or of reals.
    pub(in crate::onnx) fn from_numbers(numbers: ArrayD<f64>, integer: bool) -> Self {
        if integer {
            Self::Integer(numbers.mapv(|x| x as i64))
        } else {
            Self::Float(numbers.mapv(|x| x as f32))
        }
    }

    /// Number of elements.
    pub(in crate::onnx) fn len(&self) -> usize {
        self.shape().iter().product()
    }

    pub(in crate::onnx) fn scalar(value: f32) -> Self {
        Self::Float(ArrayD::from_elem(vec![], value))
    }

    pub(in crate::onnx) fn shape(&self) -> &[usize] {
        match self {
            Self::Float(tensor) => tensor.shape(),
            Self::Double(tensor) => tensor.shape(),
            Self::Integer(tensor) => tensor.shape(),
            Self::Small(tensor) | Self::Quantised { integers: tensor, .. } => tensor.shape(),
        }
    }

    /// Whether its elements are integers.
    pub(in crate::onnx) fn is_integer(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Small(_))
    }

    /// The elements as double precision numbers.
    pub(in crate::onnx) fn numbers(&self) -> ArrayD<f64> {
        match self {
            Self::Float(tensor) => tensor.mapv(f64::from),
            Self::Double(tensor) => tensor.clone(),
            Self::Integer(tensor) => tensor.mapv(|x| x as f64),
            Self::Small(tensor) => tensor.mapv(f64::from),
            Self::Quantised { integers, scales, zeros, axis } => {
                let mut reals = integers.mapv(f64::from);
                if let ([scale], [zero]) = (&scales[..], &zeros[..]) {
                    let (scale, zero) = (f64::from(*scale), *zero as f64);
                    return reals.mapv_into(|x| scale * (x - zero));
                }
                for (index, mut part) in reals.axis_iter_mut(ndarray::Axis(*axis)).enumerate() {
                    let (scale, zero) = (f64::from(scales[index]), zeros[index] as f64);
                    part.mapv_inplace(|x| scale * (x - zero));
                }
                reals
            }
        }
    }

    /// The elements as real numbers, all of them finite.
    pub(in crate::onnx) fn finite(&self) -> Result<ArrayD<f32>, String> {
        let reals = match self {
            Self::Float(tensor) => tensor.clone(),
            Self::Double(_) | Self::Quantised { .. } => self.numbers().mapv(|x| x as f32),
            Self::Integer(_) | Self::Small(_) => {
                return Err("its elements are integers, expected FLOAT".into());
            }
        };
        match reals.iter().find(|x| !x.is_finite()) {
            None => Ok(reals),
            Some(x) => Err(format!("it holds {x}")),
        }
    }

    pub(in crate::onnx) fn integers(&self) -> Result<Vec<i64>, String> {
        match self {
            Self::Integer(tensor) => Ok(tensor.iter().copied().collect()),
            Self::Small(tensor) => Ok(tensor.iter().map(|&x| x.into()).collect()),
            Self::Float(_) | Self::Double(_) | Self::Quantised { .. } => {
                Err("its elements are FLOAT, expected integers".into())
            }
        }
    }

    pub(in crate::onnx) fn reshape(&self, shape: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::reshape(tensor, shape)),
            Self::Double(tensor) => Self::Double(moves::reshape(tensor, shape)),
            Self::Integer(tensor) => Self::Integer(moves::reshape(tensor, shape)),
            Self::Small(tensor) => Self::Small(moves::reshape(tensor, shape)),
            // What has scales of its own stays one behind the other.
            Self::Quantised { integers, scales, zeros, axis }
                if scales.len() == 1
                    || (*axis == 0 && shape.first() == integers.shape().first()) =>
            {
                Self::Quantised {
                    integers: moves::reshape(integers, shape),
                    scales: scales.clone(),
                    zeros: zeros.clone(),
                    axis: 0,
                }
            }
            Self::Quantised { .. } => {
                Self::Float(moves::reshape(&self.numbers().mapv(|x| x as f32), shape))
            }
        }
    }

    pub(in crate::onnx) fn transpose(&self, permutation: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::transpose(tensor, permutation)),
            Self::Double(tensor) => Self::Double(moves::transpose(tensor, permutation)),
            Self::Integer(tensor) => Self::Integer(moves::transpose(tensor, permutation)),
            Self::Small(tensor) => Self::Small(moves::transpose(tensor, permutation)),
            Self::Quantised { integers, scales, zeros, axis } => Self::Quantised {
                integers: moves::transpose(integers, permutation),
                scales: scales.clone(),
                zeros: zeros.clone(),
                axis: permutation.iter().position(|from| from == axis).unwrap_or(0),
            },
        }
    }

    pub(in crate::onnx) fn slice(
        &self,
        axis: usize,
        start: usize,
        step: isize,
        count: usize,
    ) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::slice(tensor, axis, start, step, count)),
            Self::Integer(tensor) => Self::Integer(moves::slice(tensor, axis, start, step, count)),
            Self::Small(tensor) => Self::Small(moves::slice(tensor, axis, start, step, count)),
            Self::Double(_) | Self::Quantised { .. } => {
                let reals = self.numbers().mapv(|x| x as f32);
                Self::Float(moves::slice(&reals, axis, start, step, count))
            }
        }
    }
}
