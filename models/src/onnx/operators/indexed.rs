//! Operators that read or write elements by index: Gather, GatherElements, GatherND,
//! ScatterElements, ScatterND. With constant indices they move elements and compute nothing; only
//! reductions do. With computed ones a constant is a table, and computed data is
//! multiplied by rows of ones.

use super::fold::{self, indices};
use super::lookup::look_up;
use super::places::{along, tuples};
use super::{moved, pick};
use crate::float::binary::BinaryOperator;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Fold, Importer, Operand, Registration};
use crate::onnx::build::places::Place;
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Gather", &["axis"], gather).folds(Fold::Two(fold::gather)),
    Registration::new("GatherElements", &["axis"], gather_elements)
        .folds(Fold::Two(moved::gathered_elements)),
    Registration::new("GatherND", &["batch_dims"], gather_nd).folds(Fold::Two(moved::gathered_nd)),
    // ScatterElements before opset 11.
    Registration::new("Scatter", &["axis"], scatter_elements)
        .folds(Fold::Three(moved::scattered_elements)),
    Registration::new("ScatterElements", &["axis", "reduction"], scatter_elements)
        .folds(Fold::Three(moved::scattered_elements)),
    Registration::new("ScatterND", &["reduction"], scatter_nd)
        .folds(Fold::Three(moved::scattered_nd)),
];

fn gather<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let data = importer.operand(call, 0)?;
    let shape = importer.shape_of(&data);
    let axis = axis(call.int("axis", 0)?, shape.len())?;
    let value = match (data, importer.operand(call, 1)?) {
        (Operand::Constant(table), Operand::Computed(index)) => {
            look_up(importer, call, &table, axis, index)?
        }
        (Operand::Computed(data), Operand::Constant(places)) => {
            let chosen = indices(&places, shape[axis])?;
            let gathered = [&shape[..axis], places.shape(), &shape[axis + 1..]].concat();
            importer.fits(&gathered)?;
            let value = importer.gather(call, data, axis, &chosen)?;
            importer.reshape(call, value, gathered)?
        }
        (Operand::Computed(data), Operand::Computed(index)) => {
            pick::rows(importer, call, [data, index], axis)?
        }
        (Operand::Constant(_), Operand::Constant(_)) => return Err(constants()),
    };
    importer.define(call, value)
}

fn constants() -> Stop {
    Stop::because("both its data and its indices are constants")
}

fn gather_elements<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (data, chosen) = (importer.operand(call, 0)?, importer.operand(call, 1)?);
    let (data, chosen) = match (data, chosen) {
        (Operand::Constant(table), Operand::Computed(index)) => {
            let shape = table.shape();
            let axis = axis(call.int("axis", 0)?, shape.len())?;
            if shape.iter().product::<usize>() != shape[axis] {
                return Err(Stop::because(
                    "its indices are computed, and its data a table of several dimensions, \
                    expected one; gather whole rows (Gather)",
                ));
            }
            let value = look_up(importer, call, &table.reshape(&[shape[axis]]), 0, index)?;
            return importer.define(call, value);
        }
        (Operand::Computed(data), Operand::Constant(chosen)) => (data, chosen),
        (Operand::Computed(data), Operand::Computed(index)) => {
            let axis = axis(call.int("axis", 0)?, importer.graph.shape(data).len())?;
            let value = pick::elements(importer, call, [data, index], axis)?;
            return importer.define(call, value);
        }
        (Operand::Constant(_), Operand::Constant(_)) => return Err(constants()),
    };
    let shape = importer.graph.shape(data).to_vec();
    let places = along(&chosen, &shape, axis(call.int("axis", 0)?, shape.len())?)?;
    let places: Vec<Place> = places.into_iter().map(|place| (0, place)).collect();
    let value = importer.collect(call, &[data], &places, chosen.shape().to_vec())?;
    importer.define(call, value)
}

fn gather_nd<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let batches = usize::try_from(call.int("batch_dims", 0)?).unwrap_or(usize::MAX);
    let (data, chosen) = match (importer.operand(call, 0)?, importer.operand(call, 1)?) {
        (Operand::Constant(table), Operand::Computed(index)) => {
            let value = look_up_tuples(importer, call, &table, index, batches)?;
            return importer.define(call, value);
        }
        (Operand::Computed(data), Operand::Constant(chosen)) => (data, chosen),
        (Operand::Computed(data), Operand::Computed(index)) => {
            let value = pick::blocks(importer, call, [data, index], batches)?;
            return importer.define(call, value);
        }
        (Operand::Constant(_), Operand::Constant(_)) => return Err(constants()),
    };
    let shape = importer.graph.shape(data).to_vec();
    let (begins, inner) = tuples(&chosen, &shape, batches)?;
    let (_, outer) = chosen.shape().split_last().unwrap_or((&1, &[]));
    let gathered = [outer, &inner].concat();
    importer.fits(&gathered)?;
    let value = importer.collect(call, &[data], &blocks(&begins, &inner), gathered)?;
    importer.define(call, value)
}

