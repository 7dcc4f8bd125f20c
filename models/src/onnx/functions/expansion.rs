//! A node of an operator that ONNX defines as a function: its body, written for the shapes and
//! attributes at hand, is imported in its place.

use super::instance::instance;
use super::text::parse;
use crate::onnx::build::import::import_nodes;
use crate::onnx::build::importer::{Element, Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::{AttributeType, GraphProto, ValueInfoProto};
use crate::onnx::read::call::Call;
use crate::onnx::read::file::prune;

/// The version of ONNX's operators that bodies are written in.
const OPSET: i64 = 21;

/// A function's text for a node.
pub(super) type Body = fn(&Importer<'_>, &Call<'_>) -> Result<String, Stop>;

/// An operator that is a function.
pub(super) const fn function(
    name: &'static str,
    attributes: &'static [&'static str],
    import: crate::onnx::build::importer::Import,
) -> Registration {
    Registration::new(name, attributes, import).all_outputs().element(Element::Found(
        |importer, call| call.output().map_or(0, |output| importer.element_type(output)),
    ))
}

/// Imports the body of a function in place of a node.
pub(super) fn expand<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    body: Body,
) -> Result<(), Stop> {
    let function = parse(&body(importer, call)?)?;
    let read = |name: &&String| {
        !name.is_empty() && (!importer.consumers(name).is_empty() || importer.is_graph_output(name))
    };
    let wanted =
        call.node.output.iter().take(1).chain(call.node.output.iter().skip(1).filter(read));
    let output = wanted
        .map(|name| ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() })
        .collect();
    let node = instance(&function, call.node, &call.name);
    let mut graph = GraphProto { node, output, ..GraphProto::default() };
    prune(&mut graph);
    let graph = importer.shelf.keep(graph);
    importer.read_by(graph);
    let before = importer.refusals.len();
    import_nodes(importer, &graph.node, OPSET)?;
    let refusals = importer.refusals.split_off(before);
    if refusals.is_empty() {
        return Ok(());
    }
    let reasons =
        refusals.iter().map(|refusal| format!("its {}: {}", refusal.operator, refusal.reason));
    Err(Stop::Because(reasons.collect::<Vec<_>>().join("; ")))
}

/// Attributes of a node as the text of another's.
pub(super) fn copied(call: &Call<'_>, names: &[&str]) -> Result<String, Stop> {
    let mut texts = Vec::new();
    let kept = call.node.attribute.iter().filter(|kept| names.contains(&kept.name.as_str()));
    for attribute in kept {
        let value = match AttributeType::try_from(attribute.r#type) {
            Ok(AttributeType::Int) => attribute.i.to_string(),
            Ok(AttributeType::Float) => format!("{:?}", attribute.f),
            Ok(AttributeType::Ints) => format!("{:?}", attribute.ints),
            Ok(AttributeType::Floats) => format!("{:?}", attribute.floats),
            Ok(AttributeType::String) if attribute.s.is_ascii() && !attribute.s.contains(&b'"') => {
                format!("\"{}\"", String::from_utf8_lossy(&attribute.s))
            }
            _ => {
                return Err(Stop::Because(format!(
                    "attribute {:?} is of no type that it can be",
                    attribute.name
                )));
            }
        };
        texts.push(format!("{} = {value}", attribute.name));
    }
    Ok(format!("<{}>", texts.join(", ")))
}
