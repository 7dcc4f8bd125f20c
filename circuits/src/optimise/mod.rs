//! Choosing rows, limb width and forms.
//!
//! | file | knows |
//! |---|---|
//! | `counts` | how many rows, columns, lookups and slots a plan has |
//! | `cost` | what those cost: the model and its estimated constants |
//! | `loads` | how much of it each node of the graph takes |
//!
//! Four numbers are free, and none changes what is proven: `k`; the limb width; the *price*, the
//! table rows for an element up to which its requantisation takes the narrow form, a table row for
//! each quotient (2 cells, 1 lookup), rather than splitting its quotient (4 cells, 2 lookups, three
//! table rows per entry of the function); and the least number of entries of such a function, which
//! sets the split. The graph is analysed once; then all combinations are counted and the best
//! taken.
//!
//! An [`Objective`] weighs the logarithms of the three costs. So it is indifferent to units and to
//! the size of the network, and never buys a per cent of what it is named after with a multiple of
//! the others. One absolute figure comes on top: proofs of at most [`comfortable_bytes`] are
//! preferred wherever that costs less than a factor of [`SACRIFICE`].

pub mod cost;
pub mod counts;
mod loads;

use zkinfer_verifier::MIN_K;

pub use cost::{CostModel, Prediction};
pub use counts::Counts;
pub use loads::{Loads, loads};

use crate::error::Error;
use crate::lower::{Lowered, Plan};
use counts::{Forms, Limbs, Sizes};

/// Largest `k` that is tried: all that the verifier accepts.
pub const LARGEST_K: u32 = zkinfer_verifier::MAX_K;
/// Limb widths that are tried: from short tables to few cells.
const LIMB_BITS: std::ops::RangeInclusive<u32> = 2..=zkinfer_verifier::MAX_LIMB_BITS;
/// Proofs up to this size are preferred: some 4 kB for a network of LeNet-5's size, growing as the
/// square root of the cells, as rows and columns do, up to 16 kB. With sealed weights, which take
/// factors, up to twice as much.
pub fn comfortable_bytes(cells: usize, sealed: bool) -> usize {
    let bytes = (2000 + 16 * cells.isqrt()).min(16_000);
    if sealed { 2 * bytes } else { bytes }
}
/// How much worse the weighed costs may become for a proof of that size.
pub const SACRIFICE: f64 = 1.5;
/// Lengths of wide functions that are tried.
const ENTRIES: [usize; 6] = [2, 1 << 9, 1 << 11, 1 << 13, 1 << 15, 1 << 17];
/// Most prices that are tried.
const PRICES: usize = 128;

/// What a circuit should be best at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Proving time.
    #[default]
    Prover,
    /// Verification time.
    Verifier,
    /// Bytes of a proof.
    Size,
}

impl Objective {
    /// Weights of the logarithms of proving time, verification time and proof size.
    fn weights(self) -> [f64; 3] {
        match self {
            Self::Prover => [1.0, 0.1, 0.1],
            Self::Verifier => [0.1, 1.0, 0.1],
            Self::Size => [0.1, 0.1, 1.0],
        }
    }

    /// Less is better.
    fn score(self, prediction: &Prediction) -> f64 {
        self.score_of([
            prediction.prove_seconds,
            prediction.verify_seconds,
            prediction.proof_bytes as f64,
        ])
    }

    /// The same of proving time, verification time and proof size.
    fn score_of(self, costs: [f64; 3]) -> f64 {
        self.weights().iter().zip(costs).map(|(weight, cost)| weight * cost.ln()).sum()
    }
}

/// The best plan for an objective on the reference machine.
pub fn plan(lowered: &Lowered, objective: Objective) -> Result<Plan, Error> {
    plan_with(lowered, objective, &CostModel::REFERENCE)
}

/// The best plan for an objective on a machine.
pub fn plan_with(
    lowered: &Lowered,
    objective: Objective,
    model: &CostModel,
) -> Result<Plan, Error> {
    let candidates = candidates(lowered)?.into_iter();
    let scored: Vec<Scored> =
        candidates.map(|(plan, counts)| Scored::new(plan, &counts, objective, model)).collect();
    let best = best(scored.iter().map(|scored| (scored.score, scored.comfortable, scored)));
    Ok(best.ok_or(Error::NoPlan { largest_k: LARGEST_K })?.plan)
}

