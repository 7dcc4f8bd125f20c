//! The float graph, run on real numbers: what calibration measures, and the reference that the
//! network on integers is compared with.
//!
//! Values that the file quantises are rounded to their grids, everything else is double precision.

use ndarray::{Array2, ArrayD, ArrayView2, Axis, Zip};

use crate::float::convolution::convolution;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::float::rows;
use crate::integer::graph::{ValueId, Window};
use crate::integer::signature::Grid;
use crate::tensor::matrices;
use crate::tensor::moves::{self, from_elements};
use crate::tensor::order;
use crate::tensor::window::plane;

/// A graph with the weights of its layers as matrices.
pub(crate) struct Execution<'g> {
    graph: &'g Graph,
    /// Per node: weights, one row per output channel, and biases.
    layers: Vec<Option<(Array2<f64>, Vec<f64>)>>,
}

impl<'g> Execution<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        let matrix = |layer: &Layer| {
            let weights: Vec<f64> = layer.real_weights().into_iter().map(f64::from).collect();
            let rows = layer.channels();
            let columns = weights.len() / rows.max(1);
            let matrix = Array2::from_shape_vec((rows, columns), weights).ok()?;
            Some((matrix, layer.real_bias().into_iter().map(f64::from).collect()))
        };
        let layers = graph.nodes.iter().map(|node| match &node.operator {
            Operator::Conv { layer, .. } | Operator::Gemm { layer } => matrix(layer),
            _ => None,
        });
        Self { graph, layers: layers.collect() }
    }

    /// The graph's outputs. `observe` sees every node's result before its fused activation and
    /// after, with the node's number.
    pub(crate) fn run(
        &self,
        inputs: &[ArrayD<f32>],
        mut observe: impl FnMut(usize, &ArrayD<f64>, &ArrayD<f64>),
    ) -> Vec<ArrayD<f64>> {
        let graph = self.graph;
        let mut last = vec![0; graph.inputs.len() + graph.nodes.len()];
        for (index, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&input| last[input] = index);
        }
        graph.outputs.iter().for_each(|output| last[output.value] = usize::MAX);
        let given = graph.inputs.iter().zip(inputs);
        let mut values: Vec<ArrayD<f64>> =
            given.map(|(input, tensor)| rounded(tensor.mapv(f64::from), input.grid)).collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            let sources: Vec<&ArrayD<f64>> =
                node.inputs.iter().map(|&input| &values[input]).collect();
            let (argument, result) = self.step(index, &sources);
            observe(index, &argument, &result);
            values.push(result);
            for &input in &node.inputs {
                if last[input] == index {
                    values[input] = ArrayD::zeros(vec![0]);
                }
            }
        }
        graph.outputs.iter().map(|output| values[output.value].clone()).collect()
    }

    /// What node `index` makes of these operands: before its fused activation, and in the end. Of a
    /// softmax the first is the largest score of each row that has any: how low scores may count
    /// depends on it.
    pub(crate) fn step(
        &self,
        index: usize,
        operands: &[&ArrayD<f64>],
    ) -> (ArrayD<f64>, ArrayD<f64>) {
        let node = &self.graph.nodes[index];
        let argument = self.execute(index, node, operands);
        if let (Operator::Softmax { visible }, [scores]) = (&node.operator, operands) {
            return (rows::largest(scores, visible), rounded(argument, node.grid));
        }
        let result = match &node.fused {
            Some(activation) => argument.mapv(|x| activation.apply(x)),
            None => argument.clone(),
        };
        // What is relabelled is on its grid by itself.
        let grid = node.grid.filter(|_| node.operator != Operator::Relabel);
        let result = rounded(result, grid);
        (argument, result)
    }

    fn execute(&self, index: usize, node: &Node, inputs: &[&ArrayD<f64>]) -> ArrayD<f64> {
        // A constant reads nothing, all others read at least one value.
        let none = ArrayD::zeros(vec![0]);
        let input = *inputs.first().unwrap_or(&&none);
        let shape = &node.shape;
        match &node.operator {
            Operator::Conv { window, groups, .. } => match &self.layers[index] {
                Some((weights, bias)) => convolution(input, window, *groups, weights, bias, shape),
                None => ArrayD::zeros(shape.clone()),
            },
            Operator::Gemm { .. } => match &self.layers[index] {
                Some((weights, bias)) => linear(input, weights.view(), bias, shape),
                None => ArrayD::zeros(shape.clone()),
            },
            Operator::BatchNormalization { scale, offset } => {
                let mut result = input.clone();
                for (channel, mut plane) in result.axis_iter_mut(Axis(1)).enumerate() {
                    let (scale, offset) = (f64::from(scale[channel]), f64::from(offset[channel]));
                    plane.mapv_inplace(|x| scale * x + offset);
                }
                result
            }
            Operator::Add { subtract, constant } => {
                let mut sum = if constant.is_empty() {
                    ArrayD::zeros(shape.clone())
                } else {
                    from_elements(shape, constant.clone())
                };
                for (input, &subtract) in inputs.iter().zip(subtract) {
                    let sign = if subtract { -1.0 } else { 1.0 };
                    sum.zip_mut_with(input, |sum, x| *sum += sign * x);
                }
                sum
            }
            Operator::AveragePool { window, divisors } => {
                pool(input, window, shape, |position, elements| {
                    elements.sum::<f64>() / divisors[position] as f64
                })
            }
            Operator::MaxPool { window } => {
                pool(input, window, shape, |_, elements| elements.fold(f64::NEG_INFINITY, f64::max))
            }
            Operator::Activation(activation) => input.mapv(|x| activation.apply(x)),
            Operator::Product => Zip::from(input).and(inputs[1]).map_collect(|a, b| a * b),
            Operator::MatMul { factor, one_hot } => {
                let factor = f64::from(*factor);
                let product = if *one_hot { matrices::chosen } else { matrices::product };
                product(input, inputs[1]).mapv_into(|x| factor * x)
            }
            Operator::Binary(operator) => {
                Zip::from(input).and(inputs[1]).map_collect(|&a, &b| operator.apply(a, b))
            }
            Operator::Select => Zip::from(input)
                .and(inputs[1])
                .and(inputs[2])
                .map_collect(|&condition, &yes, &no| if condition == 0.0 { no } else { yes }),
            Operator::Constant(values) => from_elements(shape, values.clone()),
            Operator::Quantize => input.clone(),
            Operator::Relabel => self.relabelled(node.inputs[0], node.grid, input),
            Operator::Reshape => moves::reshape(input, shape),
            Operator::Transpose { permutation } => moves::transpose(input, permutation),
            Operator::Slice { axis, start, step } => {
                moves::slice(input, *axis, *start, *step, shape[*axis])
            }
            Operator::Pad { before, after, value } => {
                moves::pad(input, before, after, (*value).into())
            }
            Operator::Concat { axis } => moves::concat(inputs, *axis),
            Operator::ArgMax { axis, select_last, smallest } => {
                order::arg_max(input, *axis, *select_last, *smallest, shape)
                    .mapv(|index| index as f64)
            }
            Operator::TopK { axis, smallest, indices } => {
                order::top(input, *axis, *smallest, *indices, shape)
            }
            Operator::Lookup { table } => look_up(input, table, shape),
            Operator::Softmax { visible } => rows::softmax(input, visible),
            Operator::Normalise { centred, epsilon, factor } => {
                rows::normalise(input, *centred, *epsilon, *factor)
            }
            Operator::Interpolate { axis, matrix } => interpolate(input, *axis, matrix, shape),
        }
    }

    /// The integers behind a value, read on another grid.
    fn relabelled(&self, source: ValueId, grid: Option<Grid>, input: &ArrayD<f64>) -> ArrayD<f64> {
        match self.graph.grid(source).zip(grid) {
            Some((from, to)) => input.mapv(|x| to.dequantise(from.quantise(x))),
            None => input.clone(),
        }
    }
}

