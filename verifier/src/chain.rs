//! Proofs that continue each other: the sealed outputs of one are the sealed inputs of the next.
//!
//! Equal commitments under equal parameters hold equal integers, so a network cut in segments,
//! proven on different machines, is proven as a whole once every proof verifies and the tensors
//! between them are the same. What else a segment reads is an input of the whole network: of one
//! name it is one tensor, whichever segments read it.

use std::collections::BTreeMap;

use crate::circuit::description::{Input, Output, Scheme, Visibility};
use crate::circuit::key::VerifyingKey;
use crate::error::Rejection;
use crate::parameters::Parameters;
use crate::wire::generation::Generation;
use crate::wire::proof::Proof;
use crate::wire::seal::CheckedSeal;
use crate::wire::statement::Value;

/// One proof of a chain, with what it takes to verify it.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The segment's key.
    pub key: &'a VerifyingKey,
    /// The seal of its weights, if they are sealed.
    pub seal: Option<&'a CheckedSeal>,
    /// The proof.
    pub proof: &'a Proof,
}

/// Verifies every proof, then that each one's sealed outputs are the first of the next one's sealed
/// inputs, in order, and that all other inputs of one name are the same.
///
/// # Errors
/// The first reason found; [`Rejection::EmptyChain`] where there is no proof.
pub fn verify_chain(parameters: &Parameters, segments: &[Segment<'_>]) -> Result<(), Rejection> {
    if segments.is_empty() {
        return Err(Rejection::EmptyChain);
    }
    for segment in segments {
        segment.key.verify_sealed(parameters, segment.seal, segment.proof)?;
    }
    verify_joins(segments)
}

/// The second half of [`verify_chain`]: what lies between proofs, each of which the caller has
/// verified by itself.
pub fn verify_joins(segments: &[Segment<'_>]) -> Result<(), Rejection> {
    let mut whole = BTreeMap::new();
    for (index, before, segment) in links(segments) {
        let broken = |what| Rejection::Chain { first: index.max(1), what };
        if let Some(before) = before {
            joins(before, segment).map_err(broken)?;
        }
        for input in from_outside(before, segment) {
            if let Some(first) = whole.insert(input.name, input) {
                same_input(&first, &input).map_err(broken)?;
            }
        }
    }
    Ok(())
}

/// Prompt and answer of a chain whose joins hold: those of its last proof, if nothing comes in from
/// outside but the ids and how many there are, so that they are what the whole chain is about.
pub fn generation<'a>(segments: &[Segment<'a>]) -> Option<Generation<'a>> {
    let (_, before, last) = links(segments).last()?;
    let (greedy, shown) = last.proof.statement.next_ids(last.key)?;
    let own: Vec<Tensor<'_>> = from_outside(before, last).collect();
    let inputs = &last.key.description().inputs;
    let named = |input: usize| {
        let input = inputs.get(input)?;
        own.iter().any(|own| own.name == input.name).then_some(input.name.as_str())
    };
    let [Some(ids), Some(prompt), Some(answer)] = greedy.inputs().map(named) else {
        return None;
    };
    let mut outside =
        links(segments).flat_map(|(_, before, segment)| from_outside(before, segment));
    outside.all(|input| [ids, prompt, answer].contains(&input.name)).then_some(shown)
}

/// Each segment with its place and the one before it.
fn links<'s, 'a>(
    segments: &'s [Segment<'a>],
) -> impl Iterator<Item = (usize, Option<&'s Segment<'a>>, &'s Segment<'a>)> {
    let before = core::iter::once(None).chain(segments.iter().map(Some));
    segments
        .iter()
        .zip(before)
        .enumerate()
        .map(|(index, (segment, before))| (index, before, segment))
}

/// A tensor as a key declares it and a statement shows it.
#[derive(Clone, Copy)]
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    quantisation: &'a Scheme,
    visibility: Visibility,
    value: &'a Value,
}

impl<'a> Segment<'a> {
    fn inputs(&self) -> impl ExactSizeIterator<Item = Tensor<'a>> + use<'a> {
        let tensor = |(input, value): (&'a Input, &'a Value)| {
            let Input { name, shape, quantisation, visibility, .. } = input;
            Tensor { name, shape, quantisation, visibility: *visibility, value }
        };
        self.key.description().inputs.iter().zip(&self.proof.statement.inputs).map(tensor)
    }

