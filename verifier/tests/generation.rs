//! What a description may say of slices at public places, and of the next ids of a language model.

mod support;

use support::{named, shape};
use zkinfer_verifier::circuit::description::{
    Bounded, Choice, Combine, Description, Greedy, Input, Node, Operator, Output, OutputSource,
    Quantisation, Scheme, SliceAt, Source, Visibility,
};
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

const WHOLE: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
/// Nodes: the ids, the logits, and three rows of these.
const SLICE: usize = 2;

/// Six ids of five, and logits that are an input too: rows from the prompt's last one on, three of
/// them, and the likeliest ids there.
fn generating() -> Description {
    let input = |name: &str, shape: &[usize], minimum, maximum| Input {
        name: name.into(),
        shape: shape.to_vec(),
        minimum,
        maximum,
        quantisation: WHOLE,
        visibility: Visibility::Public,
    };
    let slice = SliceAt { input: 1, axis: 0, at: 2, offset: -1, count: 3 };
    Description {
        name: "generates".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 0,
        functions: Vec::new(),
        inputs: vec![
            input("ids", &[1, 6], 0, 4),
            input("logits", &[8, 5], -8, 7),
            input("prompt", &[1], 1, 6),
            input("answer", &[1], 1, 3),
        ],
        nodes: vec![
            named("ids", Operator::Input(0)),
            named("logits", Operator::Input(1)),
            named("rows", Operator::SliceAt(slice)),
            named("prompt", Operator::Input(2)),
            named("answer", Operator::Input(3)),
        ],
        outputs: vec![Output {
            name: "next".into(),
            shape: vec![3, 1],
            source: OutputSource::Greedy(Greedy {
                ids: 0,
                prompt: 2,
                answer: 3,
                padding: 4,
                choice: Choice::Shown { input: SLICE, axis: 1 },
            }),
            quantisation: WHOLE,
            visibility: Visibility::Public,
        }],
    }
}

fn slice(description: &mut Description) -> &mut SliceAt {
    match &mut description.nodes[SLICE].operator {
        Operator::SliceAt(slice) => slice,
        operator => panic!("{operator:?} is no slice"),
    }
}

fn greedy(description: &mut Description) -> &mut Greedy {
    match &mut description.outputs[0].source {
        OutputSource::Greedy(greedy) => greedy,
        source => panic!("{source:?} are no next ids"),
    }
}

fn verdict(change: impl FnOnce(&mut Description)) -> Result<(), Error> {
    let mut description = generating();
    change(&mut description);
    VerifyingKey::new(description).map(|_| ())
}

#[track_caller]
fn refuses(name: &str, what: &'static str, change: impl FnOnce(&mut Description)) {
    assert_eq!(verdict(change), Err(shape(name, what)));
}

#[test]
fn slices_stay_inside_whatever_the_statement_says() {
    assert_eq!(verdict(|_| {}), Ok(()));
    refuses("rows", "it reads an input that does not exist", |d| slice(d).at = 4);
    let integer = "what says where its slice begins is not one public integer";
    refuses("rows", integer, |d| d.inputs[2].visibility = Visibility::Sealed);
    refuses("rows", integer, |d| d.inputs[2].visibility = Visibility::Private);
    refuses("rows", integer, |d| slice(d).at = 0);
    let leaves = "its slice leaves its input for some integer that says where";
    refuses("rows", leaves, |d| slice(d).offset = -2);
    refuses("rows", leaves, |d| slice(d).offset = 0);
    refuses("rows", leaves, |d| slice(d).offset = i64::MAX);
    refuses("rows", leaves, |d| slice(d).count = 4);
    refuses("rows", leaves, |d| slice(d).count = 0);
    refuses("rows", leaves, |d| slice(d).axis = 2);
    refuses("rows", leaves, |d| d.inputs[2].minimum = 0);
    refuses("rows", leaves, |d| d.inputs[2].maximum = 7);
    let own = verdict(|d| slice(d).input = SLICE);
    assert!(matches!(own, Err(Error::ForwardReference { .. })), "{own:?}");
}

