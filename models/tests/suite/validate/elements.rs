//! Operators element by element, and those that move elements.

use super::*;

#[test]
fn geometry() {
    let convolution = |window: &Window, groups, rows: usize, taps: usize| Operator::Convolution {
        window: window.clone(),
        groups,
        weights: vec![1; rows * taps].into(),
        bias: vec![0; rows],
        multipliers: vec![1; rows],
        requantise: Some(requantise()),
    };
    let unit = Window::unit();
    let net = Net::of(&[1, 4, 3, 3]);
    let case = |groups, rows, taps| {
        net.clone().node(convolution(&unit, groups, rows, taps), &[0], &[1, rows, 3, 3])
    };
    case(1, 6, 4).holds();
    case(2, 6, 2).holds();
    let divides =
        |groups, rows| format!("{groups} groups do not divide 4 input and {rows} output channels");
    case(0, 6, 4).fails(&divides(0, 6));
    case(3, 6, 1).fails(&divides(3, 6));
    case(4, 6, 1).fails(&divides(4, 6));
    case(2, 6, 3).fails("18 weights, expected 12");
    net.clone()
        .node(convolution(&unit, 1, 6, 4), &[0], &[1, 6, 3, 2])
        .fails("its operator gives shape [1, 6, 3, 3], but shape [1, 6, 3, 2] is declared");
    // Lines have no height to slide over.
    let line = Net::of(&[1, 1, 4]);
    let tall = |window: Window| line.clone().node(Operator::MaxPool { window }, &[0], &[1, 1, 4]);
    tall(unit.clone()).holds();
    for window in [
        Window { kernel: [2, 1], pads: [1, 0, 0, 0], ..unit.clone() },
        Window { pads: [1, 0, 0, 0], ..unit.clone() },
        Window { pads: [0, 0, 1, 0], ..unit.clone() },
    ] {
        tall(window.clone()).fails(&format!("window {window:?} does not fit shape [1, 1, 4]"));
    }
    Net::of(&[2, 1, 4])
        .node(Operator::MaxPool { window: unit.clone() }, &[0], &[2, 1, 4])
        .fails("reads shape [2, 1, 4], not [1, C, H, W] or [1, C, L]");
    let pool = |window: Window, length: usize| {
        let average = Operator::AveragePool {
            window,
            multipliers: vec![1; length],
            requantise: Some(requantise()),
        };
        line.clone().node(average, &[0], &[1, 1, 3])
    };
    let pair = Window { kernel: [1, 2], ..unit.clone() };
    pool(pair.clone(), 3).holds();
    pool(pair.clone(), 4).fails("4 multipliers, expected 3");
    pool(unit.clone(), 4)
        .fails("its operator gives shape [1, 1, 4], but shape [1, 1, 3] is declared");
    let maximum = |window: Window, shape: &[usize]| {
        line.clone().node(Operator::MaxPool { window }, &[0], shape)
    };
    maximum(pair.clone(), &[1, 1, 3]).holds();
    maximum(pair, &[1, 1, 4])
        .fails("its operator gives shape [1, 1, 3], but shape [1, 1, 4] is declared");
    maximum(Window { pads: [0, 1, 0, 0], ..unit }, &[1, 1, 5])
        .fails("a window lies entirely on padding");
    let scalar = Net::of(&[]).node(linear(vec![1], vec![0], vec![1]), &[0], &[1]);
    scalar.fails("reads a scalar");
    let wide = |shape: &[usize]| {
        Net::of(&[3, 2]).node(linear(vec![1; 4], vec![0; 2], vec![1; 2]), &[0], shape)
    };
    wide(&[3, 2]).holds();
    wide(&[3, 1, 2]).fails("its operator gives shape [3, 2], but shape [3, 1, 2] is declared");
}

