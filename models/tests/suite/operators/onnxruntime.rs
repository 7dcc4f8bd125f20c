//! What onnxruntime fuses of a transformer, beside what its CPU kernels make of the same numbers.

use ndarray::ArrayD;
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::refusal;

/// An operand. The first of an operator is computed, the others are constants.
enum Given {
    /// Of this shape, with the numbers of [`pattern`].
    Floats(&'static [i64]),
    Whole(&'static [i64], &'static [i64]),
    Nothing,
}
use Given::{Floats, Nothing, Whole};

/// Numbers that float32 has, others for each place of an operand.
fn pattern(shape: &[i64], place: usize) -> Vec<f32> {
    let number = |index: usize| ((7 * index + 3 * place) % 11) as f32 / 4.0 - 1.25;
    (0..shape.iter().product::<i64>() as usize).map(number).collect()
}

fn whole(name: &str, shape: &[i64], numbers: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: DataType::Int64 as i32,
        raw_data: numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    }
}

/// An operator of onnxruntime's on these operands.
fn network(operator: &str, given: &[Given], set: impl Fn(Op) -> Op) -> Builder {
    let names: Vec<String> = (0..given.len()).map(|place| format!("x{place}")).collect();
    let mut read = Vec::new();
    let mut builder = Builder::new(21);
    for (place, (operand, name)) in given.iter().zip(&names).enumerate() {
        read.push(if matches!(operand, Nothing) { "" } else { name.as_str() });
        builder = match operand {
            Nothing => builder,
            Floats(shape) if place == 0 => builder.input(name, shape),
            Floats(shape) => builder.floats(name, shape, &pattern(shape, place)),
            Whole(shape, _) if place == 0 => {
                let lengths = shape.iter().map(|&length| Length::DimValue(length)).collect();
                builder.typed_input(name, DataType::Int64, lengths)
            }
            Whole(shape, numbers) => builder.tensor(whole(name, shape, numbers)),
        };
    }
    let op = Op::new(operator, &read, &["y", "a", "b"]).domain("com.microsoft");
    builder.node(set(op)).output("y")
}

/// Some of the numbers that the float network computes, in order.
fn computed(operator: &str, given: &[Given], set: impl Fn(Op) -> Op, count: usize) -> Vec<f32> {
    let input: Vec<f32> = match &given[0] {
        Floats(shape) => pattern(shape, 0),
        Whole(_, numbers) => numbers.iter().map(|&x| x as f32).collect(),
        Nothing => Vec::new(),
    };
    let model = Model::from_bytes("m.onnx", &network(operator, given, set).bytes()).unwrap();
    let shape = model.inputs()[0].shape.clone();
    let result = model.run_own(&[ArrayD::from_shape_vec(shape, input).unwrap()]).unwrap();
    let step = (result[0].len() / 12).max(1);
    let some: Vec<f32> = result[0].iter().step_by(step).copied().collect();
    assert_eq!(some.len(), count);
    some
}

type Case<'a> = (&'a str, &'a [Given], &'a dyn Fn(Op) -> Op, &'a [f32]);

