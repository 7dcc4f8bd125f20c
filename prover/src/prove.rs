//! The rounds of the argument, in order.

use std::sync::OnceLock;

use ff::Field;
use halo2_proofs::transcript::{Blake2bWrite, Challenge255, Transcript, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::{Cotangents, backward};
use zkinfer_verifier::constraints::Challenges;
use zkinfer_verifier::factors::{Operands, factors};
use zkinfer_verifier::sheet::Role;
use zkinfer_verifier::transcript::{binding, draw};
use zkinfer_verifier::{Parameters, Proof, Statement, VerifyingKey};

use crate::commit::{Column, Content, Context};
use crate::error::ProveError;
use crate::open::{Blinded, Opening};
use crate::quotient::{Polynomials, quotient};
use crate::sealed::{SealedColumns, Shifts, ShownColumn};
use crate::{Stage, adjoint, link, lookup};

/// What is to be proven, and what proves it.
#[derive(Clone, Default)]
pub struct Claim<'a> {
    /// Inputs and outputs as the key shows them.
    pub statement: Statement,
    /// Cells of the lanes that hold small integers, one vector of usable rows per column.
    pub columns: &'a [Vec<i64>],
    /// For every bilinear node in order: the integers that it multiplies. The right ones of a sealed contraction are the model's weights and
    /// may be left out.
    pub operands: Vec<[Vec<i64>; 2]>,
    /// The sealed inputs, then the sealed outputs.
    pub sealed: Vec<&'a SealedColumns>,
}

/// A prover for one circuit. It proves any number of inputs, and keeps what later proofs need again.
pub struct Prover<'a> {
    key: &'a VerifyingKey,
    parameters: &'a Parameters,
    context: Context<'a>,
    weights: Option<SealedColumns>,
    /// Made for the first proof that shows a sealed column.
    shifts: OnceLock<Shifts>,
    self_check: bool,
    check_witness: bool,
    observer: &'a dyn Fn(Stage),
}

