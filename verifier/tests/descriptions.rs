//! What makes a description invalid. Each case changes one thing of a valid description and names
//! the exact error, so that no other check can stand in for the one that the case is about. Who may
//! read what is in `readers.rs`.

mod support;

use support::{
    accepts, elements, forward, hidden, interval, node, overflow, range, refuses, refuses_size,
    shape, valid,
};
use zkinfer_verifier::circuit::analysis::analyse;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, Operator, OutputSource, Product, Quantisation,
    Requantise, Scheme, View, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

#[test]
fn the_base_cases_are_valid() {
    let key = VerifyingKey::new(valid()).unwrap();
    assert_eq!(key.analysis().nodes[1].shape, [2, 3, 3]);
    // Σ of four weights 1 over [−8, 7] or padding, times 3.
    assert_eq!(interval(&key.analysis().nodes[1]), (-96, 84));
    let key = accepts(|_| {});
    assert_eq!(key.analysis().nodes[node::SECRET].shape, [2, 3, 3]);
    assert_eq!(key.analysis().nodes[node::PRODUCT].shape, [1, 2, 2]);
    assert_eq!(key.analysis().outputs[2].shape, [1, 9]);
}

#[test]
fn sizes_and_counts() {
    refuses(Error::RowsOutOfRange { got: 6 }, |d| d.k = 6);
    refuses(Error::RowsOutOfRange { got: 17 }, |d| d.k = 17);
    refuses(Error::RowsOutOfRange { got: 64 }, |d| d.k = 64);
    refuses(Error::LimbBitsOutOfRange { got: 0 }, |d| d.limb_bits = 0);
    refuses(Error::LimbBitsOutOfRange { got: 17 }, |d| d.limb_bits = 17);
    refuses(Error::Missing { what: "input" }, |d| d.inputs.clear());
    refuses(Error::Missing { what: "output" }, |d| d.outputs.clear());
    refuses(shape("x", "a dimension is zero"), |d| d.inputs[0].shape = vec![2, 0, 3]);
    accepts(|d| d.k = 16);
    accepts(|d| d.limb_bits = 16);
}

#[test]
fn digits_of_biases_belong_to_sealed_weights() {
    let public = |d: &mut Description| {
        if let Operator::Contract(contract) = &mut d.nodes[node::SECRET].operator {
            contract.weights = Weights::Public(vec![1; 4]);
        }
    };
    refuses(Error::BiasDigits { got: 0 }, |d| d.bias_digits = 0);
    refuses(Error::BiasDigits { got: 7 }, |d| d.bias_digits = 7);
    refuses(Error::BiasDigits { got: 2 }, public);
    let most = Description { bias_digits: 6, ..hidden() };
    assert!(analyse(&most).is_ok());
    accepts(|d| {
        public(d);
        d.bias_digits = 0;
    });
}

#[test]
fn references_point_backwards() {
    let operator = |index: usize, operator: Operator| {
        move |d: &mut Description| d.nodes[index].operator = operator
    };
    let conv = |d: &mut Description| contract_of(d, node::CONV).input = node::CONV;
    refuses(forward("conv", 3), conv);
    let sum = |terms: Vec<(usize, i64)>| {
        operator(node::SUM, Operator::Combine(Combine { terms, constant: vec![] }))
    };
    refuses(forward("sum", 11), sum(vec![(11, 1)]));
    refuses(forward("sum", 12), sum(vec![(node::VIEW, 1), (12, 1)]));
    let view =
        |inputs| operator(node::VIEW, Operator::View(View { inputs, kind: ViewKind::Concat(0) }));
    refuses(forward("view", 10), view(vec![node::COPY, 10]));
    refuses(forward("copy", 9), operator(node::COPY, Operator::Copy(9)));
    let product = |left, right| operator(node::PRODUCT, Operator::Product(Product { left, right }));
    refuses(forward("product", 8), product(8, node::FIXED));
    refuses(forward("product", 8), product(node::PRIVATE, 8));
    let requantise = Requantise { input: 4, shift: 4, function: 0, form: Form::Wide };
    refuses(forward("clamp", 4), operator(node::CLAMP, Operator::Requantise(requantise)));
    refuses(shape("x", "it reads an input that does not exist"), operator(0, Operator::Input(3)));
    refuses(forward("y", 12), |d| d.outputs[0].source = OutputSource::Node(12));
    let class = OutputSource::ArgMax { input: 12, axis: 0, select_last: false };
    refuses(forward("class", 12), |d| d.outputs[2].source = class);
}

