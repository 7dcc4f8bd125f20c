//! The state of an import: the graph built so far and what each ONNX value name stands for.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto};

use super::Refusal;
use super::call::Call;
use super::constant::Constant;
use crate::activation::Activation;
use crate::graph::{Graph, Grid, Input, Node, Operator};
use crate::quantised::ValueId;
use crate::window::{MAX_ELEMENTS, element_count};

/// Why the import of a node ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The node is at fault.
    Because(String),
    /// A node before it was refused; this one cannot be judged.
    Blocked,
}

impl Stop {
    pub(super) fn because(reason: &str) -> Self {
        Self::Because(reason.to_owned())
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}

/// What a value name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    Computed(ValueId),
    Constant(Rc<Constant>),
    /// The result of a node that was refused.
    Refused,
}

/// An operand of a node.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Computed(ValueId),
    Constant(Rc<Constant>),
}

pub(super) struct Importer<'a> {
    pub(super) graph: Graph,
    /// Facts that people should know about the import.
    pub(super) notes: Vec<String>,
    /// First outputs of nodes that were dropped although they compute something: the float reference shall drop them too.
    pub(super) skipped: Vec<String>,
    values: HashMap<&'a str, Binding>,
    consumers: HashMap<&'a str, Vec<&'a NodeProto>>,
    outputs: HashSet<&'a str>,
    /// ONNX's element types, where they are not FLOAT or were given.
    pub(super) element_types: HashMap<&'a str, i32>,
    /// Names of nodes, which are unique.
    names: HashSet<String>,
    pub(super) directory: Option<&'a str>,
    /// Why inputs and initialisers cannot be used, by name.
    pub(super) unusable: HashMap<String, String>,
    /// Nodes at fault, in the file's order.
    pub(super) refusals: Vec<Refusal>,
}

impl<'a> Importer<'a> {
    pub(super) fn new(name: String, inputs: Vec<Input>, proto: &'a GraphProto, directory: Option<&'a str>) -> Self {
        let mut values = HashMap::new();
        let usable = proto.input.iter().filter(|info| inputs.iter().any(|input| input.name == info.name));
        for (id, input) in usable.enumerate() {
            values.insert(input.name.as_str(), Binding::Computed(id));
        }
        let mut importer = Self {
            graph: Graph { name, inputs, nodes: Vec::new(), outputs: Vec::new() },
            notes: Vec::new(),
            skipped: Vec::new(),
            values,
            consumers: HashMap::new(),
            outputs: HashSet::new(),
            element_types: HashMap::new(),
            names: HashSet::new(),
            directory,
            unusable: HashMap::new(),
            refusals: Vec::new(),
        };
        importer.enter(proto);
        importer
    }

    /// Notes who reads what in a graph, the file's own or a branch of it.
    pub(super) fn enter(&mut self, proto: &'a GraphProto) {
        for node in &proto.node {
            for input in &node.input {
                self.consumers.entry(input.as_str()).or_default().push(node);
            }
        }
        self.outputs.extend(proto.output.iter().map(|output| output.name.as_str()));
    }

