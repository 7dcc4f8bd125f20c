//! How much of everything a description may have: at the limit it is valid, one more is refused by
//! the name of what is too much.

mod support;

use support::{accepts, contract, elements, node, refuses_size, size, valid};
use zkinfer_verifier::DescriptionError as Error;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Operator, OutputSource, Requantise, View, ViewKind,
    Visibility, Weights,
};

#[test]
fn tensors_have_so_many_elements_and_no_more() {
    const LIMIT: usize = 1 << 28;
    let limit = |what| Err((what, LIMIT as u64));
    let of = |shape: &[usize]| {
        let shape = shape.to_vec();
        elements(move |d| (d.inputs[0].shape, d.outputs[0].shape) = (shape.clone(), shape))
    };
    assert_eq!(of(&[1 << 14, 1 << 14]), Ok(()));
    assert_eq!(of(&[(1 << 14) + 1, 1 << 14]).map_err(size), limit("tensor elements"));
    let huge = usize::MAX / 2;
    assert_eq!(of(&[huge, huge]).map_err(size), limit("tensor elements"));
    // All nodes together.
    let twice = |size: usize| {
        elements(move |d| {
            (d.inputs[0].shape, d.outputs[0].shape) = (vec![size], vec![size]);
            d.nodes.push(d.nodes[0].clone());
        })
    };
    assert_eq!(twice(LIMIT / 2), Ok(()));
    assert_eq!(twice(LIMIT / 2 + 1).map_err(size), limit("tensor elements up to here"));
    let pad = |after| View {
        inputs: vec![0],
        kind: ViewKind::Pad { before: vec![1 << 24; 3], after: vec![after; 3], value: 0 },
    };
    for after in [0, huge] {
        let padded = elements(|d| d.nodes.push(support::named("pad", Operator::View(pad(after)))));
        assert_eq!(padded.map_err(size), limit("tensor elements"));
    }
}

/// A kernel over a line, and as many positions as taps.
fn strip(input: usize, taps: usize) -> Contract {
    Contract {
        input,
        rows: 1,
        kernel: [1, taps],
        pads: [0; 4],
        weights: Weights::Public(vec![1; taps]),
        row_factors: vec![1],
        bias: vec![0],
        ..contract()
    }
}

/// The strip over `2·taps − 1` elements, and what follows it.
fn behind_a_strip(strip: Contract, followed_by: &[Operator], shape: &[usize]) -> Result<(), Error> {
    let taps = strip.kernel[1];
    elements(|d| {
        d.inputs[0].shape = vec![1, 1, 2 * taps - 1];
        d.outputs[0].shape = shape.to_vec();
        d.nodes.push(support::named("strip", Operator::Contract(strip)));
        d.nodes.extend(followed_by.iter().cloned().map(|next| support::named("next", next)));
        d.outputs[0].source = OutputSource::Node(d.nodes.len() - 1);
    })
}

#[test]
fn a_dense_cotangent_costs_a_contraction_so_much_and_no_more() {
    // 64 products for each of 2·taps − 1 elements read, taps made and taps weights.
    const TAPS: usize = 255;
    let limit = |taps: u64| (taps * taps, 64 * (4 * taps - 1));
    assert!(limit(255).0 <= limit(255).1 && limit(256).0 > limit(256).1);
    let refused = |result: Result<(), Error>| match result {
        Err(Error::TooLarge { node, what, got, limit }) => {
            assert!(node == "strip" && what.contains("copy behind it"), "{node}: {what}");
            (got, limit)
        }
        other => panic!("{other:?}"),
    };
    let next = |input| [Operator::Contract(strip(input, 2))];
    let shape = |taps: usize| vec![1, 1, taps - 1];
    assert_eq!(behind_a_strip(strip(0, TAPS), &next(1), &shape(TAPS)), Ok(()));
    let over = behind_a_strip(strip(0, TAPS + 1), &next(1), &shape(TAPS + 1));
    assert_eq!(refused(over), limit(256));
    // With an equation of its own, or right behind one, its cotangent is of rank one.
    let copied = [Operator::Copy(1), next(2)[0].clone()];
    assert_eq!(behind_a_strip(strip(0, TAPS + 1), &copied, &shape(TAPS + 1)), Ok(()));
    assert_eq!(behind_a_strip(strip(0, 1 << 14), &[], &[1, 1, 1 << 14]), Ok(()));
    // Sums of one shape keep that, other views do not.
    let sum = Combine { terms: vec![(1, 3)], constant: vec![] };
    let sum = [Operator::Combine(sum)];
    assert_eq!(behind_a_strip(strip(0, TAPS + 1), &sum, &[1, 1, TAPS + 1]), Ok(()));
    let turn = View { inputs: vec![1], kind: ViewKind::Transpose(vec![2, 1, 0]) };
    let turned = behind_a_strip(strip(0, TAPS + 1), &[Operator::View(turn)], &[TAPS + 1, 1, 1]);
    assert_eq!(refused(turned), limit(256));
    let index = |taps: usize| {
        elements(|d| {
            d.inputs[0].shape = vec![1, 1, 2 * taps - 1];
            d.outputs[0].shape = vec![1, 1, 1];
            d.nodes.push(support::named("strip", Operator::Contract(strip(0, taps))));
            d.outputs[0].source = OutputSource::ArgMax { input: 1, axis: 2, select_last: false };
        })
    };
    assert_eq!(index(TAPS), Ok(()));
    assert_eq!(refused(index(TAPS + 1)), limit(256));
}

#[test]
fn factors_of_columns_cost_a_contraction_so_much_and_no_more() {
    let of = |taps: usize| {
        let factors = Contract { column_factors: vec![1; taps], ..strip(0, taps) };
        behind_a_strip(factors, &[], &[1, 1, taps])
    };
    let what = "products of taps and positions that have factors of their own";
    assert_eq!(of(255), Ok(()));
    assert_eq!(of(256).map_err(size), Err((what, 64 * 1023)));
}

#[test]
fn tables_and_columns_have_limits() {
    // A row for every quotient: refused before they are built.
    refuses_size("table rows", 1 << 22, |d| {
        d.inputs[0].maximum = 1 << 40;
        let narrow = Requantise { input: 0, shift: 0, function: 0, form: Form::Narrow };
        d.nodes[node::CLAMP].operator = Operator::Requantise(narrow);
    });
    // A row for every integer of a range: 122 of them a slot, and at most 2^14 slots.
    let rows = 122 << 14;
    let declared = |rows: i64| {
        move |d: &mut Description| (d.inputs[1].minimum, d.inputs[1].maximum) = (0, rows - 1)
    };
    refuses_size("columns", 1 << 14, declared(rows));
    refuses_size("table rows", 1 << 22, declared(1 << 22));
    // Cells of a private input: a column for every 122.
    let private = |columns: usize| {
        move |d: &mut Description| {
            *d = valid();
            d.inputs[0].visibility = Visibility::Private;
            (d.inputs[0].shape, d.outputs[0].shape) = (vec![122, columns], vec![122, columns]);
            d.nodes.truncate(1);
            d.number_functions();
            d.outputs[0].source = OutputSource::Node(0);
        }
    };
    refuses_size("columns", 1 << 14, private((1 << 14) + 1));
    assert_eq!(accepts(private(1 << 14)).layout().columns(), 1 << 14);
}
