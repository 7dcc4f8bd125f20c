//! Operators that copy or reorder elements: Split, Compress, Expand, Tile, Concat, DepthToSpace,
//! SpaceToDepth; Shape and Size, which only look at shapes; and ConstantOfShape and Range, which
//! make constants of constants.

use ndarray::ArrayD;

use super::fold::shape_of;
use super::fold::{self, element_of_constant};
use crate::float::graph::Operator;
use crate::onnx::build::importer::{Binding, Element, Fold, Importer, Operand, Registration};
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Concat", &["axis"], concat).folds(Fold::Any(fold::concat)),
    Registration::new("Split", &["axis", "num_outputs", "split"], split)
        .all_outputs()
        .takes_constants(),
    Registration::new("Compress", &["axis"], compress),
    Registration::new("Expand", &[], expand).folds(Fold::Two(fold::expand)),
    Registration::new("Tile", &[], tile),
    Registration::new("DepthToSpace", &["blocksize", "mode"], depth_to_space),
    Registration::new("SpaceToDepth", &["blocksize", "mode"], space_to_depth),
    Registration::new("Shape", &["end", "start"], shape)
        .folds(Fold::One(|_, call, x| Ok(shape_of(call, x.shape()))))
        .element(Element::Is(DataType::Int64)),
    Registration::new("Size", &[], size)
        .folds(Fold::One(fold::size))
        .element(Element::Is(DataType::Int64)),
    Registration::new("ConstantOfShape", &["value"], depends_on_data)
        .folds(Fold::One(fold::constant_of_shape))
        .element(Element::Found(element_of_constant)),
    Registration::new("Range", &[], depends_on_data).folds(Fold::Three(fold::range)),
];

/// Operators that are only carried out on constants, before this is reached.
fn depends_on_data<'a>(_: &mut Importer<'a>, _: &Call<'a>) -> Result<(), Stop> {
    Err(Stop::because("its operands depend on the data, expected constants"))
}

fn concat<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let mut inputs = Vec::new();
    for index in 0..call.node.input.len() {
        let operand = importer.operand(call, index)?;
        let shape = importer.shape_of(&operand);
        // An empty tensor adds nothing.
        if !shape.contains(&0) {
            inputs.push(importer.value(call, operand, &shape)?);
        }
    }
    let Some(&first) = inputs.first() else {
        return Err(Stop::because("it has no inputs"));
    };
    if !call.has("axis") {
        return Err(Stop::because("attribute `axis` is missing"));
    }
    let shape = importer.graph.shape(first).to_vec();
    let axis = axis(call.int("axis", 0)?, shape.len())?;
    for &input in &inputs[1..] {
        let next = importer.graph.shape(input);
        let agree = next.len() == shape.len()
            && (0..shape.len()).all(|other| other == axis || next[other] == shape[other]);
        if !agree {
            return Err(Stop::Because(format!(
                "{next:?} cannot follow {shape:?} along axis {axis}"
            )));
        }
    }
    let value = importer.concat(call, inputs, axis)?;
    importer.define(call, value)
}

fn split<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let mut shape = importer.shape_of(&operand);
    let axis = axis(call.int("axis", 0)?, shape.len())?;
    let length = shape[axis];
    let listed = match call.ints("split")? {
        Some(split) => Some(split.to_vec()),
        None => importer.integers(call, 1)?,
    };
    let outputs = call.node.output.len();
    let lengths: Vec<usize> = match listed {
        Some(lengths) => {
            lengths.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect()
        }
        None => {
            // Equal parts, the last one smaller.
            let part = length.div_ceil(outputs.max(1));
            (0..outputs).map(|index| part.min(length.saturating_sub(index * part))).collect()
        }
    };
    if lengths.len() != outputs || lengths.iter().copied().fold(0, usize::saturating_add) != length
    {
        return Err(Stop::Because(format!(
            "parts {lengths:?} of a dimension of {length} for {outputs} outputs"
        )));
    }
    let mut start = 0;
    for (output, part) in call.node.output.iter().zip(lengths) {
        shape[axis] = part;
        let binding = match &operand {
            _ if part == 0 => Binding::Constant(importer.nothing(call, &shape).into()),
            Operand::Constant(constant) => {
                importer.spend(constant.len() / length.max(1) * part)?;
                Binding::Constant(constant.slice(axis, start, 1, part).into())
            }
            Operand::Computed(input) => {
                let operator = Operator::Slice { axis, start, step: 1 };
                Binding::Computed(importer.push(call, operator, vec![*input], shape.clone())?)
            }
        };
        start += part;
        if !output.is_empty() {
            importer.bind(output, binding)?;
        }
    }
    Ok(())
}

