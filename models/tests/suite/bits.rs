//! Activations of more than 8 bits, and ranges that are less than everything.

use ndarray::ArrayD;
use zkinfer_models::Dataset;
use zkinfer_models::compare::Comparison;
use zkinfer_models::integer::graph::Operator;
use zkinfer_models::quantise::settings::{Bits, Method, Options, Widths};
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::widths::{self, Chosen};

use crate::support::{Case, case_with, weights, whole_case};

fn wide(bits: Bits) -> Options {
    Options { widths: Widths::all(bits), ..Options::default() }
}

/// Layers without weights that rounding would spoil: every kind of operator that rescales.
fn arithmetic() -> Builder {
    Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .input("z", &[1, 2, 4, 4])
        .node(Op::new("Add", &["x", "z"], &["sum"]))
        .node(Op::new("Mul", &["x", "z"], &["product"]))
        .node(Op::new("Tanh", &["sum"], &["tanh"]))
        .node(Op::new("Sub", &["tanh", "product"], &["difference"]))
        .node(Op::new("Max", &["difference", "x"], &["most"]))
        .node(
            Op::new("AveragePool", &["most"], &["mean"])
                .ints("kernel_shape", &[2, 2])
                .ints("strides", &[2, 2]),
        )
        .node(Op::new("Sigmoid", &["mean"], &["gate"]))
        .node(Op::new("Concat", &["mean", "gate"], &["y"]).int("axis", 1))
        .output("y")
}

#[test]
fn more_bits_are_nearer() {
    let distance = |bits| case_with(arithmetic(), &wide(bits)).distance();
    let [eight, twelve, sixteen] = [Bits::EIGHT, Bits::TWELVE, Bits::SIXTEEN].map(distance);
    assert!(eight > 0.5, "{eight}");
    assert!(twelve < eight / 6.0, "{twelve} of {eight}");
    assert!(sixteen < twelve / 6.0, "{sixteen} of {twelve}");
}

/// Tables of pairs read 8 bits, comparisons any number.
#[test]
fn functions_of_two_values_read_what_a_table_holds() {
    let builder = Builder::new(13)
        .input("x", &[1, 8])
        .input("z", &[1, 8])
        .floats("two", &[], &[2.0])
        .node(Op::new("Add", &["z", "two"], &["near"]))
        .node(Op::new("Div", &["x", "near"], &["quotient"]))
        .node(Op::new("Sigmoid", &["z"], &["curve"]))
        .node(Op::new("Less", &["x", "curve"], &["less"]))
        .node(Op::new("Where", &["less", "quotient", "curve"], &["y"]))
        .output("y");
    let case = case_with(builder, &wide(Bits::SIXTEEN));
    let narrowed = case.quantised.graph.nodes.iter().filter(|node| node.name.contains("/narrow"));
    assert_eq!(narrowed.count(), 2);
    assert!(case.distance() < 8.0, "{}", case.distance());
}

/// A softmax in the middle, with masks, whose scores are fine.
#[test]
fn masks_of_many_bits() {
    let mask: Vec<f32> =
        (0..16).map(|index| if index % 4 > index / 4 { -1e9 } else { 0.0 }).collect();
    let softmax = Builder::new(17)
        .input("x", &[1, 4, 4])
        .floats("w", &[4, 4], &weights(16))
        .node(Op::new("MatMul", &["x", "w"], &["scores"]))
        .floats("mask", &[1, 4, 4], &mask)
        .node(Op::new("Add", &["scores", "mask"], &["masked"]))
        .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
        .floats("values", &[4, 3], &weights(12))
        .node(Op::new("MatMul", &["p", "values"], &["y"]))
        .output("y");
    let distance = |bits| case_with(softmax.clone(), &wide(bits)).distance();
    let [eight, sixteen] = [Bits::EIGHT, Bits::SIXTEEN].map(distance);
    assert!(sixteen <= eight && sixteen < 6.0, "{sixteen} of {eight}");
}

