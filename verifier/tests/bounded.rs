//! What makes integers of so many bits invalid in a description, and what a hint is not.

mod support;

use support::{accepts, forward, interval, node, overflow, refuses, shape};
use zkinfer_verifier::circuit::description::{
    Bounded, Combine, Description, Hint, Operator, OutputSource, Source, View, ViewKind,
};
use zkinfer_verifier::circuit::place::Run;
use zkinfer_verifier::circuit::tables::Content;

#[test]
fn bounded_integers_have_so_many_bits_and_no_more() {
    // In the place of the view, which the sum reads.
    let put = |d: &mut Description, bits: u32, source: Source| {
        d.nodes[node::VIEW].operator = Operator::Bounded(Bounded { bits, source });
        d.outputs[1].shape = vec![1, 2, 2];
        if let Operator::Combine(sum) = &mut d.nodes[node::SUM].operator {
            sum.terms = vec![(node::VIEW, 1), (node::COPY, 1)];
        }
    };
    let equal = Source::Equal { input: node::COPY };
    let hint = |hint: Hint| Source::Hint { input: node::COPY, hint };
    let key = accepts(|d| put(d, 9, equal));
    assert_eq!(interval(&key.analysis().nodes[node::VIEW]), (0, 511));
    // Two limbs, and one of what is left, in a table of its own.
    let tables = |bits| {
        let key = accepts(|d| put(d, bits, equal));
        let limbs = &key.layout().nodes[node::VIEW].as_ref().unwrap().limbs;
        let content = |limb: &Run| key.tables().list[limb.tags()[0]].content.clone();
        limbs.iter().map(content).collect::<Vec<_>>()
    };
    let limb = |bits| Content::Limb { bits };
    assert_eq!(tables(8), [limb(4), limb(4)]);
    assert_eq!(tables(10), [limb(4), limb(4), limb(2)]);
    for bits in [0, 61, 64, u32::MAX] {
        let none = shape("view", "its elements have no bits or more than 60");
        refuses(none, |d| put(d, bits, equal));
    }
    accepts(|d| put(d, 60, hint(Hint::Shifted { offset: -5, shift: 60 })));
    for of in [
        Hint::Maximum { offset: 0, shift: 61 },
        Hint::Shifted { offset: 0, shift: 61 },
        Hint::Reciprocal { bits: 61 },
    ] {
        refuses(shape("view", "its hint is of more than 60 bits"), |d| put(d, 9, hint(of)));
    }
    for offset in [i64::MIN, i64::MAX] {
        for of in [
            Hint::Maximum { offset, shift: 0 },
            Hint::Shifted { offset, shift: 0 },
            Hint::Root { offset },
        ] {
            refuses(overflow("view"), |d| put(d, 9, hint(of)));
        }
    }
    let rows = accepts(|d| {
        put(d, 9, hint(Hint::Maximum { offset: 0, shift: 0 }));
        d.nodes[node::SUM].operator =
            Operator::Combine(Combine { terms: vec![(node::VIEW, 1)], constant: vec![] });
        d.outputs[1].source = OutputSource::Node(node::COPY);
    });
    assert_eq!(rows.analysis().nodes[node::VIEW].shape, [1, 2, 1]);
    let later = |source| move |d: &mut Description| put(d, 9, source);
    refuses(forward("view", 10), later(Source::Equal { input: node::VIEW }));
    let itself = Source::Hint { input: node::VIEW, hint: Hint::Shifted { offset: 0, shift: 0 } };
    refuses(forward("view", 10), later(itself));
}

/// A hint says nothing of what it looks at: an input that only one looks at is not claimed of.
#[test]
fn a_hint_is_no_reading() {
    let looks = |input| {
        let source = Source::Hint { input, hint: Hint::Shifted { offset: 0, shift: 0 } };
        Operator::Bounded(Bounded { bits: 8, source })
    };
    refuses(shape("p", "no output depends on this input"), |d| {
        d.nodes[node::COPY].operator = looks(node::PRIVATE);
        d.nodes[node::PRODUCT].operator = looks(node::FIXED);
        d.nodes[node::VIEW].operator =
            Operator::View(View { inputs: vec![node::COPY], kind: ViewKind::Reshape(vec![6]) });
        if let Operator::Combine(sum) = &mut d.nodes[node::SUM].operator {
            sum.constant.clear();
        }
        d.outputs[1].shape = vec![6];
    });
}
