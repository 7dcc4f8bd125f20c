//! The rounds of the argument, in order.

use std::sync::Arc;

use ff::Field;
use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::poly::Rotation;
use halo2_proofs::transcript::{Blake2bWrite, Challenge255, Transcript, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::factors::{Operands, factors};
use zkinfer_verifier::adjoint::{Cotangents, backward};
use zkinfer_verifier::argument::bound::{Bound, draw};
use zkinfer_verifier::argument::opened::Opened;
use zkinfer_verifier::argument::public::Rows;
use zkinfer_verifier::argument::row_sum::{Challenges, Evaluations};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{BLINDING_ROWS, Parameters, Proof, Statement, VerifyingKey};

use crate::assignment::Assignment;
use crate::columns::{Columns, SealedColumns};
use crate::commit::{BlindedColumn, Column, Committer, Random};
use crate::error::ProveError;
use crate::integers::Integers;
use crate::msm::Device;
use crate::opening::combination::combine_columns;
use crate::opening::multi_point::{BlindedPolynomial, open};
use crate::opening::quotient::{Polynomials, interpolate, quotient};
use crate::opening::running_sum::running_sum;
use crate::row_sum::lookups::{self, Lookups};
use crate::row_sum::rounds::Reduced;
use crate::row_sum::summand::Summand;
use crate::stage::Stage;

type Writer = Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>;

/// A prover for one circuit. It proves any number of inputs.
pub struct Prover<'a> {
    key: &'a VerifyingKey,
    parameters: &'a Parameters,
    committer: Committer<'a>,
    weights: Option<SealedColumns>,
    self_check: bool,
    check_witness: bool,
    observer: &'a dyn Fn(Stage),
}

impl<'a> Prover<'a> {
    /// A prover that checks the witness before and the proof after.
    pub fn new(key: &'a VerifyingKey, parameters: &'a Parameters) -> Self {
        let committer = Committer::new(parameters);
        Self {
            key,
            parameters,
            committer,
            weights: None,
            self_check: true,
            check_witness: true,
            observer: &|_| {},
        }
    }

    /// Whether to verify the finished proof before handing it out (default: yes).
    pub fn self_check(self, self_check: bool) -> Self {
        Self { self_check, ..self }
    }

    /// Whether to refuse a false witness (default: yes). Without the check a false witness gives a
    /// proof that does not verify, which is what tests of the verifier need.
    pub fn check_witness(self, check_witness: bool) -> Self {
        Self { check_witness, ..self }
    }

    /// Computes sums of points on a device (default: the CPU). Proofs from the same randomness are
    /// the same bytes.
    pub fn on(self, device: Arc<Device>) -> Self {
        Self { committer: self.committer.on(device), ..self }
    }

    /// Calls `observer` as each stage begins.
    pub fn observer(self, observer: &'a dyn Fn(Stage)) -> Self {
        Self { observer, ..self }
    }

    /// Proves with these weights of the model, which are sealed.
    pub fn weights(self, weights: SealedColumns) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Proves that the network maps the statement's inputs to its outputs, where nothing but public
    /// tensors is involved. `columns` are the cells, one vector of usable rows per column of the
    /// key's layout; `rng` must be cryptographically secure, since zero knowledge rests on it.
    pub fn prove(
        &self,
        statement: Statement,
        columns: &[Vec<i64>],
        rng: impl CryptoRng,
    ) -> Result<Proof, ProveError> {
        self.prove_assignment(Assignment { statement, columns, ..Assignment::default() }, rng)
    }

