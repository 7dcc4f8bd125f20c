//! Convolutions and pools over three dimensions, with weights that are computed, and by norms.

use ndarray::ArrayD;
use zkinfer_models::testing::onnx::{Builder, Op};

use super::unary;
use crate::support::{defined, weights};

fn numbers(tensor: &ArrayD<f32>) -> Vec<f64> {
    tensor.iter().map(|&x| f64::from(x)).collect()
}

/// A tensor `[C, D, H, W]` at a place that may lie outside, where it is `beyond`.
fn at(x: &[f64], shape: [usize; 4], place: [i64; 4], beyond: f64) -> f64 {
    let inside = (0..4).all(|axis| (0..shape[axis] as i64).contains(&place[axis]));
    let index = (0..4).fold(0, |index, axis| index * shape[axis] as i64 + place[axis]);
    if inside { x[index as usize] } else { beyond }
}

/// All places of a shape, row by row.
fn places(shape: [usize; 4]) -> impl Iterator<Item = [i64; 4]> {
    let strides = [0, 1, 2, 3].map(|axis| shape[axis + 1..].iter().product::<usize>());
    (0..shape.iter().product()).map(move |index: usize| {
        [0, 1, 2, 3].map(|axis| (index / strides[axis] % shape[axis]) as i64)
    })
}

#[test]
fn convolutions_of_volumes() {
    let (w, b) = (weights(2 * 2 * 2 * 3 * 2), weights(2));
    let op = Op::new("Conv", &["x", "w", "b"], &["y"])
        .ints("strides", &[2, 1, 1])
        .ints("dilations", &[1, 1, 2])
        .ints("pads", &[1, 1, 0, 0, 1, 0]);
    let builder = Builder::new(13).input("x", &[1, 2, 4, 3, 4]).floats("w", &[2, 2, 2, 3, 2], &w);
    defined(builder.floats("b", &[2], &b).node(op).output("y"), 4.0, |inputs| {
        let (x, shape) = (numbers(&inputs[0]), [2, 4, 3, 4]);
        let value = |[m, d, h, v]: [i64; 4]| -> f64 {
            let terms = places([2, 2, 3, 2]).enumerate().map(|(index, [c, i, j, k])| {
                let weight = f64::from(w[m as usize * 24 + index]);
                weight * at(&x, shape, [c, 2 * d + i - 1, h + j - 1, v + 2 * k], 0.0)
            });
            terms.sum::<f64>() + f64::from(b[m as usize])
        };
        places([2, 2, 3, 2]).map(value).collect()
    });
}

#[test]
fn transposed_convolutions_of_volumes() {
    let w = weights(8);
    let op = Op::new("ConvTranspose", &["x", "w"], &["y"]).ints("strides", &[2, 2, 2]);
    let builder = Builder::new(13).input("x", &[1, 1, 2, 2, 2]).floats("w", &[1, 1, 2, 2, 2], &w);
    // Strides as long as the kernel: each element becomes a block of its own.
    defined(builder.node(op).output("y"), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let value = |[_, d, h, v]: [i64; 4]| {
            let from = at(&x, [1, 2, 2, 2], [0, d / 2, h / 2, v / 2], 0.0);
            from * f64::from(w[(d % 2 * 4 + h % 2 * 2 + v % 2) as usize])
        };
        places([1, 4, 4, 4]).map(value).collect()
    });
}

#[test]
fn pools_of_volumes() {
    let pool = |name: &str| {
        let op = Op::new(name, &["x"], &["y"]).ints("kernel_shape", &[2, 2, 3]);
        unary(
            19,
            &[1, 2, 3, 4, 4],
            op.ints("strides", &[1, 2, 1]).ints("pads", &[0, 1, 1, 1, 0, 0]),
        )
    };
    let window = |x: &[f64], [c, d, h, v]: [i64; 4]| -> Vec<f64> {
        let inside = places([1, 2, 2, 3]).map(|[_, i, j, k]| {
            at(x, [2, 3, 4, 4], [c, d + i, 2 * h + j - 1, v + k - 1], f64::NAN)
        });
        inside.filter(|x| !x.is_nan()).collect()
    };
    let shape = [2, 3, 2, 3];
    defined(pool("MaxPool"), 1.0, |inputs| {
        let x = numbers(&inputs[0]);
        let largest = |place| window(&x, place).into_iter().fold(f64::NEG_INFINITY, f64::max);
        places(shape).map(largest).collect()
    });
    defined(pool("AveragePool"), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let mean = |window: Vec<f64>| window.iter().sum::<f64>() / window.len() as f64;
        places(shape).map(|place| mean(window(&x, place))).collect()
    });
}

#[test]
fn pools_by_norm() {
    let op = Op::new("LpPool", &["x"], &["y"]).ints("kernel_shape", &[2]).int("p", 1);
    defined(unary(18, &[2, 1, 6], op), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        x.chunks(6).flat_map(|x| x.windows(2).map(|pair| pair[0].abs() + pair[1].abs())).collect()
    });
    let op = Op::new("GlobalLpPool", &["x"], &["y"]).int("p", 2);
    defined(unary(13, &[1, 2, 4, 4], op), 5.0, |inputs| {
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        numbers(&inputs[0]).chunks(16).map(norm).collect()
    });
}

/// A kernel that is computed, of two groups.
#[test]
fn convolutions_by_computed_weights() {
    let op = Op::new("Conv", &["x", "w", "b"], &["y"])
        .int("group", 2)
        .ints("pads", &[1, 0, 0, 1])
        .ints("strides", &[1, 2]);
    let builder = Builder::new(13).input("x", &[2, 2, 3, 4]).input("w", &[4, 1, 2, 2]);
    defined(builder.input("b", &[4]).node(op).output("y"), 4.0, |inputs| {
        let [x, w, b] = [0, 1, 2].map(|index| numbers(&inputs[index]));
        let value = |[n, m, h, v]: [i64; 4]| -> f64 {
            let terms = places([1, 1, 2, 2]).map(|[_, _, i, j]| {
                let from = at(&x, [2, 2, 3, 4], [n, m / 2, h + i - 1, 2 * v + j], 0.0);
                from * w[(m * 4 + i * 2 + j) as usize]
            });
            terms.sum::<f64>() + b[m as usize]
        };
        places([2, 4, 3, 2]).map(value).collect()
    });
}

#[test]
fn convolutions_of_volumes_by_computed_weights() {
    let op = Op::new("Conv", &["x", "w"], &["y"])
        .ints("pads", &[1, 0, 0, 0, 0, 1])
        .ints("strides", &[1, 1, 2])
        .ints("dilations", &[2, 1, 1]);
    let builder = Builder::new(13).input("x", &[1, 2, 3, 2, 4]).input("w", &[2, 2, 2, 1, 2]);
    defined(builder.node(op).output("y"), 4.0, |inputs| {
        let [x, w] = [0, 1].map(|index| numbers(&inputs[index]));
        let value = |[m, d, h, v]: [i64; 4]| -> f64 {
            let terms = places([2, 2, 1, 2]).enumerate().map(|(index, [c, i, j, k])| {
                let from = at(&x, [2, 3, 2, 4], [c, d + 2 * i - 1, h + j, 2 * v + k], 0.0);
                from * w[m as usize * 8 + index]
            });
            terms.sum()
        };
        places([2, 2, 2, 2]).map(value).collect()
    });
}
