//! How integers of a file are read with scales and zero points, and how values get on their grids.

use std::rc::Rc;

use super::importer::{Importer, Operand};
use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::integer::graph::{Quantisation, ValueId};
use crate::integer::rounding::{ACTIVATION_MAX, ACTIVATION_MIN};
use crate::integer::signature::Grid;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::onnx::read::elements::{type_name, type_range};
use crate::tensor::moves::from_elements;

/// Scales and zero points as a file gives them.
pub(in crate::onnx) struct Scales {
    pub(in crate::onnx) scales: Vec<f32>,
    pub(in crate::onnx) zeros: Vec<i64>,
}

/// The grid of one scale and zero point; `None` if there are several.
pub(in crate::onnx) fn grid_of(
    scales: &[f32],
    zeros: &[i64],
    minimum: i64,
    maximum: i64,
) -> Option<Grid> {
    match (scales, zeros) {
        ([scale], [zero]) => {
            let quantisation = Quantisation { scale: (*scale).into(), zero_point: *zero };
            Some(Grid { quantisation, minimum, maximum })
        }
        _ => None,
    }
}

impl Scales {
    /// Reads the operands `scale` and, if it is given, `zero`.
    pub(in crate::onnx) fn read<'a>(
        importer: &Importer<'a>,
        call: &Call<'a>,
        scale: usize,
        zero: usize,
    ) -> Result<Self, Stop> {
        importer.quantises.set(true);
        let fixed = |index: usize| {
            let constant = importer.optional_constant(call, index);
            constant.map_err(|stop| match stop {
                Stop::Because(_) => Stop::Because(format!(
                    "its scale or zero point (input {index}) is computed, and a circuit is \
                    compiled for fixed ones; quantise the model statically"
                )),
                other => other,
            })
        };
        let scales = fixed(scale)?.ok_or_else(|| Stop::because("its scale is missing"))?;
        if scales.shape().len() > 1 {
            return Err(Stop::because(
                "scales by blocks are not supported, expected one for all or one per channel",
            ));
        }
        let scales: Vec<f32> = scales.finite()?.iter().copied().collect();
        if scales.is_empty() || scales.iter().any(|&scale| scale <= 0.0) {
            return Err(Stop::because("one of its scales is not positive"));
        }
        let zeros = match fixed(zero)? {
            None => vec![0; scales.len()],
            Some(zeros) if zeros.is_integer() => zeros.integers()?,
            Some(_) => {
                return Err(Stop::because("float8 numbers are not supported, expected integers"));
            }
        };
        if let Some(zero) =
            zeros.iter().find(|zero| !(ACTIVATION_MIN..=ACTIVATION_MAX).contains(*zero))
        {
            return Err(Stop::Because(format!("its zero point {zero} has more than 16 bits")));
        }
        // One zero point may serve all scales.
        let zeros = if zeros.len() == 1 { vec![zeros[0]; scales.len()] } else { zeros };
        if zeros.len() != scales.len() {
            return Err(Stop::Because(format!(
                "{} zero points for {} scales",
                zeros.len(),
                scales.len()
            )));
        }
        Ok(Self { scales, zeros })
    }

    /// The only scale and zero point.
    pub(in crate::onnx) fn only(&self) -> Result<Quantisation, Stop> {
        match grid_of(&self.scales, &self.zeros, 0, 0) {
            Some(grid) => Ok(grid.quantisation),
            None => Err(Stop::because(
                "its activations have one scale per channel, expected one for all",
            )),
        }
    }
}

impl<'a> Importer<'a> {
    /// An operand's integers read with a scale and zero point.
    pub(in crate::onnx) fn dequantised(
        &mut self,
        call: &Call<'a>,
        operand: Operand,
        scales: Scales,
        axis: usize,
    ) -> Result<Operand, Stop> {
        match operand {
            Operand::Constant(constant) => {
                let integers = constant.integers()?;
                if scales.scales.len() > 1
                    && constant.shape().get(axis) != Some(&scales.scales.len())
                {
                    return Err(Stop::Because(format!(
                        "{} scales for dimension {axis} of {:?}",
                        scales.scales.len(),
                        constant.shape()
                    )));
                }
                let Scales { scales, zeros } = scales;
                let narrow: Option<Vec<i16>> =
                    integers.iter().map(|&x| i16::try_from(x).ok()).collect();
                let constant = match narrow {
                    Some(narrow) => {
                        let integers = from_elements(constant.shape(), narrow);
                        Constant::Quantised { integers, scales, zeros, axis }
                    }
                    // A bias of 32 bits: exact as a real number of 53.
                    None => return self.wide(&constant, &scales, &zeros, axis),
                };
                Ok(Operand::Constant(Rc::new(constant)))
            }
            Operand::Computed(id) => {
                let quantisation = scales.only()?;
                Ok(Operand::Computed(self.relabel(call, id, quantisation)?))
            }
        }
    }

