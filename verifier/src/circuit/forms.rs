//! The form of every cotangent, from shapes alone: of rank one, or dense.
//!
//! The backward pass is linear in elements and weights but for one step: a contraction that meets a
//! dense cotangent, or one with a factor for each column, takes a multiplication for each tap at
//! each position. [`products_met_singly`] says how many those are; a description may have as many
//! as [`MAX_PER_ELEMENT`] for each element that such a contraction reads or makes and each of its
//! weights. Where there would be more, a [`Copy`](Operator::Copy) behind the contraction has an
//! equation of its own, and so a cotangent of rank one.

use crate::circuit::description::{Contract, Description, NodeId, Operator, View, ViewKind};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::Geometry;
use crate::circuit::geometry::{factor_length, multiply_accumulates};
use crate::error::DescriptionError as Error;
use crate::limits::MAX_PER_ELEMENT;

/// The form of a cotangent: see `cotangent.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Outer { rows: usize, columns: usize },
    Dense(usize),
}

impl Form {
    /// That of an equation.
    pub(crate) fn of(facts: &Facts) -> Self {
        let (rows, columns) = facts.matrix();
        Self::Outer { rows, columns }
    }

    /// Field elements that it holds.
    pub(crate) fn held(self) -> usize {
        match self {
            Self::Outer { rows, .. } => rows,
            Self::Dense(elements) => elements,
        }
    }

    pub(crate) fn elements(self) -> usize {
        match self {
            Self::Outer { rows, columns } => rows.saturating_mul(columns),
            Self::Dense(elements) => elements,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Outer { columns: a, .. }, Self::Outer { columns: b, .. }) if a == b => self,
            _ => Self::Dense(self.elements()),
        }
    }
}

/// What a node adds to the cotangents of its operands, where its own has a form.
pub(crate) fn back(
    operator: &Operator,
    facts: &Facts,
    form: Option<Form>,
    nodes: &[Facts],
) -> Vec<(NodeId, Form)> {
    let dense = |node: NodeId| (node, Form::Dense(nodes.get(node).map_or(0, |f| f.elements)));
    match (operator, form) {
        (Operator::Input(_) | Operator::OneHot(_), _) => Vec::new(),
        // An equation of its own, whether or not anything reads the result.
        (
            Operator::Requantise(_)
            | Operator::Copy(_)
            | Operator::Bounded(_)
            | Operator::Hadamard(_),
            _,
        ) => operator.operands().map(|operand| (operand, Form::of(facts))).collect(),
        (_, None) => Vec::new(),
        (Operator::Combine(_), Some(form)) => {
            operator.operands().map(|term| (term, form)).collect()
        }
        (Operator::View(view), Some(form)) if keeps_matrix(view, facts, nodes) => {
            view.inputs.iter().map(|&input| (input, form)).collect()
        }
        (Operator::Contract(contract), Some(Form::Outer { columns, .. }))
            if nodes.get(contract.input).is_some_and(|input| {
                contract.column_factors.is_empty()
                    && Geometry { contract, input, output: facts }.is_pointwise()
            }) =>
        {
            vec![(contract.input, Form::Outer { rows: factor_length(operator, nodes), columns })]
        }
        (
            Operator::Contract(_) | Operator::View(_) | Operator::Product(_) | Operator::SliceAt(_),
            Some(_),
        ) => operator.operands().map(dense).collect(),
    }
}

/// Whether a view is a reshape to the same rows and columns.
fn keeps_matrix(view: &View, facts: &Facts, nodes: &[Facts]) -> bool {
    let (ViewKind::Reshape(_), [input]) = (&view.kind, view.inputs.as_slice()) else {
        return false;
    };
    nodes.get(*input).is_some_and(|input| input.matrix() == facts.matrix())
}