fn agree(cases: &[Case<'_>]) {
    for (number, (operator, given, set, expected)) in cases.iter().enumerate() {
        let found = computed(operator, given, set, expected.len());
        let close = found.iter().zip(*expected).all(|(a, b)| (a - b).abs() < 2e-4);
        assert!(close, "{operator} {number}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn attention_of_one_input() {
    agree(&[
        (
            "Attention",
            &[Floats(&[1, 3, 4]), Floats(&[4, 12]), Floats(&[12])],
            &|op| op.int("num_heads", 2),
            &[
                -0.0386, 1.4969, 1.1623, 0.4975, -0.0458, 1.1021, -0.2486, 2.5585, -0.675, 3.0851,
                0.3796, 0.4205,
            ],
        ),
        (
            "Attention",
            &[Floats(&[1, 3, 4]), Floats(&[4, 12]), Floats(&[12]), Whole(&[1, 3], &[0, 1, 1])],
            &|op| op.int("num_heads", 2).int("unidirectional", 1),
            &[
                -0.6875, 3.125, 0.0625, 0.4375, 1.875, -1.6875, 3.0, -0.5625, 0.4184, -0.4057,
                2.0719, 0.3299,
            ],
        ),
        (
            "Attention",
            &[
                Floats(&[1, 3, 4]),
                Floats(&[4, 12]),
                Nothing,
                Whole(&[1, 3, 3], &[1, 0, 1, 0, 1, 0, 1, 1, 0]),
            ],
            &|op| op.int("num_heads", 2),
            &[
                -0.7309, 2.0554, -1.207, 0.3201, 1.375, -1.1875, 1.75, -0.8125, -1.1778, 3.6068,
                -0.4686, -0.0572,
            ],
        ),
        (
            "Attention",
            &[Floats(&[1, 3, 4]), Floats(&[4, 12]), Floats(&[12]), Whole(&[1], &[2])],
            &|op| op.int("num_heads", 2).float("scale", 0.25),
            &[
                0.2917, 1.2859, 1.5377, -0.0647, 0.1113, 1.6247, 1.1228, 0.0766, -0.4988, 2.7707,
                1.0301, 0.1081,
            ],
        ),
        (
            "Attention",
            &[Floats(&[1, 3, 4]), Floats(&[4, 12]), Floats(&[12]), Whole(&[2], &[3, 1])],
            &|op| op.int("num_heads", 2),
            &[
                0.8823, -0.8139, 1.8582, 0.5354, 0.4379, -0.4228, -0.249, 2.5616, 0.4184, -0.4057,
                2.0719, 0.3299,
            ],
        ),
        (
            "Attention",
            &[
                Floats(&[1, 3, 4]),
                Floats(&[4, 12]),
                Floats(&[12]),
                Whole(&[1, 3], &[1, 1, 0]),
                Nothing,
                Floats(&[1, 2, 3, 3]),
            ],
            &|op| op.int("num_heads", 2).float("mask_filter_value", -1.0),
            &[
                -0.2781, 1.9794, 2.4077, -0.2418, 0.2958, 0.7002, -0.2424, 2.5518, -0.668, 3.0756,
                0.1992, 0.3961,
            ],
        ),
        (
            "Attention",
            &[Floats(&[1, 3, 4]), Floats(&[4, 14]), Floats(&[14])],
            &|op| op.int("num_heads", 2).ints("qkv_hidden_sizes", &[4, 4, 6]),
            &[
                -0.0002, 1.2387, 0.7087, 0.0612, -0.8637, 0.8434, 0.3587, 0.8349, 0.8762, -0.2439,
                -1.093, 0.5708, -0.0153, 0.2208, 0.9441, -0.3878, -1.0441, 0.5095,
            ],
        ),
        (
            "Attention",
            &[
                Floats(&[1, 3, 4]),
                Floats(&[4, 12]),
                Floats(&[12]),
                Nothing,
                Floats(&[2, 1, 2, 2, 2]),
            ],
            &|op| op.int("num_heads", 2).int("unidirectional", 1),
            &[
                -0.3492, 0.6402, -0.1458, 0.2292, -0.2315, 0.4749, -0.4858, 0.2808, -0.047,
                -0.7257, -0.7714, 0.3594,
            ],
        ),
    ]);
}

#[test]
fn attention_of_queries_keys_and_values() {
    agree(&[
        (
            "MultiHeadAttention",
            &[Floats(&[1, 3, 4]), Floats(&[1, 2, 4]), Floats(&[1, 2, 6]), Floats(&[14])],
            &|op| op.int("num_heads", 2),
            &[
                1.3349, -0.6651, 0.0849, 0.5154, 1.1806, -0.7346, 1.0602, -0.9398, -0.1898, 0.6555,
                0.5503, -0.5945, 1.33, -0.67, 0.08, 0.6801, 0.4396, -0.5699,
            ],
        ),
        (
            "MultiHeadAttention",
            &[
                Floats(&[1, 3, 4]),
                Floats(&[1, 3, 4]),
                Floats(&[1, 3, 4]),
                Nothing,
                Whole(&[1, 3], &[1, 0, 1]),
                Floats(&[1, 1, 3, 3]),
            ],
            &|op| op.int("num_heads", 2).int("unidirectional", 1),
            &[0.25, -0.75, 1.0, 0.0, 0.25, -0.75, 1.0, 0.0, 0.3301, -0.6699, 1.1547, 0.1547],
        ),
        (
            "MultiHeadAttention",
            &[Floats(&[1, 3, 4]), Floats(&[1, 2, 2, 2]), Floats(&[1, 2, 2, 2]), Floats(&[12])],
            &|op| op.int("num_heads", 2),
            &[
                0.4762, -0.5238, -0.2799, -1.1703, 0.8864, -0.1136, -0.5514, -0.4463, 0.4429,
                -0.5571, -0.3865, -0.8859,
            ],
        ),
        (
            "MultiHeadAttention",
            &[
                Floats(&[1, 3, 4]),
                Floats(&[1, 3, 4]),
                Floats(&[1, 3, 4]),
                Floats(&[12]),
                Nothing,
                Nothing,
                Floats(&[1, 2, 2, 2]),
                Floats(&[1, 2, 2, 2]),
            ],
            &|op| op.int("num_heads", 2),
            &[
                0.7753, 0.2492, -0.1823, -0.8039, 0.5717, 0.5323, -0.0612, -0.1944, 0.5952, 0.3476,
                0.0247, -0.0959,
            ],
        ),
    ]);
}

#[test]
fn attention_of_grouped_queries() {
    agree(&[
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 32]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 2, 16]),
                Nothing,
                Nothing,
                Whole(&[1], &[1]),
                Whole(&[1], &[2]),
            ],
            &|op| op.int("num_heads", 2).int("kv_num_heads", 1),
            &[
                0.25, 0.75, 1.25, -1.0, -1.0, -0.5, 0.0, 0.2461, 0.7461, -0.1074, -1.053, -0.7938,
                -0.2938,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 64]),
                Nothing,
                Nothing,
                Nothing,
                Nothing,
                Whole(&[1], &[1]),
                Whole(&[1], &[2]),
                Floats(&[4, 8]),
                Floats(&[4, 8]),
            ],
            &|op| op.int("num_heads", 2).int("kv_num_heads", 1).int("do_rotary", 1),
            &[
                0.25, 0.75, 1.25, -1.0, -1.0, -0.5, 0.0, -0.1865, 0.3135, 0.8135, 0.6298, -0.2627,
                0.2373,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 32]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 2, 16]),
                Nothing,
                Nothing,
                Whole(&[1], &[1]),
                Whole(&[1], &[2]),
                Floats(&[4, 8]),
                Floats(&[4, 8]),
                Whole(&[1, 2], &[2, 0]),
            ],
            &|op| {
                op.int("num_heads", 2)
                    .int("kv_num_heads", 1)
                    .int("do_rotary", 1)
                    .int("rotary_interleaved", 1)
            },
            &[
                0.25, 0.75, 1.25, -1.0, -1.0, -0.5, 0.0, 0.1864, 0.6864, 0.1613, -0.8909, -0.8298,
                -0.3298,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 4, 32]),
                Floats(&[1, 4, 16]),
                Floats(&[1, 4, 16]),
                Nothing,
                Nothing,
                Whole(&[1], &[3]),
                Whole(&[1], &[4]),
            ],
            &|op| {
                op.int("num_heads", 2)
                    .int("kv_num_heads", 1)
                    .int("local_window_size", 2)
                    .float("softcap", 1.5)
            },
            &[
                0.25, 1.25, -1.0, 0.0, 0.7473, -0.955, -0.3156, 0.6204, 1.0695, -0.6805, 0.2914,
                -0.3112, -1.0136,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 32]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 2, 16]),
                Nothing,
                Nothing,
                Whole(&[1], &[1]),
                Whole(&[1], &[2]),
                Nothing,
                Nothing,
                Nothing,
                Nothing,
                Floats(&[2]),
            ],
            &|op| op.int("num_heads", 2).int("kv_num_heads", 1),
            &[
                0.1835, 0.5506, 0.9176, -0.7341, -0.7578, -0.3789, 0.0, 0.2328, 0.7059, -0.1016,
                -0.7975, -0.6012, -0.2225,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 32]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 2, 16]),
                Nothing,
                Nothing,
                Whole(&[1], &[1]),
                Whole(&[1], &[2]),
            ],
            &|op| {
                op.int("num_heads", 2)
                    .int("kv_num_heads", 1)
                    .int("smooth_softmax", 1)
                    .int("causal", 0)
            },
            &[
                0.1998, 0.4597, 0.3352, -0.4498, -0.8139, -0.3894, 0.0351, 0.2053, 0.6223, -0.0896,
                -0.8817, -0.6647, -0.246,
            ],
        ),
        (
            "GroupQueryAttention",
            &[
                Floats(&[1, 2, 32]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 2, 16]),
                Floats(&[1, 1, 3, 16]),
                Floats(&[1, 1, 3, 16]),
                Whole(&[1], &[4]),
                Whole(&[1], &[5]),
            ],
            &|op| op.int("num_heads", 2).int("kv_num_heads", 1),
            &[
                -0.4635, 0.0365, 0.5365, 0.7042, -0.997, -0.686, -0.2338, 0.034, 0.534, 0.0661,
                -0.8213, -0.5151, -0.1568,
            ],
        ),
    ]);
}