    /// Gives a value name its meaning; `Err` if it has one already.
    pub(super) fn bind(&mut self, name: &'a str, binding: Binding) -> Result<(), String> {
        match self.values.insert(name, binding) {
            None => Ok(()),
            Some(_) => Err(format!("value {name:?} is defined twice")),
        }
    }

    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.values.get(name)
    }

    /// The nodes that read a value.
    pub(super) fn consumers(&self, name: &str) -> &[&'a NodeProto] {
        self.consumers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Says which value a node computes.
    pub(super) fn define(&mut self, call: &Call<'a>, value: ValueId) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Computed(value))?)
    }

    /// Says that a node computes a constant.
    pub(super) fn define_constant(&mut self, call: &Call<'a>, constant: Constant) -> Result<(), Stop> {
        self.define_shared(call, Rc::new(constant))
    }

    /// The same for one that others have too.
    pub(super) fn define_shared(&mut self, call: &Call<'a>, constant: Rc<Constant>) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Constant(constant))?)
    }

    pub(super) fn is_graph_output(&self, name: &str) -> bool {
        self.outputs.contains(name)
    }

    /// The `index`th operand, if it is given.
    pub(super) fn optional(&self, call: &Call<'a>, index: usize) -> Result<Option<Operand>, Stop> {
        let Some(name) = call.input(index) else {
            return Ok(None);
        };
        match self.values.get(name) {
            Some(Binding::Computed(id)) => Ok(Some(Operand::Computed(*id))),
            Some(Binding::Constant(constant)) => Ok(Some(Operand::Constant(constant.clone()))),
            Some(Binding::Refused) | None => Err(Stop::Blocked),
        }
    }

    /// The `index`th operand.
    pub(super) fn operand(&self, call: &Call<'a>, index: usize) -> Result<Operand, Stop> {
        let operand = self.optional(call, index)?;
        operand.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand, which must be computed.
    pub(super) fn computed(&self, call: &Call<'a>, index: usize) -> Result<ValueId, Stop> {
        match self.operand(call, index)? {
            Operand::Computed(id) => Ok(id),
            Operand::Constant(_) => Err(Stop::Because(format!(
                "input {index} is a constant, expected a computed value; simplify the model (`onnxsim`) and import it again"
            ))),
        }
    }

    /// The `index`th operand, which must be a constant if it is given.
    pub(super) fn optional_constant(&self, call: &Call<'a>, index: usize) -> Result<Option<Rc<Constant>>, Stop> {
        match self.optional(call, index)? {
            None => Ok(None),
            Some(Operand::Constant(constant)) => Ok(Some(constant)),
            Some(Operand::Computed(_)) => Err(Stop::Because(format!(
                "input {index} ({:?}) is computed, expected a constant",
                call.input(index).unwrap_or_default()
            ))),
        }
    }

    /// The `index`th operand, which must be a constant.
    pub(super) fn constant(&self, call: &Call<'a>, index: usize) -> Result<Rc<Constant>, Stop> {
        let constant = self.optional_constant(call, index)?;
        constant.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand as a list of integers, if it is given.
    pub(super) fn integers(&self, call: &Call<'a>, index: usize) -> Result<Option<Vec<i64>>, Stop> {
        let constant = self.optional_constant(call, index)?;
        let integers = constant.map(|constant| constant.integers()).transpose();
        integers.map_err(|problem| Stop::Because(format!("input {index}: {problem}")))
    }

    /// Adds a node; gives the value it computes.
    pub(super) fn push(
        &mut self,
        call: &Call<'a>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        self.push_on(call, operator, inputs, shape, None)
    }

    /// Adds a node whose result is quantised by the file.
    pub(super) fn push_on(
        &mut self,
        call: &Call<'a>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
        grid: Option<Grid>,
    ) -> Result<ValueId, Stop> {
        if element_count(&shape).is_none() {
            return Err(Stop::Because(format!(
                "its result has shape {shape:?}, which is empty or has more than {MAX_ELEMENTS} elements"
            )));
        }
        let value = call.output()?.to_owned();
        let mut name = call.name.clone();
        let mut pieces = 0;
        while !self.names.insert(name.clone()) {
            pieces += 1;
            name = format!("{}/{pieces}", call.name);
        }
        self.graph.nodes.push(Node { name, operator, fused: None, inputs, shape, value, grid });
        Ok(self.graph.inputs.len() + self.graph.nodes.len() - 1)
    }

    /// ONNX's element type of a value.
    pub(super) fn element_type(&self, name: &str) -> i32 {
        self.element_types.get(name).copied().unwrap_or(DataType::Float as i32)
    }

    /// Whether the `index`th operand has integers for elements.
    pub(super) fn is_integer(&self, call: &Call<'a>, index: usize) -> bool {
        let element = call.input(index).map(|name| self.element_type(name));
        let real = [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16];
        element.is_some_and(|element| real.iter().all(|&real| element != real as i32))
    }

    /// Notes the element types of a node's results: those that the operator says, else that of its first operand.
    pub(super) fn infer_types(&mut self, call: &Call<'a>) {
        let element = match call.node.op_type.as_str() {
            "Cast" => call.int("to", 0).unwrap_or(0) as i32,
            "CastLike" => call.input(1).map_or(DataType::Float as i32, |name| self.element_type(name)),
            "DequantizeLinear" => DataType::Float as i32,
            "ConvInteger" | "MatMulInteger" => DataType::Int32 as i32,
            "Shape" | "Size" | "ArgMax" | "ArgMin" => DataType::Int64 as i32,
            "And" | "Or" | "Xor" | "Not" | "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => {
                DataType::Bool as i32
            }
            "Constant" | "ConstantOfShape" => match call.output().ok().and_then(|name| self.binding(name)) {
                Some(Binding::Constant(constant)) if constant.is_integer() => DataType::Int64 as i32,
                _ => DataType::Float as i32,
            },
            "Where" => call.input(1).map_or(DataType::Float as i32, |name| self.element_type(name)),
            "QuantizeLinear" => match call.input(2) {
                Some(zero) => self.element_type(zero),
                None => DataType::Uint8 as i32,
            },
            _ => call.input(0).map_or(DataType::Float as i32, |name| self.element_type(name)),
        };
        for output in &call.node.output {
            self.element_types.insert(output, element);
        }
    }

    /// Shape of an operand.
    pub(super) fn shape_of(&self, operand: &Operand) -> Vec<usize> {
        match operand {
            Operand::Computed(id) => self.graph.shape(*id).to_vec(),
            Operand::Constant(constant) => constant.shape().to_vec(),
        }
    }

    /// An operand as a value of a shape that it broadcasts to.
    pub(super) fn value(&mut self, call: &Call<'a>, operand: Operand, shape: &[usize]) -> Result<ValueId, Stop> {
        self.value_on(call, operand, shape, None)
    }

    /// The same; a constant is put on the grid.
    pub(super) fn value_on(
        &mut self,
        call: &Call<'a>,
        operand: Operand,
        shape: &[usize],
        grid: Option<Grid>,
    ) -> Result<ValueId, Stop> {
        let constant = match operand {
            Operand::Computed(id) => return self.expand(call, id, shape),
            Operand::Constant(constant) => constant,
        };
        let numbers = constant.numbers();
        if let Some(x) = numbers.iter().find(|x| !x.is_finite()) {
            return Err(Stop::Because(format!("its constant operand: it holds {x}")));
        }
        let grid = grid.or_else(|| match &*constant {
            Constant::Quantised { scales, zeros, .. } => {
                super::quantised::grid_of(scales, zeros, i16::MIN.into(), u16::MAX.into())
            }
            _ => None,
        });
        let operator = Operator::Constant(numbers.iter().copied().collect());
        let id = self.push_on(call, operator, Vec::new(), numbers.shape().to_vec(), grid)?;
        self.expand(call, id, shape)
    }

    /// An element-wise function of a value.
    pub(super) fn activate(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        activation: Activation,
    ) -> Result<ValueId, Stop> {
        let shape = self.graph.shape(value).to_vec();
        let grid = activation.is_condition().then_some(Grid::BOOLEAN);
        self.push_on(call, Operator::Activation(activation), vec![value], shape, grid)
    }

    /// The product of two values of one shape. A square is a function of one value, as is `x·sigmoid(x)`.
    pub(super) fn multiply(&mut self, call: &Call<'a>, [a, b]: [ValueId; 2]) -> Result<ValueId, Stop> {
        if a == b {
            return self.activate(call, a, Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 });
        }
        for (x, gate) in [(a, b), (b, a)] {
            let node = self.graph.producer(gate).map(|index| &self.graph.nodes[index]);
            let gated = node.filter(|node| node.inputs == [x]).and_then(|node| match node.operator {
                Operator::Activation(Activation::Sigmoid) => Some(Activation::Swish { alpha: 1.0 }),
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

    /// Elements of a value along one dimension, in any order and as often as asked for: slices one after another.
    pub(super) fn gather(
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
        // Every element equally often and in order: copies of the whole in a dimension of their own.
        let copies = indices.len() / shape[axis];
        let repeated =
            indices.iter().copied().eq((0..shape[axis]).flat_map(|index| std::iter::repeat_n(index, copies)));
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
            let run = (0..).zip(rest).take_while(|&(i, &index)| index as isize == first as isize + i * step).count();
            let mut part = shape.clone();
            part[axis] = run;
            let operator = Operator::Slice { axis, start: first, step };
            pieces.push(self.push(call, operator, vec![value], part)?);
            rest = &rest[run..];
        }
        self.concat(call, pieces, axis)
    }

    /// Values one after another along a dimension.
    pub(super) fn concat(&mut self, call: &Call<'a>, values: Vec<ValueId>, axis: usize) -> Result<ValueId, Stop> {
        let Some(&first) = values.first() else {
            return Err(Stop::because("it has nothing to join"));
        };
        if values.len() == 1 {
            return Ok(first);
        }
        let mut shape = self.graph.shape(first).to_vec();
        shape[axis] = values.iter().map(|&value| self.graph.shape(value)[axis]).sum();
        self.push(call, Operator::Concat { axis }, values, shape)
    }

    /// One element after another of a value's dimension, as values of their own that keep it with length 1.
    pub(super) fn parts(&mut self, call: &Call<'a>, value: ValueId, axis: usize) -> Result<Vec<ValueId>, Stop> {
        let mut shape = self.graph.shape(value).to_vec();
        let length = std::mem::replace(&mut shape[axis], 1);
        (0..length)
            .map(|start| self.push(call, Operator::Slice { axis, start, step: 1 }, vec![value], shape.clone()))
            .collect()
    }

    /// A view of a computed value in another shape; the value itself if it has that shape.
    pub(super) fn reshape(&mut self, call: &Call<'a>, value: ValueId, shape: Vec<usize>) -> Result<ValueId, Stop> {
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
    pub(super) fn transpose(
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
    pub(super) fn expand(&mut self, call: &Call<'a>, value: ValueId, shape: &[usize]) -> Result<ValueId, Stop> {
        if self.graph.shape(value) == shape {
            return Ok(value);
        }
        let rank = self.graph.shape(value).len();
        let missing = shape.len().checked_sub(rank);
        let missing =
            missing.ok_or_else(|| Stop::Because(format!("{rank} dimensions do not broadcast to {shape:?}")))?;
        let mut grown = vec![1; missing];
        grown.extend_from_slice(self.graph.shape(value));
        let mut value = self.reshape(call, value, grown.clone())?;
        for axis in 0..shape.len() {
            if grown[axis] != shape[axis] {
                grown[axis] = shape[axis];
                let copies = vec![value; shape[axis]];
                value = self.push(call, Operator::Concat { axis }, copies, grown.clone())?;
            }
        }
        Ok(value)
    }
}