#[test]
fn element_by_element() {
    let net = |minimum, maximum| Net::of(&[2]).input(&[2], minimum, maximum).input(&[2], 0, 1);
    let binary = |minimum: [i64; 2], counts: [usize; 2], values: usize| {
        let function = BinaryFunction { minimum, counts, values: vec![1; values] };
        net(0, 1).node(Operator::Binary(function), &[0, 1], &[2])
    };
    let begin: i64 = 1 << 32;
    binary([begin, -begin], [2, 3], 6).selecting().holds();
    binary([0; 2], [2, 3], 5).fails("5 entries for a table of 2 by 3");
    binary([0; 2], [usize::MAX, 2], 0).fails("0 entries for a table of 18446744073709551615 by 2");
    binary([0; 2], [0, 3], 0).fails("a table of 0 entries");
    binary([begin + 1, 0], [1, 1], 1).fails("a table that begins at [4294967297, 0]");
    binary([0, -begin - 1], [1, 1], 1).fails("a table that begins at [0, -4294967297]");
    binary([0; 2], [257, 256], 257 * 256).fails("a table of 65792 entries");
    let entries = BinaryFunction { minimum: [0; 2], counts: [1, 1], values: vec![65_536] };
    net(0, 1).node(Operator::Binary(entries), &[0, 1], &[2]).fails("entries of more than 16 bits");

    // The larger of a value in 0..=1 and one in −5..=0 lies in 0..=1; the smaller does not.
    net(-5, 0).node(Operator::Max, &[1, 2], &[2]).selecting().holds();
    net(-5, 0).node(Operator::Min, &[1, 2], &[2]).selecting().fails(CONDITION);
    net(0, 7).node(Operator::Min, &[1, 2], &[2]).selecting().holds();
    net(0, 7).node(Operator::Max, &[1, 2], &[2]).selecting().fails(CONDITION);
    let shape = "its operator gives shape [2], but shape [1] is declared";
    let sum = |multipliers: usize, constants: usize, shape: &[usize]| {
        let (multipliers, constant) = (vec![1; multipliers], vec![1; constants]);
        net(0, 1).node(
            Operator::Sum { multipliers, constant, requantise: Some(requantise()) },
            &[1, 2],
            shape,
        )
    };
    sum(2, 0, &[2]).holds();
    sum(2, 2, &[2]).holds();
    sum(1, 0, &[2]).fails("1 multipliers, expected 2");
    sum(3, 0, &[2]).fails("3 multipliers, expected 2");
    sum(2, 1, &[2]).fails("1 constants, expected 2");
    sum(2, 0, &[1]).fails(shape);
    for operator in
        [Operator::Max, Operator::Product { multiplier: 1, requantise: Some(requantise()) }]
    {
        net(0, 1).node(operator, &[1, 2], &[1]).fails(shape);
    }
    for (operator, inputs) in [
        (Operator::Max, vec![1, 2]),
        (Operator::Min, vec![2, 1]),
        (Operator::Select, vec![2, 1, 2]),
    ] {
        let mut other = net(0, 1).node(operator, &inputs, &[2]);
        other.clone().holds();
        other.0.inputs[1].quantisation.scale = 0.25;
        other.fails(QUANTISATION);
    }
    // A condition is 0 or 1, on whatever scale.
    let mut select = net(-9, 9).node(Operator::Select, &[2, 1, 0], &[2]);
    select.0.inputs[2].quantisation = Quantisation { scale: 3.0, zero_point: 7 };
    select.clone().holds();
    select.0.inputs[2].maximum = 2;
    select.clone().fails(CONDITION);
    (select.0.inputs[2].minimum, select.0.inputs[2].maximum) = (-1, 1);
    select.fails(CONDITION);
    // It gives one branch or the other.
    for (minimum, maximum, problem) in
        [(0, 1, None), (0, 2, Some(CONDITION)), (-1, 1, Some(CONDITION))]
    {
        for branches in [[1, 2], [2, 1]] {
            let chosen =
                net(minimum, maximum).node(Operator::Select, &[2, branches[0], branches[1]], &[2]);
            assert_eq!(chosen.selecting().problem().as_deref(), problem);
        }
    }
}

