//! Integer products on their way to real numbers: MatMulInteger and ConvInteger put out
//! accumulators, which a Cast and a Mul with the scales behind make real. The scales go into the
//! product's own, so that nothing is rounded in between.
//!
//! A file that quantises dynamically multiplies with scales that it computes from the data. Here
//! they are fixed, by calibration, and the scale that a value is rounded with is no part of the
//! graph: a product of such values counts in them until it is multiplied with them.

use std::rc::Rc;

use super::importer::{Accumulator, Binding, Importer};
use super::scales::Scales;
use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::integer::graph::ValueId;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

/// The operators that a dynamically quantised value's integers may go into.
const INTEGER_PRODUCTS: &[&str] = &["ConvInteger", "MatMulInteger"];

const NOT_SCALED: &str = "it reads a product of dynamically quantised integers that has not been \
    multiplied with their scales; quantise the model statically (onnxruntime's `quantize_static`)";

impl<'a> Importer<'a> {
    /// Notes that a node's result is an integer product, in the scales of those operands that are
    /// quantised dynamically.
    pub(in crate::onnx) fn accumulates(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
    ) -> Result<(), Stop> {
        let operands = [call.input(0), call.input(1)];
        let scales = operands.iter().flatten().filter_map(|name| self.dynamic.get(name).copied());
        let mut scales: Vec<ValueId> = scales.collect();
        scales.sort_unstable();
        let alone = self.is_read_once(call.output()?);
        self.accumulators.insert(value, Accumulator { scales, alone });
        Ok(())
    }

    /// Notes that the file quantises a value by a scale that it computes from the data.
    pub(in crate::onnx) fn measured(&mut self, value: ValueId) {
        self.quantises.set(true);
        self.measured.push(value);
    }

    /// An integer product read with fixed scales and no zero point; `None` if it is none, or if
    /// something else reads it too.
    pub(in crate::onnx) fn dequantised_product(
        &mut self,
        value: ValueId,
        scales: &Scales,
        axis: usize,
    ) -> Option<ValueId> {
        let known = self.accumulators.get(&value)?;
        if !known.alone || !known.scales.is_empty() || scales.zeros.iter().any(|&zero| zero != 0) {
            return None;
        }
        let rank = self.graph.shape(value).len();
        let mut shape = vec![1; if scales.scales.len() == 1 { 0 } else { rank }];
        if let Some(length) = shape.get_mut(axis) {
            *length = scales.scales.len();
        }
        let factor = Constant::Float(from_elements(&shape, scales.scales.clone()));
        self.scale_layer(value, &factor)?;
        self.accumulators.remove(&value);
        Some(value)
    }

    /// Whether a name is that of the scale that a value is quantised with dynamically.
    pub(in crate::onnx) fn is_scale_of(&self, name: Option<&str>, value: ValueId) -> bool {
        match name.and_then(|name| self.binding(name)) {
            Some(Binding::Scale { of, factor }) => {
                of[..] == [value] && factor.numbers().iter().all(|&factor| factor == 1.0)
            }
            _ => false,
        }
    }

    /// Whether an output is a product that still counts in the scales of the data, or integers of
    /// such a scale.
    pub(in crate::onnx) fn is_unscaled(&self, name: &str, value: ValueId) -> bool {
        self.dynamic.contains_key(name)
            || self.accumulators.get(&value).is_some_and(|known| !known.scales.is_empty())
    }

    fn is_read_once(&self, name: &str) -> bool {
        self.consumers(name).len() == 1 && !self.is_graph_output(name)
    }

    /// Looks at what a node reads before it is imported: where that is an integer product, or
    /// quantised dynamically, only some operators may.
    pub(in crate::onnx) fn look_at_operands(&mut self, call: &Call<'a>) -> Result<(), Stop> {
        if self.dynamic.is_empty() && self.accumulators.is_empty() {
            return Ok(());
        }
        let operator = call.node.op_type.as_str();
        for input in &call.node.input {
            let quantised = self.dynamic.contains_key(input.as_str());
            if quantised && !INTEGER_PRODUCTS.contains(&operator) && operator != "DequantizeLinear"
            {
                return Err(Stop::because(
                    "it reads dynamically quantised integers, which only MatMulInteger, \
                    ConvInteger and DequantizeLinear may; quantise the model statically \
                    (onnxruntime's `quantize_static`)",
                ));
            }
            let Some(&Binding::Computed(value)) = self.binding(input) else { continue };
            let output = call.node.output.first().map_or("", String::as_str);
            let once = self.is_read_once(output);
            let on = operator == "Cast" && once;
            let multiplied = self.is_scaled(call);
            let scaled = operator == "DequantizeLinear" || multiplied;
            let counted = self.adds_counted(call);
            if let Some(known) = self.accumulators.get_mut(&value) {
                known.alone &= on || scaled || (counted && once);
                if !known.scales.is_empty() && operator != "Cast" && !multiplied && !counted {
                    return Err(Stop::because(NOT_SCALED));
                }
            }
        }
        Ok(())
    }

    /// Whether a node multiplies with a constant or with scales.
    fn is_scaled(&self, call: &Call<'a>) -> bool {
        call.node.op_type == "Mul"
            && call.node.input.iter().any(|input| {
                matches!(self.binding(input), Some(Binding::Constant(_) | Binding::Scale { .. }))
            })
    }

