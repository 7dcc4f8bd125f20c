//! If with a condition known at import: the branch that is taken, in place of the node.

use crate::onnx::build::import::import_nodes;
use crate::onnx::build::importer::{Binding, Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

pub(super) const OPERATORS: &[Registration] =
    &[Registration::new("If", &["else_branch", "then_branch"], branch)
        .all_outputs()
        .takes_constants()];

fn branch<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let condition = match importer.operand(call, 0)? {
        Operand::Constant(condition) => condition.integers()?.first().copied().unwrap_or(0) != 0,
        Operand::Computed(_) => {
            return Err(Stop::because(
                "its condition depends on the data, and a circuit computes the same for all data; \
                use Where, or export the branch that is meant",
            ));
        }
    };
    let name = if condition { "then_branch" } else { "else_branch" };
    let graph =
        call.graph(name)?.ok_or_else(|| Stop::Because(format!("attribute `{name}` is missing")))?;
    importer.enter(graph);
    for tensor in &graph.initializer {
        importer.element_types.insert(&tensor.name, tensor.data_type);
        let constant = importer.stored(tensor)?;
        importer.bind(&tensor.name, Binding::Constant(constant.into()))?;
    }
    import_nodes(importer, &graph.node, call.opset)?;
    for (outer, inner) in call.node.output.iter().zip(&graph.output) {
        let binding = importer.binding(&inner.name).cloned();
        let binding = binding.ok_or_else(|| {
            Stop::Because(format!("nothing defines {:?} in its branch", inner.name))
        })?;
        if !outer.is_empty() {
            importer.bind(outer, binding)?;
        }
    }
    Ok(())
}
