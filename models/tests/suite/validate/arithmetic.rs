//! Weights, biases, multipliers, and what accumulators can reach.

use super::*;

#[test]
fn numbers_of_layers() {
    let layer = |weights: [i32; 2], bias: i64, multiplier: i64| {
        let mut net = Net::of(&[1, 2]).node(
            linear(weights.to_vec(), vec![bias], vec![multiplier]),
            &[0],
            &[1, 1],
        );
        net.0.inputs[0].minimum = -1;
        net.0.inputs[0].maximum = 1;
        net
    };
    layer([MAX_WEIGHT, -MAX_WEIGHT], 0, 1).holds();
    let weight = |weight: i64| format!("weight {weight} of channel 0 is larger than 8355711");
    layer([1, MAX_WEIGHT + 1], 0, 1).fails(&weight(8_355_712));
    layer([-MAX_WEIGHT - 1, 1], 0, 1).fails(&weight(-8_355_712));
    layer([i32::MIN, 1], 0, 1).fails(&weight(i32::MIN.into()));
    layer([1, 1], MAX_BIAS, 1).holds();
    layer([1, 1], -MAX_BIAS, 1).holds();
    let bias = |bias: i64| format!("bias {bias} of channel 0 is larger than {MAX_BIAS}");
    layer([1, 1], MAX_BIAS + 1, 1).fails(&bias(MAX_BIAS + 1));
    layer([1, 1], i64::MIN, 1).fails(&bias(i64::MIN));
    layer([1, 1], 0, 0).fails("multiplier 0 of channel 0 is not positive");
    let counts = |weights: usize, multipliers: usize| {
        let operator = linear(vec![1; weights], vec![0; 2], vec![1; multipliers]);
        Net::of(&[1, 2]).node(operator, &[0], &[1, 2]).problem().unwrap()
    };
    assert_eq!(
        [counts(3, 2), counts(4, 3)],
        ["3 weights, expected 4", "3 multipliers, expected 2"]
    );
}

#[test]
fn weights_of_another_layer() {
    let of = |node, rows: usize| Operator::Linear {
        weights: Weights::Of(node),
        bias: vec![0; rows],
        multipliers: vec![1; rows],
        requantise: Some(requantise()),
    };
    let net = |terms: usize| {
        let own = linear(vec![1; 2 * terms], vec![0; 2], vec![1; 2]);
        Net::of(&[1, terms]).node(own, &[0], &[1, 2])
    };
    net(2).node(of(0, 2), &[1], &[1, 2]).node(of(0, 2), &[0], &[1, 2]).holds();
    for (node, later) in [(1, 1), (7, 7)] {
        let problem = format!("reads the weights of node {later}, which is not before it");
        net(2).node(of(node, 2), &[1], &[1, 2]).fails(&problem);
    }
    let rows = "reads the weights of \"n0\", which are 2 rows, expected 1";
    net(2).node(of(0, 1), &[1], &[1, 1]).fails(rows);
    net(3).node(of(0, 2), &[1], &[1, 2]).fails("6 weights, expected 4");
    let view = net(2).node(Operator::Reshape, &[1], &[1, 2]);
    let none = |node| format!("reads the weights of {node:?}, which has none of its own");
    view.node(of(1, 2), &[2], &[1, 2]).fails(&none("n1"));
    let second = net(2).node(of(0, 2), &[1], &[1, 2]);
    second.node(of(1, 2), &[2], &[1, 2]).fails(&none("n1"));
    // Those that are known are in no seal that another layer could share.
    let mut known = net(2);
    let Operator::Linear { weights, .. } = &mut known.0.nodes[0].operator else { unreachable!() };
    *weights = Weights::Known(vec![1; 4].into());
    known.clone().holds();
    known.node(of(0, 2), &[1], &[1, 2]).fails(&none("n0"));
    // The largest accumulator is that of the weights that are read.
    let mut heavy = net(1);
    heavy.0.nodes[0].operator = linear(vec![1 << 20; 2], vec![0; 2], vec![1; 2]);
    let Operator::Linear { bias, requantise, .. } = of(0, 2) else { unreachable!() };
    let (weights, multipliers) = (Weights::Of(0), vec![1 << 36; 2]);
    heavy
        .node(Operator::Linear { weights, bias, multipliers, requantise }, &[0], &[1, 2])
        .fails(REACHES);
}