fn contract_of(description: &mut Description, node: usize) -> &mut Contract {
    match &mut description.nodes[node].operator {
        Operator::Contract(contract) => contract,
        other => panic!("{other:?} is no contraction"),
    }
}

#[test]
fn contractions_fit_their_parameters() {
    let refused = |what, change: fn(&mut Contract)| {
        refuses(shape("conv", what), |d| change(contract_of(d, node::CONV)))
    };
    let groups = "its groups do not divide its channels";
    refused(groups, |c| c.rows = 0);
    refused(groups, |c| c.groups = 0);
    // Three groups divide neither; one is missing by the other alone.
    refused(groups, |c| (c.groups, c.rows) = (3, 3));
    refused(groups, |c| c.rows = 3);
    let kernel = "its kernel does not fit its input, or a stride or dilation is zero";
    refused(kernel, |c| c.dilations = [0, 1]);
    refused(kernel, |c| c.dilations = [1, 0]);
    refused(kernel, |c| c.strides = [0, 1]);
    refused(kernel, |c| c.strides = [1, 0]);
    refused(kernel, |c| c.kernel = [5, 2]);
    refused(kernel, |c| c.kernel = [2, 5]);
    refused(kernel, |c| c.kernel = [0, 2]);
    refused(kernel, |c| c.kernel = [2, 0]);
    refused(kernel, |c| c.dilations = [usize::MAX, 1]);
    refused(kernel, |c| c.pads[0] = usize::MAX);
    let weights = "its weights do not fit its channels and kernel";
    refused(weights, |c| c.weights = Weights::Public(vec![1; 9]));
    refused(weights, |c| c.weights = Weights::Public(vec![1; 7]));
    let row = "one factor and one bias per output channel are expected";
    refused(row, |c| c.row_factors.push(1));
    refused(row, |c| c.row_factors.truncate(1));
    refused(row, |c| c.bias.push(1));
    refused(row, |c| c.bias.truncate(1));
    let column = "one column factor per output position is expected";
    refused(column, |c| c.column_factors.push(1));
    refused(column, |c| c.column_factors.truncate(8));
    refuses(shape("conv", "a contraction reads a tensor of three dimensions"), |d| {
        d.inputs[0].shape = vec![2, 9]
    });
    refuses_size("weights", 1 << 28, |d| {
        let secret = contract_of(d, node::SECRET);
        (secret.rows, secret.row_factors, secret.bias) = ((1 << 27) + 1, vec![1; 2], vec![0; 2]);
    });
}

#[test]
fn products_fit_their_operands() {
    let three = "a product reads two tensors of three dimensions";
    refuses(shape("product", three), |d| d.inputs[1].shape = vec![2, 3]);
    refuses(shape("product", three), |d| d.inputs[2].shape = vec![1, 1, 2, 3]);
    let sizes = "batches and last dimensions of a product's operands differ";
    refuses(shape("product", sizes), |d| d.inputs[1].shape = vec![2, 2, 3]);
    refuses(shape("product", sizes), |d| d.inputs[2].shape = vec![1, 3, 2]);
}

#[test]
fn sums_fit_their_terms() {
    let refused = |what, terms: &[(usize, i64)], constant: &[i64]| {
        let sum = Combine { terms: terms.to_vec(), constant: constant.to_vec() };
        refuses(shape("sum", what), |d| d.nodes[node::SUM].operator = Operator::Combine(sum));
    };
    refused("a sum needs at least one term", &[], &[]);
    refused("the terms of a sum have different shapes", &[(node::VIEW, 1), (node::COPY, 1)], &[]);
    for constant in [2, 3, 5] {
        refused(
            "its constant has neither one entry nor one per element",
            &[(node::VIEW, 1)],
            &vec![1; constant],
        );
    }
}