    /// Wide integers that a scale makes real numbers.
    fn wide(
        &self,
        constant: &Constant,
        scales: &[f32],
        zeros: &[i64],
        axis: usize,
    ) -> Result<Operand, Stop> {
        let mut numbers = constant.numbers();
        if let ([scale], [zero]) = (scales, zeros) {
            numbers.mapv_inplace(|x| f64::from(*scale) * (x - *zero as f64));
        } else {
            for (index, mut part) in numbers.axis_iter_mut(ndarray::Axis(axis)).enumerate() {
                part.mapv_inplace(|x| f64::from(scales[index]) * (x - zeros[index] as f64));
            }
        }
        Ok(Operand::Constant(Rc::new(Constant::Double(numbers))))
    }

    /// The integers behind a value, read with another scale and zero point.
    pub(in crate::onnx) fn relabel(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        quantisation: Quantisation,
    ) -> Result<ValueId, Stop> {
        let Some(known) = self.grid(value) else {
            return Err(Stop::because(
                "it reads numbers that are not quantised to at most 16 bits",
            ));
        };
        if known.quantisation == quantisation {
            return Ok(value);
        }
        // Relabelling twice is relabelling once, or not at all.
        if let Some(index) = self.graph.producer(value)
            && self.graph.nodes[index].operator == Operator::Relabel
        {
            return self.relabel(call, self.graph.nodes[index].inputs[0], quantisation);
        }
        let shape = self.graph.shape(value).to_vec();
        self.push_on(
            call,
            Operator::Relabel,
            vec![value],
            shape,
            Some(Grid { quantisation, ..known }),
        )
    }

    /// A value rounded to a grid.
    pub(in crate::onnx) fn quantise(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        grid: Grid,
    ) -> Result<ValueId, Stop> {
        let shape = self.graph.shape(value).to_vec();
        self.push_on(call, Operator::Quantize, vec![value], shape, Some(grid))
    }

    /// The integers of a grid as numbers.
    pub(in crate::onnx) fn integers_of(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
    ) -> Result<ValueId, Stop> {
        self.relabel(call, value, Grid::BOOLEAN.quantisation)
    }

    /// The grid that a node's result is put on: operands `scale` and `zero`, whose type is that of
    /// the result.
    pub(in crate::onnx) fn result_grid(
        &self,
        call: &Call<'a>,
        scale: usize,
        zero: usize,
    ) -> Result<Grid, Stop> {
        let element = match call.int("output_dtype", 0)? {
            0 => match call.input(zero) {
                Some(name) => {
                    self.element_types.get(name).copied().unwrap_or(DataType::Uint8 as i32)
                }
                None => DataType::Uint8 as i32,
            },
            declared => declared as i32,
        };
        let (minimum, maximum) = type_range(element).ok_or_else(|| {
            Stop::Because(format!(
                "its result is {}, expected integers of at most 16 bits",
                type_name(element)
            ))
        })?;
        let quantisation = Scales::read(self, call, scale, zero)?.only()?;
        Ok(Grid { quantisation, minimum, maximum })
    }
}

/// Weights as rows of one output channel each, and biases: quantised if the file has quantised the
/// weights. `rows` has the channels in dimension 0.
pub(in crate::onnx) fn layer(rows: &Constant, bias: Vec<f64>) -> Result<Layer, Stop> {
    match rows {
        Constant::Quantised { integers, scales, zeros, axis }
            if scales.len() == 1 || *axis == 0 =>
        {
            let channels = bias.len();
            let terms = (integers.len() / channels.max(1)).max(1);
            let zero = |index: usize| zeros[if zeros.len() == 1 { 0 } else { index / terms }];
            let weights = integers.iter().enumerate().map(|(index, &x)| i64::from(x) - zero(index));
            let weights: Vec<i32> = weights.map(|weight| weight as i32).collect();
            let scales = (0..channels)
                .map(|channel| scales[if scales.len() == 1 { 0 } else { channel }].into());
            Ok(Layer::Integer { weights, scales: scales.collect(), bias })
        }
        _ => {
            let weights = rows.finite().map_err(|problem| format!("weights: {problem}"))?;
            let bias = bias.into_iter().map(|bias| bias as f32).collect();
            Ok(Layer::Real { weights: weights.iter().copied().collect(), bias })
        }
    }
}