#[test]
fn positions_and_tables() {
    agree(&[
        (
            "RotaryEmbedding",
            &[Floats(&[1, 2, 32]), Whole(&[1, 2], &[3, 1]), Floats(&[4, 8]), Floats(&[4, 8])],
            &|op| op,
            &[
                -2.25, 0.6875, 0.375, -0.125, -0.6875, 0.75, -2.0625, 0.125, -0.3125, 0.25, 2.1875,
                1.0, 0.5625,
            ],
        ),
        (
            "RotaryEmbedding",
            &[Floats(&[1, 2, 2, 16]), Whole(&[1], &[2]), Floats(&[4, 8]), Floats(&[4, 8])],
            &|op| op.int("interleaved", 1),
            &[
                -0.3125, 0.8125, -1.25, -0.1875, -0.8125, -0.5625, 0.3125, 0.375, 0.25, -1.125,
                0.0, -0.625, -1.625,
            ],
        ),
        (
            "RotaryEmbedding",
            &[Floats(&[1, 2, 40]), Whole(&[1, 2], &[0, 3]), Floats(&[4, 8]), Floats(&[4, 8])],
            &|op| op.int("num_heads", 2).int("rotary_embedding_dim", 16),
            &[
                0.6875, -0.875, -0.5625, 0.0, 0.4375, 0.25, 1.25, -0.5, 0.25, -0.75, -1.25, 0.625,
                0.125, 0.5,
            ],
        ),
        (
            "EmbedLayerNormalization",
            &[
                Whole(&[1, 3], &[4, 0, 6]),
                Whole(&[1, 3], &[0, 1, 1]),
                Floats(&[7, 4]),
                Floats(&[5, 4]),
                Floats(&[2, 4]),
                Floats(&[4]),
                Floats(&[4]),
            ],
            &|op| op,
            &[
                0.2943, -1.2864, 0.4031, 0.129, 0.45, 1.25, 1.95, 0.35, 0.1882, 0.6136, 0.7155,
                -0.1063,
            ],
        ),
        (
            "EmbedLayerNormalization",
            &[
                Whole(&[1, 3], &[4, 0, 6]),
                Nothing,
                Floats(&[7, 4]),
                Floats(&[5, 4]),
                Nothing,
                Floats(&[4]),
                Floats(&[4]),
                Nothing,
                Whole(&[1, 3], &[3, 1, 2]),
            ],
            &|op| op.float("epsilon", 0.1),
            &[
                0.2146, 1.1175, 1.0597, -0.0164, 0.4515, 1.1966, 1.9286, 0.3469, 0.2442, -0.2048,
                0.5022, -0.1042,
            ],
        ),
    ]);
}