/// Rows of a table by computed tuples of one index.
fn look_up_tuples<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    table: &Constant,
    index: ValueId,
    batches: usize,
) -> Result<ValueId, Stop> {
    match *importer.graph.shape(index) {
        [ref outer @ .., 1] if batches == 0 => {
            let outer = outer.to_vec();
            let index = importer.reshape(call, index, outer)?;
            look_up(importer, call, table, 0, index)
        }
        ref shape => Err(Stop::Because(format!(
            "its indices are computed: tuples of shape {shape:?} and {batches} batches, expected \
            tuples of one, without batches"
        ))),
    }
}

/// The elements of blocks of one shape.
fn blocks(begins: &[usize], inner: &[usize]) -> Vec<Place> {
    let size: usize = inner.iter().product();
    begins.iter().flat_map(|&begin| (begin..begin + size).map(|place| (0, place))).collect()
}

fn scatter_elements<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let data = importer.operand(call, 0)?;
    let chosen = importer.constant(call, 1)?;
    let shape = importer.shape_of(&data);
    let targets = along(&chosen, &shape, axis(call.int("axis", 0)?, shape.len())?)?;
    scatter(importer, call, data, &targets, chosen.shape())
}

fn scatter_nd<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let data = importer.operand(call, 0)?;
    let chosen = importer.constant(call, 1)?;
    let shape = importer.shape_of(&data);
    let (begins, inner) = tuples(&chosen, &shape, 0)?;
    let (_, outer) = chosen.shape().split_last().unwrap_or((&1, &[]));
    let updated = [outer, &inner].concat();
    importer.fits(&updated)?;
    let targets: Vec<usize> = blocks(&begins, &inner).into_iter().map(|(_, place)| place).collect();
    scatter(importer, call, data, &targets, &updated)
}

/// Data whose elements at `targets` are replaced by the updates, or joined with them.
fn scatter<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    data: Operand,
    targets: &[usize],
    updated: &[usize],
) -> Result<(), Stop> {
    let shape = importer.shape_of(&data);
    let updates = importer.operand(call, 2)?;
    if importer.shape_of(&updates) != updated {
        return Err(Stop::Because(format!(
            "updates of shape {:?}, expected {updated:?}",
            importer.shape_of(&updates)
        )));
    }
    let data = importer.value(call, data, &shape)?;
    let updates = importer.value(call, updates, updated)?;
    let reduction = call.string("reduction", "none")?;
    let reduction = Reduction::ALL.into_iter().find(|(name, _)| *name == reduction);
    let (_, reduction) = reduction.ok_or_else(|| {
        Stop::because("attribute `reduction` is none of none, add, mul, max and min")
    })?;
    let count: usize = shape.iter().product();
    let unchanged: Vec<Place> = (0..count).map(|place| (0, place)).collect();
    let Some(reduction) = reduction else {
        // Of several updates of one element the last one counts.
        let mut places = unchanged;
        for (update, &target) in targets.iter().enumerate() {
            places[target] = (1, update);
        }
        let value = importer.collect(call, &[data, updates], &places, shape)?;
        return importer.define(call, value);
    };
    // The first update of each element, then the second of each, and so on.
    let mut met = vec![0; count];
    let mut layers: Vec<Vec<(usize, usize)>> = Vec::new();
    for (update, &target) in targets.iter().enumerate() {
        if layers.len() == met[target] {
            layers.push(Vec::new());
        }
        layers[met[target]].push((target, update));
        met[target] += 1;
    }
    let mut value = data;
    for layer in layers {
        value = reduction.join(importer, call, value, updates, &layer)?;
    }
    importer.define(call, value)
}

/// What becomes of an element and its update.
#[derive(Clone, Copy)]
enum Reduction {
    Add,
    Multiply,
    Extreme(BinaryOperator),
}

impl Reduction {
    const ALL: [(&'static str, Option<Self>); 5] = [
        ("none", None),
        ("add", Some(Self::Add)),
        ("mul", Some(Self::Multiply)),
        ("max", Some(Self::Extreme(BinaryOperator::Max))),
        ("min", Some(Self::Extreme(BinaryOperator::Min))),
    ];

    /// A value joined with at most one update an element.
    fn join<'a>(
        self,
        importer: &mut Importer<'a>,
        call: &Call<'a>,
        value: ValueId,
        updates: ValueId,
        layer: &[(usize, usize)],
    ) -> Result<ValueId, Stop> {
        let shape = importer.graph.shape(value).to_vec();
        let count: usize = shape.iter().product();
        // What changes nothing: zero, one, the element itself.
        let mut neutral = |number: f64| {
            importer.push(call, Operator::Constant(vec![number]), Vec::new(), vec![1])
        };
        let (rest, own) = match self {
            Self::Add => (neutral(0.0)?, false),
            Self::Multiply => (neutral(1.0)?, false),
            Self::Extreme(_) => (value, true),
        };
        let mut places: Vec<Place> =
            (0..count).map(|place| (0, if own { place } else { 0 })).collect();
        for &(target, update) in layer {
            places[target] = (1, update);
        }
        let spread = importer.collect(call, &[rest, updates], &places, shape.clone())?;
        match self {
            Self::Add => {
                let sum = Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
                importer.push(call, sum, vec![value, spread], shape)
            }
            Self::Multiply => importer.multiply(call, [value, spread]),
            Self::Extreme(extreme) => {
                importer.push(call, Operator::Binary(extreme), vec![value, spread], shape)
            }
        }
    }
}
