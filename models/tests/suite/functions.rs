//! Functions that exporters spell out in several operators: each is one table, and the table is the
//! function of real numbers over all of its domain.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::integer::interpreter;
use zkinfer_models::quantise::settings::{Bits, Options, Widths};
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Dataset, Model, float};

use crate::quantised::Grids;
use crate::support::{case, weights, whole_case};

/// A form: its nodes, from `h` to `y`, and what it computes.
struct Form {
    name: &'static str,
    nodes: Vec<Op>,
    function: fn(f64) -> f64,
}

fn op(name: &str, inputs: &[&str], output: &str) -> Op {
    Op::new(name, inputs, &[output])
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// By Simpson's rule, so that it is not the one that is tested.
fn erf(x: f64) -> f64 {
    let steps = 2000;
    let at = |index: i32| (-(x * f64::from(index) / f64::from(steps)).powi(2)).exp();
    let inner: f64 = (1..steps).map(|i| f64::from(2 + 2 * (i % 2)) * at(i)).sum();
    std::f64::consts::FRAC_2_SQRT_PI * x * (at(0) + inner + at(steps)) / f64::from(3 * steps)
}

fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / 2f64.sqrt()))
}

fn gelu_tanh(x: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
    0.5 * x * (1.0 + inner.tanh())
}

