//! MaxPool, AveragePool, GlobalAveragePool.

use zkinfer_models::testing::onnx::Op;

use super::unary;
use crate::support::close;

#[test]
fn max_pool() {
    let pool = || Op::new("MaxPool", &["x"], &["y"]);
    let input = [1, 2, 7, 6];
    close(
        unary(13, &input, pool().ints("kernel_shape", &[2, 2]).ints("strides", &[2, 2])),
        1.0,
        &["MaxPool"],
    );
    let padded =
        pool().ints("kernel_shape", &[3, 2]).ints("pads", &[1, 0, 1, 1]).ints("strides", &[2, 1]);
    close(unary(13, &input, padded), 1.0, &["MaxPool"]);
    let dilated = pool().ints("kernel_shape", &[2, 2]).ints("dilations", &[2, 3]);
    close(unary(13, &input, dilated), 1.0, &["MaxPool"]);
    let ceiling = pool().ints("kernel_shape", &[2, 3]).ints("strides", &[2, 2]).int("ceil_mode", 1);
    let case = close(unary(13, &input, ceiling), 1.0, &["MaxPool"]);
    assert_eq!(case.integers()[0].shape(), [1, 2, 4, 3]);
    close(
        unary(9, &[1, 3, 9], pool().ints("kernel_shape", &[3]).ints("strides", &[2])),
        1.0,
        &["MaxPool"],
    );
    close(
        unary(13, &input, pool().ints("kernel_shape", &[2, 2]).string("auto_pad", "SAME_UPPER")),
        1.0,
        &["MaxPool"],
    );
}

#[test]
fn ceil_mode_begins_no_window_behind_the_input() {
    // ⌈(7 − 2) / 4⌉ + 1 = 3 windows, but the third would begin at 8.
    let pool = Op::new("MaxPool", &["x"], &["y"])
        .ints("kernel_shape", &[2])
        .ints("strides", &[4])
        .int("ceil_mode", 1);
    let case = close(unary(13, &[1, 2, 7], pool), 1.0, &["MaxPool"]);
    assert_eq!(case.integers()[0].shape(), [1, 2, 2]);
}

#[test]
fn average_pool() {
    let pool = || Op::new("AveragePool", &["x"], &["y"]);
    let input = [1, 2, 7, 6];
    close(
        unary(13, &input, pool().ints("kernel_shape", &[2, 2]).ints("strides", &[2, 2])),
        2.5,
        &["AveragePool"],
    );
    for include in [0, 1] {
        let padded = pool()
            .ints("kernel_shape", &[3, 2])
            .ints("pads", &[1, 0, 1, 1])
            .ints("strides", &[2, 1])
            .int("count_include_pad", include);
        close(unary(13, &input, padded), 2.5, &["AveragePool"]);
        let ceiling = pool()
            .ints("kernel_shape", &[3, 3])
            .ints("pads", &[1, 1, 1, 1])
            .ints("strides", &[2, 2])
            .int("ceil_mode", 1)
            .int("count_include_pad", include);
        close(unary(13, &input, ceiling), 2.5, &["AveragePool"]);
        let same = pool()
            .ints("kernel_shape", &[2, 2])
            .string("auto_pad", "SAME_LOWER")
            .int("count_include_pad", include);
        close(unary(13, &input, same), 2.5, &["AveragePool"]);
    }
    close(
        unary(19, &input, pool().ints("kernel_shape", &[2, 2]).ints("dilations", &[2, 2])),
        2.5,
        &["AveragePool"],
    );
    close(unary(9, &[1, 3, 9], pool().ints("kernel_shape", &[3])), 2.5, &["AveragePool"]);
}

#[test]
fn global_average_pool_in_both_ranks() {
    let pool = || Op::new("GlobalAveragePool", &["x"], &["y"]);
    let case = close(unary(13, &[1, 3, 5, 4], pool()), 4.0, &["AveragePool"]);
    assert_eq!(case.integers()[0].shape(), [1, 3, 1, 1]);
    close(unary(13, &[1, 3, 9], pool()), 4.0, &["AveragePool"]);
}
