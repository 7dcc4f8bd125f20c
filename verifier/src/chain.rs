//! Proofs that continue each other: the sealed outputs of one are the sealed inputs of the next.
//!
//! Equal commitments under equal parameters hold equal integers, so a network cut in segments,
//! proven on different machines, is proven as a whole once every proof verifies and the tensors
//! between them are the same.

use crate::circuit::description::{Input, Output, Scheme, Visibility};
use crate::circuit::key::VerifyingKey;
use crate::error::Rejection;
use crate::parameters::Parameters;
use crate::wire::proof::Proof;
use crate::wire::seal::CheckedSeal;

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

/// Verifies every proof, then that each one's sealed outputs are the next one's sealed inputs, in
/// order, and nothing else is between them.
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
    for (index, pair) in segments.windows(2).enumerate() {
        if let [first, second] = pair {
            joins(first, second)
                .map_err(|what| Rejection::Chain { first: index.saturating_add(1), what })?;
        }
    }
    Ok(())
}

/// Whether the second segment goes on where the first ended, or what does not fit. Both proofs
/// hold, so their statements are as their keys say.
fn joins(first: &Segment<'_>, second: &Segment<'_>) -> Result<(), String> {
    let k = [first, second].map(|segment| segment.key.description().k);
    if k[0] != k[1] {
        return Err(format!("their circuits have k = {} and k = {}", k[0], k[1]));
    }
    let (outputs, inputs) = (&first.key.description().outputs, &second.key.description().inputs);
    if outputs.len() != inputs.len() {
        return Err(format!("{} tensors go out, {} come in", outputs.len(), inputs.len()));
    }
    for (output, input) in outputs.iter().zip(inputs) {
        same_tensor(output, input)?;
    }
    let (out, into) = (&first.proof.statement.outputs, &second.proof.statement.inputs);
    for (output, (out, into)) in outputs.iter().zip(out.iter().zip(into)) {
        if out.commitments() != into.commitments() {
            return Err(format!(
                "the commitments to {:?} differ, so another tensor comes in than goes out",
                output.name
            ));
        }
    }
    Ok(())
}

/// Whether both sides are sealed and read the same integers as the same tensor.
fn same_tensor(output: &Output, input: &Input) -> Result<(), String> {
    let name = &output.name;
    if *name != input.name {
        return Err(format!("{name:?} goes out, {:?} comes in", input.name));
    }
    if (output.visibility, input.visibility) != (Visibility::Sealed, Visibility::Sealed) {
        return Err(format!(
            "{name:?} goes out {} and comes in {}; both must be sealed",
            output.visibility, input.visibility
        ));
    }
    if output.shape != input.shape {
        return Err(format!(
            "{name:?} goes out with shape {:?} and comes in with {:?}",
            output.shape, input.shape
        ));
    }
    same_scheme(name, &output.quantisation, &input.quantisation)
}

/// Whether the integers stand for the same real numbers.
fn same_scheme(name: &str, out: &Scheme, into: &Scheme) -> Result<(), String> {
    let (Scheme::PerTensor(out), Scheme::PerTensor(into)) = (out, into) else {
        let same = out == into;
        return same.then_some(()).ok_or_else(|| {
            format!("{name:?} goes out with other scales by index than it comes in with")
        });
    };
    if out.scale != into.scale {
        return Err(format!(
            "{name:?} goes out with scale {} and comes in with {}",
            out.scale, into.scale
        ));
    }
    if out.zero_point != into.zero_point {
        let (out, into) = (out.zero_point, into.zero_point);
        return Err(format!("{name:?} goes out with zero point {out} and comes in with {into}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::description::{Description, Node, Operator, OutputSource, Quantisation};
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

    /// Whether a segment is continued by one that is changed in some way.
    fn verdict(change: impl FnOnce(&mut Description, &mut Statement)) -> Result<(), String> {
        let sealed = || vec![Value::Sealed(vec![[7; 32]])];
        let honest = Statement { inputs: sealed(), outputs: sealed() };
        let (mut other, mut statement) = (description(), honest.clone());
        change(&mut other, &mut statement);
        let keys = [description(), other]
            .map(|description| VerifyingKey::new(description).expect("a valid description"));
        let statements = [honest, statement].into_iter().zip(&keys);
        let proofs = statements.map(|(statement, key)| Proof {
            key: key.digest(),
            seal: None,
            statement,
            argument: vec![],
        });
        let proofs: Vec<Proof> = proofs.collect();
        let segment =
            |index: usize| Segment { key: &keys[index], seal: None, proof: &proofs[index] };
        joins(&segment(0), &segment(1))
    }

    fn breaks(rule: &str, change: impl FnOnce(&mut Description, &mut Statement)) {
        let what = verdict(change).expect_err(rule);
        assert!(what.contains(rule), "{what}");
    }

    #[test]
    fn segments_join_where_every_rule_holds_and_break_at_each() {
        assert_eq!(verdict(|_, _| {}), Ok(()));
        assert_eq!(verdict(|other, _| other.inputs[0].maximum = 5), Ok(()), "a range may be wider");
        breaks("k = 7 and k = 8", |other, _| other.k = 8);
        breaks("1 tensors go out, 2 come in", |other, statement| {
            other.inputs.push(Input { name: "more".into(), ..other.inputs[0].clone() });
            other.nodes.push(Node { name: "more".into(), operator: Operator::Input(1) });
            other
                .outputs
                .push(Output { source: OutputSource::Node(1), ..other.outputs[0].clone() });
            statement.inputs.push(statement.inputs[0].clone());
        });
        breaks(r#""t" goes out, "u\n" comes in"#, |other, _| other.inputs[0].name = "u\n".into());
        for (visibility, value) in
            [(Visibility::Public, Value::Public(vec![0; 6])), (Visibility::Private, Value::Private)]
        {
            breaks("both must be sealed", |other, statement| {
                other.inputs[0].visibility = visibility;
                statement.inputs[0] = value;
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
        let key = VerifyingKey::new(description()).expect("a valid description");
        let mut public = description();
        public.outputs[0].visibility = Visibility::Public;
        let public = VerifyingKey::new(public).expect("a valid description");
        let sealed = || vec![Value::Sealed(vec![[7; 32]])];
        let proof = |outputs| Proof {
            key: key.digest(),
            seal: None,
            statement: Statement { inputs: sealed(), outputs },
            argument: vec![],
        };
        let (first, second) = (proof(vec![Value::Public(vec![0; 6])]), proof(sealed()));
        let what = joins(
            &Segment { key: &public, seal: None, proof: &first },
            &Segment { key: &key, seal: None, proof: &second },
        );
        assert_eq!(
            what,
            Err(r#""t" goes out public and comes in sealed; both must be sealed"#.into())
        );
    }

    #[test]
    fn no_proof_is_no_chain() {
        let parameters = Parameters::derive_for_verifying(7).expect("a supported size");
        assert_eq!(verify_chain(&parameters, &[]), Err(Rejection::EmptyChain));
    }
}