    /// The same for whatever is sealed, or multiplied.
    pub fn prove_assignment(
        &self,
        assignment: Assignment<'_>,
        mut rng: impl CryptoRng,
    ) -> Result<Proof, ProveError> {
        let (key, rng) = (self.key, &mut rng);
        self.check_shapes(&assignment)?;
        let committer = &self.committer;
        let seal = self.weights.as_ref().map(|weights| weights.seal().digest());
        let mut transcript: Writer = Blake2bWrite::init(Vec::new());
        transcript.common_scalar(
            Bound::new(key, seal, self.parameters.digest(), &assignment.statement).element(),
        )?;

        self.enter(Stage::Counting);
        let (counts, verdict) = lookups::multiplicities(key, assignment.columns);
        if self.check_witness {
            verdict?;
        }
        self.enter(Stage::Cells);
        let cells =
            committer.commit_small(assignment.columns.iter().map(Vec::as_slice), Random::Mask, rng);
        write_commitments(&mut transcript, &cells)?;
        self.enter(Stage::Multiplicities);
        let multiplicities =
            committer.commit_small(counts.iter().map(Vec::as_slice), Random::All, rng);
        write_commitments(&mut transcript, &multiplicities)?;
        let (rho, sigma) = (draw(&mut transcript), draw(&mut transcript));
        self.enter(Stage::Factors);
        let factors = committer.commit_full(self.factors(&assignment, rho, sigma)?, rng);
        write_commitments(&mut transcript, &factors)?;
        let cotangents = Cotangents { rho, sigma, tau: draw(&mut transcript) };

        self.enter(Stage::Helpers);
        let (theta, beta) = (draw(&mut transcript), draw(&mut transcript));
        let integers = Integers::new();
        let cell_tables: Vec<_> =
            cells.par_iter().map(|column| column.summed(committer, &integers)).collect();
        let lookups = Lookups::new(key, committer, &cell_tables, theta, beta)?;
        let helpers = committer.commit_full(lookups.helpers(committer.usable)?, rng);
        write_commitments(&mut transcript, &helpers)?;
        let challenges =
            Challenges { theta, beta, zeta: draw(&mut transcript), y: draw(&mut transcript) };

        self.enter(Stage::Adjoint);
        let mut adjoint = backward(key, &assignment.statement, cotangents);
        let mut dense: Vec<_> = assignment
            .sealed
            .iter()
            .copied()
            .chain(&self.weights)
            .flat_map(|s| s.columns())
            .collect();
        let weights = dense.split_off(key.layout().factor_columns().start - cells.len());
        let columns = Columns { cells, dense, factors, weights, multiplicities, helpers };

        self.enter(Stage::RowSum);
        let summand =
            Summand::new(key, committer, &columns, cell_tables, lookups, &mut adjoint, &challenges);
        if self.check_witness && summand.linear_total() != adjoint.target {
            return Err(ProveError::Linear);
        }
        let reduced =
            Reduced::new(key.layout(), committer, summand, &mut transcript, adjoint.target, rng)?;
        for evaluation in
            [&reduced.lookups, &reduced.helpers, &reduced.factors].into_iter().flatten()
        {
            transcript.write_scalar(*evaluation)?;
        }
        let random = blinding_rows(rng);
        let (point, hidden) =
            reduced.messages.commit_last(committer, reduced.hidden, &random, Fp::random(&mut *rng));
        transcript.write_point(point)?;
        let separators @ [_, lambda] = [draw(&mut transcript), draw(&mut transcript)];

        self.enter(Stage::RunningSum);
        let evaluations = Evaluations {
            lookups: &reduced.lookups,
            helpers: &reduced.helpers,
            factors: &reduced.factors,
        };
        let (rows, public) = (reduced.rows, reduced.public);
        let opened = public.opened(
            key.layout(),
            &rows,
            evaluations,
            adjoint.target,
            &challenges,
            separators,
        );
        let opened = opened.map_err(|_| ProveError::DegenerateChallenge)?;
        let weights = rows.sealed_weights(key.layout(), &adjoint);
        let combined = combine_columns(committer, &columns, &opened.combination, &weights);
        let messages = reduced.messages.combine(hidden, lambda);
        drop(columns);
        self.open(committer, &mut transcript, [combined, messages], rows, opened, rng)?;

        let proof = Proof {
            key: key.digest(),
            seal,
            statement: assignment.statement,
            argument: transcript.finalize(),
        };
        if self.self_check {
            self.enter(Stage::SelfCheck);
            let seal = self.weights.as_ref().map(SealedColumns::seal);
            key.verify_sealed(self.parameters, seal, &proof).map_err(ProveError::SelfCheck)?;
        }
        Ok(proof)
    }