#[test]
fn views_fit_their_inputs() {
    // The view reads the copy, of shape [1, 2, 2].
    let refused = |what, inputs: &[usize], kind: ViewKind| {
        let view = Operator::View(View { inputs: inputs.to_vec(), kind });
        refuses(shape("view", what), |d| d.nodes[node::VIEW].operator = view);
    };
    let one = [node::COPY];
    refused("a view needs an input", &[], ViewKind::Concat(0));
    refused(
        "only a concatenation has several inputs",
        &[node::COPY; 2],
        ViewKind::Reshape(vec![4]),
    );
    refused("a reshape must keep the number of elements", &one, ViewKind::Reshape(vec![3]));
    refused("a reshape must keep the number of elements", &one, ViewKind::Reshape(vec![5]));
    let permutation = "a transpose needs a permutation of the dimensions";
    for dimensions in [vec![0, 1], vec![0, 1, 1], vec![0, 1, 3], vec![0, 1, 2, 3]] {
        refused(permutation, &one, ViewKind::Transpose(dimensions));
    }
    let padding = "padding needs one entry per dimension";
    for (before, after) in [(2, 3), (3, 2), (4, 3), (3, 4)] {
        refused(
            padding,
            &one,
            ViewKind::Pad { before: vec![1; before], after: vec![1; after], value: 0 },
        );
    }
    let leaves = "a slice leaves its input";
    for (axis, start, step, count) in [
        (3, 0, 1, 1),
        (1, 2, 1, 1),
        (1, 0, 1, 3),
        (1, 0, 2, 2),
        (1, 1, -1, 3),
        (1, 0, 1, 0),
        (1, 1, i64::MAX, usize::MAX),
    ] {
        refused(leaves, &one, ViewKind::Slice { axis, start, step, count });
    }
    // Nothing left over at the end of a step that leaves, and back by a step of zero or below.
    refused(leaves, &one, ViewKind::Slice { axis: 1, start: 2, step: -1, count: 2 });
    let joined = "concatenated tensors differ in another dimension";
    refused(joined, &one, ViewKind::Concat(3));
    refused(joined, &[node::COPY, node::PRIVATE], ViewKind::Concat(1));
    refused(joined, &[node::COPY, node::CLAMP], ViewKind::Concat(0));
    refuses(shape("view", joined), |d| {
        d.nodes[node::COPY].operator = Operator::Copy(node::PRODUCT);
        d.inputs[0].shape = vec![2, 3, 3];
        let flat = View { inputs: vec![node::CLAMP], kind: ViewKind::Reshape(vec![18]) };
        d.nodes[node::COPY].operator = Operator::View(flat);
        let view = View { inputs: vec![node::CLAMP, node::COPY], kind: ViewKind::Concat(0) };
        d.nodes[node::VIEW].operator = Operator::View(view);
    });
    refuses(shape("view", "a dimension is zero"), |d| {
        let view = View { inputs: one.to_vec(), kind: ViewKind::Reshape(vec![0, 4]) };
        d.nodes[node::VIEW].operator = Operator::View(view);
    });
}