    fn outputs(&self) -> impl ExactSizeIterator<Item = Tensor<'a>> + use<'a> {
        let tensor = |(output, value): (&'a Output, &'a Value)| {
            let Output { name, shape, quantisation, visibility, .. } = output;
            Tensor { name, shape, quantisation, visibility: *visibility, value }
        };
        self.key.description().outputs.iter().zip(&self.proof.statement.outputs).map(tensor)
    }
}

/// The inputs of a segment that are not outputs of the one before.
fn from_outside<'a>(
    before: Option<&Segment<'_>>,
    segment: &Segment<'a>,
) -> impl Iterator<Item = Tensor<'a>> + use<'a> {
    let carried = before.map_or(0, |before| before.key.description().outputs.len());
    segment.inputs().skip(carried)
}

/// Whether the second segment goes on where the first ended, or what does not fit. Both proofs
/// hold, so their statements are as their keys say.
fn joins(first: &Segment<'_>, second: &Segment<'_>) -> Result<(), String> {
    let k = [first, second].map(|segment| segment.key.description().k);
    if k[0] != k[1] {
        return Err(format!("their circuits have k = {} and k = {}", k[0], k[1]));
    }
    let (outputs, inputs) = (first.outputs(), second.inputs());
    if outputs.len() > inputs.len() {
        return Err(format!("{} tensors go out, {} come in", outputs.len(), inputs.len()));
    }
    for (output, input) in outputs.zip(inputs) {
        let name = output.name;
        if name != input.name {
            return Err(format!("{name:?} goes out, {:?} comes in", input.name));
        }
        if (output.visibility, input.visibility) != (Visibility::Sealed, Visibility::Sealed) {
            return Err(format!(
                "{name:?} goes out {} and comes in {}; both must be sealed",
                output.visibility, input.visibility
            ));
        }
        same_tensor("goes out", &output, &input)?;
        if output.value != input.value {
            return Err(format!(
                "the commitments to {name:?} differ, so another tensor comes in than goes out"
            ));
        }
    }
    Ok(())
}

/// Whether an input of the whole network that comes in again is the same.
fn same_input(first: &Tensor<'_>, again: &Tensor<'_>) -> Result<(), String> {
    let name = first.name;
    let visibility = (first.visibility, again.visibility);
    if visibility.0 != visibility.1 || visibility.0 == Visibility::Private {
        return Err(format!(
            "{name:?} comes in {} and again {}; both must be public, or both sealed",
            visibility.0, visibility.1
        ));
    }
    same_tensor("first comes in", first, again)?;
    if first.value != again.value {
        return Err(format!("{name:?} comes in again, and is another tensor"));
    }
    Ok(())
}

/// Whether both sides read the same integers as the same tensor.
fn same_tensor(verb: &str, first: &Tensor<'_>, second: &Tensor<'_>) -> Result<(), String> {
    let name = first.name;
    if first.shape != second.shape {
        return Err(format!(
            "{name:?} {verb} with shape {:?} and comes in with {:?}",
            first.shape, second.shape
        ));
    }
    same_scheme(&format!("{name:?} {verb}"), first.quantisation, second.quantisation)
}

