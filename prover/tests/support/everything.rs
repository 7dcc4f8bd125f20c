//! A circuit with every kind of element that an argument can have, several of each where the number
//! can vary, with an honest witness.
//!
//! `x` is sealed, `p` private, `c` public. `y = clamp(⌊(W·x + b + 5·c + 7) / 2^8⌋, −8, 7)` is
//! sealed, `W` and `b` by the model's seal; the product of `p` with its last two rows, that of its
//! first with its last two rows element by element, and the index of the largest
//! `clamp(⌊(W·x + b) / 2^12⌋, −4, 3)`, are public.

use ff::Field;
use pasta_curves::Fp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::CryptoRng;
use zkinfer_prover::{Assignment, Opening, ProveError, Prover, SealedColumns, sealing};
use zkinfer_verifier::adjoint::factors::{Operands, factors};
use zkinfer_verifier::challenges::LinearChallenges;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, Hadamard, Input, Node, Operator, Output,
    OutputSource, Product, Quantisation, Requantise, Scheme, View, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::circuit::place::Run;
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor};
use zkinfer_verifier::field::integer;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::{Parameters, Proof, Rejection, Statement, Value, VerifyingKey};

pub const K: u32 = 7;
/// More than a column has room for.
const TAPS: usize = 130;
const ROWS: usize = 4;
const FACTORS: [i64; ROWS] = [1, 2, 1, 1];
const BIAS: [i64; ROWS] = [3, -1, 0, 5];
/// `p` and `p·pᵀ`: matrices of so many rows, the inner dimension a whole column.
const HEIGHT: usize = 6;
const WIDTH: usize = 2;
const INNER: usize = 122;

/// The nodes that tests name.
pub const CONTRACTION: usize = 3;
pub const COPY: usize = 4;
pub const WIDE: usize = 6;
pub const NARROW: usize = 7;
pub const PRODUCT: usize = 9;
pub const HADAMARD: usize = 11;

pub struct Everything {
    pub key: VerifyingKey,
    pub parameters: Parameters,
    pub statement: Statement,
    /// Fresh columns.
    pub columns: Vec<Vec<i64>>,
    /// Of the contraction and of the product.
    pub operands: Vec<[Vec<i64>; 2]>,
    /// Digits of biases, weights.
    pub model: Vec<Vec<i64>>,
    /// The input `x`, the output `y`.
    pub sealed: [Vec<i64>; 2],
    openings: [Opening; 3],
}

fn description() -> Description {
    let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
    let node = |name: &str, operator| Node { name: name.into(), operator };
    let input = |name: &str, shape: &[usize], bound: i64, visibility| Input {
        name: name.into(),
        shape: shape.to_vec(),
        minimum: -bound,
        maximum: bound,
        quantisation: quantisation.clone(),
        visibility,
    };
    let output = |name: &str, shape: &[usize], source, visibility| Output {
        name: name.into(),
        shape: shape.to_vec(),
        source,
        quantisation: quantisation.clone(),
        visibility,
    };
    let requantise = |input, shift, function, form| {
        Operator::Requantise(Requantise { input, shift, function, form })
    };
    Description {
        name: "everything".into(),
        k: K,
        limb_bits: 4,
        bias_digits: 2,
        functions: vec![Function::clamp(-8, 7), Function::clamp(-4, 3)],
        inputs: vec![
            input("x", &[TAPS, 1, 1], 8, Visibility::Sealed),
            input("p", &[1, HEIGHT, INNER], 2, Visibility::Private),
            input("c", &[ROWS, 1, 1], 100, Visibility::Public),
        ],
        nodes: vec![
            node("x", Operator::Input(0)),
            node("p", Operator::Input(1)),
            node("c", Operator::Input(2)),
            node(
                "contraction",
                Operator::Contract(Contract {
                    input: 0,
                    rows: ROWS,
                    groups: 1,
                    kernel: [1, 1],
                    strides: [1, 1],
                    pads: [0; 4],
                    dilations: [1, 1],
                    weights: Weights::Sealed,
                    row_factors: FACTORS.to_vec(),
                    column_factors: vec![],
                    bias: BIAS.to_vec(),
                }),
            ),
            node("copy", Operator::Copy(CONTRACTION)),
            node(
                "sum",
                Operator::Combine(Combine { terms: vec![(COPY, 1), (2, 5)], constant: vec![7] }),
            ),
            node("wide", requantise(5, 8, 0, Form::Wide)),
            node("narrow", requantise(COPY, 12, 1, Form::Narrow)),
            node(
                "last rows",
                Operator::View(View {
                    inputs: vec![1],
                    kind: ViewKind::Slice { axis: 1, start: HEIGHT - WIDTH, step: 1, count: WIDTH },
                }),
            ),
            node("product", Operator::Product(Product { left: 1, right: 8 })),
            node(
                "first rows",
                Operator::View(View {
                    inputs: vec![1],
                    kind: ViewKind::Slice { axis: 1, start: 0, step: 1, count: WIDTH },
                }),
            ),
            node("elements", Operator::Hadamard(Hadamard { left: 10, right: 8 })),
        ],
        outputs: vec![
            output("y", &[ROWS], OutputSource::Node(WIDE), Visibility::Sealed),
            output("product", &[HEIGHT, WIDTH], OutputSource::Node(PRODUCT), Visibility::Public),
            output(
                "class",
                &[1],
                OutputSource::ArgMax { input: NARROW, axis: 0, select_last: false },
                Visibility::Public,
            ),
            output("elements", &[WIDTH, INNER], OutputSource::Node(HADAMARD), Visibility::Public),
        ],
    }
}