#[test]
fn integers_stay_far_below_the_modulus() {
    const LIMIT: i64 = 1 << 62;
    refuses(overflow("x"), |d| d.inputs[0].maximum = LIMIT);
    refuses(overflow("x"), |d| d.inputs[0].minimum = -LIMIT);
    refuses(overflow("conv"), |d| contract_of(d, node::CONV).row_factors[1] = i64::MAX);
    refuses(overflow("conv"), |d| contract_of(d, node::CONV).row_factors[0] = i64::MIN);
    refuses(overflow("conv"), |d| contract_of(d, node::CONV).bias[0] = i64::MIN);
    refuses(overflow("conv"), |d| contract_of(d, node::CONV).bias[1] = i64::MAX);
    refuses(overflow("conv"), |d| contract_of(d, node::CONV).column_factors[8] = i64::MIN);
    // Two weights of 127 times −4, and a bias of −32 − 32·64.
    let largest = LIMIT / (2 * 127 * 4 + 32 * 65);
    refuses(overflow("secret"), |d| contract_of(d, node::SECRET).row_factors[1] = largest + 1);
    refuses_size("table rows", 1 << 22, |d| contract_of(d, node::SECRET).row_factors[1] = largest);
    refuses(overflow("product"), |d| {
        (d.inputs[1].maximum, d.inputs[2].maximum) = (1 << 31, 1 << 30);
    });
    let sum = |factor, constant: &[i64]| {
        let combine = Combine { terms: vec![(node::VIEW, factor)], constant: constant.to_vec() };
        move |d: &mut Description| d.nodes[node::SUM].operator = Operator::Combine(combine)
    };
    refuses(overflow("sum"), sum(i64::MIN, &[]));
    refuses(overflow("sum"), sum(i64::MAX, &[]));
    refuses(overflow("sum"), sum(1, &[i64::MAX]));
    refuses(overflow("sum"), sum(1, &[0, 0, i64::MIN, 0]));
    // The interval of the product is [−168, 192].
    refuses(overflow("sum"), sum(1, &[LIMIT - 192]));
    refuses(overflow("sum"), sum(1, &[-LIMIT + 168]));
    let pad = |value| {
        let view = View {
            inputs: vec![node::COPY],
            kind: ViewKind::Pad { before: vec![1; 3], after: vec![0; 3], value },
        };
        move |d: &mut Description| d.nodes[node::VIEW].operator = Operator::View(view)
    };
    refuses(overflow("view"), pad(LIMIT));
    refuses(overflow("view"), pad(-LIMIT));
    let function = |minimum, values: &[i64]| {
        let function = Function { minimum, values: values.to_vec() };
        move |d: &mut Description| d.functions[0] = function
    };
    refuses(overflow("clamp"), function(0, &[0, LIMIT]));
    refuses(overflow("clamp"), function(0, &[-LIMIT, 0]));
    refuses(overflow("clamp"), function(LIMIT - 1, &[0, 1]));
    refuses(overflow("clamp"), function(-LIMIT, &[0, 1]));
    // One less is allowed everywhere.
    for analysed in [
        elements(|d| (d.inputs[0].minimum, d.inputs[0].maximum) = (1 - LIMIT, LIMIT - 1)),
        elements(|d| {
            d.nodes.push(support::named(
                "sum",
                Operator::Combine(Combine { terms: vec![(0, 1)], constant: vec![LIMIT - 8] }),
            ))
        }),
        elements(|d| {
            d.nodes.push(support::named(
                "sum",
                Operator::Combine(Combine { terms: vec![(0, 1)], constant: vec![9 - LIMIT] }),
            ))
        }),
    ] {
        assert_eq!(analysed, Ok(()));
    }
}

fn requantise_of(description: &mut Description) -> &mut Requantise {
    match &mut description.nodes[node::CLAMP].operator {
        Operator::Requantise(requantise) => requantise,
        other => panic!("{other:?} is no requantisation"),
    }
}

#[test]
fn requantisations_divide_by_so_much_and_no_more() {
    let refused = |what, change: fn(&mut Requantise, &mut Function)| {
        refuses(shape("clamp", what), |d| {
            let mut function = d.functions[0].clone();
            change(requantise_of(d), &mut function);
            d.functions[0] = function;
        })
    };
    refused("its function has no entries", |_, f| f.values.clear());
    refused("the wide form needs a function of at least two entries", |_, f| f.values.truncate(1));
    let changes = "the plain form needs a function that changes nothing";
    refused(changes, |r, f| {
        r.form = Form::Plain;
        *f.values.last_mut().unwrap() -= 1;
    });
    refused(changes, |r, f| {
        r.form = Form::Plain;
        f.minimum -= 1;
    });
    refused("it divides by more than 2^60", |r, _| r.shift = 61);
    refused("it divides by more than 2^60", |r, _| r.shift = u32::MAX);
    accepts(|d| requantise_of(d).shift = 60);
    accepts(|d| {
        d.functions[0].values.truncate(1);
        requantise_of(d).form = Form::Narrow;
    });
}