impl<'a> Prover<'a> {
    /// A prover that checks the witness before and the proof after.
    pub fn new(key: &'a VerifyingKey, parameters: &'a Parameters) -> Self {
        Self {
            key,
            parameters,
            context: Context::of(parameters),
            weights: None,
            shifts: OnceLock::new(),
            self_check: true,
            check_witness: true,
            observer: &|_| {},
        }
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

    /// Shows the weights of the model, which are sealed, in every proof. What can be kept between proofs is kept here.
    pub fn weights(self, weights: SealedColumns) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Proves that the network maps the statement's inputs to its outputs, where nothing but public tensors is involved. `columns` are the
    /// cells, one vector of usable rows per column of the key's layout; `rng` must be cryptographically secure, since zero knowledge rests on it.
    pub fn prove(&self, statement: Statement, columns: &[Vec<i64>], rng: impl CryptoRng) -> Result<Proof, ProveError> {
        self.prove_claim(Claim { statement, columns, ..Claim::default() }, rng)
    }

    /// The same for any claim.
    pub fn prove_claim(&self, claim: Claim<'_>, mut rng: impl CryptoRng) -> Result<Proof, ProveError> {
        let (key, layout, context) = (self.key, self.key.layout(), &self.context);
        self.check_shapes(&claim)?;
        let seal = self.weights.as_ref().map(|weights| weights.seal().digest());
        let mut transcript = Blake2bWrite::<_, EqAffine, Challenge255<EqAffine>>::init(Vec::new());
        transcript.common_scalar(binding(key, seal, self.parameters.digest(), &claim.statement))?;

        self.enter(Stage::Cells);
        let sealed: Vec<&SealedColumns> = claim.sealed.iter().copied().chain(&self.weights).collect();
        // Lookups concern the lanes and the sheets right behind them.
        let mut integers = claim.columns.to_vec();
        let tensors = sealed.iter().flat_map(|sealed| &sealed.tensors);
        let range_checked = layout.sheets.iter().zip(tensors).take_while(|(sheet, _)| sheet.tag != 0);
        integers.extend(range_checked.flat_map(|(sheet, tensor)| sheet.fill(tensor)));
        let (counts, verdict) = lookup::multiplicities(key, &integers);
        if self.check_witness {
            verdict?;
        }
        let contents = claim.columns.iter().chain(&counts).map(|column| Content::Small(column)).collect();
        let mut cells = context.commit(contents, &mut rng);
        let multiplicities = cells.split_off(claim.columns.len());
        let mut shown: Vec<ShownColumn<'_>> = Vec::new();
        for sealed in &sealed {
            shown.extend(sealed.rerandomise(self.shifts(), &mut rng));
        }
        write_commitments(&mut transcript, cells.iter().map(|column| column.commitment))?;
        write_commitments(&mut transcript, shown.iter().map(|column| column.commitment))?;
        write_commitments(&mut transcript, multiplicities.iter().map(|column| column.commitment))?;
        let (rho, sigma) = (draw(&mut transcript), draw(&mut transcript));

        self.enter(Stage::Factors);
        let factors = context.commit(self.factors(&claim, rho, sigma)?, &mut rng);
        write_commitments(&mut transcript, factors.iter().map(|column| column.commitment))?;
        if !shown.is_empty() {
            link::write(self.shifts(), &mut transcript, &shown, &mut rng)?;
        }
        let factor_columns = layout.factor_columns();
        let weights = shown.split_off(factor_columns.start - cells.len());
        let dense: Vec<Column> = shown.par_iter().map(|column| column.expand(context)).collect();
        cells.extend(dense.into_iter().chain(factors));
        let cotangents = Cotangents { rho, sigma, tau: draw(&mut transcript) };
        let (theta, beta) = (draw(&mut transcript), draw(&mut transcript));

        self.enter(Stage::Adjoint);
        let adjoint = backward(key, &claim.statement, cotangents);
        let sheets = || layout.sheets.iter().filter(|sheet| matches!(sheet.role, Role::Weights(_)));
        let mut rest = weights.as_slice();
        let mut folded = Vec::new();
        for (sheet, cotangent) in sheets().zip(&adjoint.weights) {
            let (columns, tail) = rest.split_at(sheet.columns.len());
            folded.extend(adjoint::fold_weights(context, sheet, cotangent, columns));
            rest = tail;
        }
        let values = |column: usize| &cells[column].values[..];
        let linear = cells.iter().zip(&adjoint.kappa).map(|(column, kappa)| (&column.values[..], &kappa[..]));
        let pairs = factor_columns.clone().step_by(2).zip(&adjoint.separators);
        let products = adjoint::Products {
            linear: linear.chain(folded.iter().map(|(column, kappa)| (&column[..], &kappa[..]))).collect(),
            bilinear: pairs.map(|(u, separator)| ([values(u), values(u + 1)], &separator[..])).collect(),
        };
        let adjoint_sum = adjoint::running_sum(&products, layout.usable);
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
        write_commitments(&mut transcript, helpers.iter().map(|column| column.commitment))?;
        let sums = helpers.split_off(layout.helpers());
        let [lookup_sum, adjoint_sum] = sums.as_slice() else { unreachable!("two sums were committed") };
        let random = context.domain.coeff_from_vec((0..context.rows).map(|_| Fp::random(&mut rng)).collect());
        let random = self.commit(vec![random], &mut transcript, &mut rng)?;
        let y = draw(&mut transcript);

        self.enter(Stage::Quotient);
        let (folded, folded_kappa): (Vec<_>, Vec<_>) = folded.into_iter().unzip();
        let public = |columns: Vec<Vec<Fp>>| columns.into_par_iter().map(|column| context.public(column)).collect();
        let folded: Vec<_> = public(folded);
        let polynomials = Polynomials {
            cells: cells.iter().map(|column| &column.polynomial).chain(&folded).collect(),
            multiplicities: multiplicities.iter().map(|column| &column.polynomial).collect(),
            helpers: helpers.iter().map(|column| &column.polynomial).collect(),
            lookup_sum: &lookup_sum.polynomial,
            adjoint_sum: &adjoint_sum.polynomial,
            kappa: public(adjoint.kappa.into_iter().chain(folded_kappa).collect()),
            factors: factor_columns,
            separators: public(adjoint.separators),
            tags: public(tags),
            inverses: public(inverses),
        };
        let challenges = Challenges { y, ..challenges };
        let pieces = quotient(context, &layout.lookups, &polynomials, adjoint.target, challenges);
        drop(polynomials);
        let pieces = self.commit(pieces, &mut transcript, &mut rng)?;
        let x = draw(&mut transcript);

        self.enter(Stage::Opening);
        let opening = Opening {
            cells: &cells,
            weights: &weights,
            cotangents: sheets().zip(&adjoint.weights).collect(),
            others: multiplicities.iter().chain(&helpers).collect(),
            sums: [lookup_sum, adjoint_sum],
            random: &random[0],
            pieces: &pieces,
        };
        opening.write(context, &mut transcript, x, &mut rng)?;
        let proof = Proof { key: key.digest(), seal, statement: claim.statement, argument: transcript.finalize() };

        if self.self_check {
            self.enter(Stage::SelfCheck);
            let seal = self.weights.as_ref().map(SealedColumns::seal);
            key.verify_sealed(self.parameters, seal, &proof).map_err(ProveError::SelfCheck)?;
        }
        Ok(proof)
    }

    /// The factor columns of every bilinear node.
    fn factors(&self, claim: &Claim<'_>, rho: Fp, sigma: Fp) -> Result<Vec<Content<'static>>, ProveError> {
        let (key, layout) = (self.key, self.key.layout());
        let first = layout.factor_columns().start;
        let mut columns = vec![vec![Fp::ZERO; layout.usable]; layout.columns().min(layout.factor_columns().end)];
        let nodes = key.description().nodes.iter().enumerate().filter(|(_, node)| node.operator.is_bilinear());
        let weights = |id: usize| {
            let index = layout.model_sheets().position(|sheet| sheet.role == Role::Weights(id))?;
            self.weights.as_ref()?.tensors.get(index).map(Vec::as_slice)
        };
        let operands = nodes
            .zip(&claim.operands)
            .map(|((id, _), [left, right])| (id, Operands { left, right: weights(id).unwrap_or(right) }));
        let jobs: Vec<_> = operands.collect();
        let pairs: Vec<_> =
            jobs.into_par_iter().map(|(id, operands)| (id, factors(key, id, rho, sigma, operands))).collect();
        for (id, pair) in pairs {
            let segment = layout.nodes[id].as_ref().and_then(|cells| cells.result.as_ref());
            let segment = segment.expect("a bilinear node has factor cells");
            for (offset, factor) in pair.iter().enumerate() {
                layout.add(&mut columns, segment, offset, factor);
            }
        }
        Ok(columns.split_off(first).into_iter().map(Content::Full).collect())
    }

    fn shifts(&self) -> &Shifts {
        self.shifts.get_or_init(|| Shifts::new(self.parameters))
    }

    fn enter(&self, stage: Stage) {
        (self.observer)(stage);
    }

    fn check_shapes(&self, claim: &Claim<'_>) -> Result<(), ProveError> {
        let (layout, k) = (self.key.layout(), self.key.description().k);
        if self.parameters.k() != k {
            return Err(ProveError::Parameters { expected: k, got: self.parameters.k() });
        }
        if !self.parameters.for_proving() {
            return Err(ProveError::VerifyingParameters);
        }
        if self.check_witness {
            claim.statement.check(self.key).map_err(ProveError::Statement)?;
        }
        let odd = claim.columns.iter().map(Vec::len).find(|&rows| rows != layout.usable);
        if claim.columns.len() != layout.fresh_columns() || odd.is_some() {
            return Err(ProveError::WitnessShape {
                columns: layout.fresh_columns(),
                rows: layout.usable,
                got_columns: claim.columns.len(),
                got_rows: odd.unwrap_or(layout.usable),
            });
        }
        let count = |what, expected: usize, got: usize| {
            if expected == got { Ok(()) } else { Err(ProveError::Missing { what, expected, got }) }
        };
        let bilinear = self.key.description().nodes.iter().filter(|node| node.operator.is_bilinear()).count();
        count("pairs of operands", bilinear, claim.operands.len())?;
        let model = layout.model_sheets().count();
        count("sealed tensors of the model", model, self.weights.as_ref().map_or(0, |weights| weights.tensors.len()))?;
        let others = claim.sealed.iter().map(|sealed| sealed.tensors.len()).sum();
        count("sealed inputs and outputs", layout.sheets.len() - model, others)
    }

    /// Commits to polynomials and writes the commitments.
    fn commit(
        &self,
        polynomials: Vec<halo2_proofs::poly::Polynomial<Fp, halo2_proofs::poly::Coeff>>,
        transcript: &mut Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Blinded>, ProveError> {
        let commitments = self.context.commit_coefficients(&polynomials, rng);
        for (commitment, _) in &commitments {
            transcript.write_point(*commitment)?;
        }
        Ok(polynomials.into_iter().zip(commitments).map(|(polynomial, (_, blind))| (polynomial, blind)).collect())
    }
}

fn write_commitments(
    transcript: &mut Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>,
    mut commitments: impl Iterator<Item = EqAffine>,
) -> std::io::Result<()> {
    commitments.try_for_each(|commitment| transcript.write_point(commitment))
}
