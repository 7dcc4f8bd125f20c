//! DynamicQuantizeLinear and what onnxruntime makes of it with a product.
//!
//! Its scale depends on the data, and a circuit is compiled for fixed ones: the value is rounded to
//! 8 bits over the range that calibration measures, by the same rule. What is left of the node is
//! that its operand must be quantised.

use std::rc::Rc;

use super::linear::matrix_product;
use crate::float::graph::Operator;
use crate::onnx::build::importer::{Binding, Element, Importer, Operand, Registration};
use crate::onnx::build::scales::Scales;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] =
    &[Registration::new("DynamicQuantizeLinear", &[], dynamic_quantize_linear)
        .all_outputs()
        .element(Element::Each(&[
            Element::Is(DataType::Uint8),
            Element::Is(DataType::Float),
            Element::Is(DataType::Uint8),
        ]))];

/// onnxruntime's own.
pub(super) const MICROSOFT: &[Registration] =
    &[Registration::new("DynamicQuantizeMatMul", &[], dynamic_quantize_mat_mul)
        .element(Element::Is(DataType::Float))];

fn dynamic_quantize_linear<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let value = importer.computed(call, 0)?;
    importer.measured(value);
    let [integers, scale, zero] = [0, 1, 2].map(|index| {
        call.node.output.get(index).map(String::as_str).filter(|name| !name.is_empty())
    });
    if let Some(name) = integers {
        importer.dynamic.insert(name, value);
        importer.bind(name, Binding::Computed(value))?;
    }
    if let Some(name) = scale {
        let factor = Rc::new(Constant::scalar(1.0));
        importer.bind(name, Binding::Scale { of: vec![value], factor })?;
    }
    if let Some(name) = zero {
        // What stands for the integers is the number itself, whose zero is zero.
        let zero = Constant::Integer(ndarray::ArrayD::zeros(vec![]));
        importer.bind(name, Binding::Constant(Rc::new(zero)))?;
    }
    Ok(())
}

/// A, B quantised, its scale and zero point, and a bias.
fn dynamic_quantize_mat_mul<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let left = importer.computed(call, 0)?;
    importer.measured(left);
    let right = importer.operand(call, 1)?;
    let rank = importer.shape_of(&right).len();
    let scales = Scales::read(importer, call, 2, 3)?;
    let right = importer.dequantised(call, right, scales, rank.saturating_sub(1))?;
    let value = matrix_product(importer, call, Operand::Computed(left), right)?;
    let value = match importer.optional_constant(call, 4)? {
        None => value,
        Some(bias) => {
            let shape = importer.graph.shape(value).to_vec();
            let constant = bias.numbers();
            let constant = constant.broadcast(shape.as_slice()).ok_or_else(|| {
                Stop::Because(format!("bias of shape {:?} for {shape:?}", bias.shape()))
            })?;
            let constant = constant.iter().copied().collect();
            let operator = Operator::Add { subtract: vec![false], constant };
            importer.push(call, operator, vec![value], shape)?
        }
    };
    importer.define(call, value)
}
