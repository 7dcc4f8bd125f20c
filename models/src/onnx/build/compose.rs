//! What importers build of several nodes: functions and products of values, gathered, repeated,
//! reshaped and broadcast ones.

use super::importer::Importer;
use crate::float::activation::Activation;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

impl<'a> Importer<'a> {
    /// An element-wise function of a value. A power of a sum with one number reads the value that
    /// the number is added to.
    pub(in crate::onnx) fn activate(
        &mut self,
        call: &Call<'a>,
        mut value: ValueId,
        mut activation: Activation,
    ) -> Result<ValueId, Stop> {
        if let Activation::Power { factor, offset, exponent } = activation
            && let Some((below, added)) = self.one_number_added(value)
        {
            let offset = offset + factor * added;
            (value, activation) = (below, Activation::Power { factor, offset, exponent });
        }
        let shape = self.graph.shape(value).to_vec();
        let grid = activation.is_condition().then_some(Grid::BOOLEAN);
        self.push_on(call, Operator::Activation(activation), vec![value], shape, grid)
    }

    /// The value that a sum adds one number to, everywhere the same, and that number.
    fn one_number_added(&self, value: ValueId) -> Option<(ValueId, f32)> {
        let node = &self.graph.nodes[self.graph.producer(value)?];
        let Operator::Add { subtract, constant } = &node.operator else {
            return None;
        };
        let (&[input], [false], &[first, ..]) = (&node.inputs[..], &subtract[..], &constant[..])
        else {
            return None;
        };
        let same = node.grid.is_none() && constant.iter().all(|&x| x == first);
        (same && (first as f32).is_finite()).then_some((input, first as f32))
    }

