//! The rounds of the argument, in order.

use ff::Field;
use halo2_proofs::transcript::{Blake2bWrite, Challenge255, Transcript, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use zkinfer_verifier::adjoint::backward;
use zkinfer_verifier::constraints::Challenges;
use zkinfer_verifier::transcript::{binding, draw_check_challenges};
use zkinfer_verifier::{Parameters, Proof, Statement, VerifyingKey};

use crate::commit::{Column, Content, Context};
use crate::error::ProveError;
use crate::open::{Blinded, Opening};
use crate::quotient::{Polynomials, quotient};
use crate::{Stage, adjoint, lookup};

/// A prover for one circuit.
pub struct Prover<'a> {
    key: &'a VerifyingKey,
    parameters: &'a Parameters,
    self_check: bool,
    check_witness: bool,
    observer: &'a dyn Fn(Stage),
}

impl<'a> Prover<'a> {
    /// A prover that checks the witness before and the proof after.
    pub fn new(key: &'a VerifyingKey, parameters: &'a Parameters) -> Self {
        Self { key, parameters, self_check: true, check_witness: true, observer: &|_| {} }
    }

    /// Whether to verify the finished proof before handing it out (default: yes).
    pub fn self_check(self, self_check: bool) -> Self {
        Self { self_check, ..self }
    }

    /// Whether to refuse a false witness (default: yes). Without the check a false witness gives a proof that does not verify,
    /// which is what tests of the verifier need.
    pub fn check_witness(self, check_witness: bool) -> Self {
        Self { check_witness, ..self }
    }

    /// Calls `observer` as each stage begins.
    pub fn observer(self, observer: &'a dyn Fn(Stage)) -> Self {
        Self { observer, ..self }
    }