    /// The running sum over what is opened, its quotient, the opening.
    fn open(
        &self,
        committer: &Committer<'_>,
        transcript: &mut Writer,
        opened_columns: [BlindedColumn; 2],
        rows: Rows,
        opened: Opened,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ProveError> {
        let value = opened.value();
        let [combined, messages] = opened_columns;
        let weights = [rows.weights, opened.equations.weights];
        let random = blinding_rows(rng);
        let sum = running_sum(
            [&combined.values, &messages.values],
            &weights,
            self.key.layout().boundary(),
            &random,
        );
        let sum_blind = Fp::random(&mut *rng);
        transcript.write_point(committer.commit_rows(&committer.lagrange, &sum, sum_blind))?;
        let separator = draw(transcript);

        self.enter(Stage::Quotient);
        let columns = [combined.values, messages.values, sum];
        let [combination, message, sum] = columns.map(|values| interpolate(committer, values));
        let polynomials = Polynomials { sum: &sum, combination: &combination, messages: &message };
        let quotient = quotient(committer, polynomials, weights, value, separator);
        let quotient_blind = Fp::random(&mut *rng);
        transcript.write_point(committer.commit_rows(
            &committer.opening,
            &quotient,
            quotient_blind,
        ))?;
        let x = draw(transcript);
        let next = committer.domain.rotate_omega(x, Rotation::next());

        self.enter(Stage::Opening);
        for (polynomial, point) in [(&combination, x), (&message, x), (&sum, x), (&sum, next)] {
            transcript.write_scalar(eval_polynomial(polynomial, point))?;
        }
        let blinded = |coefficients, blind| BlindedPolynomial { coefficients, blind };
        let here = [
            blinded(&combination, combined.blind),
            blinded(&message, messages.blind),
            blinded(&quotient, quotient_blind),
        ];
        Ok(open(committer, transcript, &here, &blinded(&sum, sum_blind), [x, next], rng)?)
    }

    /// The factor columns of every bilinear node.
    fn factors(
        &self,
        assignment: &Assignment<'_>,
        rho: Fp,
        sigma: Fp,
    ) -> Result<Vec<Vec<Fp>>, ProveError> {
        let (key, layout) = (self.key, self.key.layout());
        let first = layout.factor_columns().start;
        let mut columns = vec![Vec::new(); first];
        columns.resize(layout.factor_columns().end, vec![Fp::ZERO; layout.usable]);
        let nodes = key
            .description()
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.operator.is_bilinear());
        let weights = |id: usize| {
            let index = layout.model_sheets().position(|sheet| sheet.role == Role::Weights(id))?;
            self.weights.as_ref()?.tensors.get(index).map(Vec::as_slice)
        };
        let operands = nodes.zip(&assignment.operands).map(|((id, _), [left, right])| {
            (id, Operands { left, right: weights(id).unwrap_or(right) })
        });
        let jobs: Vec<_> = operands.collect();
        let pairs: Vec<_> = jobs
            .into_par_iter()
            .map(|(id, operands)| (id, factors(key, id, rho, sigma, operands)))
            .collect();
        for (id, pair) in pairs {
            let segment = layout.nodes[id].as_ref().and_then(|cells| cells.result.as_ref());
            let segment = segment.expect("a bilinear node has factor cells");
            for (offset, factor) in pair.iter().enumerate() {
                layout.add(&mut columns, segment, offset, factor);
            }
        }
        Ok(columns.split_off(first))
    }

    fn enter(&self, stage: Stage) {
        (self.observer)(stage);
    }

    fn check_shapes(&self, assignment: &Assignment<'_>) -> Result<(), ProveError> {
        let k = self.key.description().k;
        if self.parameters.k() != k {
            return Err(ProveError::Parameters { expected: k, got: self.parameters.k() });
        }
        if !self.parameters.for_proving() {
            return Err(ProveError::VerifyingParameters);
        }
        if self.check_witness {
            assignment.statement.check(self.key).map_err(ProveError::Statement)?;
        }
        assignment.check(self.key, self.weights.as_ref())
    }
}

/// Values of the rows behind the boundary row.
fn blinding_rows(rng: &mut impl CryptoRng) -> [Fp; BLINDING_ROWS] {
    std::array::from_fn(|_| Fp::random(&mut *rng))
}

fn write_commitments(transcript: &mut Writer, columns: &[Column<'_>]) -> std::io::Result<()> {
    columns.iter().try_for_each(|column| transcript.write_point(column.commitment))
}