fn hard_swish(x: f64) -> f64 {
    x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

fn mish(x: f64) -> f64 {
    x * x.exp().ln_1p().tanh()
}

/// `1 + erf(h/√2)` as `e`.
fn error_function(divides: bool) -> Vec<Op> {
    let scaled = match divides {
        true => op("Div", &["h", "root"], "scaled"),
        false => op("Mul", &["inverse", "h"], "scaled"),
    };
    vec![scaled, op("Erf", &["scaled"], "erf"), op("Add", &["erf", "one"], "e")]
}

/// `1 + tanh(√(2/π)·(h + 0.044715·h³))` as `e`, with what makes the cube.
fn hyperbolic(cube: Vec<Op>) -> Vec<Op> {
    let rest = vec![
        op("Mul", &["cube", "cubic"], "small"),
        op("Add", &["h", "small"], "sum"),
        op("Mul", &["pi", "sum"], "inner"),
        op("Tanh", &["inner"], "tanh"),
        op("Add", &["one", "tanh"], "e"),
    ];
    cube.into_iter().chain(rest).collect()
}

fn then(mut first: Vec<Op>, last: &[(&str, [&str; 2], &str)]) -> Vec<Op> {
    first.extend(last.iter().map(|(name, inputs, output)| op(name, inputs, output)));
    first
}

/// Orders in which `h`, `e` and a half are multiplied.
const ORDERS: [[(&str, [&str; 2], &str); 2]; 4] = [
    [("Mul", ["h", "e"], "t"), ("Mul", ["t", "half"], "y")],
    [("Mul", ["h", "half"], "t"), ("Mul", ["t", "e"], "y")],
    [("Mul", ["half", "e"], "t"), ("Mul", ["t", "h"], "y")],
    [("Mul", ["e", "h"], "t"), ("Div", ["t", "two"], "y")],
];

fn forms() -> Vec<Form> {
    let form = |name, function, nodes| Form { name, nodes, function };
    let mut forms = Vec::new();
    for order in &ORDERS {
        for divides in [true, false] {
            forms.push(form("Gelu", gelu as fn(f64) -> f64, then(error_function(divides), order)));
        }
        let power = vec![op("Pow", &["h", "three"], "cube")];
        let product = vec![op("Mul", &["h", "h"], "square"), op("Mul", &["square", "h"], "cube")];
        for cube in [power, product] {
            forms.push(form("Gelu", gelu_tanh, then(hyperbolic(cube), order)));
        }
    }
    // 0.5·x·(1 + tanh(0.79788·x·(1 + 0.044715·x·x))).
    let fast = vec![
        op("Mul", &["h", "cubic"], "a"),
        op("Mul", &["a", "h"], "b"),
        op("Add", &["b", "one"], "c"),
        op("Mul", &["h", "pi"], "d"),
        op("Mul", &["d", "c"], "inner"),
        op("Tanh", &["inner"], "tanh"),
        op("Add", &["tanh", "one"], "e"),
    ];
    forms.push(form("Gelu", gelu_tanh, then(fast, &ORDERS[1])));
    let quick = vec![op("Mul", &["h", "quick"], "a"), op("Sigmoid", &["a"], "e")];
    forms.push(form("Swish", |x| x * sigmoid(1.702 * x), then(quick, &[("Mul", ["e", "h"], "y")])));
    // x/(1 + e^−x).
    let silu = vec![
        op("Neg", &["h"], "a"),
        op("Exp", &["a"], "b"),
        op("Add", &["b", "one"], "c"),
        op("Div", &["h", "c"], "y"),
    ];
    forms.push(form("Swish", |x| x * sigmoid(x), silu));
    let soft = || vec![op("Exp", &["h"], "a"), op("Add", &["one", "a"], "b")];
    forms.push(form("Softplus", |x| x.exp().ln_1p(), {
        soft().into_iter().chain([op("Log", &["b"], "y")]).collect()
    }));
    let logarithm = [op("Log", &["b"], "c"), op("Tanh", &["c"], "e"), op("Mul", &["h", "e"], "y")];
    forms.push(form("Mish", mish, soft().into_iter().chain(logarithm).collect()));
    let softplus =
        vec![op("Softplus", &["h"], "c"), op("Tanh", &["c"], "e"), op("Mul", &["e", "h"], "y")];
    forms.push(form("Mish", mish, softplus));
    let clipped = |clip: Op| vec![op("Add", &["h", "three"], "a"), clip];
    for (clip, divides) in [(true, true), (false, true), (true, false)] {
        let clip = match clip {
            true => op("Clip", &["a", "zero", "six"], "e"),
            false => op("Min", &["r", "six"], "e"),
        };
        let mut nodes = clipped(clip);
        nodes.insert(1, op("Relu", &["a"], "r"));
        let last = match divides {
            true => [("Mul", ["h", "e"], "t"), ("Div", ["t", "six"], "y")],
            false => [("Div", ["e", "six"], "t"), ("Mul", ["t", "h"], "y")],
        };
        forms.push(form("HardSwish", hard_swish, then(nodes, &last)));
    }
    // Without names of their own.
    let squared = vec![op("Relu", &["h"], "a"), op("Mul", &["a", "a"], "y")];
    forms.push(form("Function", |x| x.max(0.0).powi(2), squared));
    let shrunk = vec![op("Tanh", &["h"], "a"), op("Sub", &["h", "a"], "y")];
    forms.push(form("Function", |x| x - x.tanh(), shrunk));
    let chosen = vec![
        op("Greater", &["h", "zero"], "c"),
        op("Exp", &["h"], "a"),
        op("Sub", &["a", "one"], "b"),
        op("Mul", &["b", "three"], "d"),
        op("Where", &["c", "h", "d"], "y"),
    ];
    forms.push(form("Function", |x| if x > 0.0 { x } else { 3.0 * x.exp_m1() }, chosen));
    forms
}

/// The form over `h`, and a layer behind it, so that the function has a grid of its own.
fn quantised(nodes: &[Op], bits: Bits) -> (Model, Graph) {
    let numbers = [
        ("zero", 0.0),
        ("half", 0.5),
        ("one", 1.0),
        ("two", 2.0),
        ("three", 3.0),
        ("six", 6.0),
        ("root", std::f32::consts::SQRT_2),
        ("inverse", std::f32::consts::FRAC_1_SQRT_2),
        ("cubic", 0.044_715),
        ("pi", 0.797_884_6),
        ("quick", 1.702),
    ];
    let constant = |builder: Builder, (name, x): (&str, f32)| builder.floats(name, &[], &[x]);
    let builder = numbers.into_iter().fold(Builder::new(17).input("h", &[1, 3, 8]), constant);
    let builder = nodes.iter().cloned().fold(builder, Builder::node);
    let builder = builder.floats("v", &[8, 4], &weights(32));
    let builder = builder.node(op("MatMul", &["y", "v"], "z")).output("z");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(5);
    let samples = (0..32).map(|_| vec![random.tensor(&[1, 3, 8], -6.0, 6.0)]).collect();
    let calibration = model.calibrate(&Dataset::new(samples, None).unwrap()).unwrap();
    let options = Options { widths: Widths::all(bits), ..Options::default() };
    let graph = model.quantise_with(&calibration, &options).unwrap().graph;
    (model, graph)
}

#[test]
fn forms_are_one_table_which_is_the_function() {
    for (number, Form { name, nodes, function }) in forms().into_iter().enumerate() {
        for (chosen, bits) in [(Bits::EIGHT, 8), (Bits::TWELVE, 12)] {
            let (model, graph) = quantised(&nodes, chosen);
            let float = model.graph().nodes.iter().find_map(|node| match &node.operator {
                float::graph::Operator::Activation(activation) => Some(activation.name()),
                _ => None,
            });
            assert_eq!(float, Some(name), "form {number}");
            let operators: Vec<_> = graph.nodes.iter().map(|node| node.operator.name()).collect();
            let operators: Vec<_> = operators.into_iter().filter(|&o| o != "Reshape").collect();
            assert_eq!(operators, ["Activation", "Linear"], "form {number}, {name}");
            let Operator::Activation(table) = &graph.nodes[0].operator else { unreachable!() };
            let (input, result) = (&graph.inputs[0], graph.nodes[0].quantisation);
            let count = (input.maximum - input.minimum + 1) as usize;
            assert_eq!((table.minimum, table.values.len()), (input.minimum, count));
            let last = 1i64 << (bits - 1);
            let ends = [-last, last - 1].map(|end| (end - result.zero_point) as f64);
            for (index, &value) in table.values.iter().enumerate() {
                let x = input.quantisation.dequantise(input.minimum + index as i64);
                let exact = (function(x) / result.scale).clamp(ends[0], ends[1]);
                let found = (value - result.zero_point) as f64;
                // Constants of single precision, a 500th of a step.
                assert!((found - exact).abs() <= 0.502, "form {number}, {name} of {x}: {found}");
            }
        }
    }
}

/// Behind a layer it is what the layer's accumulator is rescaled by, over those arguments where the
/// function bends.
#[test]
fn a_layer_takes_a_form_into_its_rescaling() {
    for range in [1.0, 40.0] {
        let wide: Vec<f32> = weights(64).into_iter().map(|w| range * w).collect();
        let builder = Builder::new(17)
            .input("x", &[1, 3, 8])
            .floats("w", &[8, 8], &wide)
            .floats("b", &[8], &weights(8))
            .floats("low", &[], &[-0.25])
            .floats("high", &[], &[0.5])
            .node(op("MatMul", &["x", "w"], "product"))
            .node(op("Add", &["product", "b"], "h"))
            .node(op("Clip", &["h", "low", "high"], "a"))
            .node(op("Mul", &["a", "a"], "y"))
            .output("y");
        let case = case(builder);
        let layer = case.quantised.graph.nodes.iter().find_map(|node| match &node.operator {
            Operator::Linear { requantise, .. } => requantise.clone(),
            _ => None,
        });
        let mut values = layer.unwrap().function.values;
        values.dedup();
        assert!(values.len() > 120, "{range}: {} different values", values.len());
    }
}

/// The activations of a model, before it is quantised.
fn activations(model: &Model) -> Vec<&'static str> {
    let nodes = model.graph().nodes.iter().flat_map(|node| {
        let own = match &node.operator {
            float::graph::Operator::Activation(activation) => Some(activation.name()),
            _ => None,
        };
        own.into_iter().chain(node.fused.as_ref().map(|fused| fused.name()))
    });
    nodes.collect()
}

