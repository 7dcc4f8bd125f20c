//! Functions of one number: Relu, Sigmoid, Exp, Sqrt and so on.

use super::fold;
use crate::float::activation::{Activation, PLAIN};
use crate::onnx::build::importer::{Element, Fold, Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;

/// A function without attributes.
const fn plain(name: &'static str) -> Registration {
    Registration::new(name, &[], import_plain).folds(Fold::One(fold::plain))
}

/// A function whose attributes are numbers.
const fn with(name: &'static str, attributes: &'static [&'static str]) -> Registration {
    Registration::new(name, attributes, import_with_attributes)
}

pub(super) const OPERATORS: &[Registration] = &[
    plain("Abs"),
    plain("Acos"),
    plain("Acosh"),
    plain("Asin"),
    plain("Asinh"),
    plain("Atan"),
    plain("Atanh"),
    plain("Ceil"),
    plain("Cos"),
    plain("Cosh"),
    plain("Erf"),
    plain("Exp"),
    plain("Floor"),
    plain("Log"),
    plain("Neg"),
    plain("Not").element(Element::Is(DataType::Bool)),
    plain("Round"),
    plain("Sign"),
    plain("Sin"),
    plain("Sinh"),
    plain("Tan"),
    plain("Tanh"),
    with("Celu", &["alpha"]),
    with("Elu", &["alpha"]),
    with("Gelu", &["approximate"]),
    with("HardSigmoid", &["alpha", "beta"]),
    with("HardSwish", &[]),
    with("LeakyRelu", &["alpha"]),
    with("Mish", &[]),
    with("Reciprocal", &[]),
    with("Relu", &[]),
    with("Selu", &["alpha", "gamma"]),
    with("Shrink", &["bias", "lambd"]),
    with("Sigmoid", &[]),
    with("Softplus", &[]),
    with("Softsign", &[]),
    with("Sqrt", &[]).folds(Fold::One(fold::square_root)),
    with("Swish", &["alpha"]),
    with("ThresholdedRelu", &["alpha"]),
    Registration::new("Clip", &["max", "min"], clip),
];

fn push<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    activation: Activation,
) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let value = importer.activate(call, input, activation)?;
    importer.define(call, value)
}

fn import_plain<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let known = PLAIN.iter().find(|(name, _)| *name == call.node.op_type);
    let (_, function) = known.ok_or_else(|| Stop::because("this function is not supported"))?;
    push(importer, call, Activation::Plain(*function))
}

fn import_with_attributes<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let number = |name: &str, default: f32| -> Result<f32, Stop> {
        match call.float(name, default)? {
            value if value.is_finite() => Ok(value),
            value => Err(Stop::Because(format!("attribute `{name}` is {value}"))),
        }
    };
    let power = |exponent: f32| Activation::Power { factor: 1.0, offset: 0.0, exponent };
    let activation = match call.node.op_type.as_str() {
        "Celu" => Activation::Celu { alpha: number("alpha", 1.0)? },
        "Elu" => Activation::Elu { alpha: number("alpha", 1.0)?, gamma: 1.0 },
        "Gelu" => Activation::Gelu { tanh: call.string("approximate", "none")? == "tanh" },
        "HardSigmoid" => {
            Activation::HardSigmoid { slope: number("alpha", 0.2)?, offset: number("beta", 0.5)? }
        }
        "HardSwish" => Activation::HardSwish,
        "LeakyRelu" => Activation::LeakyRelu { slope: number("alpha", 0.01)? },
        "Mish" => Activation::Mish,
        "Reciprocal" => power(-1.0),
        "Relu" => Activation::Relu,
        "Selu" => Activation::Elu {
            alpha: number("alpha", 1.673_263_2)?,
            gamma: number("gamma", 1.050_701)?,
        },
        "Shrink" => {
            Activation::Shrink { threshold: number("lambd", 0.5)?, bias: number("bias", 0.0)? }
        }
        "Sigmoid" => Activation::Sigmoid,
        "Softplus" => Activation::Softplus,
        "Softsign" => Activation::Softsign,
        "Sqrt" => power(0.5),
        "Swish" => Activation::Swish { alpha: number("alpha", 1.0)? },
        "ThresholdedRelu" => Activation::ThresholdedRelu { threshold: number("alpha", 1.0)? },
        other => return Err(Stop::Because(format!("function {other} is not supported"))),
    };
    push(importer, call, activation)
}

/// The bounds are attributes before opset 11 and optional inputs since.
fn clip<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (minimum, maximum) = if call.opset < 11 {
        (call.float("min", f32::MIN)?, call.float("max", f32::MAX)?)
    } else if call.has("min") || call.has("max") {
        return Err(Stop::because("since opset 11 its bounds are inputs, not attributes"));
    } else {
        (
            bound(importer, call, 1)?.unwrap_or(f32::MIN),
            bound(importer, call, 2)?.unwrap_or(f32::MAX),
        )
    };
    // The largest finite numbers stand for no bound.
    let minimum = if minimum <= f32::MIN { f32::NEG_INFINITY } else { minimum };
    let maximum = if maximum >= f32::MAX { f32::INFINITY } else { maximum };
    if minimum == f32::INFINITY || maximum == f32::NEG_INFINITY {
        return Err(Stop::Because(format!(
            "its bounds {minimum} and {maximum} leave nothing between them"
        )));
    }
    // Where the bounds contradict each other, ONNX gives the upper one everywhere.
    let minimum = minimum.min(maximum);
    match (minimum, maximum) {
        (f32::NEG_INFINITY, f32::INFINITY) => {
            let input = importer.computed(call, 0)?;
            importer.define(call, input)
        }
        (0.0, f32::INFINITY) => push(importer, call, Activation::Relu),
        _ => push(importer, call, Activation::Clip { minimum, maximum }),
    }
}

fn bound<'a>(importer: &Importer<'a>, call: &Call<'a>, index: usize) -> Result<Option<f32>, Stop> {
    let Some(constant) = importer.optional_constant(call, index)? else {
        return Ok(None);
    };
    let numbers = constant.numbers();
    match numbers.first() {
        Some(bound) if numbers.len() == 1 && !bound.is_nan() => Ok(Some(*bound as f32)),
        Some(_) if numbers.len() == 1 => Err(Stop::because("one of its bounds is not a number")),
        _ => Err(Stop::Because(format!(
            "one of its bounds has shape {:?}, expected a single FLOAT",
            numbers.shape()
        ))),
    }
}
