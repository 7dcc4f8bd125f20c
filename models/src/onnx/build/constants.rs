//! Constants that an import reads and makes, as many as it is allowed.

use std::rc::Rc;

use ndarray::ArrayD;

use super::allowance::{MAX_FOLDED, MAX_STORED, READINGS};
use super::importer::Importer;
use super::shelf::Shelf;
use crate::limits;
use crate::onnx::error::Stop;
use crate::onnx::messages::{GraphProto, TensorProto};
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::onnx::read::tensor::{declared, decode};

impl<'a> Importer<'a> {
    /// Says that a node computes a constant.
    pub(in crate::onnx) fn define_constant(
        &mut self,
        call: &Call<'a>,
        constant: Constant,
    ) -> Result<(), Stop> {
        self.spend(constant.len())?;
        self.define_shared(call, Rc::new(constant))
    }

    /// An empty tensor of the type of a node's first operand: nothing of it has to be computed.
    pub(in crate::onnx) fn nothing(&self, call: &Call<'a>, shape: &[usize]) -> Constant {
        match self.is_integer(call, 0) {
            true => Constant::Integer(ArrayD::zeros(shape)),
            false => Constant::Float(ArrayD::zeros(shape)),
        }
    }

    /// A constant that the file holds, or a file beside it.
    pub(in crate::onnx) fn stored(&self, tensor: &TensorProto) -> Result<Constant, String> {
        let declared = declared(tensor)?;
        let Some(rest) = self.storage.get().checked_sub(declared) else {
            return Err(format!(
                "all constants of the file together have more than {MAX_STORED} elements"
            ));
        };
        self.storage.set(rest);
        let constant = decode(tensor, self.directory)?;
        self.grant(declared);
        Ok(constant)
    }

    /// Allows for the reading of a constant that the file holds.
    pub(in crate::onnx) fn grant(&self, elements: usize) {
        self.reading.set(self.reading.get().saturating_add(READINGS.saturating_mul(elements)));
    }

    /// Counts elements of constants that are read or made.
    pub(in crate::onnx) fn spend(&self, elements: usize) -> Result<(), Stop> {
        let Some(rest) = self.reading.get().checked_sub(elements) else {
            return Err(Stop::TooLarge(format!(
                "its constants: {elements} elements more to compute with, and all constants \
                together may be {MAX_FOLDED} and {READINGS} times what the file holds; fold them \
                before (`onnxsim`)"
            )));
        };
        self.reading.set(rest);
        Ok(())
    }

    /// An import of a single node, with what is left here.
    pub(in crate::onnx) fn alone<'p>(
        &self,
        proto: &'p GraphProto,
        shelf: &'p Shelf,
    ) -> Importer<'p> {
        let alone = Importer::new(String::new(), Vec::new(), proto, None, self.table, shelf);
        alone.reading.set(self.reading.get());
        alone
    }

    /// Takes over what such an import has left.
    pub(in crate::onnx) fn rejoin(&self, alone: &Importer<'_>) {
        self.reading.set(alone.reading.get());
    }

    /// Whether a result of that shape can be made: to be asked before anything of its size is.
    pub(in crate::onnx) fn fits(&self, shape: &[usize]) -> Result<(), Stop> {
        self.room.fits(shape).map(|_| ()).map_err(Stop::TooLarge)
    }

    /// Whether there is room for so many multiplications.
    pub(in crate::onnx) fn affords(&self, shape: &[usize], terms: usize) -> Result<(), Stop> {
        let mut room = self.room;
        room.take(shape, 0, limits::elements(shape).saturating_mul(terms)).map_err(Stop::TooLarge)
    }
}
