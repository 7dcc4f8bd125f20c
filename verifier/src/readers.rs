//! Who reads what: laws about a description's edges that shapes and intervals do not show.

use crate::description::{Description, Operator, OutputSource, Visibility};
use crate::error::DescriptionError as Error;

/// Checks both laws.
pub fn check(description: &Description) -> Result<(), Error> {
    private_inputs(description)?;
    products(description)
}

/// A private input has the cells of the node that stands for it, so there must not be two.
fn private_inputs(description: &Description) -> Result<(), Error> {
    for (index, input) in description.inputs.iter().enumerate() {
        let nodes = description.nodes.iter().filter(|node| node.operator == Operator::Input(index)).count();
        if input.visibility == Visibility::Private && nodes > 1 {
            return Err(Error::Shape { node: input.name.clone(), what: "two nodes stand for this private input" });
        }
    }
    Ok(())
}

/// Every bilinear node must reach exactly one equation, so that its cotangent is that equation's, of rank one: read once, perhaps through
/// sums, by a requantisation, a copy or an output.
fn products(description: &Description) -> Result<(), Error> {
    let mut readers: Vec<(usize, Option<usize>, bool)> = vec![(0, None, false); description.nodes.len()];
    let mut read = |node: usize, through: Option<usize>, whole: bool| {
        readers.get_mut(node).into_iter().for_each(|(count, sum, equation)| {
            *count = count.saturating_add(1);
            *sum = through;
            *equation = whole;
        });
    };
    for (id, node) in description.nodes.iter().enumerate() {
        let whole = matches!(node.operator, Operator::Requantise(_) | Operator::Copy(_));
        let through = matches!(node.operator, Operator::Combine(_)).then_some(id);
        node.operator.operands().for_each(|operand| read(operand, through, whole));
    }
    for output in &description.outputs {
        let (OutputSource::Node(node) | OutputSource::ArgMax { input: node, .. }) = output.source;
        read(node, None, !output.source.is_index());
    }
    for (id, node) in description.nodes.iter().enumerate().filter(|(_, node)| node.operator.is_bilinear()) {
        let mut at = Some(id);
        while let Some(reader) = at {
            // A sum reads earlier nodes only, so this ends.
            match readers.get(reader) {
                Some(&(1, Some(sum), _)) if sum > reader => at = Some(sum),
                Some(&(1, None, true)) => at = None,
                _ => {
                    let what = "a product of committed values is read by exactly one requantisation, copy or output; put a copy behind it";
                    return Err(Error::Shape { node: node.name.clone(), what });
                }
            }
        }
    }
    Ok(())
}
