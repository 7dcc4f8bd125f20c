//! Where to cut a file whose end picks elements by their numbers: detectors end with
//! NonMaxSuppression, and how many boxes it leaves is known only when it has run.

use std::collections::HashSet;
use std::path::Path;

use super::advice::UNSUPPORTED;
use super::build::importer::{Binding, Importer};
use super::messages::{GraphProto, NodeProto};
use super::read::call::Call;
use super::refusals::{Refusal, Refusals};

/// Operators that put out as many elements as their data makes them.
const BY_DATA: &[&str] = &["Compress", "NonMaxSuppression", "NonZero", "Range", "Unique"];

/// Advice for the refusals of operators whose results have no fixed shape: the cut that leaves all
/// of them out.
pub(in crate::onnx) fn advise(
    importer: &Importer<'_>,
    graph: &GraphProto,
    path: &Path,
    refusals: &mut Refusals,
) {
    let picks = |refusal: &Refusal| {
        let open = refusal.reason == UNSUPPORTED || refusal.reason.contains("computed");
        BY_DATA.contains(&refusal.operator.as_str()) && open
    };
    let picking = refusals.0.iter().filter(|refusal| picks(refusal));
    let names: HashSet<String> = picking.map(|refusal| refusal.node.clone()).collect();
    if names.is_empty() {
        return;
    }
    let before = before(importer, graph, |position, node| {
        BY_DATA.contains(&node.op_type.as_str())
            && names.contains(&Call::new(node, position, 0).name)
    });
    let inputs: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let mut advice = Some(match before.as_slice() {
        [] => "compute its result before the proof and give it as an input".to_owned(),
        _ => format!(
            "end the network before it and do the rest outside the proof: \
            `onnx.utils.extract_model({file:?}, \"cut.onnx\", {inputs:?}, {before:?})`"
        ),
    });
    for refusal in refusals.0.iter_mut().filter(|refusal| picks(refusal)) {
        let again = || "the same cut leaves it out".to_owned();
        refusal.reason = "how many elements it puts out depends on the data, and a circuit has \
            tensors of fixed shape"
            .into();
        refusal.advice = Some(advice.take().unwrap_or_else(again));
    }
}

/// The computed values that the nodes behind those that `cuts` names read from before them, and
/// the outputs that do not depend on them.
fn before<'g>(
    importer: &Importer<'_>,
    graph: &'g GraphProto,
    cuts: impl Fn(usize, &NodeProto) -> bool,
) -> Vec<&'g str> {
    let (mut behind, mut read): (HashSet<&str>, Vec<&str>) = (HashSet::new(), Vec::new());
    for (position, node) in graph.node.iter().enumerate() {
        let inputs = || node.input.iter().map(String::as_str);
        if cuts(position, node) || inputs().any(|input| behind.contains(input)) {
            behind.extend(node.output.iter().map(String::as_str).filter(|name| !name.is_empty()));
            read.extend(inputs());
        }
    }
    let given: HashSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    let outputs = graph.output.iter().map(|output| output.name.as_str());
    let mut seen = HashSet::new();
    outputs
        .chain(read)
        .filter(|name| {
            let constant = matches!(importer.binding(name), Some(Binding::Constant(_)) | None);
            !constant && !behind.contains(name) && !given.contains(name) && seen.insert(*name)
        })
        .collect()
}
