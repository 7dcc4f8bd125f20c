//! What a proof is about: public integers, commitments to sealed tensors.

use pasta_curves::EqAffine;
use serde::{Deserialize, Serialize};

use crate::circuit::description::{Greedy, Quantisation, Visibility};
use crate::circuit::key::VerifyingKey;
use crate::circuit::sheet::Role;
use crate::error::Rejection;
use crate::limits::{MAX_TENSORS, bounded};
use crate::wire::commitment::{Commitment, decode};
use crate::wire::generation::Generation;

/// Inputs and outputs as the key's visibility shows them: row-major integers, commitments, or
/// nothing.
///
/// Floats and classes that people read are derived from these with [`Quantisation::real`], never
/// stored beside a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// One per input, in the key's order.
    #[serde(deserialize_with = "bounded::<_, _, MAX_TENSORS>")]
    pub inputs: Vec<Value>,
    /// One per output, in the key's order.
    #[serde(deserialize_with = "bounded::<_, _, MAX_TENSORS>")]
    pub outputs: Vec<Value>,
}

/// What a statement says of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Its integers, row-major.
    Public(Vec<i64>),
    /// Commitments to its columns: two tensors with the same ones are the same.
    Sealed(Vec<Commitment>),
    /// Nothing.
    Private,
}

impl Value {
    /// The integers of a public tensor; none of any other.
    pub fn integers(&self) -> &[i64] {
        if let Self::Public(integers) = self { integers } else { &[] }
    }

    /// The integers of a public tensor, to change.
    pub fn integers_mut(&mut self) -> Option<&mut Vec<i64>> {
        if let Self::Public(integers) = self { Some(integers) } else { None }
    }

    /// The commitments of a sealed tensor; none of any other.
    pub fn commitments(&self) -> &[Commitment] {
        if let Self::Sealed(commitments) = self { commitments } else { &[] }
    }

    /// What it shows.
    pub fn visibility(&self) -> Visibility {
        match self {
            Self::Public(_) => Visibility::Public,
            Self::Sealed(_) => Visibility::Sealed,
            Self::Private => Visibility::Private,
        }
    }
}

impl Quantisation {
    /// The real number that `integer` stands for.
    #[allow(
        clippy::cast_precision_loss,
        clippy::arithmetic_side_effects,
        reason = "for reading only; 65 bits in 128"
    )]
    pub fn real(&self, integer: i64) -> f64 {
        self.scale * (i128::from(integer) - i128::from(self.zero_point)) as f64
    }
}

impl Statement {
    /// A statement about public tensors only.
    pub fn public(inputs: Vec<Vec<i64>>, outputs: Vec<Vec<i64>>) -> Self {
        let values = |tensors: Vec<Vec<i64>>| tensors.into_iter().map(Value::Public).collect();
        Self { inputs: values(inputs), outputs: values(outputs) }
    }