/// Of the ways to number functions one is valid.
#[test]
fn functions_stand_once_in_the_order_in_which_they_are_read() {
    let scores = |d: &mut Description, number: usize| match &mut d.nodes[node::SCORES].operator {
        Operator::Requantise(requantise) => requantise.function = number,
        other => panic!("{other:?} is no requantisation"),
    };
    let two = |d: &mut Description, function: Function| {
        d.functions.push(function);
        scores(d, 1);
    };
    let other = Function::clamp(-4, 2);
    accepts(|d| two(d, other.clone()));
    let missing =
        |node: &str, number, count| Error::FunctionMissing { node: node.into(), number, count };
    refuses(missing("clamp", 0, 0), |d| d.functions.clear());
    refuses(missing("scores", 1, 1), |d| scores(d, 1));
    refuses(missing("scores", usize::MAX, 1), |d| scores(d, usize::MAX));
    let order = |node: &str, number, next| Error::FunctionOrder { node: node.into(), number, next };
    refuses(order("clamp", 1, 0), |d| {
        d.functions.push(other.clone());
        requantise_of(d).function = 1;
    });
    refuses(order("scores", 2, 1), |d| {
        two(d, other.clone());
        two(d, Function::clamp(-4, 1));
        scores(d, 2);
    });
    refuses(Error::FunctionUnread { number: 1 }, |d| d.functions.push(other.clone()));
    refuses(Error::FunctionTwice { first: 0, again: 1 }, |d| two(d, Function::clamp(-4, 3)));
    // Another argument of the first entry makes another function.
    accepts(|d| two(d, Function { minimum: -5, ..Function::clamp(-4, 3) }));
}

/// What makers of descriptions number them with.
#[test]
fn functions_are_numbered_for_whoever_makes_them() {
    let mut description = support::hidden();
    let mut valid = description.clone();
    valid.functions = vec![Function::clamp(-4, 2), Function::clamp(-4, 3)];
    let functions = [(0, 3), (-4, 3), (-4, 2), (-4, 3), (0, 1)];
    description.functions = functions.map(|(least, most)| Function::clamp(least, most)).into();
    for (id, [from, to]) in [(node::CLAMP, [2, 0]), (node::SCORES, [3, 1])] {
        for (description, number) in [(&mut description, from), (&mut valid, to)] {
            match &mut description.nodes[id].operator {
                Operator::Requantise(requantise) => requantise.function = number,
                other => panic!("{other:?} is no requantisation"),
            }
        }
    }
    description.number_functions();
    assert_eq!(description, valid);
    VerifyingKey::new(valid).unwrap();
    // What does not exist does not become another.
    requantise_of(&mut description).function = 7;
    description.number_functions();
    let error = VerifyingKey::new(description).unwrap_err();
    assert!(matches!(error, Error::FunctionMissing { count: 1, .. }), "{error}");
}

#[test]
fn ranges_and_readings_make_sense() {
    refuses(range("x", "its minimum exceeds its maximum"), |d| d.inputs[0].minimum = 8);
    let what = "its scale is no positive finite number or its zero point too large";
    for scale in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let bad = Quantisation { scale, zero_point: 0 };
        refuses(range("p", what), |d| d.inputs[1].quantisation = Scheme::PerTensor(bad));
        refuses(range("z", what), |d| d.outputs[1].quantisation = Scheme::PerTensor(bad));
        refuses(range("x", what), |d| d.inputs[0].quantisation = by_index(2, &[ONE, ONE, bad]));
    }
    for zero_point in [1 << 62, -(1 << 62), i64::MIN] {
        let bad = Quantisation { scale: 1.0, zero_point };
        refuses(range("p", what), |d| d.inputs[1].quantisation = Scheme::PerTensor(bad));
        refuses(range("z", what), |d| d.outputs[1].quantisation = Scheme::PerTensor(bad));
        refuses(range("x", what), |d| d.inputs[0].quantisation = by_index(1, &[bad, ONE, ONE]));
    }
}

