//! Networks that generate: the head at chosen rows says what it says at all of them, and what
//! stands behind a position does not matter there.

use ndarray::{ArrayD, Axis};
use zkinfer_models::integer::generation::{GenerationError, Options};
use zkinfer_models::integer::graph::{Graph, Node, Operator};
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::language::{Transformer, lines};
use zkinfer_models::{Dataset, Model};

fn quantised(model: &Transformer) -> Graph {
    let imported = Model::from_bytes("case.onnx", &model.onnx().bytes()).unwrap();
    let sample = |ids: Vec<i64>| vec![row(&ids).mapv(|id| id as f32)];
    let samples = lines(model, 16).into_iter().map(sample).collect();
    let calibration = imported.calibrate(&Dataset::new(samples, None).unwrap()).unwrap();
    imported.quantise(&calibration).unwrap().graph
}

fn row(ids: &[i64]) -> ArrayD<i64> {
    ArrayD::from_shape_vec(vec![1, ids.len()], ids.to_vec()).unwrap()
}

fn options(tokens: usize) -> Options {
    Options { tokens, padding: 0, hidden: false }
}

/// The likeliest id at each position.
fn likeliest(graph: &Graph, ids: &[i64]) -> Vec<i64> {
    let logits = &interpreter::run(graph, &[row(ids)]).unwrap()[0];
    let rows = logits.index_axis(Axis(0), 0);
    let best = rows.outer_iter().map(|row| {
        let largest = row.iter().max().unwrap();
        row.iter().position(|x| x == largest).unwrap() as i64
    });
    best.collect()
}

fn generated(graph: &Graph, ids: &[i64], prompt: usize, answer: usize) -> Vec<i64> {
    let only = |count: usize| ArrayD::from_elem(vec![1], count as i64);
    let inputs = [row(ids), only(prompt), only(answer)];
    interpreter::run(graph, &inputs).unwrap()[0].iter().copied().collect()
}

#[test]
fn chosen_rows_say_what_all_rows_say() {
    let model = Transformer::default();
    let whole = quantised(&model);
    for tokens in [1, 3, model.length - 1] {
        let graph = whole.clone().generating(&options(tokens)).unwrap();
        let hidden = Options { hidden: true, ..options(tokens) };
        let hidden = whole.clone().generating(&hidden).unwrap();
        hidden.validate().unwrap();
        for ids in lines(&Transformer { seed: 5, ..model }, 4) {
            let all = likeliest(&whole, &ids);
            for prompt in 1..model.length {
                let rows = &all[prompt - 1..];
                let said = generated(&graph, &ids, prompt, 1);
                let count = tokens.min(rows.len());
                assert_eq!(said[..count], rows[..count], "{tokens} behind {prompt}");
                // By how much the ids that are there differ, where there are as many.
                if prompt + tokens <= model.length {
                    let differ = ids[prompt..].iter().zip(rows).map(|(id, best)| id - best);
                    let differ: Vec<i64> = differ.take(tokens).collect();
                    assert_eq!(generated(&hidden, &ids, prompt, 1), differ);
                }
            }
        }
    }
}

/// Head and final normalisation have no other rows, and neither has what follows the last
/// attention.
#[test]
fn what_works_on_each_row_has_chosen_rows_only() {
    let whole = quantised(&Transformer::default());
    let graph = whole.clone().generating(&options(2)).unwrap();
    let rows = |graph: &Graph| -> Vec<usize> {
        let layers = graph.nodes.iter().filter(|node| {
            matches!(node.operator, Operator::Linear { .. } | Operator::Normalise { .. })
        });
        layers.map(|node| node.shape[1]).collect()
    };
    // Of each layer a normalisation, queries, keys, values, what was attended to, another
    // normalisation and two of a perceptron; then the last normalisation and the head.
    assert_eq!(rows(&whole), [8; 18]);
    assert_eq!(rows(&graph), [[8; 12].as_slice(), &[2; 6]].concat());
    let slices = graph.nodes.iter().filter(|n| matches!(n.operator, Operator::SliceAt { .. }));
    // Attention and residual stream.
    assert_eq!(slices.count(), 2);
}

#[test]
fn ids_behind_a_position_do_not_matter_there() {
    let model = Transformer::default();
    let graph = quantised(&model).generating(&options(2)).unwrap();
    let lines = lines(&model, 6);
    for (ids, other) in lines.iter().zip(&lines[1..]) {
        let prompt = 3;
        let said = generated(&graph, ids, prompt, 2);
        // The first row is that of the prompt's last id, the second that of the one behind it.
        let behind = |kept: usize| [&ids[..kept], &other[kept..]].concat();
        assert_eq!(generated(&graph, &behind(prompt), prompt, 2)[0], said[0]);
        assert_eq!(generated(&graph, &behind(prompt + 1), prompt, 2), said);
    }
}

fn refusal(graph: Graph, options: &Options) -> GenerationError {
    graph.generating(options).unwrap_err()
}