#[test]
fn outliers_are_named_and_cut_by_every_method() {
    // Of twenty thousand numbers one is a thousand times as large as most.
    let mut factors = vec![1.0; 20_000];
    factors[7] = 1000.0;
    let network = || {
        Builder::new(13)
            .input("x", &[1, 20_000])
            .floats("factors", &[20_000], &factors)
            .node(Op::new("Mul", &["x", "factors"], &["wild"]))
            .node(Op::new("Abs", &["wild"], &["y"]))
            .output("y")
    };
    let range = |case: &Case| {
        let mut nodes = case.quantised.report.nodes.iter();
        nodes.find_map(|node| node.range.filter(|_| node.name.starts_with("wild"))).unwrap().maximum
    };
    let all = case_with(network(), &Options::default());
    assert!(range(&all) > 500.0);
    let said = &all.quantised.report.choices;
    assert!(
        said.iter().any(|line| line.starts_with("\"wild") && line.contains("is quantised up to")),
        "{said:?}"
    );
    for (method, most) in [
        (Method::Percentile(99.8), 1.1),
        (Method::Percentile(100.0), 2000.0),
        (Method::Entropy, 50.0),
    ] {
        let options = Options { method, ..Options::default() };
        let found = range(&case_with(network(), &options));
        assert!(found <= most, "{method:?}: {found}");
    }
    // Square errors weigh a number of 1000 more than the steps of all others.
    let options = Options { method: Method::Mse, ..Options::default() };
    assert!(range(&case_with(network(), &options)) > 100.0);
}

/// Elements that only many bits tell apart are put in order by as many as a TopK has keys for.
#[test]
fn what_is_put_in_order_has_as_many_bits_as_its_keys() {
    let builder = Builder::new(13)
        .input("x", &[1, 32])
        .integers("k", &[2])
        .node(Op::new("Tanh", &["x"], &["t"]))
        .node(Op::new("TopK", &["t", "k"], &["top", "places"]))
        .node(Op::new("Sigmoid", &["top"], &["y"]))
        .output("y");
    let case = case_with(builder, &wide(Bits::SIXTEEN));
    let narrow = case.quantised.graph.nodes.iter().find(|node| node.name.contains("/narrow"));
    let step = narrow.expect("16 bits of 32 elements are too many keys").quantisation.scale;
    assert!((step * 8191.0 - 2.0 * 0.76).abs() < 0.1, "13 bits: {step}");
    assert!(case.distance() < 8.0, "{}", case.distance());
}

/// A small number that is added to a large one and left over when that is taken away: 8 bits lose
/// it.
fn left_over() -> Builder {
    Builder::new(13)
        .input("x", &[1, 6])
        .floats("far", &[6], &[40.0, 41.0, 42.0, 43.0, 44.0, 45.0])
        .node(Op::new("Mul", &["x", "far"], &["large"]))
        .node(Op::new("Tanh", &["x"], &["small"]))
        .node(Op::new("Add", &["large", "small"], &["both"]))
        .node(Op::new("Sub", &["both", "large"], &["y"]))
        .output("y")
}

