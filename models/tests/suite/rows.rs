//! Softmax and Normalise on integers: against the contract read a second time, and what holds of
//! every row.

use crate::contract::naive;
use ndarray::ArrayD;
use proptest::prelude::*;
use zkinfer_models::integer::graph::{
    Function, Graph, Input, Node, Operator, Output, Quantisation, Requantise, Ties, mark,
};
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::random::Random;

/// One operator over `[2, 3, N]` integers of 16 bits.
fn graph(operator: Operator, columns: usize) -> Graph {
    let shape = vec![2, 3, columns];
    let input = Input {
        name: "x".into(),
        shape: shape.clone(),
        quantisation: Quantisation { scale: 0.5, zero_point: 7 },
        minimum: -32_768,
        maximum: 32_767,
    };
    let node = Node {
        name: "rows".into(),
        inputs: vec![0],
        operator,
        shape,
        quantisation: Quantisation { scale: 0.5, zero_point: -128 },
    };
    Graph {
        name: "g".into(),
        inputs: vec![input],
        nodes: vec![node],
        outputs: vec![Output { name: "y".into(), value: 1 }],
        parts: Default::default(),
    }
}

/// Results in 256ths from −128 on; 257 of them.
fn requantise(bits: u32) -> Requantise {
    let function = Function::clamp(-128, 128);
    Requantise { shift: bits - 8, ties: Ties::Up, zero_point: -128, function }
}

fn softmax(columns: usize, shift: u32, visible: Vec<bool>) -> Operator {
    let mark = mark(columns);
    let power = |distance: i64| (4096.0 * (-0.01 * distance as f64).exp()).round() as i64;
    let mut exponentials: Vec<i64> = (0..900).map(|distance| mark * power(distance)).collect();
    exponentials[0] += 1;
    let reciprocal_bits = exponentials[0].ilog2() + 13;
    let requantise = requantise(reciprocal_bits);
    Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise }
}

fn normalise(centred: bool) -> Operator {
    let requantise = requantise(24);
    Operator::Normalise { centred, multiplier: 2, epsilon: 900, reciprocal_bits: 24, requantise }
}

/// Rows of all widths: equal elements, neighbours, ends of the range.
fn rows(columns: usize, seed: u64) -> ArrayD<i64> {
    let mut random = Random::new(seed);
    let mut row = || {
        let reach = [0, 1, 40, 3000, 32_767][random.below(5)];
        (0..columns).map(|_| random.between(-reach, reach)).collect::<Vec<_>>()
    };
    let elements = (0..6).flat_map(|_| row()).collect();
    ArrayD::from_shape_vec(vec![2, 3, columns], elements).unwrap()
}

/// A mask under which each row sees something.
fn mask(columns: usize, random: &mut Random) -> Vec<bool> {
    let mut visible: Vec<bool> = (0..3 * columns).map(|_| random.below(2) == 0).collect();
    visible.chunks_mut(columns).for_each(|row| row[random.below(columns)] = true);
    visible
}

proptest! {
    #[test]
    fn softmax_is_what_the_contract_says(columns in 1usize..9, seed: u64, shift in 0u32..6) {
        let mut random = Random::new(seed);
        let visible = if seed % 2 == 0 { Vec::new() } else { mask(columns, &mut random) };
        let graph = graph(softmax(columns, shift, visible.clone()), columns);
        let x = rows(columns, seed);
        let values = interpreter::run_all(&graph, std::slice::from_ref(&x)).unwrap();
        prop_assert_eq!(&values, &naive(&graph, std::slice::from_ref(&x)));
        for (index, (x, y)) in x.rows().into_iter().zip(values[1].rows()).enumerate() {
            let sees = |at: usize| visible.is_empty() || visible[index % 3 * columns + at];
            // Halves are rounded, the reciprocal costs less than one in all.
            let sum: i64 = y.iter().map(|y| y + 128).sum();
            prop_assert!((sum - 256).abs() <= columns as i64 / 2 + 1, "{}", sum);
            for i in 0..columns {
                if !sees(i) {
                    prop_assert_eq!(y[i], -128);
                }
                for j in 0..columns {
                    if sees(i) && sees(j) && x[i] <= x[j] {
                        prop_assert!(y[i] <= y[j]);
                    }
                }
            }
        }
    }

    #[test]
    fn normalise_is_what_the_contract_says(columns in 1usize..9, seed: u64, centred: bool) {
        let graph = graph(normalise(centred), columns);
        let x = rows(columns, seed);
        let values = interpreter::run_all(&graph, std::slice::from_ref(&x)).unwrap();
        prop_assert_eq!(&values, &naive(&graph, std::slice::from_ref(&x)));
        for (x, y) in x.rows().into_iter().zip(values[1].rows()) {
            let mean = if centred { x.sum() as f64 / columns as f64 } else { 7.0 };
            let unit = if centred { columns as f64 } else { 1.0 } * 2.0;
            let c: Vec<f64> = x.iter().map(|&x| unit * (x as f64 - mean)).collect();
            let root = (c.iter().map(|c| c * c).sum::<f64>() + 900.0).sqrt();
            for (c, &y) in c.iter().zip(y) {
                // The root is too small by less than 1, the reciprocal too.
                let slack = (c / root).abs() / root.floor() + c.abs() / f64::from(1 << 24);
                let exact = (256.0 * c / root).clamp(0.0, 256.0);
                let error = ((y + 128) as f64 - exact).abs();
                prop_assert!(error <= 0.5 + 256.0 * slack + 1e-9, "{} {} {}", c, y, exact);
            }
        }
    }
}
