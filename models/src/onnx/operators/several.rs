//! Operators on any number of tensors: Max, Min, Sum, Mean.

use std::rc::Rc;

use super::elementwise::{binary, scale};
use super::fold;
use crate::float::activation::Activation;
use crate::float::binary::BinaryOperator;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Fold, Importer, Operand, Registration};
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Max", &[], |importer, call| several(importer, call, Several::Max))
        .folds(Fold::Two(fold::binary)),
    Registration::new("Min", &[], |importer, call| several(importer, call, Several::Min))
        .folds(Fold::Two(fold::binary)),
    Registration::new("Sum", &[], |importer, call| several(importer, call, Several::Sum)),
    Registration::new("Mean", &[], |importer, call| several(importer, call, Several::Mean)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Several {
    Max,
    Min,
    Sum,
    Mean,
}

fn several<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    operator: Several,
) -> Result<(), Stop> {
    let mut operands = Vec::new();
    let mut shape = Vec::new();
    for index in 0..call.node.input.len() {
        let operand = importer.operand(call, index)?;
        shape = broadcast_shapes(&shape, &importer.shape_of(&operand))?;
        operands.push(operand);
    }
    let count = operands.len();
    let mut computed = Vec::new();
    let mut constant: Option<Rc<Constant>> = None;
    for operand in operands {
        match operand {
            Operand::Constant(only)
                if constant.is_none() && matches!(operator, Several::Max | Several::Min) =>
            {
                constant = Some(only);
            }
            operand => computed.push(importer.value(call, operand, &shape)?),
        }
    }
    let Some(&first) = computed.first() else {
        return Err(Stop::because("it has no computed input"));
    };
    let mut value = first;
    match operator {
        Several::Max | Several::Min => {
            let function =
                if operator == Several::Max { BinaryOperator::Max } else { BinaryOperator::Min };
            for &next in &computed[1..] {
                value = importer.push(
                    call,
                    Operator::Binary(function),
                    vec![value, next],
                    shape.clone(),
                )?;
            }
            if let Some(constant) = constant {
                value = bound(importer, call, value, &constant, function, &shape)?;
            }
        }
        Several::Sum | Several::Mean => {
            if count > 1 {
                let sum = Operator::Add { subtract: vec![false; count], constant: Vec::new() };
                value = importer.push(call, sum, computed, shape)?;
            }
            if operator == Several::Mean {
                value = scale(importer, call, value, &Constant::scalar(1.0 / count as f32))?;
            }
        }
    }
    importer.define(call, value)
}

/// The larger or smaller of a value and a constant: a Clip if the constant is one number.
fn bound<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    value: ValueId,
    constant: &Rc<Constant>,
    function: BinaryOperator,
    shape: &[usize],
) -> Result<ValueId, Stop> {
    let numbers = constant.numbers();
    if let (1, Some(&only)) = (numbers.len(), numbers.first()) {
        let only = only as f32;
        let activation = match function {
            BinaryOperator::Max if only == 0.0 => Activation::Relu,
            BinaryOperator::Max => Activation::Clip { minimum: only, maximum: f32::INFINITY },
            _ => Activation::Clip { minimum: f32::NEG_INFINITY, maximum: only },
        };
        let value = importer.expand(call, value, shape)?;
        return importer.activate(call, value, activation);
    }
    binary(
        importer,
        call,
        [Operand::Computed(value), Operand::Constant(constant.clone())],
        shape,
        function,
    )
}