    /// The product of two values of one shape. A square is a function of one value, as is
    /// `x·sigmoid(x)`.
    pub(in crate::onnx) fn multiply(
        &mut self,
        call: &Call<'a>,
        [a, b]: [ValueId; 2],
    ) -> Result<ValueId, Stop> {
        if a == b {
            return self.activate(
                call,
                a,
                Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 },
            );
        }
        for (x, gate) in [(a, b), (b, a)] {
            let node = self.graph.producer(gate).map(|index| &self.graph.nodes[index]);
            let gated =
                node.filter(|node| node.inputs == [x]).and_then(|node| match node.operator {
                    Operator::Activation(Activation::Sigmoid) => {
                        Some(Activation::Swish { alpha: 1.0 })
                    }
                    Operator::Activation(Activation::HardSigmoid { slope, offset })
                        if (slope - 1.0 / 6.0).abs() < 1e-6 && offset == 0.5 =>
                    {
                        Some(Activation::HardSwish)
                    }
                    _ => None,
                });
            if let Some(activation) = gated {
                return self.activate(call, x, activation);
            }
        }
        let shape = self.graph.shape(a).to_vec();
        self.push(call, Operator::Product, vec![a, b], shape)
    }

    /// Elements of a value along one dimension, in any order and as often as asked for: slices one
    /// after another.
    pub(in crate::onnx) fn gather(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        axis: usize,
        indices: &[usize],
    ) -> Result<ValueId, Stop> {
        let shape = self.graph.shape(value).to_vec();
        if indices.iter().copied().eq(0..shape[axis]) {
            return Ok(value);
        }
        // Every element equally often and in order: copies of the whole in a dimension of their
        // own.
        let copies = indices.len() / shape[axis];
        let repeated = indices
            .iter()
            .copied()
            .eq((0..shape[axis]).flat_map(|index| std::iter::repeat_n(index, copies)));
        if copies > 1 && repeated {
            let mut split = shape.clone();
            split.insert(axis + 1, 1);
            let mut wide = split.clone();
            wide[axis + 1] = copies;
            let mut joined = shape;
            joined[axis] *= copies;
            let single = self.reshape(call, value, split)?;
            let copied = self.expand(call, single, &wide)?;
            return self.reshape(call, copied, joined);
        }
        let mut pieces = Vec::new();
        let mut rest = indices;
        while let [first, ..] = *rest {
            let step = rest.get(1).map_or(1, |&second| second as isize - first as isize);
            let step = if step == 0 { 1 } else { step };
            let run = (0..)
                .zip(rest)
                .take_while(|&(i, &index)| index as isize == first as isize + i * step)
                .count();
            let mut part = shape.clone();
            part[axis] = run;
            let operator = Operator::Slice { axis, start: first, step };
            pieces.push(self.push(call, operator, vec![value], part)?);
            rest = &rest[run..];
        }
        self.concat(call, pieces, axis)
    }

    /// Values one after another along a dimension.
    pub(in crate::onnx) fn concat(
        &mut self,
        call: &Call<'a>,
        values: Vec<ValueId>,
        axis: usize,
    ) -> Result<ValueId, Stop> {
        let Some(&first) = values.first() else {
            return Err(Stop::because("it has nothing to join"));
        };
        if values.len() == 1 {
            return Ok(first);
        }
        let mut shape = self.graph.shape(first).to_vec();
        shape[axis] = values
            .iter()
            .map(|&value| self.graph.shape(value)[axis])
            .fold(0, usize::saturating_add);
        self.push(call, Operator::Concat { axis }, values, shape)
    }

    /// A value as often as asked for along a dimension. Where that is very often, in two steps,
    /// since each joins a list of as many values.
    pub(in crate::onnx) fn repeat(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        axis: usize,
        copies: usize,
    ) -> Result<ValueId, Stop> {
        /// Copies that are listed one by one.
        const LISTED: usize = 256;
        let mut shape = self.graph.shape(value).to_vec();
        let single = shape[axis];
        shape[axis] = single.saturating_mul(copies);
        self.fits(&shape)?;
        if copies <= LISTED {
            return self.concat(call, vec![value; copies], axis);
        }
        let block = copies.isqrt();
        let blocks = copies.div_ceil(block);
        let one = self.concat(call, vec![value; block], axis)?;
        let all = self.concat(call, vec![one; blocks], axis)?;
        if block * blocks == copies {
            return Ok(all);
        }
        self.push(call, Operator::Slice { axis, start: 0, step: 1 }, vec![all], shape)
    }

    /// One element after another of a value's dimension, as values of their own that keep it with
    /// length 1.
    pub(in crate::onnx) fn parts(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        axis: usize,
    ) -> Result<Vec<ValueId>, Stop> {
        let mut shape = self.graph.shape(value).to_vec();
        let length = std::mem::replace(&mut shape[axis], 1);
        (0..length)
            .map(|start| {
                self.push(
                    call,
                    Operator::Slice { axis, start, step: 1 },
                    vec![value],
                    shape.clone(),
                )
            })
            .collect()
    }

    /// A view of a computed value in another shape; the value itself if it has that shape.
    pub(in crate::onnx) fn reshape(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        shape: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        if self.graph.shape(value) == shape {
            return Ok(value);
        }
        let count: usize = self.graph.shape(value).iter().product();
        if shape.iter().product::<usize>() != count {
            return Err(Stop::Because(format!("{count} elements cannot have shape {shape:?}")));
        }
        self.push(call, Operator::Reshape, vec![value], shape)
    }

    /// A view of a computed value with permuted dimensions.
    pub(in crate::onnx) fn transpose(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        permutation: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        if permutation.iter().copied().eq(0..permutation.len()) {
            return Ok(value);
        }
        let shape = self.graph.shape(value);
        let shape = permutation.iter().map(|&axis| shape[axis]).collect();
        self.push(call, Operator::Transpose { permutation }, vec![value], shape)
    }

    /// A computed value broadcast to a shape: copies of it, one behind the other.
    pub(in crate::onnx) fn expand(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        shape: &[usize],
    ) -> Result<ValueId, Stop> {
        if self.graph.shape(value) == shape {
            return Ok(value);
        }
        self.fits(shape)?;
        let rank = self.graph.shape(value).len();
        let missing = shape.len().checked_sub(rank);
        let missing = missing.ok_or_else(|| {
            Stop::Because(format!("{rank} dimensions do not broadcast to {shape:?}"))
        })?;
        let mut grown = vec![1; missing];
        grown.extend_from_slice(self.graph.shape(value));
        let mut value = self.reshape(call, value, grown.clone())?;
        for axis in 0..shape.len() {
            if grown[axis] != shape[axis] {
                value = self.repeat(call, value, axis, shape[axis])?;
            }
        }
        Ok(value)
    }
}
