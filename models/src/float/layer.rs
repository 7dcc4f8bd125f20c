//! Weights and biases, as the file has them.

/// Weights and biases of a [Conv](super::graph::Operator::Conv) or a
/// [Gemm](super::graph::Operator::Gemm).
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// Real ones, to be quantised.
    Real {
        /// One row per output channel.
        weights: Vec<f32>,
        /// One per output channel.
        bias: Vec<f32>,
    },
    /// Real ones that follow from what everybody knows, such as cosines of positions: they stand in
    /// the circuit as they are, also where weights are sealed.
    Known {
        /// One row per output channel.
        weights: Vec<f32>,
        /// One per output channel.
        bias: Vec<f32>,
    },
    /// Ones that the file has quantised.
    Integer {
        /// One row per output channel, zero point subtracted.
        weights: Vec<i32>,
        /// Real units per step, one per output channel.
        scales: Vec<f64>,
        /// One per output channel, in real units.
        bias: Vec<f64>,
    },
}

impl Layer {
    /// Number of output channels.
    pub fn channels(&self) -> usize {
        match self {
            Self::Real { bias, .. } | Self::Known { bias, .. } => bias.len(),
            Self::Integer { bias, .. } => bias.len(),
        }
    }

    /// Number of weights of an output channel.
    pub(crate) fn terms(&self) -> usize {
        let weights = match self {
            Self::Real { weights, .. } | Self::Known { weights, .. } => weights.len(),
            Self::Integer { weights, .. } => weights.len(),
        };
        weights / self.channels().max(1)
    }

    /// Number of weights and biases.
    pub(super) fn numbers(&self) -> usize {
        match self {
            Self::Real { weights, bias } | Self::Known { weights, bias } => {
                weights.len() + bias.len()
            }
            Self::Integer { weights, scales, bias } => weights.len() + scales.len() + bias.len(),
        }
    }

    /// The real weights, row by row.
    pub(crate) fn real_weights(&self) -> Vec<f32> {
        match self {
            Self::Real { weights, .. } | Self::Known { weights, .. } => weights.clone(),
            Self::Integer { weights, scales, .. } => {
                let terms = (weights.len() / scales.len()).max(1);
                let rows = weights.chunks(terms).zip(scales);
                rows.flat_map(|(row, &scale)| {
                    row.iter().map(move |&w| (f64::from(w) * scale) as f32)
                })
                .collect()
            }
        }
    }

    /// The real biases.
    pub(crate) fn real_bias(&self) -> Vec<f32> {
        match self {
            Self::Real { bias, .. } | Self::Known { bias, .. } => bias.clone(),
            Self::Integer { bias, .. } => bias.iter().map(|&b| b as f32).collect(),
        }
    }

    /// `factor[o]·row + offset[o]` of each channel, in double precision; `None` where integer
    /// weights would have to change, and known ones would not be known.
    pub(crate) fn affine(&mut self, factor: &[f32], offset: &[f32]) -> Option<()> {
        match self {
            Self::Known { .. } => None,
            Self::Real { weights, bias } => {
                let terms = weights.len() / bias.len();
                for (channel, row) in weights.chunks_mut(terms).enumerate() {
                    let factor = f64::from(factor[channel]);
                    row.iter_mut()
                        .for_each(|weight| *weight = (factor * f64::from(*weight)) as f32);
                    bias[channel] =
                        (factor * f64::from(bias[channel]) + f64::from(offset[channel])) as f32;
                }
                let finite = weights.iter().chain(&*bias).all(|x| x.is_finite());
                finite.then_some(())
            }
            Self::Integer { scales, bias, .. } => {
                if factor.iter().any(|&factor| !(factor > 0.0 && factor.is_finite())) {
                    return None;
                }
                for (channel, scale) in scales.iter_mut().enumerate() {
                    *scale *= f64::from(factor[channel]);
                    bias[channel] =
                        bias[channel] * f64::from(factor[channel]) + f64::from(offset[channel]);
                }
                Some(())
            }
        }
    }
}
