//! Descriptions that are short and ask for much: each family aims at one thing that reading or
//! verifying could do too often.

use zkinfer::verifier::circuit::description::{
    Combine, Contract, Form, Function, Hadamard, Input, Node, NodeId, Operator, Output,
    OutputSource, Product, Quantisation, Requantise, Scheme, View, ViewKind, Visibility, Weights,
};
use zkinfer::verifier::{Description, VerifyingKey};

const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });

fn input(shape: &[usize], visibility: Visibility) -> Input {
    Input {
        name: "x".into(),
        shape: shape.to_vec(),
        minimum: 0,
        maximum: 255,
        quantisation: READING,
        visibility,
    }
}

/// Nodes behind one input; the last is the output.
fn graph(
    k: u32,
    limb_bits: u32,
    input: Input,
    nodes: Vec<Operator>,
    shape: &[usize],
) -> Description {
    let last = nodes.len();
    let node = |operator| Node { name: String::new(), operator };
    let bias_digits = u32::from(nodes.iter().any(Operator::has_sealed_weights));
    let mut description = Description {
        name: String::new(),
        k,
        limb_bits,
        bias_digits,
        functions: vec![Function::clamp(0, 255), table(1 << 20)],
        inputs: vec![input],
        nodes: std::iter::once(Operator::Input(0)).chain(nodes).map(node).collect(),
        outputs: vec![output(shape, last)],
    };
    description.number_functions();
    description
}

/// A function of so many entries, each far from the one before.
fn table(entries: i64) -> Function {
    Function { minimum: 0, values: (0..entries).map(|x| x * 7919 % entries).collect() }
}

fn output(shape: &[usize], node: NodeId) -> Output {
    let (source, visibility) = (OutputSource::Node(node), Visibility::Public);
    Output { name: "y".into(), shape: shape.to_vec(), source, quantisation: READING, visibility }
}

/// `rows` kernels over so many channels.
fn contract(
    input: NodeId,
    rows: usize,
    channels: usize,
    kernel: [usize; 2],
    pads: [usize; 4],
) -> Contract {
    Contract {
        input,
        rows,
        groups: 1,
        kernel,
        strides: [1; 2],
        pads,
        dilations: [1; 2],
        weights: Weights::Public(vec![1; rows * channels * kernel[0] * kernel[1]]),
        row_factors: vec![1; rows],
        column_factors: vec![],
        bias: vec![0; rows],
    }
}

/// Saturation to 8 bits, and the long table.
const CLAMP: usize = 0;
const LONG: usize = 1;

fn requantise(input: NodeId, shift: u32, function: usize) -> Operator {
    Operator::Requantise(Requantise { input, shift, function, form: Form::Wide })
}

fn clamp(input: NodeId, shift: u32) -> Operator {
    requantise(input, shift, CLAMP)
}

fn view(input: NodeId, kind: ViewKind) -> Operator {
    Operator::View(View { inputs: vec![input], kind })
}

/// Every sum, transpose or link is an output, so that a cotangent goes back from each.
fn all_outputs(mut description: Description, shape: &[usize], step: usize) -> Description {
    description.outputs =
        (step..description.nodes.len()).step_by(step).map(|node| output(shape, node)).collect();
    description
}