    /// Mul where scales of dynamic quantisation take part: `None` if they do not.
    pub(in crate::onnx) fn multiply_scales(&mut self, call: &Call<'a>) -> Option<Result<(), Stop>> {
        let operand = |index: usize| self.binding(call.input(index)?).cloned();
        let product = match (operand(0)?, operand(1)?) {
            (Binding::Scale { of, factor }, Binding::Constant(constant))
            | (Binding::Constant(constant), Binding::Scale { of, factor }) => {
                self.times(&factor, &constant).map(|factor| Binding::Scale { of, factor })
            }
            (Binding::Scale { of, factor }, Binding::Scale { of: other, factor: constant }) => {
                let mut of = [of, other].concat();
                of.sort_unstable();
                self.times(&factor, &constant).map(|factor| Binding::Scale { of, factor })
            }
            (Binding::Scale { of, factor }, Binding::Computed(value))
            | (Binding::Computed(value), Binding::Scale { of, factor }) => {
                self.settle_scales(value, &of, &factor)
            }
            (Binding::Computed(value), Binding::Constant(factor))
            | (Binding::Constant(factor), Binding::Computed(value)) => {
                let known = self.accumulators.get(&value)?;
                if !known.scales.is_empty() {
                    // The scales may come in any order.
                    let scales = known.scales.clone();
                    self.settle_scales(value, &[], &factor).inspect(|_| {
                        self.accumulators.insert(value, Accumulator { scales, alone: true });
                    })
                } else if known.alone && self.scale_layer(value, &factor).is_some() {
                    self.accumulators.remove(&value);
                    Ok(Binding::Computed(value))
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        Some(product.and_then(|binding| Ok(self.bind(call.output()?, binding)?)))
    }

    /// The product of two constant factors of scales.
    fn times(&self, factor: &Constant, constant: &Constant) -> Result<Rc<Constant>, Stop> {
        let (factor, constant) = match factor.len() {
            1 => (factor, constant),
            _ => (constant, factor),
        };
        let (Some(&single), 1) = (factor.numbers().first(), factor.len()) else {
            return Err(Stop::because("it multiplies scales of more than one axis"));
        };
        self.spend(constant.len())?;
        Ok(Rc::new(Constant::Float(constant.numbers().mapv(|x| (x * single) as f32))))
    }

    /// A product multiplied with the scales it counts in, and with a factor.
    fn settle_scales(
        &mut self,
        value: ValueId,
        scales: &[ValueId],
        factor: &Constant,
    ) -> Result<Binding, Stop> {
        let fits = match scales {
            [] => self.accumulators.get(&value).is_some_and(|known| known.alone),
            scales => self.is_product_in(value, scales),
        };
        if !fits || self.scale_layer(value, factor).is_none() {
            return Err(Stop::because(
                "it multiplies scales of dynamic quantisation with something else than the integer \
                product they belong to; quantise the model statically (onnxruntime's \
                `quantize_static`)",
            ));
        }
        self.accumulators.remove(&value);
        Ok(Binding::Computed(value))
    }

    /// Multiplies the result of a layer that nothing has read yet; `None` if the factor is not one
    /// number per channel, or the value no layer's.
    fn scale_layer(&mut self, value: ValueId, factor: &Constant) -> Option<()> {
        if factor.len() == 1 {
            let node = self.graph.producer(value)?;
            if let Operator::MatMul { factor: own, .. } = &mut self.graph.nodes[node].operator {
                *own *= *factor.numbers().first()? as f32;
                return own.is_finite().then_some(());
            }
        }
        let factors = self.per_channel(value, factor)?;
        let (layer, _) = self.layer_of(value)?;
        layer.affine(&factors, &vec![0.0; factors.len()])
    }

    /// Whether a value is an integer product that counts in these scales, and is read by one node.
    pub(super) fn is_product_in(&self, value: ValueId, scales: &[ValueId]) -> bool {
        let known = self.accumulators.get(&value);
        known.is_some_and(|known| known.alone && known.scales == scales)
    }

    /// The layer that computes a value, and the dimension of its channels.
    pub(super) fn layer_of(&mut self, value: ValueId) -> Option<(&mut Layer, usize)> {
        let node = self.graph.producer(value)?;
        let node = self.graph.nodes.get_mut(node)?;
        let last = node.shape.len().checked_sub(1);
        match &mut node.operator {
            Operator::Conv { layer, .. } => Some((layer, 1)),
            Operator::Gemm { layer } => Some((layer, last?)),
            _ => None,
        }
    }

    /// A constant that broadcasts to a layer's result as one number for each of its channels.
    pub(super) fn per_channel(&mut self, value: ValueId, constant: &Constant) -> Option<Vec<f32>> {
        let rank = self.graph.shape(value).len();
        let (layer, axis) = self.layer_of(value)?;
        let channels = layer.channels();
        let missing = rank.checked_sub(constant.shape().len())?;
        let along = |place: usize, length: usize| {
            length == 1 || (place + missing == axis && length == channels)
        };
        if !constant.shape().iter().enumerate().all(|(place, &length)| along(place, length)) {
            return None;
        }
        let numbers = constant.numbers();
        Some(match numbers.len() {
            1 => vec![*numbers.first()? as f32; channels],
            _ => numbers.iter().map(|&x| x as f32).collect(),
        })
    }
}
