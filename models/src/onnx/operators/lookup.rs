//! Tables read by a computed index, and OneHot.

use ndarray::{ArrayD, Axis};

use super::pick::{self, exact};
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Element, Importer, Operand, Registration};
use crate::onnx::build::scales::grid_of;
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] =
    &[Registration::new("OneHot", &["axis"], one_hot).element(Element::Of(2))];

/// What a constant holds at computed indices of one of its dimensions.
pub(super) fn look_up<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    table: &Constant,
    axis: usize,
    index: ValueId,
) -> Result<ValueId, Stop> {
    let (places, shape) = (importer.graph.shape(index).to_vec(), table.shape().to_vec());
    let result = [&shape[..axis], &places, &shape[axis + 1..]].concat();
    importer.fits(&result)?;
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let numbers = table.numbers();
    if let Some(x) = numbers.iter().find(|x| !x.is_finite()) {
        return Err(Stop::Because(format!("its table: it holds {x}")));
    }
    let grid = match table {
        Constant::Quantised { integers, scales, zeros, .. } => {
            let ends = integers.iter().fold([0, 0], |[low, high], &x| [x.min(low), x.max(high)]);
            grid_of(scales, zeros, ends[0].into(), ends[1].into())
        }
        _ => None,
    };
    // One row for each index.
    let rows = numbers.axis_iter(Axis(axis));
    let rows = rows.flat_map(|row| row.iter().copied().collect::<Vec<_>>()).collect();
    let gathered = [&places[..], &[outer * inner]].concat();
    let looked = Operator::Lookup { table: rows };
    let mut value = importer.push_on(call, looked, vec![index], gathered, grid)?;
    if outer > 1 {
        let count = places.iter().product();
        value = importer.reshape(call, value, vec![count, outer, inner])?;
        value = importer.transpose(call, value, vec![1, 0, 2])?;
    }
    importer.reshape(call, value, result)
}

fn one_hot<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let index = importer.computed(call, 0)?;
    let [depth, values] = [importer.constant(call, 1)?, importer.constant(call, 2)?];
    let depth = depth.numbers().first().copied().unwrap_or(0.0) as i64;
    let length = usize::try_from(depth).ok().filter(|&depth| depth > 0);
    let length = length.ok_or_else(|| Stop::Because(format!("its depth is {depth}")))?;
    let numbers: Vec<f64> = values.numbers().iter().copied().collect();
    let &[off, on] = numbers.as_slice() else {
        return Err(Stop::because(
            "it has no two values, one for all others and one for the index",
        ));
    };
    exact(importer, call, 0, index)?;
    let axis = axis(call.int("axis", -1)?, importer.graph.shape(index).len() + 1)?;
    let mut value = pick::one_hot(importer, call, index, length, axis)?;
    if [off, on] != [0.0, 1.0] {
        let shape = importer.graph.shape(value).to_vec();
        let mut branch = |number: f64| {
            let constant = Constant::Double(ArrayD::from_elem(vec![], number));
            importer.value(call, Operand::Constant(constant.into()), &shape)
        };
        let branches = vec![value, branch(on)?, branch(off)?];
        value = importer.push(call, Operator::Select, branches, shape)?;
    }
    importer.define(call, value)
}