/// `2^62 − 1` is within the limit, one more is not, for every sum that has one.
#[test]
fn accumulators_stay_below_2_to_62() {
    const LIMIT: i64 = 1 << 62;
    let mut bits = Net::of(&[1, 2]);
    (bits.0.inputs[0].minimum, bits.0.inputs[0].maximum) = (0, 1);
    let channel = |weights: [i32; 2], bias: i64, multiplier: i64| {
        bits.clone().node(linear(weights.to_vec(), vec![bias], vec![multiplier]), &[0], &[1, 1])
    };
    // (1 + 2)·k: the weights' sizes add up, whatever their signs.
    channel([1, -2], 0, (LIMIT - 1) / 3).holds();
    channel([1, -2], 0, LIMIT / 3 + 1).fails(REACHES);
    channel([1, 0], -2, (LIMIT - 1) / 3).holds();
    channel([1, 0], -2, LIMIT / 3 + 1).fails(REACHES);
    channel([1, 0], 0, LIMIT - 1).holds();
    channel([1, 0], 0, LIMIT).fails(REACHES);
    channel([1, 1], 0, i64::MAX).fails(REACHES);
    // Deviations are from the zero point, to whichever end is farther.
    for (minimum, maximum, zero_point, deviation) in
        [(0, 1, 4, 4), (0, 7, 4, 4), (-5, 0, 2, 7), (3, 9, 0, 9)]
    {
        let mut net = bits.clone();
        (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (minimum, maximum);
        net.0.inputs[0].quantisation.zero_point = zero_point;
        let of = |multiplier| {
            net.clone().node(linear(vec![1, 0], vec![0], vec![multiplier]), &[0], &[1, 1])
        };
        of((LIMIT - 1) / deviation).holds();
        of((LIMIT - 1) / deviation + 1).fails(REACHES);
    }
    // The largest channel counts, not the last.
    let two = linear(vec![1, 0, 1, 0], vec![0; 2], vec![LIMIT, 1]);
    bits.clone().node(two, &[0], &[1, 2]).fails(REACHES);

    let sum = |multipliers: [i64; 2], constant: Vec<i64>| {
        let operator = Operator::Sum {
            multipliers: multipliers.to_vec(),
            constant,
            requantise: Some(requantise()),
        };
        bits.clone().node(operator, &[0, 0], &[1, 2])
    };
    sum([LIMIT / 2, -(LIMIT / 2 - 1)], vec![]).holds();
    sum([LIMIT / 2, -(LIMIT / 2)], vec![]).fails(REACHES);
    sum([LIMIT - 4, 0], vec![0, -3]).holds();
    sum([LIMIT - 4, 0], vec![-4, 0]).fails(REACHES);
    sum([0, 0], vec![i64::MIN, 0]).fails(REACHES);
    sum([i64::MIN, 0], vec![]).fails(REACHES);

    let mut plane = Net::of(&[1, 1, 2, 2]);
    (plane.0.inputs[0].minimum, plane.0.inputs[0].maximum) = (-1, 1);
    let pool = |multiplier: i64| {
        let multipliers = vec![1, multiplier, 1, 1];
        let operator = Operator::AveragePool {
            window: Window::unit(),
            multipliers,
            requantise: Some(requantise()),
        };
        plane.clone().node(operator, &[0], &[1, 1, 2, 2])
    };
    pool((LIMIT - 1) / 4).holds();
    pool(LIMIT / 4).fails(REACHES);
    pool(0).fails("multiplier 0 is not positive");

    let product = |left: i64, right: i64, multiplier: i64| {
        let net = Net::of(&[1]).input(&[1], 0, left).input(&[1], -right, 0);
        net.node(Operator::Product { multiplier, requantise: Some(requantise()) }, &[1, 2], &[1])
    };
    product(7, 3, (LIMIT - 1) / 21).holds();
    product(7, 3, LIMIT / 21 + 1).fails(REACHES);
    // The multiplier meets the left factor first, even if the right one is always zero.
    product(7, 0, LIMIT / 7 + 1).fails(REACHES);
    product(0, 3, LIMIT / 3 + 1).fails(REACHES);
    product(1, 1, 0).fails("multiplier 0 is not positive");

    let matrices = |terms: usize, left: i64, right: i64, multiplier: i64| {
        let net = Net::of(&[1]).input(&[1, terms], 0, left).input(&[terms, 1], -right, 0);
        net.node(Operator::MatMul { multiplier, requantise: None }, &[1, 2], &[1, 1])
    };
    matrices(2, 7, 3, (LIMIT - 1) / 42).holds();
    matrices(2, 7, 3, LIMIT / 42 + 1).fails(REACHES);
    matrices(3, 1, 1, LIMIT / 3).holds();
    matrices(3, 1, 1, LIMIT / 3 + 1).fails(REACHES);
    matrices(1, 1, 1, 0).fails("multiplier 0 is not positive");
    let mut shifted = matrices(1, 1, 1, 1);
    shifted.0.nodes[0].quantisation.zero_point = 1;
    shifted.fails("an accumulator that is not requantised needs zero point 0");
}

#[test]
fn matrices_that_cannot_be_multiplied() {
    let of = |left: &[usize], right: &[usize], shape: &[usize]| {
        let operator = Operator::MatMul { multiplier: 1, requantise: Some(requantise()) };
        Net::of(&[1]).input(left, 0, 1).input(right, 0, 1).node(operator, &[1, 2], shape)
    };
    of(&[2, 3], &[3, 4], &[2, 4]).holds();
    of(&[5, 1, 2, 3], &[5, 1, 3, 4], &[5, 1, 2, 4]).holds();
    for (left, right) in
        [(&[2, 3][..], &[4, 4][..]), (&[5, 2, 3], &[1, 3, 4]), (&[5, 2, 3], &[3, 4])]
    {
        let problem = format!("multiplies shapes {left:?} and {right:?}, which do not fit");
        of(left, right, &[2, 4]).fails(&problem);
    }
    for (left, right) in [(&[3][..], &[3, 4][..]), (&[2, 3], &[3])] {
        let problem = format!("multiplies shapes {left:?} and {right:?}, which are no matrices");
        of(left, right, &[2, 4]).fails(&problem);
    }
    of(&[2, 3], &[3, 4], &[2, 3])
        .fails("its operator gives shape [2, 4], but shape [2, 3] is declared");
}

#[test]
fn rescaling() {
    let of = |requantise: Requantise| {
        let operator = Operator::Linear {
            weights: vec![1].into(),
            bias: vec![0],
            multipliers: vec![1],
            requantise: Some(requantise),
        };
        Net::of(&[1]).node(operator, &[0], &[1])
    };
    let shift = |shift| of(Requantise { shift, ..requantise() });
    shift(62).holds();
    shift(63).fails("shift 63 is above 62");
    let slack = |slack, shift| of(Requantise { shift, ties: Ties::Even { slack }, ..requantise() });
    slack(0, 0).holds();
    slack(63, 8).holds();
    for (size, bits) in [(64, 8), (-1, 8), (1, 0), (i64::MAX, 62)] {
        slack(size, bits).fails(&format!("a slack of {size} with shift {bits}"));
    }
    let zero = |zero_point| of(Requantise { zero_point, ..requantise() });
    zero(-32_768).holds();
    zero(65_535).holds();
    zero(-32_769).fails("zero point -32769 has more than 16 bits");
    zero(65_536).fails("zero point 65536 has more than 16 bits");
    let table =
        |minimum, values| of(Requantise { function: Function { minimum, values }, ..requantise() });
    let begin: i64 = 1 << 32;
    table(begin, vec![0]).holds();
    table(-begin, vec![0]).holds();
    table(begin + 1, vec![0]).fails("a table that begins at 4294967297");
    table(-begin - 1, vec![0]).fails("a table that begins at -4294967297");
    table(i64::MIN, vec![0]).fails("a table that begins at -9223372036854775808");
    table(0, vec![]).fails("a table of 0 entries");
    table(0, vec![1; 65_536]).holds();
    table(0, vec![1; 65_537]).fails("a table of 65537 entries");
    table(0, vec![-32_768, 65_535]).holds();
    table(0, vec![0, 65_536]).fails("entries of more than 16 bits");
    table(0, vec![-32_769, 0]).fails("entries of more than 16 bits");
    // What a table gives is what the next node reads.
    table(0, vec![0, 1]).selecting().holds();
    table(0, vec![0, 2]).selecting().fails(CONDITION);
    table(0, vec![-1, 1]).selecting().fails(CONDITION);
    let activation = |values, shape: &[usize]| {
        Net::of(&[1, 2]).node(Operator::Activation(Function { minimum: 0, values }), &[0], shape)
    };
    activation(vec![0, 1], &[1, 2]).selecting().holds();
    activation(vec![0, 1], &[2])
        .fails("its operator gives shape [1, 2], but shape [2] is declared");
    let constant = |values: Vec<i64>| Net::of(&[1]).node(Operator::Constant(values), &[], &[2]);
    constant(vec![0, 1]).selecting().holds();
    constant(vec![0, 2]).selecting().fails(CONDITION);
    constant(vec![0]).fails("1 elements, expected 2");
    constant(vec![0, 65_536]).fails("entries of more than 16 bits");
}