    /// Proves that the network maps the statement's inputs to its outputs. `columns` are the cells, one vector of usable rows per
    /// column of the key's layout; `rng` must be cryptographically secure, since zero knowledge rests on it.
    pub fn prove(
        &self,
        statement: Statement,
        columns: &[Vec<i64>],
        mut rng: impl CryptoRng,
    ) -> Result<Proof, ProveError> {
        let (key, layout) = (self.key, self.key.layout());
        self.check_shapes(&statement, columns)?;
        let context = Context::new(self.parameters.params(), layout.usable);
        let mut transcript = Blake2bWrite::<_, EqAffine, Challenge255<_>>::init(Vec::new());
        transcript.common_scalar(binding(key, self.parameters.digest(), &statement))?;

        self.enter(Stage::Cells);
        let (counts, verdict) = lookup::multiplicities(key, columns);
        if self.check_witness {
            verdict?;
        }
        let contents = columns.iter().chain(&counts).map(|column| Content::Small(column)).collect();
        let mut cells = context.commit(contents, &mut rng);
        write_commitments(&mut transcript, &cells)?;
        let multiplicities = cells.split_off(columns.len());
        let (cotangents, [theta, beta]) = draw_check_challenges(&mut transcript);

        self.enter(Stage::Adjoint);
        let adjoint = backward(key, &statement, cotangents);
        let adjoint_sum = adjoint::running_sum(&adjoint.kappa, &cells, layout.usable);
        if self.check_witness && adjoint_sum.last() != Some(&adjoint.target) {
            return Err(ProveError::Linear);
        }

        self.enter(Stage::Lookups);
        let challenges = Challenges { theta, beta, y: Fp::ZERO };
        let inverses = key.table_inverses(theta, beta).ok_or(ProveError::DegenerateChallenge)?;
        let tags: Vec<Vec<Fp>> = layout
            .lookups
            .iter()
            .map(|l| lookup::row_tags(l, layout.usable).into_iter().map(|tag| Fp::from(tag as u64)).collect())
            .collect();
        let helpers = lookup::helpers(key, &cells, &tags, challenges)?;
        let lookup_sum = lookup::running_sum(&helpers, &multiplicities, &inverses, layout.usable);
        let contents = helpers.into_iter().chain([lookup_sum, adjoint_sum]).map(Content::Full).collect();
        let mut helpers = context.commit(contents, &mut rng);
        write_commitments(&mut transcript, &helpers)?;
        let sums = helpers.split_off(layout.helpers());
        let [lookup_sum, adjoint_sum] = sums.as_slice() else { unreachable!("two sums were committed") };
        let random = context.domain.coeff_from_vec((0..context.rows).map(|_| Fp::random(&mut rng)).collect());
        let random = self.commit(&context, vec![random], &mut transcript, &mut rng)?;
        let y = *transcript.squeeze_challenge_scalar::<()>();

        self.enter(Stage::Quotient);
        let polynomials = Polynomials {
            cells: cells.iter().map(|column| &column.polynomial).collect(),
            multiplicities: multiplicities.iter().map(|column| &column.polynomial).collect(),
            helpers: helpers.iter().map(|column| &column.polynomial).collect(),
            lookup_sum: &lookup_sum.polynomial,
            adjoint_sum: &adjoint_sum.polynomial,
            kappa: adjoint.kappa.into_iter().map(|column| context.public(column)).collect(),
            tags: tags.into_iter().map(|column| context.public(column)).collect(),
            inverses: inverses.into_iter().map(|column| context.public(column)).collect(),
        };
        let challenges = Challenges { y, ..challenges };
        let pieces = quotient(&context, &layout.lookups, &polynomials, adjoint.target, challenges);
        drop(polynomials);
        let pieces = self.commit(&context, pieces, &mut transcript, &mut rng)?;
        let x = *transcript.squeeze_challenge_scalar::<()>();

        self.enter(Stage::Opening);
        let opening = Opening {
            columns: cells.iter().chain(&multiplicities).chain(&helpers).collect(),
            sums: [lookup_sum, adjoint_sum],
            random: &random[0],
            pieces: &pieces,
        };
        opening.write(&context, &mut transcript, x, &mut rng)?;
        let proof = Proof { key: key.digest(), statement, argument: transcript.finalize() };

        if self.self_check {
            self.enter(Stage::SelfCheck);
            key.verify(self.parameters, &proof).map_err(ProveError::SelfCheck)?;
        }
        Ok(proof)
    }

    fn enter(&self, stage: Stage) {
        (self.observer)(stage);
    }

    fn check_shapes(&self, statement: &Statement, columns: &[Vec<i64>]) -> Result<(), ProveError> {
        let (layout, k) = (self.key.layout(), self.key.description().k);
        if self.parameters.k() != k {
            return Err(ProveError::Parameters { expected: k, got: self.parameters.k() });
        }
        if self.check_witness {
            statement.check(self.key).map_err(ProveError::Statement)?;
        }
        let odd = columns.iter().map(Vec::len).find(|&rows| rows != layout.usable);
        if columns.len() != layout.columns() || odd.is_some() {
            return Err(ProveError::WitnessShape {
                columns: layout.columns(),
                rows: layout.usable,
                got_columns: columns.len(),
                got_rows: odd.unwrap_or(layout.usable),
            });
        }
        Ok(())
    }

    /// Commits to polynomials and writes the commitments.
    fn commit(
        &self,
        context: &Context<'_>,
        polynomials: Vec<halo2_proofs::poly::Polynomial<Fp, halo2_proofs::poly::Coeff>>,
        transcript: &mut Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Blinded>, ProveError> {
        let commitments = context.commit_coefficients(&polynomials, rng);
        for (commitment, _) in &commitments {
            transcript.write_point(*commitment)?;
        }
        Ok(polynomials.into_iter().zip(commitments).map(|(polynomial, (_, blind))| (polynomial, blind)).collect())
    }
}

fn write_commitments(
    transcript: &mut Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>,
    columns: &[Column],
) -> std::io::Result<()> {
    columns.iter().try_for_each(|column| transcript.write_point(column.commitment))
}
