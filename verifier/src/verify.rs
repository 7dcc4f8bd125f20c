//! Verification: recompute the public side, check the evaluations against the constraints, check the opening.

use ff::{BatchInvert, Field};
use halo2_proofs::poly::EvaluationDomain;
use halo2_proofs::poly::commitment::MSM;
use halo2_proofs::poly::multiopen::{VerifierQuery, verify_proof};
use halo2_proofs::transcript::{Blake2bRead, Challenge255, Transcript, TranscriptRead};
use pasta_curves::{EqAffine, Fp};

use crate::QUOTIENT_PIECES;
use crate::adjoint::{Cotangents, backward};
use crate::constraints::{Challenges, Point, fold};
use crate::error::Rejection;
use crate::key::{Digest, VerifyingKey};
use crate::link::Equation;
use crate::parameters::Parameters;
use crate::proof::{Proof, argument_bytes};
use crate::seal::{CheckedSeal, decode};
use crate::sheet::Role;
use crate::tables::{compress_tuple, tag_value};
use crate::transcript::{binding, draw};

type Reader<'a> = Blake2bRead<&'a [u8], EqAffine, Challenge255<EqAffine>>;

impl VerifyingKey {
    /// Whether `proof` shows that the network of this key maps the statement's inputs to its outputs. For keys without sealed weights.
    ///
    /// Cost: field work linear in cells and weights, one multi-scalar multiplication of `2^k` plus the commitments.
    pub fn verify(&self, parameters: &Parameters, proof: &Proof) -> Result<(), Rejection> {
        self.verify_sealed(parameters, None, proof)
    }

