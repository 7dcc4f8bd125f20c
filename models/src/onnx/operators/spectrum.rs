//! DFT and STFT: sines and cosines are the numbers of a constant matrix.

use std::f64::consts::TAU;

use super::matrix::{along, zeros};
use crate::float::graph::Operator;
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("DFT", &["axis", "inverse", "onesided"], dft),
    Registration::new("STFT", &["onesided"], stft),
];

/// A transform of `given` numbers, of which those beyond `length` do not count.
struct Transform {
    length: usize,
    given: usize,
    /// Whether the numbers are complex.
    complex: bool,
    inverse: bool,
    /// Only the first half of the frequencies is put out or, by the inverse, read.
    onesided: bool,
}

impl Transform {
    /// Numbers of the result.
    fn results(&self) -> usize {
        if self.onesided && !self.inverse { self.length / 2 + 1 } else { self.length }
    }

    /// Parts of each of them: 1 if it is real.
    fn parts(&self) -> usize {
        if self.onesided && self.inverse { 1 } else { 2 }
    }

    /// The matrix from parts of numbers to parts of results; `window` weighs the numbers.
    fn matrix(
        &self,
        importer: &Importer<'_>,
        window: impl Fn(usize) -> f64,
    ) -> Result<Vec<f32>, Stop> {
        let (parts, from) = (self.parts(), if self.complex { 2 } else { 1 });
        let columns = self.given * from;
        let mut matrix = zeros(importer, self.results() * parts, columns)?;
        // Half a spectrum stands for a whole one, of which it has all but the conjugates.
        let half = self.onesided && self.inverse;
        let read = if half { self.length / 2 + 1 } else { self.length };
        let sign = if self.inverse { 1.0 } else { -1.0 };
        let scale = if self.inverse { 1.0 / self.length as f64 } else { 1.0 };
        for (row, weights) in matrix.chunks_mut(columns).enumerate() {
            let (to, part) = (row / parts, row % parts);
            for (index, weight) in weights.iter_mut().enumerate() {
                let (number, imaginary) = (index / from, index % from == 1);
                if number >= read {
                    continue;
                }
                let twice = half && number > 0 && 2 * number != self.length;
                let turns = (to * number % self.length) as f64 / self.length as f64;
                let (sine, cosine) = (sign * TAU * turns).sin_cos();
                // (cos + i·sin)·(a + i·b), real part and imaginary part.
                let factor = match (part, imaginary) {
                    (0, false) | (1, true) => cosine,
                    (0, true) => -sine,
                    _ => sine,
                };
                let factor = factor * scale * window(number) * if twice { 2.0 } else { 1.0 };
                *weight = factor as f32;
            }
        }
        Ok(matrix)
    }
}

fn length(importer: &Importer<'_>, call: &Call<'_>, index: usize) -> Result<Option<usize>, Stop> {
    let Some(found) = importer.integers(call, index)? else {
        return Ok(None);
    };
    let length = found.first().and_then(|&length| usize::try_from(length).ok());
    let length = length.filter(|length| (1..=1 << 20).contains(length));
    length.map(Some).ok_or_else(|| Stop::Because(format!("input {index} is {found:?}, no length")))
}

/// Whether numbers have two parts, as the last dimension says.
fn is_complex(shape: &[usize]) -> Result<bool, Stop> {
    match shape.last() {
        Some(1) if shape.len() > 1 => Ok(false),
        Some(2) if shape.len() > 1 => Ok(true),
        _ => Err(Stop::Because(format!(
            "its input has shape {shape:?}, expected a last dimension of 1 or 2"
        ))),
    }
}

fn dft<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let (rank, complex) = (shape.len(), is_complex(&shape)?);
    let asked = match importer.integers(call, 2)? {
        Some(axis) => axis.first().copied().unwrap_or(-2),
        None => call.int("axis", if call.opset < 20 { 1 } else { -2 })?,
    };
    let along_axis = axis(asked, rank)?;
    if along_axis + 1 == rank {
        return Err(Stop::because("its axis is the one of real and imaginary parts"));
    }
    let (inverse, onesided) = (call.flag("inverse", false)?, call.flag("onesided", false)?);
    let given = shape[along_axis];
    let usual = if inverse && onesided { (2 * (given - 1)).max(1) } else { given };
    let length = length(importer, call, 1)?.unwrap_or(usual);
    let transform = Transform { length, given, complex, inverse, onesided };
    let matrix = transform.matrix(importer, |_| 1.0)?;
    // The dimension beside that of the parts, and both as one.
    let mut order: Vec<usize> = (0..rank).filter(|&index| index != along_axis).collect();
    order.insert(rank - 2, along_axis);
    let moved = importer.transpose(call, input, order.clone())?;
    let mut joined = importer.graph.shape(moved)[..rank - 2].to_vec();
    joined.push(given * shape[rank - 1]);
    let flat = importer.reshape(call, moved, joined.clone())?;
    let rows = transform.results() * transform.parts();
    let value = along(importer, call, flat, rank - 2, (matrix, vec![0.0; rows]))?;
    joined.pop();
    joined.extend([transform.results(), transform.parts()]);
    let value = importer.reshape(call, value, joined)?;
    let back = (0..rank).map(|index| order.iter().position(|&from| from == index).unwrap_or(0));
    let value = importer.transpose(call, value, back.collect())?;
    importer.define(call, value)
}

fn stft<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let complex = is_complex(&shape)?;
    let [batch, signal, parts] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, L, 1]")));
    };
    let step = length(importer, call, 1)?.ok_or_else(|| Stop::because("its step is missing"))?;
    let window = importer.optional_constant(call, 2)?;
    let window = window.map(|window| window.numbers().into_iter().collect::<Vec<f64>>());
    let asked = length(importer, call, 3)?;
    let frame = asked.or(window.as_ref().map(Vec::len)).unwrap_or(signal);
    let window = window.unwrap_or_else(|| vec![1.0; frame]);
    if window.len() != frame || frame > signal {
        return Err(Stop::Because(format!(
            "frames of {frame} with a window of {} in a signal of {signal}",
            window.len()
        )));
    }
    let onesided = call.flag("onesided", true)?;
    let transform = Transform { length: frame, given: frame, complex, inverse: false, onesided };
    let matrix = transform.matrix(importer, |place| window[place])?;
    let frames = (signal - frame) / step + 1;
    importer.fits(&[batch, frames, frame * parts])?;
    let mut pieces = Vec::with_capacity(frames);
    for index in 0..frames {
        let slice = Operator::Slice { axis: 1, start: index * step, step: 1 };
        let piece = importer.push(call, slice, vec![input], vec![batch, frame, parts])?;
        pieces.push(importer.reshape(call, piece, vec![batch, 1, frame * parts])?);
    }
    let stacked = importer.concat(call, pieces, 1)?;
    let rows = transform.results() * transform.parts();
    let value = along(importer, call, stacked, 2, (matrix, vec![0.0; rows]))?;
    let value = importer.reshape(call, value, vec![batch, frames, transform.results(), 2])?;
    importer.define(call, value)
}