#[test]
fn a_network_that_looks_ahead_is_refused_by_the_name_of_the_node() {
    let graph = quantised(&Transformer { causal: false, ..Transformer::default() });
    let GenerationError::LooksAhead(found) = refusal(graph, &options(2)) else {
        panic!("it looks ahead");
    };
    assert_eq!(found.operator, "Softmax");
    assert!(found.node.starts_with("attention0_node"), "{}", found.node);
    // A mask that hides all behind but one.
    let mut graph = quantised(&Transformer::default());
    let seen = graph.nodes.iter_mut().rev().find_map(|node| match &mut node.operator {
        Operator::Softmax { visible, .. } => Some(visible),
        _ => None,
    });
    seen.unwrap()[1] = true;
    let GenerationError::LooksAhead(found) = refusal(graph, &options(2)) else {
        panic!("it looks ahead");
    };
    assert!(found.node.starts_with("attention1_node"), "{}", found.node);
}

#[test]
fn what_is_no_language_model_or_has_no_room_is_refused() {
    let graph = quantised(&Transformer::default());
    for tokens in [0, 8, 9] {
        let expected = GenerationError::Tokens { tokens, length: 8 };
        assert_eq!(refusal(graph.clone(), &options(tokens)), expected);
    }
    for padding in [-1, 11] {
        let expected = GenerationError::Padding { padding, minimum: 0, maximum: 10 };
        assert_eq!(refusal(graph.clone(), &Options { padding, ..options(2) }), expected);
    }
    let refused = |change: &dyn Fn(&mut Graph), what: &str| {
        let mut other = graph.clone();
        change(&mut other);
        let message = refusal(other, &options(2)).to_string();
        assert!(message.contains(what), "{message}");
    };
    refused(&|g| g.outputs.push(g.outputs[0].clone()), "has 1 inputs and 2 outputs");
    refused(&|g| g.outputs[0].value = 0, "puts its input out");
    refused(&|g| g.inputs[0].quantisation.scale = 0.5, "reads numbers, not ids");
    let generating = graph.clone().generating(&options(2)).unwrap();
    let message = refusal(generating, &options(2)).to_string();
    assert!(message.contains("has 3 inputs"), "{message}");
}

/// A new id takes the rows of it alone, and the integers are those of the whole network.
#[test]
fn each_new_id_takes_one_row_and_says_the_same() {
    for model in [
        Transformer::default(),
        Transformer { layers: 1, seed: 9, ..Transformer::default() },
        Transformer { rotary: true, ..Transformer::default() },
    ] {
        let whole = quantised(&model);
        // Positions are turned with the features of a head in channels of one convolution.
        let turned = |node: &Node| matches!(node.operator, Operator::Convolution { .. });
        assert_eq!(whole.nodes.iter().any(turned), model.rotary);
        for hidden in [false, true] {
            let options = Options { hidden, ..options(3) };
            let graph = whole.clone().generating(&options).unwrap();
            let generator = graph.generator().unwrap();
            assert_eq!((generator.length(), generator.tokens()), (8, 3));
            for ids in lines(&Transformer { seed: 6, ..model }, 3) {
                let all = likeliest(&whole, &ids);
                // One after the other, and a prompt at once.
                let mut run = generator.run().unwrap();
                let said: Vec<i64> = ids.iter().map(|&id| run.next(&[id])).collect();
                assert_eq!(said, all);
                let mut run = generator.run().unwrap();
                assert_eq!([run.next(&ids[..5]), run.next(&ids[5..7])], [all[4], all[6]]);
            }
        }
    }
}

/// Exporters put heads in another shape and back, to multiply them by a number.
#[test]
fn rows_that_are_no_dimension_in_between() {
    let model = Transformer::default();
    let whole = quantised(&model);
    let mut detour = whole.clone();
    let place = detour.nodes.iter().position(|n| matches!(n.operator, Operator::Reshape)).unwrap();
    let node = detour.nodes[place].clone();
    let value = detour.inputs.len() + place;
    let mut flat = node.clone();
    flat.shape = vec![1, node.shape.iter().product()];
    flat.name = "flat".into();
    detour.nodes[place].inputs = vec![value];
    detour.nodes.insert(place, flat);
    for later in &mut detour.nodes[place + 1..] {
        let shifted = later.inputs.iter().map(|&v| if v >= value { v + 1 } else { v });
        later.inputs = shifted.collect();
    }
    detour.nodes[place + 1].inputs = vec![value];
    detour.outputs[0].value += 1;
    detour.validate().unwrap();
    let graph = detour.generating(&options(2)).unwrap();
    graph.validate().unwrap();
    assert!(graph.nodes.iter().all(|node| node.name != "flat"));
    for ids in lines(&model, 3) {
        let all = likeliest(&whole, &ids);
        let mut run = graph.generator().unwrap().run().unwrap();
        let said: Vec<i64> = ids.iter().map(|&id| run.next(&[id])).collect();
        assert_eq!(said, all);
        assert_eq!(generated(&graph, &ids, 3, 2), all[2..4]);
    }
}
