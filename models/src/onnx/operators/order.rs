//! ArgMax, ArgMin, TopK.

use crate::float::graph::Operator;
use crate::integer::signature::Grid;
use crate::onnx::build::importer::{Binding, Element, Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::{Call, axis};
use crate::tensor::order::can_be_ordered;

/// Most keys by which a TopK tells elements apart, and how many each element has if it is quantised
/// to 8 bits.
const MAX_KEYS: i64 = 1 << 18;
const USUAL: i64 = 1 << 8;

const ADVICE: &str = "ask for fewer, or export the network without its end (Ultralytics: \
    `end2end=False`, `nms=False`) and put its outputs in order outside";

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("ArgMax", &["axis", "keepdims", "select_last_index"], |importer, call| {
        arg_extreme(importer, call, false)
    })
    .element(Element::Is(DataType::Int64)),
    Registration::new("ArgMin", &["axis", "keepdims", "select_last_index"], |importer, call| {
        arg_extreme(importer, call, true)
    })
    .element(Element::Is(DataType::Int64)),
    Registration::new("TopK", &["axis", "k", "largest", "sorted"], top_k)
        .all_outputs()
        .element(Element::Each(&[Element::Of(0), Element::Is(DataType::Int64)])),
];

fn arg_extreme<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    smallest: bool,
) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let mut shape = importer.graph.shape(input).to_vec();
    let axis = axis(call.int("axis", 0)?, shape.len())?;
    let select_last = call.flag("select_last_index", false)?;
    if call.flag("keepdims", true)? {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    let operator = Operator::ArgMax { axis, select_last, smallest };
    let value = importer.push(call, operator, vec![input], shape)?;
    importer.define(call, value)
}

/// ONNX leaves open in which order results come that need not be sorted: sorted is one of them.
fn top_k<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let mut shape = importer.graph.shape(input).to_vec();
    let axis = axis(call.int("axis", -1)?, shape.len())?;
    let length = shape[axis];
    let count = match importer.integers(call, 1)? {
        Some(count) => count.first().copied().unwrap_or(0),
        None => call.int("k", 0)?,
    };
    shape[axis] =
        usize::try_from(count).ok().filter(|count| (1..=length).contains(count)).ok_or_else(
            || Stop::Because(format!("{count} elements are asked for of a dimension of {length}")),
        )?;
    if !can_be_ordered(length, shape[axis]) {
        return Err(Stop::Because(format!(
            "it puts {count} of {length} elements in order, which takes too many comparisons; \
            {ADVICE}"
        )));
    }
    let each = importer.grid(input).map_or(USUAL, |grid| USUAL.min(grid.count() as i64));
    if each.saturating_mul(length as i64) > MAX_KEYS {
        return Err(Stop::Because(format!(
            "it puts elements of {length} in order, each one of {each} numbers and one of {length} \
            places, and that are more than {MAX_KEYS} together; {ADVICE}"
        )));
    }
    let smallest = !call.flag("largest", true)?;
    for (output, indices) in
        call.node.output.iter().zip([false, true]).filter(|(output, _)| !output.is_empty())
    {
        let grid = indices.then(|| Grid::integers(0, length as i64 - 1));
        let operator = Operator::TopK { axis, smallest, indices };
        let value = importer.push_on(call, operator, vec![input], shape.clone(), grid)?;
        importer.bind(output, Binding::Computed(value))?;
    }
    Ok(())
}