/// Every family with its name.
pub fn all() -> Vec<(&'static str, Description)> {
    use Visibility::{Private, Public, Sealed};
    let line = |length: usize| input(&[1, 1, length], Public);
    let flat = |length: usize, visibility| input(&[length], visibility);
    let sums = |nodes: usize, terms: usize| {
        let sum = Combine { terms: vec![(0, 1); terms], constant: vec![] };
        vec![Operator::Combine(sum); nodes]
    };
    let long = 1usize << 12;
    let strip = contract(0, 1, 1, [1, long], [0, long / 2, 0, long / 2 - 1]);
    let tall = contract(0, 1, 1, [long, 1], [long - 1, 0, 0, 0]);
    let factors = Contract {
        column_factors: (0..long).map(|p| 1 + (p % 7) as i64).collect(),
        ..contract(0, 1, 1, [1, 128], [0, 64, 0, 63])
    };
    let dense = vec![
        Operator::Contract(contract(0, 8, 8, [3, 3], [1; 4])),
        Operator::Contract(contract(1, 8, 8, [3, 3], [1; 4])),
        Operator::Contract(contract(2, 8, 8, [3, 3], [1; 4])),
    ];
    let sealed = Contract { weights: Weights::Sealed, ..contract(0, 4096, 512, [1, 1], [0; 4]) };
    let products = (0..20_000).flat_map(|link| {
        let last = 2 * link;
        let terms = if link == 0 { vec![(1, 1)] } else { vec![(last + 1, 1), (last, 1)] };
        [
            Operator::Product(Product { left: 0, right: 0 }),
            Operator::Combine(Combine { terms, constant: vec![] }),
        ]
    });
    let boxes = [4, 4, 4, 4, 8, 8, 8, 8];
    let turned = (0..8).map(|node| view(node, ViewKind::Transpose(vec![1, 0, 3, 2, 5, 4, 7, 6])));
    let stretched = ViewKind::Slice { axis: 0, start: 0, step: 0, count: 1 << 22 };
    let square = |node| Operator::Hadamard(Hadamard { left: node, right: node });
    let mut inputs = graph(7, 4, flat(1, Sealed), vec![], &[1]);
    inputs.inputs = vec![flat(1, Sealed); 4096];
    inputs.nodes = (0..4096)
        .map(|index| Node { name: String::new(), operator: Operator::Input(index) })
        .collect();
    let terms = (0..4096).map(|index| (index, 1)).collect();
    let total = Operator::Combine(Combine { terms, constant: vec![] });
    inputs.nodes.push(Node { name: String::new(), operator: total });
    inputs.outputs[0].source = OutputSource::Node(4096);
    let mut indices = graph(12, 1, flat(64, Public), vec![clamp(0, 0)], &[64]);
    indices.outputs = vec![
        Output {
            shape: vec![1],
            source: OutputSource::ArgMax { input: 1, axis: 0, select_last: false },
            ..indices.outputs[0].clone()
        };
        4096
    ];
    vec![
        (
            "a kernel as long as its line",
            graph(9, 4, line(long), vec![Operator::Contract(strip)], &[long]),
        ),
        (
            "a tall kernel over a line",
            graph(9, 4, line(long), vec![Operator::Contract(tall)], &[long]),
        ),
        ("column factors", graph(9, 4, line(long), vec![Operator::Contract(factors)], &[long])),
        (
            "contractions behind contractions",
            graph(12, 4, input(&[8, 64, 64], Public), dense, &[8, 64, 64]),
        ),
        (
            "nodes of three bytes",
            graph(9, 4, flat(1, Public), vec![Operator::Copy(0); 65_000], &[1]),
        ),
        ("products of elements", graph(9, 4, flat(1, Public), vec![square(0); 60_000], &[1])),
        (
            "products of many elements",
            all_outputs(
                graph(16, 4, flat(1 << 16, Public), vec![square(0); 24], &[1 << 16]),
                &[1 << 16],
                1,
            ),
        ),
        ("divisions in sixty limbs", graph(12, 1, flat(1, Public), vec![clamp(0, 60); 4000], &[1])),
        ("indices in many limbs", indices),
        ("cells for nothing", graph(16, 1, flat(1 << 18, Private), vec![clamp(0, 60)], &[1 << 18])),
        ("many sealed inputs", inputs),
        (
            "terms over a large tensor",
            all_outputs(
                graph(9, 4, flat(1 << 16, Public), sums(16, 200), &[1 << 16]),
                &[1 << 16],
                1,
            ),
        ),
        (
            "products in a chain",
            graph(12, 4, input(&[1, 1, 1], Public), products.collect(), &[1, 1, 1]),
        ),
        (
            "transposes of eight dimensions",
            graph(9, 4, input(&boxes, Public), turned.collect(), &boxes),
        ),
        (
            "one element repeated",
            graph(9, 4, flat(1, Public), vec![view(0, stretched)], &[1 << 22]),
        ),
        ("a long input", graph(12, 4, flat(1 << 22, Public), vec![], &[1 << 22])),
        ("long tables", graph(14, 16, flat(1, Private), vec![requantise(0, 0, LONG)], &[1])),
        (
            "one long table read in many places",
            graph(14, 16, flat(1, Private), vec![requantise(0, 0, LONG); 50_000], &[1]),
        ),
        (
            "many weights",
            graph(
                12,
                4,
                input(&[2048, 1, 1], Public),
                vec![Operator::Contract(contract(0, 4096, 2048, [1; 2], [0; 4]))],
                &[4096],
            ),
        ),
        (
            "sealed weights",
            graph(
                12,
                4,
                input(&[512, 1, 1], Public),
                vec![Operator::Contract(sealed), clamp(1, 16)],
                &[4096],
            ),
        ),
    ]
}

/// The key of a family.
pub fn key(description: Description) -> VerifyingKey {
    VerifyingKey::new(description).expect("a description within all limits")
}
