//! Copies behind contractions whose backward pass would take the verifier too long.
//!
//! The verifier pushes random weights back through every contraction. Where they are of rank one
//! that is linear in elements and weights; where they are dense, as under an ArgMax or a transpose
//! that reads sums before any division, it takes every multiply-accumulate. Cells of its own give a
//! contraction an equation of its own, and so weights of rank one.

use zkinfer_verifier::DescriptionError;
use zkinfer_verifier::circuit::analysis::wanting_copies;
use zkinfer_verifier::circuit::description::{
    Description, Node, NodeId, Operator, Source, Weights,
};

/// Puts a copy behind each contraction that needs one.
pub(super) fn insert(description: &mut Description) -> Result<(), DescriptionError> {
    let mut wanting = wanting_copies(description)?.into_iter().peekable();
    if wanting.peek().is_none() {
        return Ok(());
    }
    let nodes = std::mem::take(&mut description.nodes);
    // What stands for each node from now on, and where it is itself.
    let (mut places, mut moved): (Vec<NodeId>, Vec<NodeId>) = Default::default();
    for (id, mut node) in nodes.into_iter().enumerate() {
        renumber(&mut node.operator, &places, &moved);
        let name = node.name.clone();
        moved.push(description.nodes.len());
        description.nodes.push(node);
        if wanting.next_if_eq(&id).is_some() {
            let operator = Operator::Copy(description.nodes.len() - 1);
            description.nodes.push(Node { name, operator });
        }
        places.push(description.nodes.len() - 1);
    }
    for output in &mut description.outputs {
        let node = output.source.node_mut();
        *node = places[*node];
    }
    Ok(())
}

fn renumber(operator: &mut Operator, places: &[NodeId], moved: &[NodeId]) {
    let to = |node: &mut NodeId| *node = places[*node];
    match operator {
        Operator::Input(_) | Operator::OneHot(_) => {}
        Operator::Contract(contract) => {
            to(&mut contract.input);
            if let Weights::PublicOf(owner) | Weights::SealedOf(owner) = &mut contract.weights {
                *owner = moved[*owner];
            }
        }
        Operator::Product(product) => {
            [&mut product.left, &mut product.right].into_iter().for_each(to)
        }
        Operator::Hadamard(product) => {
            [&mut product.left, &mut product.right].into_iter().for_each(to)
        }
        Operator::Combine(combine) => combine.terms.iter_mut().for_each(|(term, _)| to(term)),
        Operator::View(view) => view.inputs.iter_mut().for_each(to),
        Operator::Requantise(requantise) => to(&mut requantise.input),
        Operator::Copy(input) => to(input),
        Operator::SliceAt(slice) => to(&mut slice.input),
        Operator::Bounded(bounded) => match &mut bounded.source {
            Source::Equal { input } | Source::Hint { input, .. } => to(input),
        },
    }
}