#[test]
fn next_ids_are_of_three_inputs_that_stand_for_themselves() {
    refuses("next", "it speaks of an input that does not exist", |d| greedy(d).ids = 4);
    refuses("next", "it speaks of an input that does not exist", |d| greedy(d).prompt = 4);
    refuses("next", "it speaks of an input that does not exist", |d| greedy(d).answer = 4);
    let three = "ids, length of the prompt and of the answer are three inputs";
    refuses("next", three, |d| greedy(d).answer = 2);
    refuses("next", three, |d| greedy(d).prompt = 0);
    refuses("next", three, |d| greedy(d).ids = 3);
    let themselves = "its ids and lengths are not integers that stand for themselves";
    for input in [0, 2, 3] {
        for (scale, zero_point) in [(0.5, 0), (1.0, 1)] {
            refuses("next", themselves, |d| {
                d.inputs[input].quantisation =
                    Scheme::PerTensor(Quantisation { scale, zero_point });
            });
        }
    }
    let lengths = "how many ids prompt and answer have are not two public integers in range";
    refuses("next", lengths, |d| d.inputs[3].visibility = Visibility::Private);
    refuses("next", lengths, |d| d.inputs[3].shape = vec![2]);
    refuses("next", lengths, |d| d.inputs[3].minimum = 0);
    // No more than there are rows, and no longer prompt than there are ids.
    refuses("next", lengths, |d| d.inputs[3].maximum = 4);
    refuses("next", lengths, |d| d.inputs[0].shape = vec![1, 5]);
    refuses("next", "what pads its ids is none", |d| greedy(d).padding = 5);
    refuses("next", "what pads its ids is none", |d| greedy(d).padding = -1);
    refuses("next", "the axis of its ArgMax does not exist", |d| {
        greedy(d).choice = Choice::Shown { input: SLICE, axis: 2 };
    });
    let shapes = "its shape is not that of its source, dimensions of one aside";
    refuses("next", shapes, |d| d.outputs[0].shape = vec![2, 1]);
}

#[test]
fn ids_are_compared_as_they_are_shown() {
    let shown = "the likeliest ids are shown where the ids are public, and only there";
    refuses("next", shown, |d| d.inputs[0].visibility = Visibility::Sealed);
    refuses("next", shown, |d| d.inputs[0].visibility = Visibility::Private);
    // Of hidden ones something is zero.
    let zero = |d: &mut Description| {
        let difference = d.nodes.len();
        let combine = Combine { terms: vec![(SLICE, 1)], constant: Vec::new() };
        d.nodes.push(Node { name: "difference".into(), operator: Operator::Combine(combine) });
        greedy(d).choice = Choice::Hidden { difference };
        d.outputs[0].shape = vec![3, 5];
        d.inputs[3].maximum = 3;
    };
    refuses("next", shown, zero);
    let hidden = |d: &mut Description| {
        zero(d);
        d.inputs[0].visibility = Visibility::Private;
    };
    assert_eq!(verdict(hidden), Ok(()));
    refuses("next", "this output cannot be hidden: make it public", |d| {
        hidden(d);
        d.outputs[0].visibility = Visibility::Sealed;
    });
    // An input that only a check depends on counts there, and nowhere else.
    let aside = |d: &mut Description| {
        let more = Input { name: "more".into(), minimum: 0, ..d.inputs[1].clone() };
        d.inputs.push(more);
        d.nodes.push(named("more", Operator::Input(4)));
    };
    let checked = |d: &mut Description| {
        aside(d);
        let source = Source::Equal { input: d.nodes.len() - 1 };
        d.nodes.push(named("check", Operator::Bounded(Bounded { bits: 3, source })));
    };
    refuses("more", "no output depends on this input", checked);
    refuses("more", "no output depends on this input", |d| (hidden(d), aside(d)).1);
    assert_eq!(verdict(|d| (hidden(d), checked(d)).1), Ok(()));
}
