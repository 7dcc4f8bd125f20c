//! Operators that are constant matrices: sums, spectra, samples and interpolations; and those whose
//! elements are known from their definition alone.

use ndarray::ArrayD;
use zkinfer_models::testing::onnx::{Builder, Op};

use super::unary;
use crate::support::{defined, weights};

fn numbers(tensor: &ArrayD<f32>) -> Vec<f64> {
    tensor.iter().map(|&x| f64::from(x)).collect()
}

#[test]
fn sums_and_products_so_far() {
    let builder =
        |op: Op| Builder::new(14).input("x", &[2, 5]).integers("axis", &[1]).node(op).output("y");
    let op = |name: &str| Op::new(name, &["x", "axis"], &["y"]);
    defined(builder(op("CumSum").int("reverse", 1).int("exclusive", 1)), 3.0, |inputs| {
        let rows = numbers(&inputs[0]);
        let sums = rows.chunks(5).flat_map(|row| (0..5).map(|at| row[at + 1..].iter().sum()));
        sums.collect()
    });
    defined(builder(op("CumSum")), 3.0, |inputs| {
        let rows = numbers(&inputs[0]);
        rows.chunks(5).flat_map(|row| (0..5).map(|at| row[..=at].iter().sum())).collect()
    });
    defined(builder(op("CumProd")), 3.0, |inputs| {
        let rows = numbers(&inputs[0]);
        rows.chunks(5).flat_map(|row| (0..5).map(|at| row[..=at].iter().product())).collect()
    });
    defined(builder(op("CumProd").int("exclusive", 1)), 3.0, |inputs| {
        let rows = numbers(&inputs[0]);
        rows.chunks(5).flat_map(|row| (0..5).map(|at| row[..at].iter().product())).collect()
    });
}

#[test]
fn spectra() {
    let dft = Op::new("DFT", &["x", "n"], &["y"]).int("axis", 1).int("onesided", 1);
    let builder = Builder::new(17).input("x", &[2, 6, 1]).integers("n", &[8]);
    defined(builder.node(dft).output("y"), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let mut spectrum = Vec::new();
        for row in x.chunks(6) {
            for k in 0..5 {
                let angle = |n: usize| -std::f64::consts::TAU * (k * n) as f64 / 8.0;
                spectrum.push((0..6).map(|n| row[n] * angle(n).cos()).sum());
                spectrum.push((0..6).map(|n| row[n] * angle(n).sin()).sum());
            }
        }
        spectrum
    });
    // There and back again.
    let there = Op::new("DFT", &["x"], &["s"]).int("axis", 1);
    let back = Op::new("DFT", &["s"], &["y"]).int("axis", 1).int("inverse", 1);
    let builder = Builder::new(17).input("x", &[1, 7, 2]).node(there).node(back).output("y");
    defined(builder, 5.0, |inputs| numbers(&inputs[0]));
    let window = [0.5, 1.0, 0.25, 0.75];
    let stft = Op::new("STFT", &["x", "step", "w"], &["y"]).int("onesided", 0);
    let builder = Builder::new(17).input("x", &[1, 8, 1]).integers("step", &[2]);
    let builder = builder.floats("w", &[4], &window.map(|x| x as f32)).node(stft).output("y");
    defined(builder, 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let mut spectrum = Vec::new();
        for frame in 0..3 {
            for k in 0..4 {
                let angle = |n: usize| -std::f64::consts::TAU * (k * n) as f64 / 4.0;
                let at = |n: usize| x[2 * frame + n] * window[n];
                spectrum.push((0..4).map(|n| at(n) * angle(n).cos()).sum());
                spectrum.push((0..4).map(|n| at(n) * angle(n).sin()).sum());
            }
        }
        spectrum
    });
}

/// Keys' weights, a = −0.75, by distance.
fn keys(distance: f64) -> f64 {
    let (x, a) = (distance.abs(), -0.75);
    match x {
        x if x < 1.0 => (a + 2.0) * x.powi(3) - (a + 3.0) * x.powi(2) + 1.0,
        x if x < 2.0 => a * x.powi(3) - 5.0 * a * x.powi(2) + 8.0 * a * x - 4.0 * a,
        _ => 0.0,
    }
}

#[test]
fn cubic_and_averaging_resizes() {
    let resize = |op: Op, scale: f32| {
        let builder = Builder::new(18).input("x", &[1, 1, 6]).floats("s", &[3], &[1.0, 1.0, scale]);
        builder.node(op).output("y")
    };
    let op = || Op::new("Resize", &["x", "", "s"], &["y"]);
    defined(resize(op().string("mode", "cubic"), 2.0), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let at = |index: i64| x[index.clamp(0, 5) as usize];
        let place = |to: usize| (to as f64 + 0.5) / 2.0 - 0.5;
        let value = |to: usize| -> f64 {
            let middle = place(to).floor() as i64;
            (middle - 1..=middle + 2).map(|i| keys(i as f64 - place(to)) * at(i)).sum()
        };
        (0..12).map(value).collect()
    });
    // Half as many, each an average over all that it passes.
    let antialias = op().string("mode", "linear").int("antialias", 1);
    defined(resize(antialias, 0.5), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let at = |index: i64| x[index.clamp(0, 5) as usize];
        let value = |to: i64| {
            let weights = [0.125, 0.375, 0.375, 0.125];
            (0..4).map(|i| weights[i as usize] * at(2 * to - 1 + i)).sum()
        };
        (0..3).map(value).collect()
    });
    let crop = Op::new("Resize", &["x", "r", "", "z"], &["y"])
        .string("mode", "linear")
        .string("coordinate_transformation_mode", "tf_crop_and_resize")
        .float("extrapolation_value", 2.0);
    let builder = Builder::new(18).input("x", &[1, 1, 6]).integers("z", &[1, 1, 4]);
    let builder = builder.floats("r", &[6], &[0.0, 0.0, 0.2, 1.0, 1.0, 1.4]);
    defined(builder.node(crop).output("y"), 3.0, |inputs| {
        // From 1 to 7 in four steps; elements end at 5.
        let x = numbers(&inputs[0]);
        vec![x[1], x[3], x[5], 2.0]
    });
}

