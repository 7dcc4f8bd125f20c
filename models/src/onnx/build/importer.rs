//! The state of an import, and what an operator registers: the graph built so far, what each ONNX
//! value name stands for, and how a node becomes a part of it.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use super::allowance::{MAX_FOLDED, MAX_STORED};
use super::shelf::Shelf;
use crate::float::graph::Graph;
use crate::float::room::Room;
use crate::integer::graph::ValueId;
use crate::integer::signature::{Grid, Input};
use crate::onnx::error::Stop;
use crate::onnx::messages::type_proto::{Tensor, Value};
use crate::onnx::messages::{DataType, GraphProto, NodeProto};
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::onnx::refusals::Refusal;

/// What is known about an operator: all of it, so that one line says it.
#[derive(Clone, Copy)]
pub(in crate::onnx) struct Registration {
    /// ONNX's name.
    pub(in crate::onnx) name: &'static str,
    /// Attributes that its importer understands; nodes with others are refused.
    pub(in crate::onnx) attributes: &'static [&'static str],
    pub(in crate::onnx) import: Import,
    /// What it is on constants alone, exact on integers; the others are computed in floating point.
    pub(in crate::onnx) fold: Option<Fold>,
    /// Whether all its outputs are imported, and not only the first.
    pub(in crate::onnx) all_outputs: bool,
    /// Whether its importer takes constants as they are: quantised weights must stay quantised.
    pub(in crate::onnx) takes_constants: bool,
    /// Whether it moves elements and changes none.
    pub(in crate::onnx) view: bool,
    /// The element type of its results.
    pub(in crate::onnx) element: Element,
}

/// Imports a node.
pub(in crate::onnx) type Import =
    for<'i, 'a, 'c> fn(&'i mut Importer<'a>, &'c Call<'a>) -> Result<(), Stop>;

/// What a node of constants becomes.
type Folded = Result<Constant, Stop>;

/// The result of a node from its operands, which are constants: one, two, three, or any number.
#[derive(Clone, Copy)]
pub(in crate::onnx) enum Fold {
    One(fn(&Importer<'_>, &Call<'_>, &Constant) -> Folded),
    Two(fn(&Importer<'_>, &Call<'_>, [&Constant; 2]) -> Folded),
    Three(fn(&Importer<'_>, &Call<'_>, [&Constant; 3]) -> Folded),
    Any(fn(&Importer<'_>, &Call<'_>, &[&Constant]) -> Folded),
    /// `None` where it is for floating point after all.
    Some(fn(&Importer<'_>, &Call<'_>, &[&Constant]) -> Option<Folded>),
}

/// Where a result's element type comes from.
#[derive(Clone, Copy)]
pub(in crate::onnx) enum Element {
    /// From an operand.
    Of(usize),
    /// It is always the same.
    Is(DataType),
    /// From the node and what is known of it after its import.
    Found(fn(&Importer<'_>, &Call<'_>) -> i32),
    /// Each output's is another.
    Each(&'static [Element]),
}

impl Registration {
    /// An operator of one output, whose element type is that of its first operand.
    pub(in crate::onnx) const fn new(
        name: &'static str,
        attributes: &'static [&'static str],
        import: Import,
    ) -> Self {
        Self {
            name,
            attributes,
            import,
            fold: None,
            all_outputs: false,
            takes_constants: false,
            view: false,
            element: Element::Of(0),
        }
    }

    pub(in crate::onnx) const fn folds(self, fold: Fold) -> Self {
        Self { fold: Some(fold), ..self }
    }

    pub(in crate::onnx) const fn all_outputs(self) -> Self {
        Self { all_outputs: true, ..self }
    }

    pub(in crate::onnx) const fn takes_constants(self) -> Self {
        Self { takes_constants: true, ..self }
    }

    /// A view takes constants as they are.
    pub(in crate::onnx) const fn view(self) -> Self {
        Self { view: true, takes_constants: true, ..self }
    }

    pub(in crate::onnx) const fn element(self, element: Element) -> Self {
        Self { element, ..self }
    }
}

/// The operator that a node names, if it is known.
pub(in crate::onnx) type Table = fn(&NodeProto) -> Option<&'static Registration>;

/// What a value name stands for.
#[derive(Clone, Debug)]
pub(in crate::onnx) enum Binding {
    Computed(ValueId),
    Constant(Rc<Constant>),
    /// The scale that values are quantised with dynamically, or the product of theirs, times a
    /// constant.
    Scale {
        of: Vec<ValueId>,
        factor: Rc<Constant>,
    },
    /// A constant that the file counts in such scales: it has divided it by them.
    Counted {
        of: Vec<ValueId>,
        constant: Rc<Constant>,
    },
    /// The result of a node that was refused, of which nothing is known.
    Refused,
}

/// An operand of a node.
#[derive(Clone, Debug)]
pub(in crate::onnx) enum Operand {
    Computed(ValueId),
    Constant(Rc<Constant>),
}

/// What is known of an integer product.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Accumulator {
    /// The dynamically quantised values in whose scales it counts, each as often as it does.
    pub(in crate::onnx) scales: Vec<ValueId>,
    /// Whether nothing else reads it so far.
    pub(in crate::onnx) alone: bool,
}

