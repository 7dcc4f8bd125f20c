//! Operators that rearrange elements: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice, Pad.
//! On constants they are carried out at import.

use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Flatten", &["axis"], flatten).view(),
    Registration::new("Reshape", &["allowzero"], reshape).view(),
    Registration::new("Squeeze", &["axes"], squeeze).view(),
    Registration::new("Unsqueeze", &["axes"], unsqueeze).view(),
    Registration::new("Transpose", &["perm"], transpose).view(),
];

/// Defines the result as the operand in another shape of as many elements.
fn reshaped<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    operand: Operand,
    shape: Vec<usize>,
) -> Result<(), Stop> {
    match operand {
        Operand::Computed(id) => {
            let value = importer.reshape(call, id, shape)?;
            importer.define(call, value)
        }
        Operand::Constant(constant) => importer.define_constant(call, constant.reshape(&shape)),
    }
}

fn flatten<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let shape = importer.shape_of(&operand);
    // The axis may lie behind the last dimension.
    let split = match call.int("axis", 1)? {
        last if last == shape.len() as i64 => shape.len(),
        other => axis(other, shape.len())?,
    };
    let (rows, columns) = shape.split_at(split);
    let flat = vec![rows.iter().product(), columns.iter().product()];
    reshaped(importer, call, operand, flat)
}

fn reshape<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let source = importer.shape_of(&operand);
    let target = importer.integers(call, 1)?;
    let target = target.ok_or_else(|| Stop::because("its shape (input 1) is missing"))?;
    let copy_zeros = !call.flag("allowzero", false)?;
    let shape = resolve(&source, &target, copy_zeros).ok_or_else(|| {
        Stop::Because(format!(
            "shape {source:?} cannot become {target:?}; if a batch other than 1 is written into \
            the shape, export the model with batch 1"
        ))
    })?;
    reshaped(importer, call, operand, shape)
}

/// Reshape's target shape with 0 (copy the dimension) and −1 (whatever is left) filled in.
fn resolve(source: &[usize], target: &[i64], copy_zeros: bool) -> Option<Vec<usize>> {
    let mut shape = Vec::with_capacity(target.len());
    let mut unknown = None;
    for (index, &length) in target.iter().enumerate() {
        shape.push(match length {
            0 if copy_zeros => *source.get(index)?,
            -1 if unknown.is_none() => {
                unknown = Some(index);
                1
            }
            _ => usize::try_from(length).ok()?,
        });
    }
    let count: usize = source.iter().product();
    let known = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length))?;
    if let Some(index) = unknown {
        shape[index] = count.checked_div(known)?;
    }
    let resolved = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length))?;
    (resolved == count).then_some(shape)
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since.
fn axes<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Result<Option<Vec<i64>>, Stop> {
    match call.ints("axes")? {
        Some(axes) => Ok(Some(axes.to_vec())),
        None => importer.integers(call, 1),
    }
}

fn squeeze<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let shape = importer.shape_of(&operand);
    let mut drop = vec![false; shape.len()];
    match axes(importer, call)? {
        None => drop.iter_mut().zip(&shape).for_each(|(drop, &length)| *drop = length == 1),
        Some(axes) => {
            for index in axes {
                let index = axis(index, shape.len())?;
                if shape[index] != 1 {
                    return Err(Stop::Because(format!(
                        "dimension {index} of {shape:?} is not 1 and cannot be dropped"
                    )));
                }
                drop[index] = true;
            }
        }
    }
    let kept = shape.iter().zip(drop).filter(|(_, drop)| !drop);
    let kept = kept.map(|(&length, _)| length).collect();
    reshaped(importer, call, operand, kept)
}

fn unsqueeze<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let shape = importer.shape_of(&operand);
    let axes = axes(importer, call)?.ok_or_else(|| Stop::because("its axes are missing"))?;
    let rank = shape.len() + axes.len();
    let mut inserted = vec![false; rank];
    for &index in &axes {
        let index = axis(index, rank)?;
        if std::mem::replace(&mut inserted[index], true) {
            return Err(Stop::Because(format!("axis {index} is named twice")));
        }
    }
    let mut lengths = shape.iter().copied();
    let grown = inserted.into_iter().map(|new| match new {
        true => 1,
        false => lengths.next().unwrap_or(1),
    });
    let grown = grown.collect();
    reshaped(importer, call, operand, grown)
}

fn transpose<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operand = importer.operand(call, 0)?;
    let rank = importer.shape_of(&operand).len();
    let permutation = match call.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(axes) => {
            let axes = axes.iter().map(|&index| axis(index, rank));
            axes.collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut sorted = permutation.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(Stop::Because(format!(
            "attribute `perm` is {permutation:?}, expected a permutation of {rank} dimensions"
        )));
    }
    match operand {
        Operand::Computed(id) => {
            let value = importer.transpose(call, id, permutation)?;
            importer.define(call, value)
        }
        Operand::Constant(constant) => {
            importer.define_constant(call, constant.transpose(&permutation))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn reshape_fills_zero_and_minus_one() {
        assert_eq!(resolve(&[1, 6, 4], &[0, -1], true), Some(vec![1, 24]));
        assert_eq!(resolve(&[1, 6], &[2, 3], true), Some(vec![2, 3]));
        assert_eq!(resolve(&[1, 6], &[-1, -1], true), None);
        assert_eq!(resolve(&[1, 6], &[-1, 4], true), None);
        assert_eq!(resolve(&[1, 6], &[0, 6], false), None);
        assert_eq!(resolve(&[6], &[3, 0, 2], true), None);
        assert_eq!(resolve(&[6], &[-2, -3], true), None);
    }
}