impl Everything {
    pub fn new() -> Self {
        let key = VerifyingKey::new(description()).expect("a valid description");
        let parameters = super::parameters(K);
        let layout = key.layout();
        let noise = |count: usize, step: i64, bound: i64| -> Vec<i64> {
            (0..count as i64)
                .map(|i| (i * i * step + i * 7 + 3) % (2 * bound + 1) - bound)
                .collect()
        };
        let (x, p, c) = (noise(TAPS, 5, 8), noise(HEIGHT * INNER, 3, 2), vec![-100, 40, 0, 99]);
        let (digits, weights) = (noise(2 * ROWS, 11, 31), noise(ROWS * TAPS, 13, 127));

        let sums: Vec<i64> = (0..ROWS)
            .map(|o| {
                let products = x.iter().zip(&weights[o * TAPS..]).map(|(x, weight)| x * weight);
                FACTORS[o] * (products.sum::<i64>() + digits[2 * o] + 64 * digits[2 * o + 1])
                    + BIAS[o]
            })
            .collect();
        let mut columns = vec![vec![0; layout.usable]; layout.fresh_columns()];
        let mut put =
            |run: &Run, column, values: &[i64]| layout.add(&mut columns, run, column, values);
        let result = |node: usize| layout.nodes[node].as_ref().unwrap().result.as_ref().unwrap();
        put(result(0), 0, &x);
        put(result(1), 0, &p);
        put(result(COPY), 0, &sums);
        let limbs = |node: usize| &layout.nodes[node].as_ref().unwrap().limbs;
        let limb = |values: &[i64], index: usize| {
            values.iter().map(|z| (z >> (4 * index)) & 15).collect::<Vec<_>>()
        };

        let wide: Vec<i64> = sums.iter().zip(&c).map(|(sum, c)| sum + 5 * c + 7).collect();
        limbs(WIDE).iter().enumerate().for_each(|(index, run)| put(run, 0, &limb(&wide, index)));
        let quotients: Vec<i64> = wide.iter().map(|z| z >> 8).collect();
        let high: Vec<i64> = quotients.iter().map(|q| (q + 8).div_euclid(16)).collect();
        let y: Vec<i64> = quotients.iter().map(|q| (*q).clamp(-8, 7)).collect();
        put(result(WIDE), 0, &high);
        put(result(WIDE), 1, &high.iter().map(|high| high.signum()).collect::<Vec<_>>());
        put(result(WIDE), 2, &quotients.iter().map(|q| (q + 8).rem_euclid(16)).collect::<Vec<_>>());
        put(result(WIDE), 3, &y);

        limbs(NARROW).iter().enumerate().for_each(|(index, run)| put(run, 0, &limb(&sums, index)));
        let quotients: Vec<i64> = sums.iter().map(|z| z >> 12).collect();
        let narrow: Vec<i64> = quotients.iter().map(|q| (*q).clamp(-4, 3)).collect();
        put(result(NARROW), 0, &quotients);
        put(result(NARROW), 1, &narrow);
        let index = (0..ROWS).rev().max_by_key(|&o| narrow[o]).unwrap();
        let gaps: Vec<i64> =
            (0..ROWS).map(|o| narrow[index] - narrow[o] - i64::from(o < index)).collect();
        let cells = layout.outputs[2].as_ref().unwrap();
        cells.limbs.iter().enumerate().for_each(|(at, run)| put(run, 0, &limb(&gaps, at)));

        let last = p[(HEIGHT - WIDTH) * INNER..].to_vec();
        let first = p[..WIDTH * INNER].to_vec();
        put(result(HADAMARD), 0, &first);
        put(result(HADAMARD), 1, &last);
        let elements = first.iter().zip(&last).map(|(a, b)| a * b).collect();
        let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        let product = p
            .chunks(INNER)
            .flat_map(|row| last.chunks(INNER).map(move |other| dot(row, other)))
            .collect();

        let rng = &mut StdRng::seed_from_u64(1);
        let mut commit = |tensors: Vec<SealedTensor>, integers: &[Vec<i64>]| {
            sealing::commit(&parameters, &tensors, integers.to_vec(), rng)
                .expect("integers in range")
                .0
        };
        let tensor = |role| vec![layout.sheet(role).expect("a sheet").tensor.clone()];
        let (sealed, model) = ([x.clone(), y], vec![digits, weights.clone()]);
        let openings = [
            commit(tensor(Role::Input(0)), &sealed[..1]),
            commit(tensor(Role::Output(0)), &sealed[1..]),
            commit(layout.model_sheets().map(|sheet| sheet.tensor.clone()).collect(), &model),
        ];
        let commitments =
            |index: usize| Value::Sealed(openings[index].record().commitments.clone());
        let statement = Statement {
            inputs: vec![commitments(0), Value::Private, Value::Public(c)],
            outputs: vec![
                commitments(1),
                Value::Public(product),
                Value::Public(vec![index as i64]),
                Value::Public(elements),
            ],
        };
        let operands = vec![[x, weights], [p, last]];
        Self { key, parameters, statement, columns, operands, model, sealed, openings }
    }