/// Of a model with two inputs, what is spelled out and has no name.
fn functions(nodes: Vec<Op>) -> usize {
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .input("z", &[1, 4])
        .floats("zero", &[], &[0.0])
        .floats("none", &[], &[f32::NEG_INFINITY])
        .floats("two", &[], &[2.0])
        .floats("some", &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let builder = nodes.into_iter().fold(builder, Builder::node).output("y");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    activations(&model).into_iter().filter(|&name| name == "Function").count()
}

/// Two values, numbers that differ by element, and what is whole stay what they are.
#[test]
fn what_is_no_function_of_one_number() {
    let gated = |by: &str| {
        let sigmoid = op("Sigmoid", &["x"], "a");
        vec![sigmoid, op("Mul", &["a", by], "b"), op("Mul", &["b", "x"], "y")]
    };
    assert_eq!(functions(gated("two")), 1);
    assert_eq!(functions(gated("z")), 0);
    assert_eq!(functions(gated("some")), 0);
    // A factor and a sum are no function: layers take them.
    let affine = vec![op("Mul", &["x", "two"], "a"), op("Sub", &["two", "a"], "y")];
    assert_eq!(functions(affine), 0);
    let negative = vec![op("Neg", &["x"], "a"), op("Sub", &["two", "a"], "y")];
    assert_eq!(functions(negative), 0);
    let rounded = vec![op("Floor", &["x"], "a"), op("Mul", &["a", "a"], "y")];
    assert_eq!(functions(rounded), 0);
    // A function has numbers for its values.
    let masked = vec![op("Greater", &["x", "zero"], "c"), op("Where", &["c", "none", "x"], "y")];
    assert_eq!(functions(masked), 0);
}

/// What others read too, and what a view shows, is computed once.
#[test]
fn functions_behind_views_are_not_computed_twice() {
    let swish = |of: &'static str| {
        Builder::new(17)
            .input("x", &[1, 2, 4])
            .floats("w", &[4, 4], &weights(16))
            .integers("turned", &[1, 4, 2])
            .node(op("MatMul", &["x", "w"], "m"))
            .node(op("Reshape", &["m", "turned"], "v"))
            .node(op("Tanh", &[of], "a"))
            .node(op("Mul", &["a", of], "b"))
    };
    let twice = swish("m").node(op("Reshape", &["b", "turned"], "y")).output("y").output("b");
    let model = Model::from_bytes("case.onnx", &twice.bytes()).unwrap();
    assert_eq!(activations(&model), ["Function"]);
    // Behind a view it is still the layer that is rescaled by it.
    let case = case(swish("v").node(op("Abs", &["b"], "y")).output("y"));
    assert!(!case.operators().contains(&"Activation"), "{:?}", case.operators());
    assert!(case.distance() < 4.0, "{}", case.distance());
}

