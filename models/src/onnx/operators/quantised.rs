//! QuantizeLinear and DequantizeLinear: how a file says what stands for a number.
//!
//! An ONNX tensor of integers is, to the float graph, a tensor of those integers as real numbers.
//! QuantizeLinear rounds to a grid and reads off the integers; DequantizeLinear reads integers on a
//! grid. The two after each other are the grid alone, which is how files in QDQ form come out as
//! integer operators.

use crate::onnx::build::importer::{Element, Importer, Operand, Registration};
use crate::onnx::build::scales::Scales;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "QuantizeLinear",
        &["axis", "block_size", "output_dtype", "precision", "saturate"],
        quantize_linear,
    )
    .takes_constants()
    .element(Element::Found(element_of_quantised)),
    Registration::new(
        "DequantizeLinear",
        &["axis", "block_size", "output_dtype"],
        dequantize_linear,
    )
    .takes_constants()
    .element(Element::Is(DataType::Float)),
];

/// The zero point's, or UINT8.
fn element_of_quantised(importer: &Importer<'_>, call: &Call<'_>) -> i32 {
    call.input(2).map_or(DataType::Uint8 as i32, |zero| importer.element_type(zero))
}

fn quantize_linear<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let grid = importer.result_grid(call, 1, 2)?;
    let value = match importer.operand(call, 0)? {
        Operand::Computed(id) => id,
        Operand::Constant(constant) => {
            let integers = constant.numbers().mapv(|x| grid.quantise(x) as i16);
            return importer.define_constant(call, Constant::Small(integers));
        }
    };
    let rounded = importer.quantise(call, value, grid)?;
    let integers = importer.integers_of(call, rounded)?;
    importer.define(call, integers)
}

fn dequantize_linear<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if call.int("block_size", 0)? != 0 {
        return Err(Stop::because(
            "scales by blocks are not supported, expected one for all or one per channel",
        ));
    }
    let operand = importer.operand(call, 0)?;
    if let Operand::Computed(id) = operand
        && importer.is_scale_of(call.input(1), id)
    {
        // Rounded by the range of the data, and read as it was rounded.
        return importer.define(call, id);
    }
    let rank = importer.shape_of(&operand).len();
    let scales = Scales::read(importer, call, 1, 2)?;
    let along = if scales.scales.len() > 1 { axis(call.int("axis", 1)?, rank)? } else { 0 };
    if let Operand::Computed(id) = operand
        && let Some(value) = importer.dequantised_product(id, &scales, along)
    {
        return importer.define(call, value);
    }
    match importer.dequantised(call, operand, scales, along)? {
        Operand::Computed(id) => importer.define(call, id),
        Operand::Constant(constant) => importer.define_shared(call, constant),
    }
}