    /// Prompt and answer, if it is about a generation and nothing else: not of a segment, whose
    /// answer is what it is of something that came in ([`chain::generation`] has that of a chain).
    /// The statement must be one that [`Self::check`] accepts.
    ///
    /// [`chain::generation`]: crate::chain::generation
    pub fn generation(&self, key: &VerifyingKey) -> Option<Generation<'_>> {
        let (greedy, shown) = self.next_ids(key)?;
        (key.description().inputs.len() == greedy.inputs().len()).then_some(shown)
    }

    /// The next ids that an output is, and the ids that they are compared with.
    pub(crate) fn next_ids<'a, 'k>(
        &'a self,
        key: &'k VerifyingKey,
    ) -> Option<(&'k Greedy, Generation<'a>)> {
        let greedy = key.description().outputs.iter().find_map(|output| output.source.greedy())?;
        Some((greedy, self.read_generation(key, greedy)))
    }

    fn read_generation(&self, key: &VerifyingKey, greedy: &Greedy) -> Generation<'_> {
        let ids = key.description().inputs.get(greedy.ids);
        let length = ids.map_or(0, |ids| ids.shape.iter().product());
        let integers = |input| self.inputs.get(input).map_or(&[][..], Value::integers);
        Generation::of(greedy, length, integers)
    }

    /// Whether the tensors have the declared number, visibility, lengths and ranges, and sealed
    /// ones commitments.
    pub fn check(&self, key: &VerifyingKey) -> Result<CheckedStatement<'_>, Rejection> {
        let description = key.description();
        let columns = |role| key.layout().sheet(role).map_or(0, |sheet| sheet.columns.len());
        let inputs = description.inputs.iter().enumerate().map(|(index, input)| Declared {
            name: &input.name,
            visibility: input.visibility,
            length: input.shape.iter().product(),
            range: [input.minimum, input.maximum],
            columns: columns(Role::Input(index)),
        });
        check_tensors("input", &self.inputs, inputs)?;
        let outputs = description.outputs.iter().zip(&key.analysis().outputs).enumerate();
        let outputs = outputs.map(|(index, (output, facts))| Declared {
            name: &output.name,
            visibility: output.visibility,
            length: facts.elements,
            range: [facts.interval.minimum, facts.interval.maximum],
            columns: columns(Role::Output(index)),
        });
        check_tensors("output", &self.outputs, outputs)?;
        for (output, value) in description.outputs.iter().zip(&self.outputs) {
            if let Some(greedy) = output.source.greedy() {
                self.read_generation(key, greedy).check(greedy, value.integers())?;
            }
        }
        let values = self.inputs.iter().chain(&self.outputs);
        let points = values.flat_map(Value::commitments).map(decode).collect::<Option<_>>();
        let part = "commitments of the statement";
        let points = points.ok_or(Rejection::Encoding { part })?;
        Ok(CheckedStatement { statement: self, points })
    }
}

/// A statement that fits a key, as [`Statement::check`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedStatement<'a> {
    statement: &'a Statement,
    points: Vec<EqAffine>,
}

impl<'a> CheckedStatement<'a> {
    /// The statement.
    pub fn statement(&self) -> &'a Statement {
        self.statement
    }

    /// The commitments to its sealed inputs, then to its sealed outputs, column by column.
    pub fn points(&self) -> &[EqAffine] {
        &self.points
    }
}

/// What the key declares of a tensor.
struct Declared<'a> {
    name: &'a str,
    visibility: Visibility,
    length: usize,
    range: [i64; 2],
    columns: usize,
}

fn check_tensors<'a>(
    kind: &'static str,
    tensors: &[Value],
    declared: impl ExactSizeIterator<Item = Declared<'a>>,
) -> Result<(), Rejection> {
    if tensors.len() != declared.len() {
        return Err(Rejection::TensorCount { kind, expected: declared.len(), got: tensors.len() });
    }
    for (tensor, declared) in tensors.iter().zip(declared) {
        let name = || declared.name.to_owned();
        if tensor.visibility() != declared.visibility {
            let (expected, got) = (declared.visibility, tensor.visibility());
            return Err(Rejection::Visibility { name: name(), expected, got });
        }
        let [minimum, maximum] = declared.range;
        match tensor {
            Value::Public(integers) => {
                if integers.len() != declared.length {
                    return Err(Rejection::TensorLength {
                        name: name(),
                        expected: declared.length,
                        got: integers.len(),
                    });
                }
                let outside =
                    integers.iter().enumerate().find(|&(_, x)| !(minimum..=maximum).contains(x));
                if let Some((index, &got)) = outside {
                    return Err(Rejection::TensorRange {
                        name: name(),
                        index,
                        got,
                        minimum,
                        maximum,
                    });
                }
            }
            Value::Sealed(commitments) => {
                if commitments.len() != declared.columns {
                    let (expected, got) = (declared.columns, commitments.len());
                    return Err(Rejection::TensorCommitments { name: name(), expected, got });
                }
            }
            Value::Private => {}
        }
    }
    Ok(())
}
