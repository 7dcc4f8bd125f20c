//! Cast.

use super::fold::converted;
use crate::float::activation::{Activation, Plain};
use crate::integer::signature::Grid;
use crate::onnx::build::importer::{Element, Fold, Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::onnx::read::elements::type_name;
use crate::onnx::read::elements::type_range;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Cast", &["round_mode", "saturate", "to"], cast)
        .folds(Fold::One(cast_constant))
        .element(Element::Found(|_, call| call.int("to", 0).unwrap_or(0) as i32)),
    Registration::new("CastLike", &["round_mode", "saturate"], cast_like).element(Element::Of(1)),
];

fn cast<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    convert(importer, call, call.int("to", 0)? as i32)
}

fn cast_constant(_: &Importer<'_>, call: &Call<'_>, x: &Constant) -> Result<Constant, Stop> {
    converted(x, call.int("to", 0)? as i32)
}

fn cast_like<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let like = call.input(1).ok_or_else(|| Stop::because("its second input is missing"))?;
    convert(importer, call, importer.element_type(like))
}

/// A conversion between floats keeps the number, one to an integer drops its fraction.
fn convert<'a>(importer: &mut Importer<'a>, call: &Call<'a>, to: i32) -> Result<(), Stop> {
    let input = match importer.operand(call, 0)? {
        Operand::Computed(input) => input,
        Operand::Constant(constant) => {
            return importer.define_constant(call, converted(&constant, to)?);
        }
    };
    let grid = importer.grid(input);
    // The numbers of a grid with a whole scale are integers already.
    let ends = grid.filter(|grid| grid.quantisation.scale.fract() == 0.0);
    let ends =
        ends.map(|grid| [grid.minimum, grid.maximum].map(|integer| grid.dequantise(integer)));
    let element = DataType::try_from(to).unwrap_or(DataType::Undefined);
    let value = match (element, type_range(to)) {
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, _) => input,
        (DataType::Bool, _) if grid == Some(Grid::BOOLEAN) => input,
        (DataType::Bool, _) => importer.activate(call, input, Activation::Truth)?,
        (DataType::Int32 | DataType::Int64 | DataType::Uint32 | DataType::Uint64, _)
            if ends.is_some() =>
        {
            input
        }
        (DataType::Int32 | DataType::Int64 | DataType::Uint32 | DataType::Uint64, _) => {
            importer.activate(call, input, Activation::Plain(Plain::Truncate))?
        }
        // What becomes of larger numbers differs between runtimes, and nearly all are larger.
        (DataType::Int4 | DataType::Uint4, Some((low, high)))
            if ends.is_none_or(|[first, last]| first < low as f64 || last > high as f64) =>
        {
            return Err(Stop::Because(format!(
                "a cast to {} of numbers that may lie outside its {low}..={high} is not supported",
                type_name(to)
            )));
        }
        (_, None) => {
            return Err(Stop::Because(format!("a cast to {} is not supported", type_name(to))));
        }
        (_, Some((low, high))) => {
            if ends.is_some_and(|[first, last]| first >= low as f64 && last <= high as f64) {
                input
            } else {
                // A conversion that overflows is undefined in ONNX; it saturates here.
                let whole = importer.activate(call, input, Activation::Plain(Plain::Truncate))?;
                importer.activate(
                    call,
                    whole,
                    Activation::Clip { minimum: low as f32, maximum: high as f32 },
                )?
            }
        }
    };
    importer.define(call, value)
}