/// Multiplications of single taps with single positions when a contraction's backward pass meets a
/// cotangent of this form.
fn products_met_singly(contract: &Contract, facts: &Facts, form: Form, nodes: &[Facts]) -> u64 {
    let Some(input) = nodes.get(contract.input) else { return 0 };
    match form {
        Form::Dense(_) => multiply_accumulates(contract, facts, nodes),
        Form::Outer { .. } if contract.column_factors.is_empty() => 0,
        Form::Outer { columns, .. } => {
            let channels = input.shape.first().copied().unwrap_or(0);
            let window = Geometry { contract, input, output: facts }.window();
            let taps = channels.saturating_mul(window);
            u64::try_from(taps.saturating_mul(columns)).unwrap_or(u64::MAX)
        }
    }
}

/// A contraction that would take more than is allowed.
pub(crate) struct TooDense {
    pub(crate) node: NodeId,
    /// Multiplications that it would take.
    pub(crate) products: u64,
    /// As many as it may.
    pub(crate) limit: u64,
    /// Whether a copy behind it mends that.
    pub(crate) dense: bool,
}

/// Goes back through a description as the pass does: `visit` is told the form of each node's
/// cotangent, from the last to the first, and says which one the node goes on with.
pub(crate) fn walk(
    description: &Description,
    nodes: &[Facts],
    mut visit: impl FnMut(NodeId, Option<Form>) -> Option<Form>,
) {
    let mut forms: Vec<Option<Form>> = vec![None; nodes.len()];
    let add = |forms: &mut [Option<Form>], node: NodeId, form: Form| {
        let slot = forms.get_mut(node).into_iter();
        slot.for_each(|slot| *slot = Some(slot.map_or(form, |old| old.plus(form))));
    };
    for output in &description.outputs {
        let (node, index) = (output.source.node(), output.source.is_index());
        let form = nodes.get(node);
        let form = form.map(|f| if index { Form::Dense(f.elements) } else { Form::of(f) });
        form.into_iter().for_each(|form| add(&mut forms, node, form));
    }
    for (id, (node, facts)) in description.nodes.iter().zip(nodes).enumerate().rev() {
        let form = visit(id, forms.get(id).copied().flatten());
        for (operand, form) in back(&node.operator, facts, form, nodes) {
            add(&mut forms, operand, form);
        }
    }
}

/// The contractions that take too many multiplications, from the last to the first, each as if
/// those before had a copy behind them.
pub(crate) fn too_dense(description: &Description, nodes: &[Facts]) -> Vec<TooDense> {
    let mut found = Vec::new();
    walk(description, nodes, |id, form| {
        let node = description.nodes.get(id)?;
        let (Operator::Contract(contract), Some(met)) = (&node.operator, form) else { return form };
        let facts = nodes.get(id)?;
        let products = products_met_singly(contract, facts, met, nodes);
        let read = nodes.get(contract.input).map_or(0, |input| input.elements);
        let weights = factor_length(&node.operator, nodes)
            .saturating_mul(contract.rows.checked_div(contract.groups).unwrap_or(0));
        let linear = read.saturating_add(facts.elements).saturating_add(weights);
        let limit = u64::try_from(linear).unwrap_or(u64::MAX).saturating_mul(MAX_PER_ELEMENT);
        if products <= limit {
            return form;
        }
        let dense = matches!(met, Form::Dense(_)) && contract.column_factors.is_empty();
        found.push(TooDense { node: id, products, limit, dense });
        Some(Form::of(facts))
    });
    found
}

/// Refuses a description with a contraction that would take too many multiplications.
pub(crate) fn check(description: &Description, nodes: &[Facts]) -> Result<(), Error> {
    let Some(TooDense { node, products, limit, dense }) =
        too_dense(description, nodes).into_iter().next()
    else {
        return Ok(());
    };
    let what = if dense {
        "products of single weights and positions (a copy behind it saves them)"
    } else {
        "products of taps and positions that have factors of their own"
    };
    let node = description.nodes.get(node).map(|node| node.name.clone()).unwrap_or_default();
    Err(Error::TooLarge { node, what, got: products, limit })
}