pub(in crate::onnx) struct Importer<'a> {
    pub(in crate::onnx) graph: Graph,
    /// Facts that people should know about the import.
    pub(in crate::onnx) notes: Vec<String>,
    /// First outputs of nodes that were dropped although they compute something: the float
    /// reference shall drop them too.
    pub(in crate::onnx) skipped: Vec<String>,
    /// Where operators are looked up.
    pub(in crate::onnx) table: Table,
    /// Where graphs that the import makes are kept.
    pub(in crate::onnx) shelf: &'a Shelf,
    pub(in crate::onnx) values: HashMap<&'a str, Binding>,
    consumers: HashMap<&'a str, Vec<&'a NodeProto>>,
    outputs: HashSet<&'a str>,
    /// ONNX's element types, where they are not FLOAT or were given.
    pub(in crate::onnx) element_types: HashMap<&'a str, i32>,
    /// Names of nodes, which are unique, and how many pieces each has been given.
    pub(in crate::onnx) names: HashMap<String, usize>,
    /// For each value, how it is quantised: [`Graph::grid`], remembered.
    pub(in crate::onnx) grids: Vec<Option<Grid>>,
    /// What the nodes so far leave of the limits.
    pub(in crate::onnx) room: Room,
    /// Elements of constants that may still be read and made.
    pub(in crate::onnx) reading: Cell<usize>,
    /// Elements of constants that the file may still hold.
    pub(in crate::onnx) storage: Cell<usize>,
    /// Whether a node was refused for lack of room.
    pub(in crate::onnx) full: bool,
    pub(in crate::onnx) directory: Option<&'a Path>,
    /// Why inputs and initialisers cannot be used, by name.
    pub(in crate::onnx) unusable: HashMap<String, String>,
    /// Nodes at fault, in the file's order.
    pub(in crate::onnx) refusals: Vec<Refusal>,
    /// Types that the file declares, of inputs, outputs and values in between.
    pub(in crate::onnx) declared: HashMap<&'a str, &'a Tensor>,
    /// Whether a softmax that ends the network is kept.
    pub(in crate::onnx) keep_softmax: bool,
    /// Lengths of symbolic dimensions.
    pub(in crate::onnx) lengths: BTreeMap<String, usize>,
    /// Whether the file quantises anything.
    pub(in crate::onnx) quantises: Cell<bool>,
    /// Values whose scales the file computes from the data: here from calibration.
    pub(in crate::onnx) measured: Vec<ValueId>,
    /// Names of integers that stand for such values, and the values.
    pub(in crate::onnx) dynamic: HashMap<&'a str, ValueId>,
    /// Integer products that have not become real numbers yet.
    pub(in crate::onnx) accumulators: HashMap<ValueId, Accumulator>,
    /// First outputs of nodes that hand on what they read: those behind a dropped softmax.
    pub(in crate::onnx) passing: HashSet<&'a str>,
    /// Softmaxes: the scores, and which dimensions are normalised.
    pub(in crate::onnx) softmaxes: HashMap<ValueId, (ValueId, Vec<bool>)>,
}

impl<'a> Importer<'a> {
    pub(in crate::onnx) fn new(
        name: String,
        inputs: Vec<Input>,
        proto: &'a GraphProto,
        directory: Option<&'a Path>,
        table: Table,
        shelf: &'a Shelf,
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
            table,
            shelf,
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
            declared: HashMap::new(),
            keep_softmax: false,
            lengths: BTreeMap::new(),
            quantises: Cell::new(false),
            measured: Vec::new(),
            dynamic: HashMap::new(),
            accumulators: HashMap::new(),
            passing: HashSet::new(),
            softmaxes: HashMap::new(),
        };
        importer.read_by(proto);
        importer.outputs.extend(proto.output.iter().map(|output| output.name.as_str()));
        importer
    }

    /// Notes who reads what in a graph: the file's own, a branch of it, or the body of a function.
    pub(in crate::onnx) fn read_by(&mut self, proto: &'a GraphProto) {
        for node in &proto.node {
            for input in &node.input {
                self.consumers.entry(input.as_str()).or_default().push(node);
            }
        }
        for info in proto.input.iter().chain(&proto.value_info).chain(&proto.output) {
            if let Some(Value::TensorType(tensor)) =
                info.r#type.as_ref().and_then(|t| t.value.as_ref())
            {
                self.declared.insert(&info.name, tensor);
            }
        }
    }

    /// Gives a value name its meaning; `Err` if it has one already.
    pub(in crate::onnx) fn bind(&mut self, name: &'a str, binding: Binding) -> Result<(), String> {
        match self.values.insert(name, binding) {
            None => Ok(()),
            Some(_) => Err(format!("value {name:?} is defined twice")),
        }
    }

    pub(in crate::onnx) fn binding(&self, name: &str) -> Option<&Binding> {
        self.values.get(name)
    }

    /// The nodes that read a value.
    pub(in crate::onnx) fn consumers(&self, name: &str) -> &[&'a NodeProto] {
        self.consumers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Says which value a node computes.
    pub(in crate::onnx) fn define(&mut self, call: &Call<'a>, value: ValueId) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Computed(value))?)
    }

    /// Says that a node computes a constant that others have too.
    pub(in crate::onnx) fn define_shared(
        &mut self,
        call: &Call<'a>,
        constant: Rc<Constant>,
    ) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Constant(constant))?)
    }

    /// What is known about a node's operator.
    pub(in crate::onnx) fn registration(&self, node: &NodeProto) -> Option<&'static Registration> {
        (self.table)(node)
    }

    /// Whether the node with this first output hands on what it reads.
    pub(in crate::onnx) fn is_passing(&self, name: &str) -> bool {
        self.passing.contains(name)
    }

    pub(in crate::onnx) fn is_graph_output(&self, name: &str) -> bool {
        self.outputs.contains(name)
    }

    /// How a value is quantised, if the file says so.
    pub(in crate::onnx) fn grid(&self, value: ValueId) -> Option<Grid> {
        self.grids[value]
    }
}