#[test]
fn movement() {
    let net = Net::of(&[2, 3]);
    let permuted = |permutation: &[usize], shape: &[usize]| {
        net.clone().node(Operator::Transpose { permutation: permutation.to_vec() }, &[0], shape)
    };
    permuted(&[1, 0], &[3, 2]).holds();
    permuted(&[1, 0], &[2, 3])
        .fails("its operator gives shape [3, 2], but shape [2, 3] is declared");
    permuted(&[0], &[2, 3]).fails("[0] is not a permutation of 2 dimensions");
    permuted(&[0, 2], &[2, 3]).fails("[0, 2] is not a permutation of 2 dimensions");
    let reshaped = |shape: &[usize]| net.clone().node(Operator::Reshape, &[0], shape);
    reshaped(&[6]).holds();
    reshaped(&[7]).fails("[2, 3] cannot become [7]");

    let sliced = |axis, start, step, shape: &[usize]| {
        net.clone().node(Operator::Slice { axis, start, step }, &[0], shape)
    };
    sliced(1, 0, 2, &[2, 2]).holds();
    sliced(1, 2, -1, &[2, 3]).holds();
    sliced(1, 2, isize::MIN, &[2, 1]).holds();
    sliced(2, 0, 1, &[2, 3]).fails("dimension 2 of [2, 3] does not exist");
    sliced(1, 0, 1, &[2]).fails("dimension 1 of [2, 3] does not exist");
    sliced(1, 0, 1, &[1, 3]).fails("its operator gives shape [2, 3], but shape [1, 3] is declared");
    let leaves =
        |start, step| format!("elements {start}, {start}+({step}), … leave dimension 1 of [2, 3]");
    sliced(1, 3, 1, &[2, 1]).fails(&leaves(3, 1));
    sliced(1, 1, 2, &[2, 2]).fails(&leaves(1, 2));
    sliced(1, 1, -2, &[2, 2]).fails(&leaves(1, -2));
    sliced(1, 0, isize::MAX, &[2, 3]).fails(&leaves(0, isize::MAX));
    sliced(1, usize::MAX, isize::MAX, &[2, 2]).fails(&leaves(usize::MAX, isize::MAX));

    let bits = Net::of(&[1]).input(&[2], 0, 1).input(&[2], 0, 2);
    let padded = |before: &[usize], after: &[usize], value, shape: &[usize]| {
        let pad = Operator::Pad { before: before.to_vec(), after: after.to_vec(), value };
        bits.clone().node(pad, &[1], shape)
    };
    padded(&[1], &[2], 1, &[5]).selecting().holds();
    padded(&[1], &[2], 2, &[5]).selecting().fails(CONDITION);
    padded(&[1], &[2], -1, &[5]).selecting().fails(CONDITION);
    padded(&[1], &[2], 65_535, &[5]).holds();
    padded(&[1], &[2], 65_536, &[5]).fails("padding value 65536 has more than 16 bits");
    padded(&[1], &[2], 0, &[4]).fails("its operator gives shape [5], but shape [4] is declared");
    padded(&[1, 0], &[2], 0, &[5]).fails("2+1 pads for shape [2]");
    padded(&[1], &[], 0, &[3]).fails("1+0 pads for shape [2]");
    padded(&[usize::MAX], &[0], 0, &[1]).fails("pads overflow");
    padded(&[0], &[usize::MAX], 0, &[1]).fails("pads overflow");

    let joined = |axis, inputs: &[ValueId], shape: &[usize]| {
        let more = bits.clone().input(&[2, 2], 0, 1).input(&[2, 3], 0, 1).input(&[2], -1, 1);
        more.node(Operator::Concat { axis }, inputs, shape)
    };
    joined(0, &[1, 1], &[4]).selecting().holds();
    joined(0, &[1, 2], &[4]).selecting().fails(CONDITION);
    joined(0, &[2, 1], &[4]).selecting().fails(CONDITION);
    joined(0, &[5, 1], &[4]).selecting().fails(CONDITION);
    joined(0, &[1, 5], &[4]).selecting().fails(CONDITION);
    joined(1, &[1, 1], &[4]).fails("dimension 1 of [2] does not exist");
    joined(0, &[1, 1], &[5]).fails("its operator gives shape [4], but shape [5] is declared");
    joined(0, &[1, 3], &[4]).fails("[2, 2] cannot follow [2] along dimension 0");
    joined(1, &[3, 4], &[2, 5]).holds();
    joined(0, &[3, 4], &[4, 2]).fails("[2, 3] cannot follow [2, 2] along dimension 0");
    let mut scales = joined(0, &[1, 2], &[4]);
    scales.0.inputs[2].quantisation.scale = 0.25;
    scales.fails(QUANTISATION);
    for view in [
        Operator::Transpose { permutation: vec![0] },
        Operator::Slice { axis: 0, start: 0, step: 1 },
        Operator::Pad { before: vec![0], after: vec![0], value: 0 },
    ] {
        let view = bits.clone().node(view, &[1], &[2]);
        view.clone().selecting().holds();
        view.reading(0.5, 1).fails(QUANTISATION);
    }
    bits.node(Operator::Reshape, &[1], &[2, 1]).reading(0.25, 9).selecting().holds();
}