    fn columns_of(&self, opening: usize) -> SealedColumns {
        let layout = self.key.layout();
        let sheet = |role| std::iter::once(layout.sheet(role).expect("a sheet"));
        let [input, output, model] = &self.openings;
        let columns = match opening {
            0 => input.open(&self.parameters, sheet(Role::Input(0)), vec![self.sealed[0].clone()]),
            1 => {
                output.open(&self.parameters, sheet(Role::Output(0)), vec![self.sealed[1].clone()])
            }
            _ => model.open(&self.parameters, layout.model_sheets(), self.model.clone()),
        };
        columns.expect("what was sealed")
    }

    /// Commits to other integers in the place of the sealed input or output.
    pub fn reseal(&mut self, place: usize, integers: Vec<i64>) {
        let role = [Role::Input(0), Role::Output(0)][place];
        let tensors = [self.key.layout().sheet(role).expect("a sheet").tensor.clone()];
        let rng = &mut StdRng::seed_from_u64(2);
        let (opening, _) = sealing::commit(&self.parameters, &tensors, vec![integers.clone()], rng)
            .expect("in range");
        let values = [&mut self.statement.inputs[0], &mut self.statement.outputs[0]];
        *values.into_iter().nth(place).expect("a value") =
            Value::Sealed(opening.record().commitments.clone());
        (self.openings[place], self.sealed[place]) = (opening, integers);
    }

    /// Every column of cells by the layout's order, factors included.
    pub fn cells(&self, LinearChallenges { rho, sigma, .. }: LinearChallenges) -> Vec<Vec<Fp>> {
        let layout = self.key.layout();
        let mut columns = vec![vec![Fp::ZERO; layout.usable]; layout.columns()];
        let tensors = self.sealed.iter().chain(&self.model);
        let sheets = layout
            .sheets
            .iter()
            .zip(tensors)
            .flat_map(|(sheet, integers)| sheet.columns.clone().zip(sheet.fill(integers)));
        for (to, from) in (0..).zip(self.columns.clone()).chain(sheets) {
            columns[to].iter_mut().zip(from).for_each(|(to, from)| *to = integer(from));
        }
        for (node, [left, right]) in [CONTRACTION, PRODUCT].into_iter().zip(&self.operands) {
            let run = layout.nodes[node].as_ref().unwrap().result.as_ref().unwrap();
            let pair =
                factors(&self.key, node, rho, sigma, Operands { left, right: Slice::Words(right) });
            pair.iter()
                .enumerate()
                .for_each(|(offset, factor)| layout.add(&mut columns, run, offset, factor));
        }
        columns
    }

    /// Proves for several generators with one prover, which refuses a false witness if `checked`.
    fn prove_with<R: CryptoRng>(
        &self,
        rngs: &mut [R],
        checked: bool,
    ) -> Result<Vec<Proof>, ProveError> {
        let (input, output) = (self.columns_of(0), self.columns_of(1));
        let prover = Prover::new(&self.key, &self.parameters).weights(self.columns_of(2));
        let prover = prover.self_check(false).check_witness(checked);
        let claim = Assignment {
            statement: self.statement.clone(),
            columns: &self.columns,
            operands: self.operands.clone(),
            sealed: vec![&input, &output],
        };
        rngs.iter_mut().map(|rng| prover.prove_assignment(claim.clone(), rng)).collect()
    }

    /// Proofs of the honest witness.
    pub fn prove_all<R: CryptoRng>(&self, rngs: &mut [R]) -> Vec<Proof> {
        self.prove_with(rngs, true).expect("an honest witness")
    }

    pub fn prove(&self, seed: u64) -> Proof {
        self.prove_all(&mut [StdRng::seed_from_u64(seed)]).remove(0)
    }

    /// Why the prover refuses a false witness, and what the verifier says to a proof that is made
    /// of it all the same.
    pub fn verdicts(&self) -> (ProveError, Result<(), Rejection>) {
        let rng = || [StdRng::seed_from_u64(3)];
        let refusal = self.prove_with(&mut rng(), true).expect_err("a false witness");
        let proof = self.prove_with(&mut rng(), false).expect("an unchecked proof").remove(0);
        (refusal, self.verify(&proof))
    }

    pub fn verify(&self, proof: &Proof) -> Result<(), Rejection> {
        self.key.verify_sealed(&self.parameters, Some(self.columns_of(2).seal()), proof)
    }
}