const ONE: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

fn by_index(axis: usize, parts: &[Quantisation]) -> Scheme {
    Scheme::PerAxis { axis, parts: parts.to_vec() }
}

/// A meaning has one scheme: as many scales as the axis has indices, and not all the same.
#[test]
fn scales_by_index_fit_their_axis_and_differ() {
    let other = Quantisation { scale: 0.5, zero_point: -40_000 };
    let all = [ONE, ONE, other];
    for axis in [1, 2] {
        let key = accepts(|d| d.inputs[0].quantisation = by_index(axis, &all));
        assert_eq!(key.description().inputs[0].shape, [2, 3, 3]);
    }
    accepts(|d| d.outputs[0].quantisation = by_index(0, &[ONE, other]));
    let axis = "the axis of its scales does not exist";
    let count = "it has not one scale for each index of their axis";
    let same = "its scales by index are all the same: it has one for the tensor";
    for (scheme, what) in [
        (by_index(3, &all), axis),
        (by_index(usize::MAX, &all), axis),
        (by_index(2, &all[1..]), count),
        (by_index(2, &[ONE, other, ONE, other]), count),
        (by_index(2, &[]), count),
        (by_index(2, &[other; 3]), same),
        (by_index(0, &[other; 2]), same),
    ] {
        refuses(shape("x", what), |d| d.inputs[0].quantisation = scheme);
    }
    for (scheme, what) in
        [(by_index(3, &all), axis), (by_index(0, &all), count), (by_index(0, &[other; 2]), same)]
    {
        refuses(shape("y", what), |d| d.outputs[0].quantisation = scheme);
    }
}

#[test]
fn outputs_fit_their_sources_and_can_be_shown() {
    let fit = "its shape is not that of its source, dimensions of one aside";
    refuses(shape("y", fit), |d| d.outputs[0].shape = vec![17]);
    refuses(shape("y", fit), |d| d.outputs[0].shape = vec![18]);
    refuses(shape("y", fit), |d| d.outputs[0].shape = vec![3, 2, 3]);
    accepts(|d| d.outputs[0].shape = vec![2, 1, 3, 3]);
    refuses(shape("class", fit), |d| d.outputs[2].shape = vec![2, 3, 3]);
    refuses(shape("y", "a dimension is zero"), |d| d.outputs[0].shape = vec![2, 0]);
    let class = OutputSource::ArgMax { input: node::SCORES, axis: 3, select_last: false };
    refuses(shape("class", "the axis of its ArgMax does not exist"), |d| {
        d.outputs[2].source = class
    });
    let hidden = "this output cannot be hidden: make it public";
    refuses(shape("y", hidden), |d| d.outputs[0].visibility = Visibility::Private);
    refuses(shape("z", hidden), |d| d.outputs[1].visibility = Visibility::Private);
    refuses(shape("class", hidden), |d| d.outputs[2].visibility = Visibility::Private);
    refuses(shape("class", hidden), |d| d.outputs[2].visibility = Visibility::Sealed);
    accepts(|d| d.outputs[0].visibility = Visibility::Sealed);
}

#[test]
fn every_used_cell_has_a_table_and_every_tag_is_unique() {
    for description in [valid(), hidden()] {
        let key = VerifyingKey::new(description).unwrap();
        let (layout, tables) = (key.layout(), key.tables());
        for run in layout.runs() {
            assert_eq!(run.tags().len(), run.lane.lookups().len());
            assert!(run.tags().iter().all(|&tag| tag > 0 && tag < tables.list.len()));
        }
        let tuples: Vec<_> = tables.tuples().collect();
        assert_eq!(tuples.len(), tables.rows());
        assert_eq!(tuples.iter().filter(|(tag, _)| *tag == 0).collect::<Vec<_>>(), [&(0, [0; 3])]);
    }
}