#[test]
fn order() {
    let net = Net::of(&[2, 3]);
    let arg_max = |axis, shape: &[usize]| {
        net.clone()
            .node(Operator::ArgMax { axis, select_last: false, smallest: false }, &[0], shape)
            .reading(1.0, 0)
    };
    arg_max(1, &[2, 1]).holds();
    arg_max(1, &[2]).holds();
    arg_max(0, &[3]).holds();
    arg_max(2, &[2]).fails("dimension 2 of [2, 3] does not exist");
    arg_max(1, &[3]).fails("its operator gives shape [2, 1], but shape [3] is declared");
    arg_max(1, &[2]).reading(0.5, 0).fails("an index needs scale 1 and zero point 0");
    arg_max(1, &[2]).reading(1.0, 1).fails("an index needs scale 1 and zero point 0");
    let top = |axis, indices, shape: &[usize]| {
        let mut net = net.clone();
        (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (0, 9);
        net.node(Operator::TopK { axis, smallest: false, indices }, &[0], shape)
    };
    top(1, false, &[2, 3]).holds();
    top(1, false, &[2, 3]).selecting().fails(CONDITION);
    top(2, false, &[2, 3]).fails("dimension 2 of [2, 3] does not exist");
    top(1, false, &[2]).fails("dimension 1 of [2, 3] does not exist");
    top(1, false, &[2, 4]).fails("4 of 3 elements");
    top(1, false, &[1, 2]).fails("its operator gives shape [2, 2], but shape [1, 2] is declared");
    top(1, false, &[2, 2]).reading(0.25, 0).fails(QUANTISATION);
    let index = "an index needs scale 1, zero point 0 and at most 16 bits";
    top(1, true, &[2, 2]).reading(1.0, 0).holds();
    top(1, true, &[2, 2]).fails(index);
    top(1, true, &[2, 2]).reading(1.0, 1).fails(index);
    // Of two elements the index is 0 or 1, of three it is not.
    top(0, true, &[1, 3]).reading(1.0, 0).selecting().holds();
    top(1, true, &[2, 1]).reading(1.0, 0).selecting().fails(CONDITION);
    let long = |length: usize| {
        Net::of(&[length])
            .node(Operator::TopK { axis: 0, smallest: false, indices: true }, &[0], &[1])
            .reading(1.0, 0)
    };
    long(65_536).holds();
    long(65_537).fails(index);
}

#[test]
fn lookups() {
    let table = |values: Vec<i32>, shape: &[usize]| {
        let mut net = Net::of(&[2]);
        (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (-1, 1);
        net.node(Operator::Lookup { minimum: -1, values: values.into() }, &[0], shape)
    };
    table(vec![0; 6], &[2, 2]).holds();
    table(vec![0; 7], &[2, 2]).fails("7 entries, expected 6");
    table(Vec::new(), &[2, 2]).fails("0 entries, expected 2");
    table(vec![0; 6], &[2]).fails("reads shape [2] for a result of [2]");
    table(vec![0; 6], &[]).fails("its result is a scalar");
    table(vec![0; 2], &[2, 1]).fails("a table for -1..=0, but what it reads is in -1..=1");
    let from = |minimum| {
        let net = table(vec![0; 6], &[2, 2]).0.inputs[0].clone();
        let mut graph = Net::of(&[2]);
        graph.0.inputs[0] = net;
        graph.node(Operator::Lookup { minimum, values: vec![0; 6].into() }, &[0], &[2, 2])
    };
    from(0).fails("a table for 0..=2, but what it reads is in -1..=1");
    from(-1).holds();
    table(vec![0, 65_535, 0, -32_768, 0, 0], &[2, 2]).holds();
    for wide in [65_536, -32_769] {
        table(vec![0, 0, wide, 0, 0, 0], &[2, 2]).fails("entries of more than 16 bits");
    }
    // What it can take is known from the table.
    table(vec![0, 1, 0], &[2, 1]).selecting().holds();
    table(vec![0, 2, 0], &[2, 1]).selecting().fails(CONDITION);
}