/// Elements where a known condition is true: along one dimension, or of all of them in a row.
fn compress<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let condition = importer.constant(call, 1)?.numbers();
    let shape = importer.graph.shape(input).to_vec();
    let (value, along) = match call.has("axis") {
        true => (input, axis(call.int("axis", 0)?, shape.len())?),
        false => (importer.reshape(call, input, vec![shape.iter().product()])?, 0),
    };
    let length = importer.graph.shape(value)[along];
    let chosen = condition.iter().take(length).enumerate().filter(|(_, truth)| **truth != 0.0);
    let chosen: Vec<usize> = chosen.map(|(index, _)| index).collect();
    if chosen.is_empty() {
        return Err(Stop::because("its condition is true nowhere"));
    }
    let value = importer.gather(call, value, along, &chosen)?;
    importer.define(call, value)
}

fn expand<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let target = importer
        .integers(call, 1)?
        .ok_or_else(|| Stop::because("its shape (input 1) is missing"))?;
    let input = importer.computed(call, 0)?;
    let target: Option<Vec<usize>> =
        target.iter().map(|&length| usize::try_from(length).ok()).collect();
    let target = target.ok_or_else(|| Stop::because("its shape has negative lengths"))?;
    let shape = broadcast_shapes(importer.graph.shape(input), &target)?;
    let value = importer.expand(call, input, &shape)?;
    importer.define(call, value)
}

fn tile<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let repeats = importer
        .integers(call, 1)?
        .ok_or_else(|| Stop::because("its repeats (input 1) are missing"))?;
    let mut value = importer.computed(call, 0)?;
    for (axis, &count) in repeats.iter().enumerate().take(importer.graph.shape(value).len()) {
        let count = usize::try_from(count).ok().filter(|count| (1..=1 << 16).contains(count));
        let count = count.ok_or_else(|| Stop::Because(format!("repeats {repeats:?}")))?;
        value = importer.repeat(call, value, axis, count)?;
    }
    importer.define(call, value)
}

/// Batch, channels, height, width, and the size of a block.
fn blocks<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Result<([usize; 4], usize), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input);
    let block = usize::try_from(call.int("blocksize", 0)?).unwrap_or(0);
    match *shape {
        [batch, channels, height, width] if (1..=1 << 12).contains(&block) => {
            Ok(([batch, channels, height, width], block))
        }
        _ => Err(Stop::Because(format!(
            "blocks of {block} for an input of shape {shape:?}, expected [N, C, H, W]"
        ))),
    }
}

fn depth_to_space<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let ([n, channels, h, w], b) = blocks(importer, call)?;
    if !channels.is_multiple_of(b * b) {
        return Err(Stop::Because(format!("{channels} channels are no multiple of {b}·{b}")));
    }
    let c = channels / (b * b);
    let (split, order) = match call.string("mode", "DCR")?.as_str() {
        "DCR" => (vec![n, b, b, c, h, w], vec![0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![n, c, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
        other => return Err(Stop::Because(format!("attribute `mode` is {other:?}"))),
    };
    move_blocks(importer, call, split, order, vec![n, c, h * b, w * b])
}

fn space_to_depth<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let ([n, c, h, w], b) = blocks(importer, call)?;
    if !h.is_multiple_of(b) || !w.is_multiple_of(b) {
        return Err(Stop::Because(format!("{h} by {w} elements cannot be cut in blocks of {b}")));
    }
    let split = vec![n, c, h / b, b, w / b, b];
    let order = match call.string("mode", "DCR")?.as_str() {
        "DCR" => vec![0, 3, 5, 1, 2, 4],
        "CRD" => vec![0, 1, 3, 5, 2, 4],
        other => return Err(Stop::Because(format!("attribute `mode` is {other:?}"))),
    };
    move_blocks(importer, call, split, order, vec![n, c * b * b, h / b, w / b])
}

fn move_blocks<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    split: Vec<usize>,
    order: Vec<usize>,
    joined: Vec<usize>,
) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let value = importer.reshape(call, input, split)?;
    let value = importer.transpose(call, value, order)?;
    let value = importer.reshape(call, value, joined)?;
    importer.define(call, value)
}

fn shape<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let shape = importer.shape_of(&importer.operand(call, 0)?);
    importer.define_constant(call, shape_of(call, &shape))
}

fn size<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let count: usize = importer.shape_of(&importer.operand(call, 0)?).iter().product();
    importer.define_constant(call, Constant::Integer(ArrayD::from_elem(vec![], count as i64)))
}