/// Only what holds both numbers gets more bits.
#[test]
fn more_bits_go_where_the_error_asks_for_them() {
    let Case { model, dataset, .. } = case_with(left_over(), &Options::default());
    let calibration = model.calibrate(&dataset).unwrap();
    let comparison = Comparison::new(&model, &calibration, &dataset).unwrap();
    let choose = |most| widths::choose(&comparison, &Options::default(), most).unwrap();
    let (chosen, eight) = (choose(0.05), Chosen::given(&comparison, Options::default()).unwrap());
    let error = |chosen: &Chosen| chosen.evaluation.outputs[0].all.error;
    let errors = [&eight, &chosen].map(error);
    assert!(errors[0] > 0.1 && errors[1] <= 0.052, "{errors:?}");
    let inputs = model.inputs().len();
    let nodes = &model.graph().nodes;
    let both = nodes.iter().position(|node| node.value == "both").unwrap();
    let bits = |value| chosen.options.widths.of(value);
    assert!(bits(inputs + both) > Bits::EIGHT);
    assert!((0..inputs + nodes.len()).any(|value| bits(value) == Bits::EIGHT), "not all of them");
    let said = chosen.quantised.report.choices.iter().find(|line| line.contains("values have"));
    assert!(said.unwrap().contains("as the error with 8 bits asks for it"), "{said:?}");
    // Where nothing is said about 8 bits, nothing changes.
    let plain = case_with(arithmetic(), &Options::default());
    let calibration = plain.model.calibrate(&plain.dataset).unwrap();
    let comparison = Comparison::new(&plain.model, &calibration, &plain.dataset).unwrap();
    let kept = widths::choose(&comparison, &Options::default(), 1.0).unwrap();
    assert!(kept.narrow.is_none());
    assert_eq!(kept.quantised.graph, plain.quantised.graph);
}

/// Bits that do not help are not spent: what weights of 8 bits lose, no activation makes up for.
#[test]
fn bits_that_do_not_help_are_not_spent() {
    let network = Builder::new(13)
        .typed_input("x", DataType::Int32, vec![Length::DimValue(1), Length::DimValue(32)])
        .floats("w", &[32, 4], &weights(128))
        .node(Op::new("Cast", &["x"], &["real"]).int("to", 1))
        .node(Op::new("MatMul", &["real", "w"], &["y"]))
        .output("y");
    let Case { model, dataset, .. } = whole_case(network, -9, 9);
    let calibration = model.calibrate(&dataset).unwrap();
    let comparison = Comparison::new(&model, &calibration, &dataset).unwrap();
    let chosen = widths::choose(&comparison, &Options::default(), 1e-6).unwrap();
    assert!(chosen.evaluation.outputs[0].all.error > 1e-4, "weights lose more than is asked for");
    assert_eq!(chosen.options.widths, Widths::default());
    assert!(chosen.narrow.is_none());
}

/// What two samples do not show is seen on all of them: bits that seemed enough are not taken.
#[test]
fn what_is_chosen_is_enough_on_all_samples() {
    let Case { model, dataset, .. } = case_with(left_over(), &Options::default());
    // The first two are zero, which rounds to zero whatever the bits.
    let zero = || vec![ArrayD::zeros(vec![1, 6])];
    let samples = [zero(), zero()].into_iter().chain(dataset.samples().iter().cloned());
    let dataset = Dataset::new(samples.collect(), None).unwrap();
    let calibration = model.calibrate(&dataset).unwrap();
    let comparison = Comparison::new(&model, &calibration, &dataset).unwrap();
    let chosen = widths::choose(&comparison, &Options::default(), 0.05).unwrap();
    let error = chosen.evaluation.outputs[0].all.error;
    assert!(error <= 0.052, "{error}");
}

/// Two layers: what the second makes of the first is small beside what it reads.
fn layers() -> Case {
    let network = Builder::new(13)
        .input("x", &[1, 32])
        .floats("w", &[32, 32], &weights(1024))
        .floats("v", &[32, 4], &weights(128))
        .node(Op::new("MatMul", &["x", "w"], &["hidden"]))
        .node(Op::new("Tanh", &["hidden"], &["curve"]))
        .node(Op::new("MatMul", &["curve", "v"], &["y"]))
        .output("y");
    case_with(network, &wide(Bits::SIXTEEN))
}

