//! Cast.

use tract_onnx::pb::tensor_proto::DataType;

use super::Registration;
use super::call::Call;
use super::file::type_name;
use super::importer::{Importer, Stop};
use super::quantised::type_range;
use crate::activation::{Activation, Plain};

pub(super) const OPERATORS: &[Registration] = &[
    Registration { name: "Cast", attributes: &["round_mode", "saturate", "to"], import: cast },
    Registration { name: "CastLike", attributes: &["round_mode", "saturate"], import: cast_like },
];

const INT4: i32 = DataType::Int4 as i32;
const UINT4: i32 = DataType::Uint4 as i32;

fn cast<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    convert(importer, call, call.int("to", 0)? as i32)
}

fn cast_like<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let like = call.input(1).ok_or_else(|| Stop::because("its second input is missing"))?;
    convert(importer, call, importer.element_type(like))
}

/// A conversion between floats keeps the number, one to an integer drops its fraction.
fn convert<'a>(importer: &mut Importer<'a>, call: &Call<'a>, to: i32) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let known = importer.graph.grid(input);
    let integral = known.is_some_and(|grid| grid.quantisation.scale.fract() == 0.0);
    let value = match DataType::try_from(to).unwrap_or(DataType::Undefined) {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => input,
        DataType::Bool if known == Some(crate::graph::Grid::BOOLEAN) => input,
        DataType::Bool => importer.activate(call, input, Activation::Truth)?,
        DataType::Int32 | DataType::Int64 | DataType::Uint32 | DataType::Uint64 if integral => input,
        DataType::Int32 | DataType::Int64 => importer.activate(call, input, Activation::Plain(Plain::Truncate))?,
        _ => match type_range(to) {
            // A conversion that overflows is undefined in ONNX; it saturates here.
            Some((low, high))
                if integral
                    && known.is_some_and(|grid| {
                        grid.dequantise(grid.minimum) >= low as f64 && grid.dequantise(grid.maximum) <= high as f64
                    }) =>
            {
                input
            }
            Some((low, high)) => {
                let whole = importer.activate(call, input, Activation::Plain(Plain::Truncate))?;
                importer.activate(call, whole, Activation::Clip { minimum: low as f32, maximum: high as f32 })?
            }
            None => return Err(Stop::Because(format!("a cast to {} is not supported", type_name(to)))),
        },
    };
    importer.define(call, value)
}