#[test]
fn what_has_no_kernel_or_no_known_length() {
    let said = |operator: &str, given: &[Given], set: &dyn Fn(Op) -> Op| {
        refusal(network(operator, given, set))
    };
    let x = || Floats(&[1, 3, 4]);
    let rotary = said("Attention", &[Floats(&[1, 3, 4]), Floats(&[4, 12])], &|op| {
        op.int("num_heads", 2).int("do_rotary", 1)
    });
    assert!(rotary.contains("`do_rotary` is 1") && rotary.contains("ORT_DISABLE_ALL"), "{rotary}");
    let packed =
        said("MultiHeadAttention", &[Floats(&[1, 3, 2, 3, 2])], &|op| op.int("num_heads", 2));
    assert!(packed.contains("are packed"), "{packed}");
    let heads = said("MultiHeadAttention", &[x(), x(), x()], &|op| op.int("num_heads", 3));
    assert!(heads.contains("3 heads do not divide a width of 4"), "{heads}");
    let mask = Whole(&[1, 1, 3, 3], &[1; 9]);
    let mask = [Floats(&[1, 3, 4]), Floats(&[4, 12]), Nothing, mask];
    let mask = said("Attention", &mask, &|op| op.int("num_heads", 2));
    assert!(mask.contains("its mask (input 3) has shape [1, 1, 3, 3]"), "{mask}");
    // Room for three keys before, of which two count.
    let key = || Floats(&[1, 2, 16]);
    let past = || Floats(&[1, 1, 3, 16]);
    let last = Whole(&[1], &[3]);
    let given = [Floats(&[1, 2, 32]), key(), key(), past(), past(), last, Whole(&[1], &[5])];
    let past =
        said("GroupQueryAttention", &given, &|op| op.int("num_heads", 2).int("kv_num_heads", 1));
    assert!(past.contains("its past has room for 3 keys"), "{past}");
    assert!(past.contains("use_cache=False"), "{past}");
    let tokens =
        said("PackedAttention", &[Floats(&[3, 4]), Floats(&[4, 12])], &|op| op.int("num_heads", 2));
    assert!(tokens.contains("this operator is not supported"), "{tokens}");
    assert!(tokens.contains("without its packing mode"), "{tokens}");
}