/// A plan with what it is expected to cost.
#[derive(Clone, Copy)]
struct Scored {
    plan: Plan,
    prediction: Prediction,
    score: f64,
    comfortable: bool,
}

impl Scored {
    fn new(plan: Plan, counts: &Counts, objective: Objective, model: &CostModel) -> Self {
        let prediction = model.predict(counts);
        let comfortable =
            prediction.proof_bytes <= comfortable_bytes(counts.cells, counts.weights > 0);
        Self { plan, prediction, score: objective.score(&prediction), comfortable }
    }
}

/// The least score, or that of the best whose proofs are comfortable if it is not much worse.
fn best<T>(scored: impl Iterator<Item = (f64, bool, T)>) -> Option<T> {
    let mut least: [Option<(f64, T)>; 2] = [None, None];
    for (score, comfortable, what) in scored {
        let slot = &mut least[usize::from(comfortable)];
        if slot.as_ref().is_none_or(|(least, _)| score < *least) {
            *slot = Some((score, what));
        }
    }
    match least {
        [Some(other), Some(comfortable)] => {
            let dear = comfortable.0 - other.0 > SACRIFICE.ln();
            Some(if dear { other.1 } else { comfortable.1 })
        }
        [other, comfortable] => comfortable.or(other).map(|(_, what)| what),
    }
}

/// Plans for circuits that must share their number of rows, on the reference machine: the best by
/// what all of them take together.
pub fn plans_sharing_rows(lowered: &[Lowered], objective: Objective) -> Result<Vec<Plan>, Error> {
    let scored = |lowered: &Lowered| -> Result<Vec<Scored>, Error> {
        let scored = |(plan, counts): (Plan, Counts)| {
            Scored::new(plan, &counts, objective, &CostModel::REFERENCE)
        };
        Ok(candidates(lowered)?.into_iter().map(scored).collect())
    };
    let circuits = lowered.iter().map(scored).collect::<Result<Vec<_>, _>>()?;
    let of = |k: u32| -> Option<Vec<Scored>> {
        let rows = circuits.iter().map(|plans| {
            let plans = plans.iter().filter(|scored| scored.plan.k == k);
            best(plans.map(|scored| (scored.score, scored.comfortable, *scored)))
        });
        rows.collect()
    };
    let plans = (MIN_K..=LARGEST_K).filter_map(of).map(|plans| {
        let total = |cost: fn(&Prediction) -> f64| {
            plans.iter().map(|scored| cost(&scored.prediction)).sum::<f64>()
        };
        let score = objective.score_of([
            total(|prediction| prediction.prove_seconds),
            total(|prediction| prediction.verify_seconds),
            total(|prediction| prediction.proof_bytes as f64),
        ]);
        (score, plans.iter().all(|scored| scored.comfortable), plans)
    });
    let plans = best(plans).ok_or(Error::NoPlan { largest_k: LARGEST_K })?;
    Ok(plans.into_iter().map(|scored| scored.plan).collect())
}

/// Every plan within the verifier's limits, with its counts.
pub fn candidates(lowered: &Lowered) -> Result<Vec<(Plan, Counts)>, Error> {
    let analysis = lowered.analyse()?;
    let sizes = Sizes::new(lowered, &analysis);
    let widths: Vec<Limbs> = LIMB_BITS.filter_map(|bits| sizes.limbs(bits)).collect();
    let prices = sizes.prices();
    let prices = std::iter::once(0)
        .chain(prices.iter().copied().step_by(prices.len().div_ceil(PRICES).max(1)))
        .chain(prices.last().copied());
    // Longer functions pay once the high parts would outnumber them.
    let widest = sizes.widest();
    let entries = ENTRIES
        .into_iter()
        .filter(|&entries| entries == ENTRIES[0] || (entries as i128).pow(2) <= widest);
    let shapes = prices.flat_map(|price| entries.clone().map(move |entries| (price, entries)));
    let forms: Vec<Forms> =
        shapes.filter_map(|(price, entries)| sizes.forms(price, entries)).collect();
    let pairs = widths.iter().flat_map(|&limbs| forms.iter().map(move |&forms| (limbs, forms)));
    let plans =
        pairs.flat_map(|(limbs, forms)| (MIN_K..=LARGEST_K).map(move |k| (k, limbs, forms)));
    Ok(plans.filter_map(|(k, limbs, forms)| sizes.counts(k, limbs, forms)).collect())
}
