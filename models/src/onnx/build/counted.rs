//! Biases that a file counts in the scales of its data: the first form of onnxruntime's dynamic
//! quantisation divides a bias by the scale of the product that it is added to, rounds it to an
//! integer and adds it there.
//!
//! Here the product has no such scale yet, and the bias is added as the real number it stands for:
//! nothing is rounded.

use std::rc::Rc;

use super::importer::{Binding, Import, Importer};
use crate::integer::graph::ValueId;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;

/// Roundings, after which a count stands for the same number.
const ROUNDINGS: &[&str] = &["Cast", "Ceil", "Floor", "Round"];

impl<'a> Importer<'a> {
    /// A node where scales of dynamic quantisation, or what is counted in them, take part; `None`
    /// if they do not.
    pub(in crate::onnx) fn in_scales(&mut self, call: &Call<'a>) -> Option<Result<(), Stop>> {
        match call.node.op_type.as_str() {
            "Mul" => self.multiply_scales(call),
            "Div" => self.count(call),
            "Add" => self.add_counted(call),
            operator => self.hand_on(call, operator),
        }
    }

    /// Whether a node adds what is counted in scales.
    pub(super) fn adds_counted(&self, call: &Call<'a>) -> bool {
        let counted = |name: &String| matches!(self.binding(name), Some(Binding::Counted { .. }));
        call.node.op_type == "Add" && call.node.input.iter().any(counted)
    }

    /// Div of a constant by scales.
    fn count(&mut self, call: &Call<'a>) -> Option<Result<(), Stop>> {
        let operand = |index: usize| self.binding(call.input(index)?).cloned();
        let (Some(Binding::Constant(constant)), Some(Binding::Scale { of, factor })) =
            (operand(0), operand(1))
        else {
            return None;
        };
        Some(self.divided(&constant, &factor).and_then(|constant| {
            let counted = Binding::Counted { of, constant: Rc::new(constant) };
            Ok(self.bind(call.output()?, counted)?)
        }))
    }

    fn divided(&self, constant: &Constant, factor: &Constant) -> Result<Constant, Stop> {
        let (numbers, factors) = (constant.numbers(), factor.numbers());
        self.spend(numbers.len())?;
        let factors = factors.broadcast(numbers.raw_dim()).ok_or_else(|| {
            Stop::Because(format!(
                "it divides a constant of shape {:?} by scales of shape {:?}",
                numbers.shape(),
                factor.shape()
            ))
        })?;
        Ok(Constant::Double(&numbers / &factors))
    }

    /// A rounding of what is counted, or another view of it.
    fn hand_on(&mut self, call: &Call<'a>, operator: &str) -> Option<Result<(), Stop>> {
        let name = call.input(0)?;
        let Some(counted @ Binding::Counted { .. }) = self.binding(name).cloned() else {
            return None;
        };
        if ROUNDINGS.contains(&operator) {
            let output = call.output();
            return Some(output.and_then(|output| Ok(self.bind(output, counted)?)));
        }
        let known = self.registration(call.node).filter(|known| known.view)?;
        Some(self.viewed(call, name, counted, known.import))
    }

    /// A view of a constant, which is what the name stands for meanwhile.
    fn viewed(
        &mut self,
        call: &Call<'a>,
        name: &'a str,
        counted: Binding,
        import: Import,
    ) -> Result<(), Stop> {
        let Binding::Counted { of, constant } = &counted else { return Err(Stop::Blocked) };
        self.values.insert(name, Binding::Constant(constant.clone()));
        let (of, result) = (of.clone(), import(self, call));
        self.values.insert(name, counted);
        result?;
        let output = call.output()?;
        if let Some(Binding::Constant(constant)) = self.binding(output).cloned() {
            self.values.insert(output, Binding::Counted { of, constant });
        }
        Ok(())
    }

    /// Add of an integer product and what is counted in its scales.
    fn add_counted(&mut self, call: &Call<'a>) -> Option<Result<(), Stop>> {
        let operand = |index: usize| self.binding(call.input(index)?).cloned();
        let (value, of, constant) = match (operand(0)?, operand(1)?) {
            (Binding::Counted { of, constant }, Binding::Computed(value))
            | (Binding::Computed(value), Binding::Counted { of, constant }) => {
                (value, of, constant)
            }
            _ => return None,
        };
        let added = self.is_product_in(value, &of) && self.shift_layer(value, &constant).is_some();
        Some(if added {
            call.output().and_then(|name| Ok(self.bind(name, Binding::Computed(value))?))
        } else {
            Err(Stop::because(
                "it adds a constant in scales of dynamic quantisation to something else than the \
                integer product they belong to; quantise the model statically (onnxruntime's \
                `quantize_static`)",
            ))
        })
    }

    /// Adds one number per channel to the result of a layer that nothing has read yet.
    fn shift_layer(&mut self, value: ValueId, constant: &Constant) -> Option<()> {
        let offsets = self.per_channel(value, constant)?;
        let (layer, _) = self.layer_of(value)?;
        layer.affine(&vec![1.0; offsets.len()], &offsets)
    }
}
