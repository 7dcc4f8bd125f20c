//! The rounds of the argument, in order.

use std::sync::Arc;

use ff::Field;
use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::poly::Rotation;
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::{Adjoint, backward};
use zkinfer_verifier::argument::bound::Bound;
use zkinfer_verifier::argument::opened::Opened;
use zkinfer_verifier::argument::public::Rows;
use zkinfer_verifier::argument::row_sum::Evaluations;
use zkinfer_verifier::argument::schedule::{AwaitsRowSum, AwaitsRunningSum, Sizes, Start};
use zkinfer_verifier::argument::stage::Stage;
use zkinfer_verifier::challenges::{Beta, LinearChallenges, LookupChallenges, Rho, Sigma, Theta};
use zkinfer_verifier::{BLINDING_ROWS, Parameters, Proof, Statement, VerifyingKey};

use crate::assignment::Assignment;
use crate::columns::{Columns, SealedColumn, SealedColumns, factor_columns};
use crate::commit::{BlindedColumn, Column, Committer, Random};
use crate::error::ProveError;
use crate::integers::Integers;
use crate::msm::Device;
use crate::opening::combination::combine_columns;
use crate::opening::multi_point::{BlindedPolynomial, open};
use crate::opening::quotient::{Polynomials, interpolate, quotient};
use crate::opening::running_sum::running_sum;
use crate::row_sum::lookups::{self, Counted, Lookups};
use crate::row_sum::rounds::Reduced;
use crate::row_sum::summand::Summand;
use crate::writer::Writer;

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

/// What the row sum leaves to be opened.
struct ToOpen {
    /// `A`.
    combined: BlindedColumn,
    /// `M`.
    messages: BlindedColumn,
    rows: Rows,
    opened: Opened,
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

    /// The same for whatever is sealed, or multiplied: a line a round.
    pub fn prove_assignment(
        &self,
        assignment: Assignment<'_>,
        mut rng: impl CryptoRng,
    ) -> Result<Proof, ProveError> {
        let (key, rng) = (self.key, &mut rng);
        self.check_shapes(&assignment)?;
        let seal = self.weights.as_ref().map(|weights| weights.seal().digest());
        let bound = Bound::new(key, seal, self.parameters.digest(), &assignment.statement);
        let start = Start::new(Writer::new(&bound)?, Sizes::of(key));

        let counted = self.count(&assignment)?;
        let cells = self.commit(Stage::Cells, assignment.columns, Random::Mask, rng);
        let multiplicities = self.commit(Stage::Multiplicities, &counted.counts, Random::All, rng);
        let (_, (rho, sigma), next) = start.cells(&points(&cells), &points(&multiplicities))?;
        let factors = self.factors(&assignment, rho, sigma, rng);
        let (_, (tau, theta, beta), next) = next.factors(&points(&factors))?;
        self.enter(Stage::Helpers);
        let (tables, mut lookups) = self.lookups(&cells, &counted, theta, beta)?;
        let helpers = self.committer.commit_full(std::mem::take(&mut lookups.helpers), rng);
        let (_, (zeta, y), next) = next.helpers(&points(&helpers))?;
        let (dense, weights) = self.sealed_columns(&assignment, cells.len());
        let columns = Columns { cells, dense, factors, weights, multiplicities, helpers };
        self.enter(Stage::Adjoint);
        let adjoint = backward(key, &assignment.statement, LinearChallenges { rho, sigma, tau });
        let challenges = LookupChallenges { theta, beta, zeta, y };
        let summed = (tables, lookups);
        let (to_open, next) = self.row_sum(next, columns, summed, adjoint, &challenges, rng)?;
        let argument = self.open(next, to_open, rng)?.finish();

        let proof = Proof { key: key.digest(), seal, statement: assignment.statement, argument };
        if self.self_check {
            self.enter(Stage::SelfCheck);
            let seal = self.weights.as_ref().map(SealedColumns::seal);
            key.verify_sealed(self.parameters, seal, &proof).map_err(ProveError::SelfCheck)?;
        }
        Ok(proof)
    }

    /// How often each tuple is looked up.
    fn count(&self, assignment: &Assignment<'_>) -> Result<Counted, ProveError> {
        self.enter(Stage::Counting);
        let mut counted = lookups::count(self.key, assignment.columns);
        let verdict = std::mem::replace(&mut counted.verdict, Ok(()));
        if self.check_witness {
            verdict?;
        }
        Ok(counted)
    }

