//! The state of an import: the graph built so far and what each ONNX value name stands for.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use super::Refusal;
use super::call::{Call, shortened};
use super::constant::{Constant, declared};
use super::messages::{DataType, GraphProto, NodeProto, TensorProto};
use crate::float::graph::{Graph, Node, Operator};
use crate::float::room::{self, Room};
use crate::integer::graph::ValueId;
use crate::integer::signature::{Grid, Input};
use crate::limits;

/// Elements of constants that an import reads and makes, beyond [`READINGS`] times what the file
/// holds: operators on constants can be chained to any length, and layers share weights.
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
    /// First outputs of nodes that were dropped although they compute something: the float
    /// reference shall drop them too.
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
    pub(super) fn new(
        name: String,
        inputs: Vec<Input>,
        proto: &'a GraphProto,
        directory: Option<&'a Path>,
    ) -> Self {
        let mut values = HashMap::new();
        let usable: HashSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let usable = proto.input.iter().filter(|info| usable.contains(info.name.as_str()));
        for (id, input) in usable.enumerate() {
            values.insert(input.name.as_str(), Binding::Computed(id));
        }
        let (grids, room) =
            (inputs.iter().map(|input| input.grid).collect(), Room::beside(&inputs));
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
    pub(super) fn define_constant(
        &mut self,
        call: &Call<'a>,
        constant: Constant,
    ) -> Result<(), Stop> {
        self.spend(constant.len())?;
        self.define_shared(call, Rc::new(constant))
    }

    /// A constant that the file holds, or a file beside it.
    pub(super) fn stored(&self, tensor: &TensorProto) -> Result<Constant, String> {
        let declared = declared(tensor)?;
        let Some(rest) = self.storage.get().checked_sub(declared) else {
            return Err(format!(
                "all constants of the file together have more than {MAX_STORED} elements"
            ));
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
                "its constants: {elements} elements more to compute with, and all constants \
                together may be {MAX_FOLDED} and {READINGS} times what the file holds; fold them \
                before (`onnxsim`)"
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
    pub(super) fn define_shared(
        &mut self,
        call: &Call<'a>,
        constant: Rc<Constant>,
    ) -> Result<(), Stop> {
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
                "input {index} is a constant, expected a computed value; simplify the model \
                (`onnxsim`) and import it again"
            ))),
        }
    }

    /// The `index`th operand, which must be a constant if it is given.
    pub(super) fn optional_constant(
        &self,
        call: &Call<'a>,
        index: usize,
    ) -> Result<Option<Rc<Constant>>, Stop> {
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
        let node = Node {
            name: self.unique_name(&call.name),
            operator,
            fused: None,
            inputs,
            shape,
            value,
            grid,
        };
        let products =
            node.inputs.first().map_or(0, |&input| room::products(&node, self.graph.shape(input)));
        self.room.take(&node.shape, room::kept(&node), products).map_err(Stop::TooLarge)?;
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

    /// Notes the element types of a node's results: those that the operator says, else that of its
    /// first operand.
    pub(super) fn infer_types(&mut self, call: &Call<'a>) {
        let element = match call.node.op_type.as_str() {
            "Cast" => call.int("to", 0).unwrap_or(0) as i32,
            "CastLike" => {
                call.input(1).map_or(DataType::Float as i32, |name| self.element_type(name))
            }
            "DequantizeLinear" => DataType::Float as i32,
            "ConvInteger" | "MatMulInteger" => DataType::Int32 as i32,
            "Shape" | "Size" | "ArgMax" | "ArgMin" => DataType::Int64 as i32,
            "And" | "Or" | "Xor" | "Not" | "Equal" | "Less" | "LessOrEqual" | "Greater"
            | "GreaterOrEqual" => DataType::Bool as i32,
            "Constant" | "ConstantOfShape" => {
                match call.output().ok().and_then(|name| self.binding(name)) {
                    Some(Binding::Constant(constant)) if constant.is_integer() => {
                        DataType::Int64 as i32
                    }
                    _ => DataType::Float as i32,
                }
            }
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
    pub(super) fn value(
        &mut self,
        call: &Call<'a>,
        operand: Operand,
        shape: &[usize],
    ) -> Result<ValueId, Stop> {
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
}
