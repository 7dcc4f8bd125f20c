//! What holds between the hidden messages of the row sum.
//!
//! The rounds of the [row sum](crate::argument::row_sum) send polynomials `s_1, …, s_k`, and at
//! last `e`, the part at the point `r` that the proof does not reveal. Each is committed to before
//! the next challenge and never shown, since it would say something about the cells. All that the
//! verifier needs of them is linear:
//!
//! ```text
//! s_1(0) + s_1(1) = target
//! s_{i+1}(0) + s_{i+1}(1) − s_i(r_i) = 0
//! known + e − s_k(r_k) = 0
//! Σ_row E[row]·(Σ_c κ̂_c·a_c − y^(H+1)·Σ_s R̂_s·m_s)[row] − e = 0
//! ```
//!
//! Message `i` has its coefficients in rows `11·i..11·i + 11` of a column of its own. They are
//! opened as one column `M = Σ_i λ^i·M_i`, whose row weights `μ` take `λ^i` off again; see
//! `docs/argument/row-sum.md` why nothing that a message holds in the rows of another one counts.

use ff::Field;
use pasta_curves::Fp;

use crate::argument::row_sum::ROW_DEGREE;
use crate::challenges::{Gamma, Lambda};

/// Coefficients of a message.
pub const COEFFICIENTS: usize = ROW_DEGREE.saturating_add(1);

/// Rows that the messages of `k` rounds and the last one, `e`, take.
pub fn rows(k: usize) -> usize {
    k.saturating_mul(COEFFICIENTS).saturating_add(1)
}

/// The equations between messages, combined: `Σ_row μ[row]·M[row] = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equations {
    /// `μ`.
    pub weights: Vec<Fp>,
    /// What they sum to, the fourth equation's other terms aside.
    pub value: Fp,
}

/// Challenges that combine the equations.
#[derive(Clone, Copy, Debug)]
pub struct Separators {
    /// The fourth equation has weight 1; the others have `first`, `first·γ`, `first·γ²`, …
    pub gamma: Gamma,
    /// A power of `γ` that nothing else uses, nor any after it.
    pub first: Fp,
    /// Separates the messages' commitments.
    pub lambda: Lambda,
}

/// The combined equations for the point `r`, the total of the sum and its known part at `r`; none
/// if `λ` is zero.
pub fn equations(point: &[Fp], target: Fp, known: Fp, separators: Separators) -> Option<Equations> {
    let Separators { gamma, first, lambda } = separators;
    let inverse = Option::<Fp>::from(lambda.invert())?;
    let (mut weights, mut scale, mut equation) =
        (Vec::with_capacity(rows(point.len())), Fp::one(), first);
    for coordinate in point {
        let next = equation * *gamma;
        let mut power = Fp::one();
        for degree in 0..COEFFICIENTS {
            // The constant coefficient counts at 0 and at 1.
            let ends = if degree == 0 { Fp::from(2) } else { Fp::one() };
            weights.push((ends * equation - next * power) * scale);
            power *= coordinate;
        }
        equation = next;
        scale *= inverse;
    }
    weights.push((equation - Fp::one()) * scale);
    Some(Equations { weights, value: first * target - equation * known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenges::Challenge;
    use crate::field::multilinear::inner_product;

    fn evaluate(message: &[Fp], at: Fp) -> Fp {
        message.iter().rev().fold(Fp::zero(), |sum, coefficient| sum * at + coefficient)
    }

    /// Messages of two rounds for which all equations hold.
    struct Rounds {
        point: [Fp; 2],
        target: Fp,
        known: Fp,
        messages: Vec<Vec<Fp>>,
        /// The fourth equation's other side.
        hidden: Fp,
    }

    impl Rounds {
        fn honest() -> Self {
            let point = [Fp::from(17), -Fp::from(23)];
            let ends =
                |message: &[Fp]| evaluate(message, Fp::zero()) + evaluate(message, Fp::one());
            let first: Vec<Fp> = (0..COEFFICIENTS as u64).map(|i| Fp::from(i * 7 + 1)).collect();
            let mut second: Vec<Fp> =
                (0..COEFFICIENTS as u64).map(|i| Fp::from(i * i + 2)).collect();
            let difference = evaluate(&first, point[0]) - ends(&second);
            second[1] += difference;
            let hidden = Fp::from(99);
            let known = evaluate(&second, point[1]) - hidden;
            Self {
                point,
                target: ends(&first),
                known,
                messages: vec![first, second, vec![hidden]],
                hidden,
            }
        }

        /// Whether the combined equations hold for columns, the first a message is in, the second
        /// what it holds there and elsewhere.
        fn hold(&self, columns: &[Vec<Fp>]) -> bool {
            let lambda = Challenge::new(Fp::from(31));
            let separators = Separators {
                gamma: Challenge::new(Fp::from(101)),
                first: Fp::from(101).square(),
                lambda,
            };
            let Equations { weights, value } =
                equations(&self.point, self.target, self.known, separators).unwrap();
            let opened = columns.iter().rev().fold(vec![Fp::zero(); rows(2)], |sum, column| {
                sum.iter().zip(column).map(|(sum, cell)| *sum * *lambda + cell).collect()
            });
            inner_product(&opened, &weights) + self.hidden == value
        }

        fn columns(&self) -> Vec<Vec<Fp>> {
            let column = |(index, message): (usize, &Vec<Fp>)| {
                let mut column = vec![Fp::zero(); rows(2)];
                column[index * COEFFICIENTS..][..message.len()].copy_from_slice(message);
                column
            };
            self.messages.iter().enumerate().map(column).collect()
        }
    }

    #[test]
    fn each_equation_and_each_coefficient_counts() {
        let rounds = Rounds::honest();
        assert!(rounds.hold(&rounds.columns()));
        for message in 0..3 {
            for row in 0..rounds.messages[message].len() {
                let mut columns = rounds.columns();
                columns[message][message * COEFFICIENTS + row] += Fp::one();
                assert!(!rounds.hold(&columns), "message {message}, coefficient {row}");
            }
        }
        let change = |change: fn(&mut Rounds)| {
            let mut rounds = Rounds::honest();
            change(&mut rounds);
            rounds.hold(&rounds.columns())
        };
        assert!(!change(|rounds| rounds.target += Fp::one()), "the total");
        assert!(!change(|rounds| rounds.known += Fp::one()), "the part that is known");
        assert!(!change(|rounds| rounds.hidden += Fp::one()), "the part that is hidden");
        assert!(!change(|rounds| rounds.point[0] += Fp::one()), "the first challenge");
    }

    #[test]
    fn a_message_cannot_speak_for_another() {
        // A prover that learns the first challenge corrects its first message in the column of the
        // second one.
        let rounds = Rounds::honest();
        let mut columns = rounds.columns();
        columns[0][3] += Fp::one();
        columns[1][3] -= Fp::one();
        assert!(!rounds.hold(&columns));
    }
}