    /// Commits to columns of small integers.
    fn commit<'c>(
        &self,
        stage: Stage,
        columns: &'c [Vec<i64>],
        first: Random,
        rng: &mut impl CryptoRng,
    ) -> Vec<Column<'c>> {
        self.enter(stage);
        self.committer.commit_small(columns.iter().map(Vec::as_slice), first, rng)
    }

    /// Commits to the factors of every bilinear node.
    fn factors(
        &self,
        assignment: &Assignment<'_>,
        rho: Rho,
        sigma: Sigma,
        rng: &mut impl CryptoRng,
    ) -> Vec<Column<'static>> {
        self.enter(Stage::Factors);
        let weights = self.weights.as_ref();
        let columns = factor_columns(self.key, &assignment.operands, weights, (rho, sigma));
        self.committer.commit_full(columns, rng)
    }

    /// The cells as tables, and the lookups among them with their denominators.
    fn lookups(
        &self,
        cells: &[Column<'_>],
        counted: &Counted,
        theta: Theta,
        beta: Beta,
    ) -> Result<(Vec<Vec<Fp>>, Lookups), ProveError> {
        let (committer, integers) = (&self.committer, Integers::new());
        let tables: Vec<_> =
            cells.par_iter().map(|column| column.summed(committer, &integers)).collect();
        let lookups = Lookups::new(self.key, committer, counted, &tables, theta, beta)?;
        Ok((tables, lookups))
    }

    /// The columns of sealed inputs, outputs and biases, and those of sealed weights.
    fn sealed_columns<'c>(
        &'c self,
        assignment: &Assignment<'c>,
        fresh: usize,
    ) -> (Vec<SealedColumn<'c>>, Vec<SealedColumn<'c>>) {
        let sealed = assignment.sealed.iter().copied().chain(&self.weights);
        let mut dense: Vec<_> = sealed.flat_map(|sealed| sealed.columns()).collect();
        let weights = dense.split_off(self.key.layout().factor_columns().start - fresh);
        (dense, weights)
    }

    /// Reduces every constraint to one point, and says what is opened there.
    fn row_sum(
        &self,
        start: AwaitsRowSum<Writer>,
        columns: Columns<'_>,
        (cells, lookups): (Vec<Vec<Fp>>, Lookups),
        mut adjoint: Adjoint,
        challenges: &LookupChallenges,
        rng: &mut impl CryptoRng,
    ) -> Result<(ToOpen, AwaitsRunningSum<Writer>), ProveError> {
        self.enter(Stage::RowSum);
        let (layout, committer) = (self.key.layout(), &self.committer);
        let weights = std::mem::take(&mut adjoint.weights);
        let of_sheets = (&mut adjoint, weights.as_slice());
        let summand =
            Summand::new(self.key, committer, &columns, cells, lookups, of_sheets, challenges);
        if self.check_witness && summand.linear_total() != adjoint.target {
            return Err(ProveError::Linear);
        }
        let (reduced, next) = Reduced::new(layout, committer, summand, start, adjoint.target, rng)?;
        let random = blinding_rows(rng);
        let (point, hidden) =
            reduced.messages.commit_last(committer, reduced.hidden, &random, Fp::random(&mut *rng));
        let Evaluations { lookups, helpers, factors } = reduced.evaluations();
        let (_, (gamma, lambda), next) = next.evaluations([lookups, helpers, factors], point)?;

        self.enter(Stage::RunningSum);
        let opened = reduced.public.opened(
            layout,
            &reduced.rows,
            reduced.evaluations(),
            adjoint.target,
            challenges,
            (gamma, lambda),
        );
        let opened = opened.map_err(|_| ProveError::DegenerateChallenge)?;
        adjoint.weights = weights;
        let weights = reduced.rows.sealed_weights(layout, &adjoint);
        let combined = combine_columns(committer, &columns, &opened.combination, &weights);
        let messages = reduced.messages.combine(hidden, *lambda);
        Ok((ToOpen { combined, messages, rows: reduced.rows, opened }, next))
    }

    /// The running sum over what is opened, its quotient, the opening.
    fn open(
        &self,
        start: AwaitsRunningSum<Writer>,
        to_open: ToOpen,
        rng: &mut impl CryptoRng,
    ) -> Result<Writer, ProveError> {
        let (committer, ToOpen { combined, messages, rows, opened }) = (&self.committer, to_open);
        let value = opened.value();
        let weights = [rows.weights, opened.equations.weights];
        let random = blinding_rows(rng);
        let sum = running_sum(
            [&combined.values, &messages.values],
            &weights,
            self.key.layout().boundary(),
            &random,
        );
        let sum_blind = Fp::random(&mut *rng);
        let (_, upsilon, next) =
            start.running_sum(committer.commit_rows(&committer.lagrange, &sum, sum_blind))?;

        self.enter(Stage::Quotient);
        let columns = [combined.values, messages.values, sum];
        let [combination, message, sum] = columns.map(|values| interpolate(committer, values));
        let polynomials = Polynomials { sum: &sum, combination: &combination, messages: &message };
        let quotient = quotient(committer, polynomials, weights, value, *upsilon);
        let quotient_blind = Fp::random(&mut *rng);
        let commitment = committer.commit_rows(&committer.opening, &quotient, quotient_blind);
        let (_, x, next) = next.quotient(commitment)?;

        self.enter(Stage::Opening);
        let points @ [x, omega_x] = [*x, committer.domain.rotate_omega(*x, Rotation::next())];
        let values = [(&combination, x), (&message, x), (&sum, x), (&sum, omega_x)];
        let values = values.map(|(polynomial, point)| eval_polynomial(polynomial, point));
        let (_, combiners, next) = next.values(&values)?;
        let blinded = |coefficients, blind| BlindedPolynomial { coefficients, blind };
        let here = [
            blinded(&combination, combined.blind),
            blinded(&message, messages.blind),
            blinded(&quotient, quotient_blind),
        ];
        open(committer, next, combiners, &here, &blinded(&sum, sum_blind), points, rng)
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

/// Their commitments.
fn points(columns: &[Column<'_>]) -> Vec<EqAffine> {
    columns.iter().map(|column| column.commitment).collect()
}
