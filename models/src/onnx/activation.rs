//! Relu, Clip, LeakyRelu, Sigmoid, Tanh.

use super::Registration;
use super::call::Call;
use super::constant::Constant;
use super::importer::{Importer, Stop};
use crate::activation::Activation;
use crate::graph::Operator;

pub(super) const OPERATORS: &[Registration] = &[
    Registration { name: "Relu", attributes: &[], import: |importer, call| push(importer, call, Activation::Relu) },
    Registration { name: "Clip", attributes: &["max", "min"], import: clip },
    Registration { name: "LeakyRelu", attributes: &["alpha"], import: leaky_relu },
    Registration {
        name: "Sigmoid",
        attributes: &[],
        import: |importer, call| push(importer, call, Activation::Sigmoid),
    },
    Registration { name: "Tanh", attributes: &[], import: |importer, call| push(importer, call, Activation::Tanh) },
];

fn push<'a>(importer: &mut Importer<'a>, call: &Call<'a>, activation: Activation) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let value = importer.push(call, Operator::Activation(activation), vec![input], shape)?;
    importer.define(call, value)
}

fn leaky_relu<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let slope = call.float("alpha", 0.01)?;
    if !slope.is_finite() {
        return Err(Stop::Because(format!("attribute `alpha` is {slope}")));
    }
    push(importer, call, Activation::LeakyRelu { slope })
}

/// The bounds are attributes before opset 11 and optional inputs since.
fn clip<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (minimum, maximum) = if call.opset < 11 {
        (call.float("min", f32::MIN)?, call.float("max", f32::MAX)?)
    } else if call.has("min") || call.has("max") {
        return Err(Stop::because("since opset 11 its bounds are inputs, not attributes"));
    } else {
        let minimum = bound(importer.optional_constant(call, 1)?)?;
        let maximum = bound(importer.optional_constant(call, 2)?)?;
        (minimum.unwrap_or(f32::MIN), maximum.unwrap_or(f32::MAX))
    };
    // The largest finite numbers stand for no bound.
    let minimum = if minimum <= f32::MIN { f32::NEG_INFINITY } else { minimum };
    let maximum = if maximum >= f32::MAX { f32::INFINITY } else { maximum };
    if minimum > maximum || minimum == f32::INFINITY || maximum == f32::NEG_INFINITY {
        return Err(Stop::Because(format!("its bounds {minimum} and {maximum} leave nothing between them")));
    }
    match (minimum, maximum) {
        (f32::NEG_INFINITY, f32::INFINITY) => {
            let input = importer.computed(call, 0)?;
            importer.define(call, input)
        }
        (0.0, f32::INFINITY) => push(importer, call, Activation::Relu),
        _ => push(importer, call, Activation::Clip { minimum, maximum }),
    }
}

fn bound(bound: Option<Constant>) -> Result<Option<f32>, Stop> {
    match bound {
        None => Ok(None),
        Some(Constant::Float(tensor)) if tensor.len() == 1 => match tensor.first() {
            Some(bound) if bound.is_nan() => Err(Stop::because("one of its bounds is not a number")),
            bound => Ok(bound.copied()),
        },
        Some(other) => {
            Err(Stop::Because(format!("one of its bounds has shape {:?}, expected a single FLOAT", other.shape())))
        }
    }
}
