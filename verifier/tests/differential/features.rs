//! What a description has, so that a run can show that it met everything.

use std::collections::BTreeMap;

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::description::{
    Bounded, Contract, Form, Hint, Operator, OutputSource, Source, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::circuit::place::Lane;
use zkinfer_verifier::circuit::sheet::Role;

/// How many cases have each feature.
#[derive(Debug)]
pub struct Features(BTreeMap<&'static str, usize>);

impl Features {
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts the features of one case.
    pub fn count(&mut self, key: &VerifyingKey) {
        for (feature, present) in features(key) {
            *self.0.entry(feature).or_default() += usize::from(present);
        }
    }

    /// Every feature was met by so many cases at least.
    pub fn check(&self, least: usize) {
        let missing: Vec<_> = self.0.iter().filter(|(_, count)| **count < least).collect();
        assert!(missing.is_empty(), "too few cases have {missing:?}");
    }
}

fn features(key: &VerifyingKey) -> Vec<(&'static str, bool)> {
    let (description, analysis, layout) = (key.description(), key.analysis(), key.layout());
    let operators = || description.nodes.iter().map(|node| &node.operator);
    let operator = |of: &dyn Fn(&Operator) -> bool| operators().any(of);
    let shape = |node: usize| &analysis.nodes[node].shape[..];
    let contraction = |of: &dyn Fn(&Contract) -> bool| {
        operator(&|operator| matches!(operator, Operator::Contract(c) if of(c)))
    };
    let sealed = |c: &Contract| matches!(c.weights, Weights::Sealed | Weights::SealedOf(_));
    let requantised = |wide: bool, limbs: bool| {
        operator(&|operator| {
            matches!(operator, Operator::Requantise(r) if (
                r.form == Form::Wide) == wide && (r.shift > 0) == limbs)
        })
    };
    let view = |of: &dyn Fn(&ViewKind) -> bool| {
        operator(&|operator| matches!(operator, Operator::View(view) if of(&view.kind)))
    };
    let input = |visibility| description.inputs.iter().any(|input| input.visibility == visibility);
    let output = |of: &dyn Fn(&OutputSource, Visibility) -> bool| {
        description.outputs.iter().any(|output| of(&output.source, output.visibility))
    };
    let shows = |node: usize, shown| {
        output(&|source, visibility| *source == OutputSource::Node(node) && visibility == shown)
    };
    let readers =
        |node: usize| operators().flat_map(Operator::operands).filter(|&read| read == node).count();
    // What reads a node of one kind.
    let pair = |first: &dyn Fn(&Operator) -> bool, second: &dyn Fn(&Operator) -> bool| {
        operators().any(|operator| {
            second(operator)
                && operator.operands().any(|read| first(&description.nodes[read].operator))
        })
    };
    let bounded = |of: &dyn Fn(&Bounded) -> bool| {
        operator(&|operator| matches!(operator, Operator::Bounded(bounded) if of(bounded)))
    };
    let check = |whole: bool| {
        bounded(&|b| {
            matches!(b.source, Source::Equal { .. })
                && (b.bits % description.limb_bits == 0) == whole
        })
    };
    let is_view = |operator: &Operator| matches!(operator, Operator::View(_));
    let is_sum = |operator: &Operator| matches!(operator, Operator::Combine(_));
    let is_copy = |operator: &Operator| matches!(operator, Operator::Copy(_));
    let is_product = |operator: &Operator| matches!(operator, Operator::Product(_));
    let is_hadamard = |operator: &Operator| matches!(operator, Operator::Hadamard(_));
    let is_slice = |operator: &Operator| matches!(operator, Operator::SliceAt(_));
    let is_one_hot = |operator: &Operator| matches!(operator, Operator::OneHot(_));
    let table =
        |of: &dyn Fn(&Contract) -> bool| contraction(&|c| description.table(c).is_some() && of(c));
    let is_requantised = |operator: &Operator| matches!(operator, Operator::Requantise(_));
    let is_public = |operator: &Operator| matches!(operator, Operator::Contract(c) if !sealed(c));
    let is_sealed = |operator: &Operator| matches!(operator, Operator::Contract(c) if sealed(c));
    let bilinear = |of: &dyn Fn(usize) -> bool| description.bilinear().any(of);
    let constant = |of: &dyn Fn(usize, usize) -> bool| {
        operators().zip(&analysis.nodes).any(|(operator, facts)| {
            matches!(operator, Operator::Combine(combine) if of(combine.constant.len(),
                facts.elements))
        })
    };
    let shared = |form: Form| {
        let mut functions: Vec<_> = operators()
            .filter_map(|operator| match operator {
                Operator::Requantise(requantise) if requantise.form == form => {
                    Some(requantise.function)
                }
                _ => None,
            })
            .collect();
        functions.sort_unstable();
        functions.windows(2).any(|pair| pair[0] == pair[1])
    };
    let reshape = |same: bool| {
        operators().zip(&analysis.nodes).any(|(operator, facts)| {
            let Operator::View(view) = operator else { return false };
            let input = analysis.nodes[view.inputs[0]].matrix();
            matches!(view.kind, ViewKind::Reshape(_)) && (input == facts.matrix()) == same
        })
    };
    let [several, long] = [false, true].map(|long| {
        layout.sheets.iter().any(|sheet| {
            let Role::Weights(_) = sheet.role else { return false };
            sheet.columns.len() > 1
                && (sheet.tensor.elements() / sheet.tensor.shape[0] > layout.usable) == long
        })
    });
    // A thread takes the planes of about so many elements.
    let shares = |c: &Contract| {
        shape(c.input)[0] > 2048_usize.div_ceil(shape(c.input)[1] * shape(c.input)[2])
    };
    let tall = |c: &Contract, axis: usize| c.kernel[axis] > shape(c.input)[axis + 1];
    let symmetric = |[top, left, bottom, right]: [usize; 4]| top == bottom && left == right;
    vec![
        ("contraction, sealed", contraction(&sealed)),
        ("contraction, public", contraction(&|c| !sealed(c))),
        (
            "contraction, sealed, with column factors",
            contraction(&|c| sealed(c) && !c.column_factors.is_empty()),
        ),
        (
            "contraction, public, with column factors",
            contraction(&|c| !sealed(c) && !c.column_factors.is_empty()),
        ),
        (
            "contraction, sealed, a row factor of zero",
            contraction(&|c| sealed(c) && c.row_factors.contains(&0)),
        ),
        (
            "contraction, public, of more planes than a thread takes",
            contraction(&|c| shares(c) && !sealed(c)),
        ),
        (
            "contraction, sealed, of more planes than a thread takes",
            contraction(&|c| shares(c) && sealed(c)),
        ),
        (
            "contraction, public, with weights of another",
            contraction(&|c| matches!(c.weights, Weights::PublicOf(_))),
        ),
        (
            "contraction, sealed, with weights of another",
            contraction(&|c| matches!(c.weights, Weights::SealedOf(_))),
        ),
        (
            "contractions, three with the same sealed weights",
            contraction(&|c| {
                let others = |other: &Contract| {
                    matches!((&c.weights, &other.weights),
                        (Weights::SealedOf(a), Weights::SealedOf(b)) if a == b)
                };
                let count = |o: &Operator| matches!(o, Operator::Contract(other) if others(other));
                operators().filter(|o| count(o)).count() > 1
            }),
        ),
        ("tensor without dimensions", analysis.nodes.iter().any(|facts| facts.shape.is_empty())),
        (
            "interval beyond 60 bits",
            analysis.nodes.iter().any(|facts| facts.interval.count() > 1 << 60),
        ),
        (
            "contraction of a line",
            contraction(&|c| shape(c.input)[1] == 1 && shape(c.input)[2] > 1 && c.kernel[1] > 1),
        ),
        (
            "contraction of one tap a channel",
            contraction(&|c| c.kernel == [1; 2] && c.strides == [1; 2] && c.pads == [0; 4]),
        ),
        (
            "contraction, dilated",
            contraction(&|c| {
                c.dilations[0] != c.dilations[1] && c.kernel[0] > 1 && c.kernel[1] > 1
            }),
        ),
        ("contraction, strides that differ", contraction(&|c| c.strides[0] != c.strides[1])),
        ("contraction, pads that differ", contraction(&|c| !symmetric(c.pads) && !sealed(c))),
        (
            "contraction, sealed, pads that differ",
            contraction(&|c| !symmetric(c.pads) && sealed(c)),
        ),
        (
            "contraction, windows that meet padding only",
            contraction(&|c| c.pads[0] > (c.kernel[0] - 1) * c.dilations[0]),
        ),
        (
            "contraction, elements that no window meets",
            contraction(&|c| c.kernel == [1; 2] && c.strides[1] > 1),
        ),
        (
            "contraction, strides beyond its input",
            contraction(&|c| c.strides[1] > shape(c.input)[2] && c.kernel[1] > 1),
        ),
        (
            "contraction, some groups",
            contraction(&|c| c.groups > 1 && c.groups < shape(c.input)[0]),
        ),
        ("contraction, sealed, groups", contraction(&|c| c.groups > 1 && sealed(c))),
        ("contraction, depthwise", contraction(&|c| c.groups > 1 && c.groups == shape(c.input)[0])),
        ("contraction, kernel higher than its input", contraction(&|c| tall(c, 0))),
        ("contraction, kernel wider than its input", contraction(&|c| tall(c, 1))),
        ("contraction, public, behind a view", pair(&is_public, &is_view)),
        ("contraction, public, behind another", pair(&is_public, &is_public)),
        ("contraction, public, in front of a sealed one", pair(&is_public, &is_sealed)),
        (
            "contraction, public, in front of a product",
            pair(&is_public, &is_product) || pair(&is_view, &is_product),
        ),
        ("contraction, public, requantised", pair(&is_public, &is_requantised)),
        (
            "contraction, public, several readers",
            operators().enumerate().any(|(id, o)| is_public(o) && readers(id) > 1),
        ),
        ("weights in several columns, several units each", several),
        ("weights in several columns a unit", long),
        ("sealed contraction in a sum", pair(&is_sealed, &is_sum)),
        ("sealed contraction, requantised", pair(&is_sealed, &is_requantised)),
        ("sealed contraction, copied", pair(&is_sealed, &is_copy)),
        (
            "sum of two sealed contractions",
            operator(&|operator| {
                is_sum(operator)
                    && operator
                        .operands()
                        .filter(|&read| is_sealed(&description.nodes[read].operator))
                        .count()
                        > 1
            }),
        ),
        ("two sealed contractions", operators().filter(|operator| is_sealed(operator)).count() > 1),
        ("zeros and ones of public indices", operator(&is_one_hot)),
        ("slice at a public place", operator(&is_slice)),
        ("slice of a slice", pair(&is_slice, &is_slice)),
        ("slice of what has cells", pair(&is_requantised, &is_slice)),
        ("table at public indices, sealed", table(&|c| c.weights == Weights::Sealed)),
        ("table at public indices, public", table(&|c| !sealed(c))),
        (
            "zeros and ones, read by a sealed contraction that is no table",
            bilinear(&|id| {
                let mut read = description.nodes[id].operator.operands();
                read.any(|read| is_one_hot(&description.nodes[read].operator))
            }),
        ),
        (
            "zeros and ones, read by another operator",
            pair(&is_one_hot, &|operator| !matches!(operator, Operator::Contract(_))),
        ),
        ("product", operator(&is_product)),
        (
            "product of a node with itself",
            operator(&|operator| matches!(operator, Operator::Product(p) if p.left == p.right)),
        ),
        (
            "product in batches",
            operator(&|operator| {
                matches!(operator, Operator::Product(p) if shape(p.left)[0] > 1
                    && shape(p.left)[2] > 1)
            }),
        ),
        ("product in a sum", pair(&is_product, &is_sum)),
        ("product copied", pair(&is_product, &is_copy)),
        ("product of elements", operator(&is_hadamard)),
        (
            "product of elements, of a node with itself",
            operator(&|operator| matches!(operator, Operator::Hadamard(p) if p.left == p.right)),
        ),
        (
            "product of elements, several readers",
            operators().enumerate().any(|(id, o)| is_hadamard(o) && readers(id) > 1),
        ),
        (
            "product of elements that nothing reads",
            operators().enumerate().any(|(id, o)| {
                is_hadamard(o)
                    && readers(id) == 0
                    && !shows(id, Visibility::Public)
                    && !shows(id, Visibility::Sealed)
            }),
        ),
        ("product of elements, moved", pair(&is_hadamard, &is_view)),
        ("product of elements, in a sum", pair(&is_hadamard, &is_sum)),
        ("product of elements, of another", pair(&is_hadamard, &is_hadamard)),
        (
            "product of elements, in front of another operator that multiplies",
            pair(&is_hadamard, &|operator| operator.has_one_reader()),
        ),
        (
            "product of elements, behind another operator that multiplies",
            pair(&|operator| operator.has_one_reader(), &is_hadamard),
        ),
        ("product requantised", pair(&is_product, &is_requantised)),
        ("bilinear node put out in the clear", bilinear(&|id| shows(id, Visibility::Public))),
        ("bilinear node put out sealed", bilinear(&|id| shows(id, Visibility::Sealed))),
        ("copy of another node", pair(&|operator| !operator.has_one_reader(), &is_copy)),
        ("sum without a constant", constant(&|count, elements| count == 0 && elements > 1)),
        ("sum with one constant", constant(&|count, elements| count == 1 && elements > 1)),
        (
            "sum with a constant each",
            constant(&|count, elements| count == elements && elements > 1),
        ),
        (
            "sum of a node with itself",
            operator(&|operator| {
                let mut read: Vec<_> = operator.operands().collect();
                read.sort_unstable();
                is_sum(operator) && read.windows(2).any(|pair| pair[0] == pair[1])
            }),
        ),
        ("reshape that keeps the matrix", reshape(true)),
        ("reshape that changes the matrix", reshape(false)),
        ("transpose", view(&|kind| matches!(kind, ViewKind::Transpose(p) if !p.is_sorted()))),
        (
            "transpose of three dimensions that is no inverse of itself",
            view(&|kind| {
                matches!(kind, ViewKind::Transpose(p) if p.iter().enumerate().any(|(to,
                    &from)| p[from] != to))
            }),
        ),
        (
            "slice, forward with a step",
            view(&|kind| matches!(kind, ViewKind::Slice { step: 2.., count: 2.., .. })),
        ),
        (
            "slice, backward",
            view(&|kind| matches!(kind, ViewKind::Slice { step: ..=-1, count: 2.., .. })),
        ),
        (
            "slice, one element repeated",
            view(&|kind| matches!(kind, ViewKind::Slice { step: 0, count: 2.., .. })),
        ),
        (
            "pad",
            view(&|kind| {
                matches!(kind, ViewKind::Pad { before, after, value }
                    if before != after && *value != 0)
            }),
        ),
        (
            "concatenation",
            operator(&|operator| {
                matches!(operator, Operator::View(view) if matches!(view.kind,
                    ViewKind::Concat(1..)) && view.inputs.len() > 2)
            }),
        ),
        (
            "concatenation of a node with itself",
            operator(&|operator| {
                matches!(operator, Operator::View(view) if view.inputs.len() > 1
                    && view.inputs[0] == view.inputs[1])
            }),
        ),
        ("requantisation, narrow", requantised(false, true)),
        ("requantisation, narrow, without limbs", requantised(false, false)),
        (
            "requantisation, plain",
            operator(
                &|operator| matches!(operator, Operator::Requantise(r) if r.form == Form::Plain),
            ),
        ),
        ("requantisation, wide", requantised(true, true)),
        ("requantisation, wide, without limbs", requantised(true, false)),
        (
            "requantisation with several limbs",
            operator(&|operator| {
                matches!(operator, Operator::Requantise(r)
                if r.shift > description.limb_bits)
            }),
        ),
        ("requantisations that share a function, narrow", shared(Form::Narrow)),
        ("requantisations that share a function, wide", shared(Form::Wide)),
        (
            "requantisation that nothing reads",
            operators().enumerate().any(|(id, o)| {
                is_requantised(o)
                    && readers(id) == 0
                    && !shows(id, Visibility::Public)
                    && !shows(id, Visibility::Sealed)
            }),
        ),
        ("range check, limbs of one width", check(true)),
        ("range check, its highest limb shorter", check(false)),
        (
            "hint that something reads",
            operators()
                .enumerate()
                .any(|(id, operator)| operator.hinted().is_some() && readers(id) > 0),
        ),
        (
            "hint of one element a row",
            bounded(&|b| {
                matches!(b.source, Source::Hint { input, hint: Hint::Maximum { .. } }
                if shape(input).last() > Some(&1))
            }),
        ),
        ("input, public", input(Visibility::Public)),
        ("input, sealed", input(Visibility::Sealed)),
        ("input, private", input(Visibility::Private)),
        (
            "input with two nodes",
            (0..description.inputs.len()).any(|index| {
                operators().filter(|operator| **operator == Operator::Input(index)).count() > 1
            }),
        ),
        (
            "input that is not zero anywhere",
            description.inputs.iter().any(|input| input.minimum > 0),
        ),
        ("several readers", operators().enumerate().any(|(id, _)| readers(id) > 1)),
        (
            "output, public",
            output(&|source, visibility| !source.is_index() && visibility == Visibility::Public),
        ),
        ("output, sealed", output(&|_, visibility| visibility == Visibility::Sealed)),
        (
            "argmax, first",
            output(&|source, _| matches!(source, OutputSource::ArgMax { select_last: false, .. })),
        ),
        (
            "argmax, last",
            output(&|source, _| matches!(source, OutputSource::ArgMax { select_last: true, .. })),
        ),
        (
            "argmax along a middle dimension",
            output(&|source, _| {
                matches!(source, OutputSource::ArgMax { input, axis: 1,
                    .. } if shape(*input).len() > 2 && shape(*input)[1] > 1)
            }),
        ),
        (
            "cells of a kind in several lanes",
            Lane::ALL.iter().any(|&lane| layout.lane_count(lane) > 1),
        ),
        ("factors in several lanes", layout.lane_count(Lane::Factors) > 1),
        ("operands in several lanes", layout.lane_count(Lane::Operands) > 1),
        (
            "operands and factors",
            layout.lane_count(Lane::Operands) > 0 && layout.lane_count(Lane::Factors) > 0,
        ),
    ]
}
