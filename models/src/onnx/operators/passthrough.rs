//! Operators that compute nothing at inference: Identity, Dropout, Constant.

use ndarray::ArrayD;

use super::fold::element_of_constant;
use crate::onnx::build::importer::{Element, Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Identity", &[], identity).view(),
    Registration::new("Dropout", &["ratio", "seed"], dropout).view(),
    Registration::new(
        "Constant",
        &["value", "value_float", "value_floats", "value_int", "value_ints"],
        constant,
    )
    .element(Element::Found(element_of_constant)),
];

fn identity<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    match importer.operand(call, 0)? {
        Operand::Computed(id) => importer.define(call, id),
        Operand::Constant(constant) => importer.define_shared(call, constant),
    }
}

fn dropout<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if let Some(training) = importer.integers(call, 2)?
        && training.iter().any(|&flag| flag != 0)
    {
        return Err(Stop::because("it is in training mode; export the model in inference mode"));
    }
    identity(importer, call)
}

fn constant<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if let Some(tensor) = call.tensor("value")? {
        let constant = importer.stored(tensor)?;
        return importer.define_constant(call, constant);
    }
    let constant = if call.has("value_float") {
        // A bound may be infinite, so only NaN is refused here.
        Constant::Float(ArrayD::from_elem(vec![], call.float("value_float", 0.0)?))
    } else if let Some(floats) = call.floats("value_floats")? {
        Constant::Float(from_elements(&[floats.len()], floats.to_vec()))
    } else if call.has("value_int") {
        Constant::Integer(ArrayD::from_elem(vec![], call.int("value_int", 0)?))
    } else if let Some(ints) = call.ints("value_ints")? {
        Constant::Integer(from_elements(&[ints.len()], ints.to_vec()))
    } else {
        return Err(Stop::because("it has no value"));
    };
    importer.grant(constant.len());
    importer.define_constant(call, constant)
}