/// Whether the integers stand for the same real numbers.
fn same_scheme(first: &str, out: &Scheme, into: &Scheme) -> Result<(), String> {
    let (Scheme::PerTensor(out), Scheme::PerTensor(into)) = (out, into) else {
        let same = out == into;
        return same
            .then_some(())
            .ok_or_else(|| format!("{first} with other scales by index than it comes in with"));
    };
    if out.scale != into.scale {
        let (out, into) = (out.scale, into.scale);
        return Err(format!("{first} with scale {out} and comes in with {into}"));
    }
    if out.zero_point != into.zero_point {
        let (out, into) = (out.zero_point, into.zero_point);
        return Err(format!("{first} with zero point {out} and comes in with {into}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::description::{
        Combine, Description, Node, Operator, OutputSource, Quantisation,
    };
    use crate::wire::statement::{Statement, Value};

    const ONCE: Quantisation = Quantisation { scale: 0.5, zero_point: 1 };

    /// A circuit that passes one sealed tensor on.
    fn description() -> Description {
        let (name, shape, visibility) = ("t".to_owned(), vec![2, 3], Visibility::Sealed);
        let quantisation = Scheme::PerTensor(ONCE);
        let source = OutputSource::Node(0);
        Description {
            name: "passes".into(),
            k: 7,
            limb_bits: 1,
            bias_digits: 0,
            functions: Vec::new(),
            nodes: vec![Node { name: name.clone(), operator: Operator::Input(0) }],
            outputs: vec![Output {
                name: name.clone(),
                shape: shape.clone(),
                source,
                quantisation: quantisation.clone(),
                visibility,
            }],
            inputs: vec![Input { name, shape, minimum: 0, maximum: 1, quantisation, visibility }],
        }
    }

    /// What is changed of a circuit and of what it says.
    type Change<'c> = &'c dyn Fn(&mut Description, &mut Statement);

    /// Whether a chain of this circuit, changed in some ways, holds.
    fn chain(changes: &[Change<'_>]) -> Result<(), String> {
        let sealed = || vec![Value::Sealed(vec![[7; 32]])];
        let changed = |change: &Change<'_>| {
            let (mut other, mut statement) =
                (description(), Statement { inputs: sealed(), outputs: sealed() });
            change(&mut other, &mut statement);
            let key = VerifyingKey::new(other).expect("a valid description");
            let proof = Proof { key: key.digest(), seal: None, statement, argument: vec![] };
            (key, proof)
        };
        let proofs: Vec<(VerifyingKey, Proof)> = changes.iter().map(changed).collect();
        let segments = proofs.iter().map(|(key, proof)| Segment { key, seal: None, proof });
        let segments: Vec<Segment<'_>> = segments.collect();
        match verify_joins(&segments) {
            Ok(()) => Ok(()),
            Err(Rejection::Chain { first, what }) => Err(format!("{first}: {what}")),
            Err(other) => panic!("{other}"),
        }
    }

    /// Whether a segment is continued by one that is changed in some way.
    fn verdict(change: Change<'_>) -> Result<(), String> {
        chain(&[&|_, _| {}, change])
    }

    fn breaks(rule: &str, change: impl Fn(&mut Description, &mut Statement)) {
        let what = verdict(&change).expect_err(rule);
        assert!(what.contains(rule), "{what}");
    }

    /// One more input, which goes out too.
    fn adds(name: &str, value: Value) -> impl Fn(&mut Description, &mut Statement) + '_ {
        move |other, statement| {
            let (input, visibility) = (other.inputs.len(), value.visibility());
            other.inputs.push(Input { name: name.into(), visibility, ..other.inputs[0].clone() });
            other.nodes.push(Node { name: name.into(), operator: Operator::Input(input) });
            statement.inputs.push(value.clone());
            // A combination of both, so that what goes out depends on it.
            let terms = vec![(other.outputs[0].source.node(), 1), (other.nodes.len() - 1, 1)];
            let combine = Combine { terms, constant: Vec::new() };
            other.nodes.push(Node { name: "sum".into(), operator: Operator::Combine(combine) });
            other.outputs[0].source = OutputSource::Node(other.nodes.len() - 1);
        }
    }

    #[test]
    fn segments_join_where_every_rule_holds_and_break_at_each() {
        assert_eq!(verdict(&|_, _| {}), Ok(()));
        assert_eq!(verdict(&|other, _| other.inputs[0].maximum = 5), Ok(()), "a wider range");
        breaks("k = 7 and k = 8", |other, _| other.k = 8);
        let two = |other: &mut Description, statement: &mut Statement| {
            other.outputs.push(other.outputs[0].clone());
            statement.outputs.push(statement.outputs[0].clone());
        };
        assert_eq!(chain(&[&two, &|_, _| {}]), Err("1: 2 tensors go out, 1 come in".into()));
        breaks(r#""t" goes out, "u\n" comes in"#, |other, _| other.inputs[0].name = "u\n".into());
        for (visibility, value) in
            [(Visibility::Public, Value::Public(vec![0; 6])), (Visibility::Private, Value::Private)]
        {
            breaks("both must be sealed", |other, statement| {
                other.inputs[0].visibility = visibility;
                statement.inputs[0] = value.clone();
            });
        }
        breaks("with shape [2, 3] and comes in with [3, 2]", |other, _| {
            other.inputs[0].shape = vec![3, 2];
            other.outputs[0].shape = vec![3, 2];
        });
        breaks("scale 0.5 and comes in with 0.25", |other, _| {
            other.inputs[0].quantisation = Scheme::PerTensor(Quantisation { scale: 0.25, ..ONCE });
        });
        breaks("zero point 1 and comes in with 2", |other, _| {
            other.inputs[0].quantisation =
                Scheme::PerTensor(Quantisation { zero_point: 2, ..ONCE });
        });
        let by_column = |scales: [f64; 3]| Scheme::PerAxis {
            axis: 1,
            parts: scales.map(|scale| Quantisation { scale, ..ONCE }).to_vec(),
        };
        breaks("other scales by index", |other, _| {
            other.inputs[0].quantisation = by_column([0.5, 0.5, 0.25]);
        });
        breaks("commitments", |_, statement| statement.inputs[0] = Value::Sealed(vec![[8; 32]]));
        breaks("commitments", |_, statement| statement.inputs[0] = Value::Sealed(vec![[7; 32]; 2]));
    }

    #[test]
    fn the_first_segment_too_must_seal_what_goes_out() {
        let public = |first: &mut Description, statement: &mut Statement| {
            first.outputs[0].visibility = Visibility::Public;
            statement.outputs[0] = Value::Public(vec![0; 6]);
        };
        let what = r#"1: "t" goes out public and comes in sealed; both must be sealed"#;
        assert_eq!(chain(&[&public, &|_, _| {}]), Err(what.into()));
    }

    #[test]
    fn an_input_of_several_segments_is_one_tensor() {
        let (zeros, sealed) = (Value::Public(vec![0; 6]), Value::Sealed(vec![[9; 32]]));
        let passes = |_: &mut Description, _: &mut Statement| {};
        for value in [&zeros, &sealed, &Value::Private] {
            // Read by one segment, whichever it is.
            assert_eq!(verdict(&adds("z", value.clone())), Ok(()));
            let same = adds("z", value.clone());
            let hidden = *value == Value::Private;
            let expected = if hidden {
                let what =
                    "comes in private and again private; both must be public, or both sealed";
                Err(format!(r#"2: "z" {what}"#))
            } else {
                Ok(())
            };
            assert_eq!(chain(&[&same, &passes, &same]), expected);
        }
        // Of the same name another one: of other integers, or commitments, and so on.
        let breaks = |first: &Value, again: &Value, what: &str| {
            let verdict = chain(&[&adds("z", first.clone()), &passes, &adds("z", again.clone())]);
            assert_eq!(verdict, Err(format!(r#"2: "z" {what}"#)));
        };
        let other = "comes in again, and is another tensor";
        breaks(&zeros, &Value::Public([vec![0; 5], vec![1]].concat()), other);
        breaks(&sealed, &Value::Sealed(vec![[8; 32]]), other);
        breaks(
            &zeros,
            &sealed,
            "comes in public and again sealed; both must be public, or both sealed",
        );
        let scaled = |other: &mut Description, statement: &mut Statement| {
            adds("z", zeros.clone())(other, statement);
            other.inputs[1].quantisation = Scheme::PerTensor(Quantisation { scale: 0.25, ..ONCE });
        };
        let what = r#"1: "z" first comes in with scale 0.5 and comes in with 0.25"#;
        assert_eq!(chain(&[&adds("z", zeros.clone()), &scaled]), Err(what.into()));
        // Nor are two of one segment called the same.
        let twice = |other: &mut Description, statement: &mut Statement| {
            adds("z", zeros.clone())(other, statement);
            adds("z", sealed.clone())(other, statement);
        };
        assert!(chain(&[&twice, &passes]).is_err());
    }

    #[test]
    fn no_proof_is_no_chain() {
        let parameters = Parameters::derive_for_verifying(7).expect("a supported size");
        assert_eq!(verify_chain(&parameters, &[]), Err(Rejection::EmptyChain));
    }
}
