//! Importing nodes: one after another, and those on constants alone by computing them.

use super::importer::{Binding, Fold, Importer};
use super::shelf::Shelf;
use crate::float::execute::Execution;
use crate::float::graph::Operator;
use crate::integer::graph::{Output, ValueId};
use crate::limits;
use crate::onnx::advice::{UNSUPPORTED, advice};
use crate::onnx::error::Stop;
use crate::onnx::messages::{GraphProto, NodeProto};
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::onnx::refusals::Refusal;

/// Imports nodes one after another. Those at fault are noted; `Err` if the nodes contradict each
/// other.
pub(in crate::onnx) fn import_nodes<'a>(
    importer: &mut Importer<'a>,
    nodes: &'a [NodeProto],
    opset: i64,
) -> Result<(), Stop> {
    for (position, node) in nodes.iter().enumerate() {
        let call = Call::new(node, position, opset);
        let undefined =
            node.input.iter().find(|input| !input.is_empty() && importer.binding(input).is_none());
        if let Some(input) = undefined {
            return Err(Stop::Because(format!(
                "node {:?} reads {input:?}, which nothing before it defines",
                call.name
            )));
        }
        let imported = import_node(importer, &call);
        importer.infer_types(&call);
        let Err(stop) = imported else { continue };
        importer.stand_in(&call)?;
        let reason = match stop {
            Stop::Because(reason) => reason,
            // Once there is no room, there is none for what follows either.
            Stop::TooLarge(reason) if !std::mem::replace(&mut importer.full, true) => reason,
            Stop::TooLarge(_) | Stop::Blocked => continue,
        };
        let advice = advice(node, &reason).map(str::to_owned);
        let operator = qualified_name(node);
        importer.refusals.push(Refusal { node: call.name, operator, reason, advice });
    }
    Ok(())
}

fn qualified_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

fn import_node<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let Some(registration) = importer.registration(call.node) else {
        return Err(Stop::because(UNSUPPORTED));
    };
    if let Some(output) = call.node.output.first().filter(|name| importer.is_passing(name)) {
        let value = importer.computed(call, 0)?;
        importer.skipped.push(output.clone());
        return importer.define(call, value);
    }
    let attributes = call.node.attribute.iter().map(|a| a.name.as_str());
    for attribute in attributes {
        if !registration.attributes.contains(&attribute) {
            return Err(Stop::Because(format!("attribute {attribute:?} is not supported")));
        }
    }
    let unusable = call.node.input.iter().find(|&input| importer.unusable.contains_key(input));
    if let Some(input) = unusable
        && let Some(reason) = importer.unusable.remove(input)
    {
        // Said once: the nodes behind it are judged by what is known of it.
        importer.stand_in_for_input(input);
        return Err(Stop::Because(reason));
    }
    for output in call.node.output.iter().skip(1).filter(|_| !registration.all_outputs) {
        let read = !importer.consumers(output).is_empty();
        if !output.is_empty() && (read || importer.is_graph_output(output)) {
            return Err(Stop::Because(format!("its output {output:?} is not supported")));
        }
    }
    importer.look_at_operands(call)?;
    if let Some(imported) = importer.in_scales(call) {
        return imported;
    }
    if let Some(constant) = folded(importer, call) {
        return importer.define_constant(call, constant?);
    }
    (registration.import)(importer, call)
}

/// The result of a node that reads nothing but constants, if it can be computed at import.
fn folded<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Option<Result<Constant, Stop>> {
    let operands = call.node.input.iter().map(|input| match importer.binding(input) {
        Some(Binding::Constant(constant)) => Some(constant.as_ref()),
        _ => None,
    });
    let operands: Vec<&Constant> = operands.collect::<Option<_>>()?;
    if operands.is_empty() {
        return None;
    }
    let elements = operands.iter().map(|operand| operand.len()).sum();
    if let Err(stop) = importer.spend(elements) {
        return Some(Err(stop));
    }
    let fold = importer.registration(call.node).and_then(|known| known.fold);
    fold.and_then(|fold| fold.carry_out(importer, call, &operands))
        .or_else(|| computed_at_import(importer, call).transpose())
}

/// The only result of a node on constants, computed in floating point; `None` if that cannot be.
fn computed_at_import(importer: &Importer<'_>, call: &Call<'_>) -> Result<Option<Constant>, Stop> {
    let (proto, shelf) = (GraphProto::default(), Shelf::default());
    let mut alone = importer.alone(&proto, &shelf);
    let result = import_alone(importer, &mut alone, call);
    importer.rejoin(&alone);
    let (value, integer) = match result {
        Ok(computed) => computed,
        Err(Stop::TooLarge(reason)) => return Err(Stop::TooLarge(reason)),
        Err(Stop::Because(_) | Stop::Blocked) => return Ok(None),
    };
    // Results in between are read and made too, and each multiplication is work.
    let results = alone
        .graph
        .nodes
        .iter()
        .map(|node| limits::elements(&node.shape))
        .fold(0, usize::saturating_add);
    importer.spend(results.saturating_add(alone.room.products_taken()))?;
    alone.graph.outputs.push(Output { name: String::new(), value });
    let result = Execution::new(&alone.graph).run(&[], |_, _, _| {}).pop();
    Ok(result.map(|result| Constant::from_numbers(result, integer)))
}

/// Imports a node whose first operand is a value and the others are constants; gives its value, and
/// whether that is a constant of integers.
fn import_alone<'c>(
    importer: &Importer<'_>,
    alone: &mut Importer<'c>,
    call: &Call<'c>,
) -> Result<(ValueId, bool), Stop> {
    let registration = importer.registration(call.node).filter(|known| !known.takes_constants);
    let registration = registration.ok_or(Stop::Blocked)?;
    let [output] = call.node.output.as_slice() else {
        return Err(Stop::Blocked);
    };
    let mut integer = false;
    for (index, input) in call.node.input.iter().enumerate() {
        let Some(Binding::Constant(constant)) = importer.binding(input) else {
            continue;
        };
        alone.element_types.insert(input, importer.element_type(input));
        if index == 0 {
            integer = constant.is_integer();
            let numbers = constant.numbers();
            let operator = Operator::Constant(numbers.iter().copied().collect());
            let value = alone.push(call, operator, Vec::new(), numbers.shape().to_vec())?;
            alone.bind(input, Binding::Computed(value))?;
        } else if alone.binding(input).is_none() {
            alone.bind(input, Binding::Constant(constant.clone()))?;
        }
    }
    (registration.import)(alone, call)?;
    let Some(&Binding::Computed(value)) = alone.binding(output) else {
        return Err(Stop::Blocked);
    };
    alone.infer_types(call);
    let first = call.input(0).ok_or(Stop::Blocked)?;
    integer &= alone.element_type(output) == alone.element_type(first);
    Ok((value, integer))
}

impl Fold {
    /// The result, if the operator takes as many operands.
    fn carry_out(
        self,
        importer: &Importer<'_>,
        call: &Call<'_>,
        operands: &[&Constant],
    ) -> Option<Result<Constant, Stop>> {
        Some(match (self, operands) {
            (Self::One(fold), &[x]) => fold(importer, call, x),
            (Self::Two(fold), &[a, b]) => fold(importer, call, [a, b]),
            (Self::Three(fold), &[a, b, c]) => fold(importer, call, [a, b, c]),
            (Self::Any(fold), operands) => fold(importer, call, operands),
            (Self::Some(fold), operands) => fold(importer, call, operands)?,
            _ => return None,
        })
    }
}