#[test]
fn samples_of_a_grid() {
    // Between all four elements, on the last one, and half outside.
    let grid = [0.0, 0.0, 0.5, 0.5, -1.0, -0.5];
    let op = Op::new("GridSample", &["x", "g"], &["y"]).string("mode", "linear");
    let builder = Builder::new(20).input("x", &[1, 2, 2, 2]).floats("g", &[1, 1, 3, 2], &grid);
    defined(builder.node(op).output("y"), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        let sampled = x.chunks(4).flat_map(|x| [x.iter().sum::<f64>() / 4.0, x[3], x[0] / 2.0]);
        sampled.collect()
    });
}

#[test]
fn sums_by_equation() {
    let builder = |equation: &str| {
        let op = Op::new("Einsum", &["a", "b"], &["y"]).string("equation", equation);
        Builder::new(13).input("a", &[2, 3, 4]).input("b", &[2, 5, 4]).node(op).output("y")
    };
    let dot = |inputs: &[ArrayD<f32>], n: usize, i: usize, j: usize| -> f64 {
        let (a, b) = (numbers(&inputs[0]), numbers(&inputs[1]));
        (0..4).map(|k| a[(n * 3 + i) * 4 + k] * b[(n * 5 + j) * 4 + k]).sum()
    };
    defined(builder("nik,njk->nji"), 4.0, |inputs| {
        let places = (0..2).flat_map(|n| (0..5).flat_map(move |j| (0..3).map(move |i| (n, i, j))));
        places.map(|(n, i, j)| dot(inputs, n, i, j)).collect()
    });
    defined(builder("...ik,...jk"), 4.0, |inputs| {
        let places = (0..2).flat_map(|n| (0..3).flat_map(move |i| (0..5).map(move |j| (n, i, j))));
        places.map(|(n, i, j)| dot(inputs, n, i, j)).collect()
    });
    // A constant operand is one of weights, and a diagonal a choice of elements.
    let w = weights(12);
    let op = Op::new("Einsum", &["w", "x"], &["y"]).string("equation", "ij,jj->i");
    let case = defined(
        Builder::new(13).input("x", &[4, 4]).floats("w", &[3, 4], &w).node(op).output("y"),
        3.0,
        |inputs| {
            let x = numbers(&inputs[0]);
            let sum = |i: usize| (0..4).map(|j| f64::from(w[i * 4 + j]) * x[j * 5]).sum();
            (0..3).map(sum).collect()
        },
    );
    assert!(!case.operators().contains(&"MatMul"));
}

#[test]
fn reductions_of_products_and_exponentials() {
    let reduce = |name: &str| {
        unary(13, &[2, 5], Op::new(name, &["x"], &["y"]).ints("axes", &[1]).int("keepdims", 0))
    };
    defined(reduce("ReduceProd"), 8.0, |inputs| {
        numbers(&inputs[0]).chunks(5).map(|row| row.iter().product()).collect()
    });
    defined(reduce("ReduceLogSumExp"), 4.0, |inputs| {
        let sum = |row: &[f64]| row.iter().map(|x| x.exp()).sum::<f64>().ln();
        numbers(&inputs[0]).chunks(5).map(sum).collect()
    });
}

#[test]
fn triangles_centres_and_blocks() {
    let op = Op::new("Trilu", &["x", "k"], &["y"]).int("upper", 0);
    let builder = Builder::new(14).input("x", &[2, 3, 3]).integers("k", &[-1]);
    defined(builder.node(op).output("y"), 2.0, |inputs| {
        let x = numbers(&inputs[0]);
        let kept = |index: usize| index % 3 < index / 3 % 3;
        (0..18).map(|index| if kept(index) { x[index] } else { 0.0 }).collect()
    });
    let op = Op::new("CenterCropPad", &["x", "s"], &["y"]);
    let builder = Builder::new(18).input("x", &[3, 2]).integers("s", &[2, 5]);
    defined(builder.node(op).output("y"), 1.0, |inputs| {
        let x = numbers(&inputs[0]);
        vec![0.0, x[0], x[1], 0.0, 0.0, 0.0, x[2], x[3], 0.0, 0.0]
    });
    // Blocks of two by one over an image of three by one overlap in the middle.
    let op = Op::new("Col2Im", &["x", "i", "b"], &["y"]);
    let builder = Builder::new(18).input("x", &[1, 2, 2]).integers("i", &[3, 1]);
    defined(builder.integers("b", &[2, 1]).node(op).output("y"), 3.0, |inputs| {
        let x = numbers(&inputs[0]);
        vec![x[0], x[1] + x[2], x[3]]
    });
    let op = Op::new("AffineGrid", &["x", "s"], &["y"]);
    let builder = Builder::new(20).input("x", &[1, 2, 3]).integers("s", &[1, 1, 2, 2]);
    defined(builder.node(op).output("y"), 3.0, |inputs| {
        let t = numbers(&inputs[0]);
        let places = [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]];
        let moved = |[x, y]: [f64; 2]| [t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]];
        places.into_iter().flat_map(moved).collect()
    });
}
