//! The state of an import: the graph built so far and what each ONNX value name stands for.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::Refusal;
use super::call::{Call, shortened};
use super::constant::{Constant, declared};
use crate::activation::Activation;
use crate::graph::{Graph, Grid, Input, Node, Operator};
use crate::limits::{self, Room};
use crate::quantised::ValueId;

/// Elements of constants that an import reads and makes, beyond [`READINGS`] times what the file holds: operators on constants can be chained to any
/// length, and layers share weights.
const MAX_FOLDED: usize = 1 << 27;
const READINGS: usize = 16;
/// Elements of all constants of a file together.
const MAX_STORED: usize = 1 << 28;

/// Why the import of a node ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The node is at fault.
    Because(String),
    /// The node makes the network too large.
    TooLarge(String),
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
    /// Names of nodes, which are unique, and how many pieces each has been given.
    names: HashMap<String, usize>,
    /// For each value, how it is quantised: [`Graph::grid`], remembered.
    grids: Vec<Option<Grid>>,
    /// What the nodes so far leave of the limits.
    pub(super) room: Room,
    /// Elements of constants that may still be read and made.
    reading: Cell<usize>,
    /// Elements of constants that the file may still hold.
    storage: Cell<usize>,
    /// Whether a node was refused for lack of room.
    pub(super) full: bool,
    pub(super) directory: Option<&'a Path>,
    /// Why inputs and initialisers cannot be used, by name.
    pub(super) unusable: HashMap<String, String>,
    /// Nodes at fault, in the file's order.
    pub(super) refusals: Vec<Refusal>,
}

impl<'a> Importer<'a> {
    pub(super) fn new(name: String, inputs: Vec<Input>, proto: &'a GraphProto, directory: Option<&'a Path>) -> Self {
        let mut values = HashMap::new();
        let usable: HashSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let usable = proto.input.iter().filter(|info| usable.contains(info.name.as_str()));
        for (id, input) in usable.enumerate() {
            values.insert(input.name.as_str(), Binding::Computed(id));
        }
        let (grids, room) = (inputs.iter().map(|input| input.grid).collect(), Room::beside(&inputs));
        let mut importer = Self {
            graph: Graph { name, inputs, nodes: Vec::new(), outputs: Vec::new() },
            notes: Vec::new(),
            skipped: Vec::new(),
            values,
            consumers: HashMap::new(),
            outputs: HashSet::new(),
            element_types: HashMap::new(),
            names: HashMap::new(),
            grids,
            room,
            reading: Cell::new(MAX_FOLDED),
            storage: Cell::new(MAX_STORED),
            full: false,
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
        self.spend(constant.len())?;
        self.define_shared(call, Rc::new(constant))
    }

    /// A constant that the file holds, or a file beside it.
    pub(super) fn stored(&self, tensor: &TensorProto) -> Result<Constant, String> {
        let declared = declared(tensor)?;
        let Some(rest) = self.storage.get().checked_sub(declared) else {
            return Err(format!("all constants of the file together have more than {MAX_STORED} elements"));
        };
        self.storage.set(rest);
        let constant = Constant::decode(tensor, self.directory)?;
        self.grant(declared);
        Ok(constant)
    }

    /// Allows for the reading of a constant that the file holds.
    pub(super) fn grant(&self, elements: usize) {
        self.reading.set(self.reading.get().saturating_add(READINGS.saturating_mul(elements)));
    }

    /// Counts elements of constants that are read or made.
    pub(super) fn spend(&self, elements: usize) -> Result<(), Stop> {
        let Some(rest) = self.reading.get().checked_sub(elements) else {
            return Err(Stop::TooLarge(format!(
                "its constants: {elements} elements more to compute with, and all constants together may be {MAX_FOLDED} and {READINGS} times what the file holds; fold them before (`onnxsim`)"
            )));
        };
        self.reading.set(rest);
        Ok(())
    }

    /// An import of a single node, with what is left here.
    pub(super) fn alone<'p>(&self, proto: &'p GraphProto) -> Importer<'p> {
        let alone = Importer::new(String::new(), Vec::new(), proto, None);
        alone.reading.set(self.reading.get());
        alone
    }

    /// Takes over what such an import has left.
    pub(super) fn rejoin(&self, alone: &Importer<'_>) {
        self.reading.set(alone.reading.get());
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
            Some(Binding::Constant(constant)) => {
                self.spend(constant.len())?;
                Ok(Some(Operand::Constant(constant.clone())))
            }
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
        let value = shortened(call.output()?.to_owned());
        self.spend(operator.numbers())?;
        let node = Node { name: self.unique_name(&call.name), operator, fused: None, inputs, shape, value, grid };
        let products = node.inputs.first().map_or(0, |&input| limits::products(&node, self.graph.shape(input)));
        self.room.take(&node.shape, limits::kept(&node), products).map_err(Stop::TooLarge)?;
        self.grids.push(match node.inputs.first() {
            Some(&input) if node.grid.is_none() && node.keeps_grid() => self.grids[input],
            _ => node.grid,
        });
        self.graph.nodes.push(node);
        Ok(self.graph.inputs.len() + self.graph.nodes.len() - 1)
    }

    /// The name itself, or if it is taken the name of a piece.
    fn unique_name(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        while self.names.contains_key(&unique) {
            let pieces = self.names.entry(name.to_owned()).or_default();
            *pieces += 1;
            unique = format!("{name}/{pieces}");
        }
        self.names.insert(unique.clone(), 0);
        unique
    }

    /// Whether a result of that shape can be made: to be asked before anything of its size is.
    pub(super) fn fits(&self, shape: &[usize]) -> Result<(), Stop> {
        self.room.fits(shape).map(|_| ()).map_err(Stop::TooLarge)
    }

    /// Whether there is room for so many multiplications.
    pub(super) fn affords(&self, shape: &[usize], terms: usize) -> Result<(), Stop> {
        let mut room = self.room;
        room.take(shape, 0, limits::elements(shape).saturating_mul(terms)).map_err(Stop::TooLarge)
    }

    /// How a value is quantised, if the file says so.
    pub(super) fn grid(&self, value: ValueId) -> Option<Grid> {
        self.grids[value]
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
        shape[axis] = values.iter().map(|&value| self.graph.shape(value)[axis]).fold(0, usize::saturating_add);
        self.push(call, Operator::Concat { axis }, values, shape)
    }

    /// A value as often as asked for along a dimension. Where that is very often, in two steps, since each joins a list of as many values.
    pub(super) fn repeat(
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
        self.fits(shape)?;
        let rank = self.graph.shape(value).len();
        let missing = shape.len().checked_sub(rank);
        let missing =
            missing.ok_or_else(|| Stop::Because(format!("{rank} dimensions do not broadcast to {shape:?}")))?;
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
