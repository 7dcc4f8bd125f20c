//! A node's operands: what it reads, in the form that its importer wants.

use std::rc::Rc;

use super::importer::{Binding, Importer, Operand};
use super::scales::grid_of;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;

impl<'a> Importer<'a> {
    /// The `index`th operand, if it is given.
    pub(in crate::onnx) fn optional(
        &self,
        call: &Call<'a>,
        index: usize,
    ) -> Result<Option<Operand>, Stop> {
        let Some(name) = call.input(index) else {
            return Ok(None);
        };
        match self.values.get(name) {
            Some(Binding::Computed(id)) => Ok(Some(Operand::Computed(*id))),
            Some(Binding::Constant(constant)) => {
                self.spend(constant.len())?;
                Ok(Some(Operand::Constant(constant.clone())))
            }
            Some(Binding::Scale { .. }) => Err(Stop::Because(format!(
                "input {index} is a scale that the file computes from the data, expected to be \
                multiplied with the integer product it belongs to and nothing else; quantise the \
                model statically (onnxruntime's `quantize_static`)"
            ))),
            Some(Binding::Counted { .. }) => Err(Stop::Because(format!(
                "input {index} is a constant in a scale that the file computes from the data, \
                expected to be added to the integer product it belongs to and nothing else; \
                quantise the model statically (onnxruntime's `quantize_static`)"
            ))),
            Some(Binding::Refused) | None => Err(Stop::Blocked),
        }
    }

    /// The `index`th operand.
    pub(in crate::onnx) fn operand(&self, call: &Call<'a>, index: usize) -> Result<Operand, Stop> {
        let operand = self.optional(call, index)?;
        operand.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand, which must be computed.
    pub(in crate::onnx) fn computed(&self, call: &Call<'a>, index: usize) -> Result<ValueId, Stop> {
        match self.operand(call, index)? {
            Operand::Computed(id) => Ok(id),
            Operand::Constant(_) => Err(Stop::Because(format!(
                "input {index} is a constant, expected a computed value; simplify the model \
                (`onnxsim`) and import it again"
            ))),
        }
    }

    /// The `index`th operand, which must be a constant if it is given.
    pub(in crate::onnx) fn optional_constant(
        &self,
        call: &Call<'a>,
        index: usize,
    ) -> Result<Option<Rc<Constant>>, Stop> {
        match self.optional(call, index)? {
            None => Ok(None),
            Some(Operand::Constant(constant)) => Ok(Some(constant)),
            Some(Operand::Computed(_)) => Err(Stop::Because(format!(
                "input {index} ({:?}) is computed, expected a constant",
                call.input(index).unwrap_or_default()
            ))),
        }
    }

    /// The `index`th operand, which must be a constant.
    pub(in crate::onnx) fn constant(
        &self,
        call: &Call<'a>,
        index: usize,
    ) -> Result<Rc<Constant>, Stop> {
        let constant = self.optional_constant(call, index)?;
        constant.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand as a list of integers, if it is given.
    pub(in crate::onnx) fn integers(
        &self,
        call: &Call<'a>,
        index: usize,
    ) -> Result<Option<Vec<i64>>, Stop> {
        let constant = self.optional_constant(call, index)?;
        let integers = constant.map(|constant| constant.integers()).transpose();
        integers.map_err(|problem| Stop::Because(format!("input {index}: {problem}")))
    }

    /// Shape of an operand.
    pub(in crate::onnx) fn shape_of(&self, operand: &Operand) -> Vec<usize> {
        match operand {
            Operand::Computed(id) => self.graph.shape(*id).to_vec(),
            Operand::Constant(constant) => constant.shape().to_vec(),
        }
    }

    /// An operand as a value of a shape that it broadcasts to.
    pub(in crate::onnx) fn value(
        &mut self,
        call: &Call<'a>,
        operand: Operand,
        shape: &[usize],
    ) -> Result<ValueId, Stop> {
        self.value_on(call, operand, shape, None)
    }

    /// The same; a constant is put on the grid.
    pub(in crate::onnx) fn value_on(
        &mut self,
        call: &Call<'a>,
        operand: Operand,
        shape: &[usize],
        grid: Option<Grid>,
    ) -> Result<ValueId, Stop> {
        let constant = match operand {
            Operand::Computed(id) => return self.expand(call, id, shape),
            Operand::Constant(constant) => constant,
        };
        let numbers = constant.numbers();
        // Infinite ones are masks, which calibration refuses where they make a difference.
        if numbers.iter().any(|x| x.is_nan()) {
            return Err(Stop::because("its constant operand: it holds NaN"));
        }
        let grid = grid.or_else(|| match &*constant {
            Constant::Quantised { scales, zeros, .. } => {
                grid_of(scales, zeros, i16::MIN.into(), u16::MAX.into())
            }
            _ => None,
        });
        let operator = Operator::Constant(numbers.iter().copied().collect());
        let id = self.push_on(call, operator, Vec::new(), numbers.shape().to_vec(), grid)?;
        self.expand(call, id, shape)
    }
}