#[test]
fn weights_of_more_bits_are_nearer() {
    let Case { model, dataset, .. } = layers();
    let calibration = model.calibrate(&dataset).unwrap();
    let made = |bits: Bits| {
        let options = Options { weights: Widths::all(bits), ..wide(Bits::SIXTEEN) };
        let quantised = model.quantise_with(&calibration, &options).unwrap();
        let layers = quantised.graph.nodes.iter().filter_map(|node| match &node.operator {
            Operator::Linear { weights, .. } => weights.own(),
            _ => None,
        });
        let own = layers.flat_map(|own| own.to_vec());
        let largest = own.map(|weight| weight.abs()).max().unwrap();
        (model.evaluate(&quantised.graph, &dataset).unwrap().outputs[0].all.error, largest)
    };
    let [eight, twelve, sixteen] = [Bits::EIGHT, Bits::TWELVE, Bits::SIXTEEN].map(made);
    assert!(twelve.0 < eight.0 / 6.0 && sixteen.0 < twelve.0, "{eight:?} {twelve:?} {sixteen:?}");
    // As many as two digits base 256 hold, and no more.
    assert!(eight.1 <= 127 && twelve.1 <= 2047 && sixteen.1 <= 32_639, "{sixteen:?}");
    assert!(eight.1 > 100 && twelve.1 > 1600 && sixteen.1 > 25_000, "{sixteen:?}");
}

/// The second layer has an eighth of the weights and as much of the loss.
#[test]
fn a_second_digit_goes_where_the_error_asks_for_it() {
    let Case { model, dataset, .. } = layers();
    let calibration = model.calibrate(&dataset).unwrap();
    let comparison = Comparison::new(&model, &calibration, &dataset).unwrap();
    let given = || Chosen::given(&comparison, wide(Bits::SIXTEEN)).unwrap();
    let chosen = widths::choose_weights(&comparison, given(), 0.002).unwrap();
    let values = model.inputs().len() + model.graph().nodes.len();
    let bits: Vec<Bits> = (0..values).map(|value| chosen.options.weights.of(value)).collect();
    assert!(bits.contains(&Bits::TWELVE) && bits.contains(&Bits::EIGHT), "{bits:?}");
    let error = |chosen: &Chosen| chosen.evaluation.outputs[0].all.error;
    assert!(error(&chosen) < 0.9 * error(&given()), "{}", error(&chosen));
    let said = chosen.quantised.report.choices.iter().find(|line| line.contains("two digits"));
    assert!(said.unwrap().contains("of 1152 weights"), "{said:?}");
    // Close enough already.
    let kept = widths::choose_weights(&comparison, given(), 1.0).unwrap();
    assert_eq!(kept.options.weights, Widths::default());
}

#[test]
fn bits_go_to_values_by_name() {
    let Case { model, .. } = layers();
    let graph = model.graph();
    let of = |name: &str| {
        let found = graph.nodes.iter().position(|node| node.value == name || node.name == name);
        model.inputs().len() + found.unwrap()
    };
    let named = |names: &[(&str, Bits)]| -> Vec<(String, Bits)> {
        names.iter().map(|&(name, bits)| (name.into(), bits)).collect()
    };
    let last = named(&[("*", Bits::TEN), ("y", Bits::SIXTEEN)]);
    let widths = widths::named::activations(graph, Bits::EIGHT, &last).unwrap();
    assert_eq!([widths.of(0), widths.of(of("y"))], [Bits::TEN, Bits::SIXTEEN]);
    let widths = widths::named::weights(graph, Bits::EIGHT, &named(&[("y", Bits::TWELVE)]));
    let widths = widths.unwrap();
    let others = (0..of("y")).all(|value| widths.of(value) == Bits::EIGHT);
    assert!(others && widths.of(of("y")) == Bits::TWELVE);
    let none = named(&[("y", Bits::TEN), ("z*", Bits::TEN)]);
    assert_eq!(widths::named::activations(graph, Bits::EIGHT, &none), Err("z*".into()));
    // An input has no weights.
    let input = named(&[("x", Bits::TWELVE)]);
    assert_eq!(widths::named::weights(graph, Bits::EIGHT, &input), Err("x".into()));
}