    /// The same for any key: `seal` is the seal of the model's weights, if they are sealed.
    ///
    /// The cost of sealed weights: field work linear in columns and output channels, a multi-scalar multiplication of twice the sealed columns.
    pub fn verify_sealed(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(), Rejection> {
        let (msm, link) = self.fold_opening(parameters, seal, proof)?;
        if msm.eval() {
            return Ok(());
        }
        // Which of the two it was is worth a second look only now.
        if link.is_some_and(|link| !link.holds()) { Err(Rejection::Link) } else { Err(Rejection::Opening) }
    }

    /// The commitments `C` that the proof's statement and the model's seal say, one per sealed column.
    fn sealed_points(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<Vec<EqAffine>, Rejection> {
        if proof.key != self.digest() {
            return Err(Rejection::OtherKey { expected: self.digest().to_string(), got: proof.key.to_string() });
        }
        if parameters.k() != self.description().k {
            return Err(Rejection::OtherParameters { expected: self.description().k, got: parameters.k() });
        }
        match (seal, self.has_sealed_weights()) {
            (None, true) => return Err(Rejection::SealMissing),
            (Some(_), false) => return Err(Rejection::SealUnexpected),
            (Some(seal), true) => seal.fits(self, parameters)?,
            (None, false) => {}
        }
        let digest = seal.map(CheckedSeal::digest);
        if digest != proof.seal {
            let name = |digest: Option<Digest>| digest.map_or("none".into(), |digest| digest.to_string());
            return Err(Rejection::OtherSeal { expected: name(proof.seal), got: name(digest) });
        }
        proof.statement.check(self)?;
        let values = proof.statement.inputs.iter().chain(&proof.statement.outputs);
        let commitments = values.flat_map(|value| value.commitments()).map(decode);
        let points = commitments.chain(seal.iter().flat_map(|seal| seal.points()).map(|point| Some(*point)));
        points.collect::<Option<_>>().ok_or(Rejection::Encoding { part: "commitments of the statement" })
    }

    /// Everything but the final multi-scalar multiplication, which must evaluate to the identity; the link, which is part of it.
    fn fold_opening<'p>(
        &self,
        parameters: &'p Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(MSM<'p, EqAffine>, Option<Equation>), Rejection> {
        let (k, layout) = (self.description().k, self.layout());
        let sealed = self.sealed_points(parameters, seal, proof)?;
        let expected = argument_bytes(self);
        if proof.argument.len() != expected {
            return Err(Rejection::ProofLength { expected, got: proof.argument.len() });
        }

        let params = parameters.params();
        let domain = EvaluationDomain::<Fp>::new(crate::DEGREE, k);
        let mut transcript: Reader<'_> = Blake2bRead::init(proof.argument.as_slice());
        let bound = transcript.common_scalar(binding(self, proof.seal, parameters.digest(), &proof.statement));
        bound.map_err(|_| Rejection::Encoding { part: "binding" })?;

        let (slots, helpers, factors) = (layout.slots, layout.helpers(), layout.factor_columns());
        let mut cells = points(&mut transcript, layout.fresh_columns(), "commitments to cells")?;
        let mut fresh = points(&mut transcript, sealed.len(), "commitments to re-randomised columns")?;
        let links: Vec<(EqAffine, EqAffine)> = fresh.iter().copied().zip(sealed).collect();
        let multiplicities = points(&mut transcript, slots, "commitments to multiplicities")?;
        let (rho, sigma) = (draw(&mut transcript), draw(&mut transcript));
        let factor_commitments = points(&mut transcript, factors.len(), "commitments to factors")?;
        let link = if links.is_empty() {
            None
        } else {
            let lambda = draw(&mut transcript);
            let [message] = array(&mut transcript, point, "message of the link")?;
            let challenge = draw(&mut transcript);
            let responses = array(&mut transcript, scalar, "responses of the link")?;
            Some(Equation::new(parameters, &links, lambda, message, challenge, &responses))
        };
        let weights = fresh.split_off(factors.start.saturating_sub(cells.len()).min(fresh.len()));
        cells.extend(fresh.into_iter().chain(factor_commitments));
        let cotangents = Cotangents { rho, sigma, tau: draw(&mut transcript) };
        let (theta, beta) = (draw(&mut transcript), draw(&mut transcript));
        let helper_commitments = points(&mut transcript, helpers, "commitments to lookup helpers")?;
        let [lookup_sum, adjoint_sum] = array(&mut transcript, point, "commitments to running sums")?;
        let [random] = array(&mut transcript, point, "commitment to the random polynomial")?;
        let y = draw(&mut transcript);
        let pieces: [EqAffine; QUOTIENT_PIECES] = array(&mut transcript, point, "commitments to quotient pieces")?;
        let x = draw(&mut transcript);

        let cell_evaluations = scalars(&mut transcript, factors.end, "evaluations of cells")?;
        let weight_evaluation =
            scalars(&mut transcript, weights.len().min(1), "combined evaluation of sealed weights")?;
        let multiplicity_evaluations = scalars(&mut transcript, slots, "evaluations of multiplicities")?;
        let helper_evaluations = scalars(&mut transcript, helpers, "evaluations of lookup helpers")?;
        let [lookup_here, lookup_next, adjoint_here, adjoint_next] =
            array(&mut transcript, scalar, "evaluations of running sums")?;
        let [random_evaluation] = array(&mut transcript, scalar, "evaluation of the random polynomial")?;

        let basis = Basis::new(&domain, layout.rows, x)?;
        let adjoint = backward(self, &proof.statement, cotangents);
        let evaluate = |columns: &[Vec<Fp>]| columns.iter().map(|column| basis.evaluate(column)).collect::<Vec<_>>();
        // Of sealed weights only Σ κ_c·a_c matters, so that is what is opened.
        let sheets = layout.sheets.iter().filter(|sheet| matches!(sheet.role, Role::Weights(_)));
        let weight_kappa =
            sheets.zip(&adjoint.weights).flat_map(|(sheet, cotangent)| cotangent.evaluate(sheet, &basis.values));
        let mut combined = params.empty_msm();
        weight_kappa.zip(&weights).for_each(|(kappa, commitment)| combined.append_term(kappa, *commitment));
        let mut kappa = evaluate(&adjoint.kappa);
        kappa.extend(weight_evaluation.iter().map(|_| Fp::ONE));
        let linear: Vec<Fp> = cell_evaluations.iter().chain(&weight_evaluation).copied().collect();
        let inverses = self.table_evaluations(&basis, theta, beta)?;
        let point = Point {
            cells: &linear,
            multiplicities: &multiplicity_evaluations,
            helpers: &helper_evaluations,
            lookup_sum: [lookup_here, lookup_next],
            adjoint_sum: [adjoint_here, adjoint_next],
            kappa: &kappa,
            factors: cell_evaluations.get(factors).unwrap_or_default(),
            separators: &evaluate(&adjoint.separators),
            tags: &self.tag_evaluations(&basis),
            inverses: &inverses,
            active: basis.range(0..layout.usable),
            first: basis.at(0),
            boundary: basis.at(layout.usable),
        };
        let constraints = fold(&layout.lookups, point, adjoint.target, Challenges { theta, beta, y });
        let quotient_evaluation = constraints * basis.vanishing_inverse;

        let x_n = basis.x_n;
        let mut quotient = params.empty_msm();
        let mut power = Fp::ONE;
        for piece in pieces {
            quotient.append_term(power, piece);
            power *= x_n;
        }

        // halo2 recognises queries of one commitment by its address, so each stands in one place.
        let next = domain.rotate_omega(x, halo2_proofs::poly::Rotation::next());
        let here = |commitment, evaluation| VerifierQuery::new_commitment(commitment, x, evaluation);
        let queries = cells
            .iter()
            .zip(&cell_evaluations)
            .map(|(commitment, &evaluation)| here(commitment, evaluation))
            .chain(weight_evaluation.iter().map(|&evaluation| VerifierQuery::new_msm(&combined, x, evaluation)))
            .chain(multiplicities.iter().zip(&multiplicity_evaluations).map(|(c, &evaluation)| here(c, evaluation)))
            .chain(helper_commitments.iter().zip(&helper_evaluations).map(|(c, &evaluation)| here(c, evaluation)))
            .chain([
                here(&lookup_sum, lookup_here),
                VerifierQuery::new_commitment(&lookup_sum, next, lookup_next),
                here(&adjoint_sum, adjoint_here),
                VerifierQuery::new_commitment(&adjoint_sum, next, adjoint_next),
                VerifierQuery::new_msm(&quotient, x, quotient_evaluation),
                here(&random, random_evaluation),
            ])
            .collect::<Vec<_>>();
        // A decoding failure inside the opening and a broken relation look the same from outside.
        let guard = verify_proof(params, &mut transcript, queries, params.empty_msm());
        let guard = guard.map_err(|_| Rejection::Encoding { part: "elements of the opening" })?;
        let mut msm = guard.use_challenges();
        let weight = draw(&mut transcript);
        link.iter().for_each(|link| link.add_to(&mut msm, weight));
        Ok((msm, link))
    }

    /// The public tag column of every lookup at `x`.
    fn tag_evaluations(&self, basis: &Basis) -> Vec<Fp> {
        let tag = |(rows, tag): &(core::ops::Range<usize>, usize)| tag_value(*tag) * basis.range(rows.clone());
        self.layout().lookups.iter().map(|lookup| lookup.tags.iter().map(tag).sum()).collect()
    }

    /// The public columns `R_s` at `x`.
    fn table_evaluations(&self, basis: &Basis, theta: Fp, beta: Fp) -> Result<Vec<Fp>, Rejection> {
        let inverses = self.table_inverses(theta, beta).ok_or(Rejection::DegenerateChallenge { part: "table" })?;
        Ok(inverses.iter().map(|column| basis.evaluate(column)).collect())
    }

    /// The public columns `R_s = 1/(β + t_s)`, one per slot, `u` rows each; none if a denominator is zero.
    ///
    /// Rows of the last slot that no table fills repeat the all-zero tuple, which is always valid.
    pub fn table_inverses(&self, theta: Fp, beta: Fp) -> Option<Vec<Vec<Fp>>> {
        let layout = self.layout();
        let mut inverses: Vec<Fp> =
            self.tables().tuples().map(|(tag, tuple)| beta + compress_tuple(tag, tuple, theta)).collect();
        inverses.resize(layout.slots.checked_mul(layout.usable)?, beta);
        if inverses.iter().any(|value| bool::from(value.is_zero())) {
            return None;
        }
        inverses.iter_mut().batch_invert();
        Some(inverses.chunks(layout.usable.max(1)).map(<[Fp]>::to_vec).collect())
    }
}

/// The Lagrange basis of the domain at `x`.
struct Basis {
    values: Vec<Fp>,
    /// `Σ` of the first `i` values.
    sums: Vec<Fp>,
    x_n: Fp,
    vanishing_inverse: Fp,
}

impl Basis {
    /// `l_i(x) = ω^i·(x^n − 1) / (n·(x − ω^i))`.
    fn new(domain: &EvaluationDomain<Fp>, rows: usize, x: Fp) -> Result<Self, Rejection> {
        let degenerate = Rejection::DegenerateChallenge { part: "evaluation point in the domain" };
        let count = u64::try_from(rows).unwrap_or(0);
        let x_n = x.pow([count]);
        let vanishing = x_n - Fp::ONE;
        let vanishing_inverse = Option::<Fp>::from(vanishing.invert()).ok_or_else(|| degenerate.clone())?;
        let scale = vanishing * Option::<Fp>::from(Fp::from(count).invert()).ok_or(degenerate)?;
        let roots = crate::field::powers(domain.get_omega(), rows);
        // x is no n-th root of unity, so no denominator is zero.
        let mut values: Vec<Fp> = roots.iter().map(|root| x - root).collect();
        values.iter_mut().batch_invert();
        values.iter_mut().zip(roots).for_each(|(value, root)| *value *= scale * root);
        let mut sum = Fp::ZERO;
        let mut sums = vec![sum];
        sums.extend(values.iter().map(|value| {
            sum += *value;
            sum
        }));
        Ok(Self { values, sums, x_n, vanishing_inverse })
    }