/// What the file rounds within a form is rounded.
#[test]
fn what_a_file_rounds_on_the_way_is_no_function() {
    let of = |rounds: bool| {
        let builder =
            Builder::new(17).input("x", &[1, 8]).grid("s", 0.5, 0).node(op("Tanh", &["x"], "t"));
        let builder = match rounds {
            true => builder.rounded("t", "a", "s"),
            false => builder.node(op("Identity", &["t"], "a")),
        };
        let builder = builder.node(op("Mul", &["a", "x"], "y")).output("y");
        activations(&Model::from_bytes("case.onnx", &builder.bytes()).unwrap())
    };
    assert_eq!([of(true), of(false)], [["Tanh"], ["Function"]]);
}

/// Whole numbers are compared as they are, however many: what is made of the comparison is no
/// function of what would be rounded first.
#[test]
fn whole_numbers_are_not_rounded_before_a_function() {
    let builder = Builder::new(17)
        .typed_input("x", DataType::Int64, vec![Length::DimValue(1), Length::DimValue(8)])
        .integers("most", &[500])
        .floats("some", &[], &[0.6])
        .floats("more", &[], &[0.3])
        .node(op("Greater", &["x", "most"], "c"))
        .node(Op::new("Cast", &["c"], &["r"]).int("to", 1))
        .node(op("Mul", &["r", "some"], "a"))
        .node(op("Add", &["a", "more"], "b"))
        .node(op("Sqrt", &["b"], "y"))
        .output("y");
    let case = whole_case(builder, 0, 1000);
    let graph = &case.quantised.graph;
    let x = ArrayD::from_shape_fn(vec![1, 8], |at| 497.0 + at[1] as f32);
    let outputs = interpreter::run(graph, &graph.quantise_inputs(&[x]).unwrap()).unwrap();
    let found = &graph.dequantise_outputs(&outputs)[0];
    for (at, found) in found.iter().enumerate() {
        let expected = if at > 3 { 0.9f64 } else { 0.3 }.sqrt();
        assert!((found - expected).abs() < 0.01, "{}: {found}", 497 + at);
    }
}

/// A layer of weights that are all the same sums channels, and is no factor.
#[test]
fn layers_are_no_factors() {
    for groups in [1, 2] {
        let builder = Builder::new(17)
            .input("x", &[1, 4, 2, 2])
            .floats("k", &[4, 4 / groups, 1, 1], &vec![0.5; 16 / groups as usize])
            .node(Op::new("Conv", &["x", "k"], &["h"]).int("group", groups))
            .node(op("Tanh", &["h"], "a"))
            .node(op("Mul", &["a", "h"], "b"))
            .node(op("Abs", &["b"], "y"))
            .output("y");
        let case = case(builder);
        assert!(case.distance() < 4.0, "{groups}: {}", case.distance());
    }
}

/// A factor of every second number is a layer of other places.
#[test]
fn factors_that_leave_numbers_out_are_no_functions() {
    let builder = Builder::new(17)
        .input("x", &[1, 4, 4, 4])
        .floats("k", &[4, 1, 1, 1], &[0.5; 4])
        .node(Op::new("Conv", &["x", "k"], &["h"]).int("group", 4).ints("strides", &[2, 2]))
        .node(op("Tanh", &["h"], "a"))
        .node(op("Mul", &["a", "h"], "b"))
        .node(op("Abs", &["b"], "y"))
        .output("y");
    let case = case(builder);
    assert_eq!(case.quantised.graph.shape(case.quantised.graph.outputs[0].value), [1, 4, 2, 2]);
    assert!(case.distance() < 4.0, "{}", case.distance());
}

/// So many operators make one function, and no more.
#[test]
fn long_chains_are_several_functions() {
    let of = |count: usize| {
        let name = |at: usize| if at == 0 { "x".to_owned() } else { format!("v{at}") };
        let nodes = (0..count).map(|at| op("Tanh", &[&name(at)], &name(at + 1)));
        let nodes: Vec<Op> = nodes.collect();
        let last = op("Mul", &[&name(count), &name(count)], "y");
        functions(nodes.into_iter().chain([last]).collect())
    };
    assert_eq!(of(62), 1);
    assert!(of(100) > 1);
}