/// The row of a table that each element names; beyond its ends, the row there.
fn look_up(input: &ArrayD<f64>, table: &[f64], shape: &[usize]) -> ArrayD<f64> {
    let length = shape.last().copied().unwrap_or(1).max(1);
    let rows = (table.len() / length) as f64;
    let row = |&x: &f64| {
        let row = if x < 0.0 { x + rows } else { x }.clamp(0.0, rows - 1.0) as usize;
        table[row * length..][..length].iter().copied()
    };
    from_elements(shape, input.iter().flat_map(row).collect())
}

/// The nearest numbers of a grid.
fn rounded(tensor: ArrayD<f64>, grid: Option<Grid>) -> ArrayD<f64> {
    match grid {
        Some(grid) => tensor.mapv_into(|x| grid.dequantise(grid.quantise(x))),
        None => tensor,
    }
}

/// A tensor's elements, row by row.
fn elements(tensor: &ArrayD<f64>) -> Vec<f64> {
    tensor.iter().copied().collect()
}

fn linear(
    input: &ArrayD<f64>,
    weights: ArrayView2<'_, f64>,
    bias: &[f64],
    shape: &[usize],
) -> ArrayD<f64> {
    let terms = weights.ncols().max(1);
    let rows = input.len() / terms;
    let x = Array2::from_shape_vec((rows, terms), elements(input))
        .unwrap_or_else(|_| Array2::zeros((rows, terms)));
    let mut products = x.dot(&weights.t());
    products
        .rows_mut()
        .into_iter()
        .for_each(|mut row| row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias));
    from_elements(shape, products.iter().copied().collect())
}

/// `reduce(position, elements)` of every window.
fn pool(
    input: &ArrayD<f64>,
    window: &Window,
    shape: &[usize],
    reduce: impl Fn(usize, &mut dyn Iterator<Item = f64>) -> f64,
) -> ArrayD<f64> {
    let size = plane(input.shape()).unwrap_or([1, 1]);
    let [height, width] = plane(shape).unwrap_or([1, 1]);
    let x = elements(input);
    let mut result = Vec::with_capacity(shape.iter().product());
    for channel in x.chunks(size[0] * size[1]) {
        for position in 0..height * width {
            let taps = window.taps([position / width, position % width], size);
            result.push(reduce(position, &mut taps.map(|(_, element)| channel[element])));
        }
    }
    from_elements(shape, result)
}

fn interpolate(input: &ArrayD<f64>, axis: usize, matrix: &[f32], shape: &[usize]) -> ArrayD<f64> {
    let mut result = ArrayD::zeros(shape);
    let length = input.shape()[axis];
    for (source, mut target) in
        input.lanes(Axis(axis)).into_iter().zip(result.lanes_mut(Axis(axis)))
    {
        for (to, weights) in target.iter_mut().zip(matrix.chunks(length)) {
            *to = source.iter().zip(weights).map(|(x, &weight)| x * f64::from(weight)).sum();
        }
    }
    result
}