    fn at(&self, row: usize) -> Fp {
        self.values.get(row).copied().unwrap_or(Fp::ZERO)
    }

    /// The column that is 1 on `rows` and 0 elsewhere.
    fn range(&self, rows: core::ops::Range<usize>) -> Fp {
        let sum = |end| self.sums.get(end).copied().unwrap_or(Fp::ZERO);
        sum(rows.end) - sum(rows.start)
    }

    /// A column given by its first rows, zero after them.
    fn evaluate(&self, column: &[Fp]) -> Fp {
        column.iter().zip(&self.values).map(|(value, basis)| *value * basis).sum()
    }
}

fn point(transcript: &mut Reader<'_>) -> std::io::Result<EqAffine> {
    transcript.read_point()
}

fn scalar(transcript: &mut Reader<'_>) -> std::io::Result<Fp> {
    transcript.read_scalar()
}

/// `N` elements of the same kind.
fn array<T: Copy + Default, const N: usize>(
    transcript: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> std::io::Result<T>,
    part: &'static str,
) -> Result<[T; N], Rejection> {
    let mut elements = [T::default(); N];
    for element in &mut elements {
        *element = read(transcript).map_err(|_| Rejection::Encoding { part })?;
    }
    Ok(elements)
}

fn points(transcript: &mut Reader<'_>, count: usize, part: &'static str) -> Result<Vec<EqAffine>, Rejection> {
    (0..count).map(|_| point(transcript).map_err(|_| Rejection::Encoding { part })).collect()
}

fn scalars(transcript: &mut Reader<'_>, count: usize, part: &'static str) -> Result<Vec<Fp>, Rejection> {
    (0..count).map(|_| scalar(transcript).map_err(|_| Rejection::Encoding { part })).collect()
}
