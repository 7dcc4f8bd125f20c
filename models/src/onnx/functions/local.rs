//! Functions that a file defines itself: their nodes in place of those that apply them.

use std::collections::HashMap;

use prost::Message;

use super::instance::instance;
use crate::limits::MAX_NODES;
use crate::onnx::messages::{FunctionProto, GraphProto, NodeProto};

/// Functions that apply each other, one inside the other.
const DEEPEST: usize = 64;

/// Bytes that all copies of functions' nodes have: a constant inside of one is copied each time.
const MAX_COPIED: usize = 1 << 26;

/// What names a function.
type Name<'f> = (&'f str, &'f str, &'f str);

/// Puts the nodes of functions in place of what applies them; gives the function at fault and what
/// is wrong with it. `opset` is the version of ONNX's operators that the file's nodes are of.
pub(in crate::onnx) fn inline(
    functions: &[FunctionProto],
    graph: &mut GraphProto,
    opset: i64,
) -> Result<(), (String, String)> {
    if functions.is_empty() {
        return Ok(());
    }
    let named = functions
        .iter()
        .map(|function| ((&*function.domain, &*function.name, &*function.overload), function));
    let mut inlining =
        Inlining { functions: named.collect(), opset, open: Vec::new(), made: 0, copied: 0 };
    inlining.graph(graph)
}

struct Inlining<'f> {
    functions: HashMap<Name<'f>, &'f FunctionProto>,
    opset: i64,
    /// The functions that the nodes at hand are inside of.
    open: Vec<&'f FunctionProto>,
    /// Nodes made so far, and their bytes.
    made: usize,
    copied: usize,
}

impl Inlining<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), (String, String)> {
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in std::mem::take(&mut graph.node) {
            self.node(node, &mut nodes)?;
        }
        graph.node = nodes;
        Ok(())
    }

    fn node(
        &mut self,
        mut node: NodeProto,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<(), (String, String)> {
        let name = (&*node.domain, &*node.op_type, &*node.overload);
        let Some(&function) = self.functions.get(&name) else {
            for graph in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
                self.graph(graph)?;
            }
            nodes.push(node);
            return Ok(());
        };
        let fault = |problem: String| Err((function.name.clone(), problem));
        if self.open.iter().any(|open| std::ptr::eq(*open, function)) {
            return fault("it applies itself, and has no end".into());
        }
        if self.open.len() == DEEPEST {
            return fault(format!("it stands inside of {DEEPEST} others, which is too deep"));
        }
        let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        let versions = function.opset_import.iter().filter(|import| own(&import.domain));
        if let Some(other) = versions.map(|import| import.version).find(|&x| x != self.opset) {
            return fault(format!(
                "it is written in opset {other}, and the model in opset {}; convert the model to \
                one of them (`onnx.version_converter`)",
                self.opset
            ));
        }
        self.copied = self.copied.saturating_add(function.encoded_len());
        if self.copied > MAX_COPIED {
            return fault(format!(
                "functions become more than {MAX_COPIED} bytes of nodes; hand them their constants \
                as operands"
            ));
        }
        let inner = instance(function, &node, &node.name);
        self.made += inner.len();
        if self.made > MAX_NODES {
            return fault(format!("functions become more than {MAX_NODES} nodes"));
        }
        self.open.push(function);
        inner.into_iter().try_for_each(|node| self.node(node, nodes))?;
        self.open.pop();
        Ok(())
    }
}
