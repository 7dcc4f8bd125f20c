//! IsNaN and IsInf: which numbers of a network are none, or infinite.
//!
//! On integers there are no such numbers, so what they would be is decided at import. A softmax has
//! them where a row sees nothing: `torch.nn.functional.scaled_dot_product_attention` puts zeros
//! there. Which rows do is known where their masks are; behind a mask that depends on the data none
//! does, and that is said.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis};

use crate::float::graph::{Graph, Operator};
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Element, Fold, Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::{self, from_elements};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("IsInf", &["detect_negative", "detect_positive"], is_inf)
        .folds(Fold::One(|_, call, x| {
            let signs = signs(call)?;
            let numbers = x.numbers();
            let found = numbers.mapv(|x| x.is_infinite() && signs[usize::from(x > 0.0)]);
            Ok(Constant::from_numbers(found.mapv(f64::from), true))
        }))
        .element(Element::Is(DataType::Bool)),
    Registration::new("IsNaN", &[], is_nan)
        .folds(Fold::One(|_, _, x| {
            let none = x.numbers().mapv(|x| if x.is_nan() { 1.0 } else { 0.0 });
            Ok(Constant::from_numbers(none, true))
        }))
        .element(Element::Is(DataType::Bool)),
];

/// Whether −∞ and ∞ are asked for.
fn signs(call: &Call<'_>) -> Result<[bool; 2], Stop> {
    Ok([call.flag("detect_negative", true)?, call.flag("detect_positive", true)?])
}

/// Only masks are infinite: calibration refuses other numbers that are.
fn is_inf<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let value = importer.computed(call, 0)?;
    let shape = importer.graph.shape(value).to_vec();
    importer.spend(shape.iter().product())?;
    let hidden = hidden(&importer.graph, value, &mut HashMap::new());
    if hidden.maybe {
        return Err(Stop::because(
            "whether its operand is infinite depends on the inputs; mask with a finite number",
        ));
    }
    let [negative, _] = signs(call)?;
    let found = hidden.all(&shape).mapv(|hides| i16::from(hides && negative));
    importer.define_constant(call, Constant::Small(found))
}

fn is_nan<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let value = importer.computed(call, 0)?;
    let shape = importer.graph.shape(value).to_vec();
    importer.spend(shape.iter().product())?;
    let mut none = ArrayD::from_elem(shape, 0i16);
    if let Some((scores, reduced)) = importer.softmaxes.get(&value) {
        let Hidden { surely, maybe } = hidden(&importer.graph, *scores, &mut HashMap::new());
        if maybe {
            importer.notes.push(format!(
                "{:?} (IsNaN) asks whether a row of scores is masked wholly, by a mask that \
                depends on the inputs: such rows have equal weights here, where the model has what \
                its Where puts there",
                call.name
            ));
        }
        if let Some(surely) = surely {
            let mut blind = surely;
            for axis in (0..reduced.len()).filter(|&axis| reduced[axis]) {
                let all = blind.map_axis(Axis(axis), |row| row.iter().all(|&hides| hides));
                blind = all.insert_axis(Axis(axis));
            }
            none.zip_mut_with(&blind, |none, &blind| *none = blind.into());
        }
    }
    importer.define_constant(call, Constant::Small(none))
}

/// Which numbers of a value are −∞ whatever the inputs are; and whether others are for some.
#[derive(Clone)]
struct Hidden {
    /// None of them, if there is nothing.
    surely: Option<ArrayD<bool>>,
    maybe: bool,
}

const NOTHING: Hidden = Hidden { surely: None, maybe: false };

fn hidden(graph: &Graph, value: ValueId, known: &mut HashMap<ValueId, Hidden>) -> Hidden {
    if let Some(found) = known.get(&value) {
        return found.clone();
    }
    let Some(index) = graph.producer(value) else { return NOTHING };
    let node = &graph.nodes[index];
    let mut parts = || -> Vec<Hidden> {
        node.inputs.iter().map(|&input| hidden(graph, input, known)).collect()
    };
    let found = match &node.operator {
        Operator::Constant(numbers) => infinite(&node.shape, numbers),
        // A row of infinite numbers has no softmax, whichever they are.
        Operator::Add { constant, .. } => {
            parts().iter().fold(infinite(&node.shape, constant), Hidden::or)
        }
        Operator::Select => {
            let parts = parts();
            let condition = graph.producer(node.inputs[0]).map(|at| &graph.nodes[at].operator);
            match condition {
                Some(Operator::Constant(chosen)) => {
                    let [yes, no] = [1, 2].map(|side: usize| parts[side].all(&node.shape));
                    let sides = chosen.iter().zip(yes.iter().zip(&no));
                    let hides = sides.map(|(&x, (&yes, &no))| if x != 0.0 { yes } else { no });
                    let surely = Some(from_elements(&node.shape, hides.collect()));
                    Hidden { surely, maybe: parts[1].maybe || parts[2].maybe }
                }
                _ => {
                    let maybe = parts[1..].iter().any(|part| part.maybe || part.surely.is_some());
                    Hidden { surely: None, maybe }
                }
            }
        }
        Operator::Concat { axis } => {
            let parts = parts();
            let shapes = node.inputs.iter().map(|&input| graph.shape(input));
            let each = parts.iter().zip(shapes).map(|(part, shape)| part.all(shape));
            let each: Vec<ArrayD<bool>> = each.collect();
            let some = parts.iter().any(|part| part.surely.is_some());
            let joined = some.then(|| moves::concat(&each.iter().collect::<Vec<_>>(), *axis));
            Hidden { surely: joined, maybe: parts.iter().any(|part| part.maybe) }
        }
        Operator::Reshape => parts()[0].moved(|part| moves::reshape(part, &node.shape)),
        Operator::Transpose { permutation } => {
            parts()[0].moved(|part| moves::transpose(part, permutation))
        }
        &Operator::Slice { axis, start, step } => {
            let count = node.shape[axis];
            parts()[0].moved(|part| moves::slice(part, axis, start, step, count))
        }
        _ => NOTHING,
    };
    known.insert(value, found.clone());
    found
}

fn infinite(shape: &[usize], numbers: &[f64]) -> Hidden {
    let hides = |&x: &f64| x == f64::NEG_INFINITY;
    let some = numbers.iter().any(&hides);
    let surely = some.then(|| from_elements(shape, numbers.iter().map(hides).collect()));
    Hidden { surely, maybe: false }
}

impl Hidden {
    /// Where either is.
    fn or(mut self, other: &Self) -> Self {
        match (&mut self.surely, &other.surely) {
            (Some(one), Some(other)) => one.zip_mut_with(other, |one, &other| *one |= other),
            (one, Some(other)) => *one = Some(other.clone()),
            (_, None) => {}
        }
        self.maybe |= other.maybe;
        self
    }

    fn moved(&self, moves: impl Fn(&ArrayD<bool>) -> ArrayD<bool>) -> Self {
        Self { surely: self.surely.as_ref().map(moves), maybe: self.maybe }
    }

    /// Of every element.
    fn all(&self, shape: &[usize]) -> ArrayD<bool> {
        self.surely.clone().unwrap_or_else(|| ArrayD::from_elem(shape, false))
    }
}
