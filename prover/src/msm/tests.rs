//! Every backend beside double-and-add; beside halo2's multi-exponentiation where that would take
//! long.

use ff::{Field, PrimeField};
use group::{Curve, Group};
use halo2_proofs::arithmetic::best_multiexp;
use pasta_curves::{Eq, EqAffine, Fp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zkinfer_verifier::field::integer;

use super::{Backend, Cpu, Resident, fold, full, small};

/// The CPU, and with the feature `gpu` the first GPU with each kind of products.
fn backends() -> Vec<Box<dyn Backend>> {
    #[cfg_attr(not(feature = "gpu"), allow(unused_mut))]
    let mut backends: Vec<Box<dyn Backend>> = vec![Box::new(Cpu)];
    #[cfg(feature = "gpu")]
    backends.extend(
        super::gpu::tests::GPUS.iter().map(|gpu| Box::new(gpu.clone()) as Box<dyn Backend>),
    );
    backends
}

/// These bases on every backend.
fn everywhere(bases: &[EqAffine]) -> Vec<Box<dyn Resident + '_>> {
    backends().iter().map(|backend| backend.load(bases.into()).unwrap()).collect()
}

fn random_points(count: usize, rng: &mut StdRng) -> Vec<EqAffine> {
    let mut point = Eq::generator() * Fp::random(&mut *rng);
    let step = Eq::generator() * Fp::random(&mut *rng);
    let points = std::iter::repeat_with(|| {
        point += step;
        point
    });
    let points: Vec<Eq> = points.take(count).collect();
    let mut affine = vec![EqAffine::default(); count];
    Eq::batch_normalize(&points, &mut affine);
    affine
}

fn plain(bases: &[EqAffine], scalars: &[Fp]) -> Eq {
    if scalars.len() > 20 {
        return best_multiexp(scalars, &bases[..scalars.len()]);
    }
    bases.iter().zip(scalars).map(|(base, scalar)| *base * *scalar).sum()
}

fn check_small(bases: &[EqAffine], columns: &[Vec<i64>]) {
    let views: Vec<&[i64]> = columns.iter().map(|column| &column[..]).collect();
    let field = |column: &Vec<i64>| column.iter().copied().map(integer).collect::<Vec<Fp>>();
    let expected: Vec<Eq> = columns.iter().map(|column| plain(bases, &field(column))).collect();
    for (resident, backend) in everywhere(bases).iter().zip(backends()) {
        let sums = resident.small(&views).unwrap();
        assert_eq!(sums.len(), columns.len());
        for ((column, sum), expected) in columns.iter().zip(sums).zip(&expected) {
            assert_eq!(sum, *expected, "{backend:?} {column:?}");
        }
    }
}

fn check_full(bases: &[EqAffine], columns: &[Vec<Fp>]) {
    let views: Vec<&[Fp]> = columns.iter().map(|column| &column[..]).collect();
    let expected: Vec<Eq> = columns.iter().map(|column| plain(bases, column)).collect();
    for (resident, backend) in everywhere(bases).iter().zip(backends()) {
        let sums = resident.full(&views).unwrap();
        assert_eq!(sums.len(), columns.len());
        for ((column, sum), expected) in columns.iter().zip(sums).zip(&expected) {
            assert_eq!(sum, *expected, "{backend:?} {column:?}");
        }
    }
}

/// Columns of one length, all that is special about small integers in them.
fn small_columns(length: usize, rng: &mut StdRng) -> Vec<Vec<i64>> {
    let mut column = |value: &mut dyn FnMut(&mut StdRng) -> i64| -> Vec<i64> {
        (0..length).map(|_| value(rng)).collect()
    };
    let mut columns: Vec<Vec<i64>> = [0, 1, -1, 2, 127, -128, 128, 77, -32_768, i64::MIN, i64::MAX]
        .map(|constant| column(&mut |_| constant))
        .into();
    columns.push(column(&mut |rng| rng.random_range(-128..128)));
    columns.push(column(&mut |rng| rng.random_range(-1..=1)));
    columns.push(column(&mut |rng| rng.random_range(-40_000..40_000)));
    columns.push(column(&mut |rng| rng.random()));
    columns.push(column(&mut |rng| [i64::MIN, i64::MAX, 0, 1, -1][rng.random_range(0..5)]));
    columns.push(column(&mut |rng| i64::from(rng.random_range(0..8) == 0) * 100));
    columns
}

/// The same for elements of the field.
fn full_columns(length: usize, rng: &mut StdRng) -> Vec<Vec<Fp>> {
    let repeated = [Fp::random(&mut *rng), Fp::random(&mut *rng)];
    let half = Fp::from(2).invert().unwrap();
    let mut column = |value: &mut dyn FnMut(&mut StdRng) -> Fp| -> Vec<Fp> {
        (0..length).map(|_| value(rng)).collect()
    };
    let constants =
        [Fp::ZERO, Fp::ONE, -Fp::ONE, half, half - Fp::ONE, Fp::from_u128(u128::MAX), repeated[0]];
    let mut columns: Vec<Vec<Fp>> = constants.map(|constant| column(&mut |_| constant)).into();
    columns.push(column(&mut |rng| Fp::random(rng)));
    columns.push(column(&mut |rng| integer(rng.random_range(-3..=3))));
    columns.push(column(&mut |rng| repeated[rng.random_range(0..2)]));
    columns.push(column(&mut |rng| if rng.random() { Fp::random(rng) } else { Fp::ZERO }));
    columns
}

#[test]
fn every_short_length() {
    let mut rng = StdRng::seed_from_u64(1);
    let bases = random_points(40, &mut rng);
    for length in 0..=40 {
        check_small(&bases, &small_columns(length, &mut rng));
        check_full(&bases[..length], &full_columns(length, &mut rng));
    }
    assert!(small(&bases, &[]).is_empty() && full(&bases, &[]).is_empty());
}

#[test]
fn powers_of_two_and_columns_of_different_lengths() {
    let mut rng = StdRng::seed_from_u64(2);
    let bases = random_points(2048, &mut rng);
    for length in [64, 256, 1024, 2048] {
        let mut columns: Vec<Vec<i64>> = small_columns(length, &mut rng);
        columns.truncate(14);
        columns[0].truncate(length / 3);
        check_small(&bases, &columns[..1]);
        check_small(&bases, &columns[10..]);
        check_full(&bases, &full_columns(length, &mut rng)[7..]);
    }
    check_small(&bases, &small_columns(600, &mut rng));
    let mixed: Vec<Vec<Fp>> = [3, 0, 700, 16, 1]
        .iter()
        .map(|&length| full_columns(length, &mut rng).swap_remove(7))
        .collect();
    check_full(&bases, &mixed);
}

/// Columns of any length up to 2^16, as many short ones as long ones.
#[test]
fn long_columns() {
    let mut rng = StdRng::seed_from_u64(6);
    let bases = random_points(1 << 16, &mut rng);
    let mut lengths = vec![4095, 4096, 4097, 1 << 16];
    lengths.extend((0..20).map(|_| 2f64.powf(rng.random_range(0.0..16.0)) as usize));
    for length in lengths {
        // One value in all rows fills one bucket.
        let mut integers = vec![vec![-77; length]];
        integers.push((0..length).map(|_| rng.random_range(-128..128)).collect());
        integers.push((0..length / 2).map(|_| rng.random()).collect());
        let mut elements = vec![vec![Fp::random(&mut rng); length], vec![-Fp::ONE; length - 1]];
        elements.push((0..length).map(|_| Fp::random(&mut rng)).collect());
        let integers: Vec<&[i64]> = integers.iter().map(|column| &column[..]).collect();
        let elements: Vec<&[Fp]> = elements.iter().map(|column| &column[..]).collect();
        let expected = (small(&bases, &integers), full(&bases, &elements));
        let lifted: Vec<Fp> = integers[1].iter().copied().map(integer).collect();
        assert_eq!(
            (expected.0[1], expected.1[2]),
            (plain(&bases, &lifted), plain(&bases, elements[2])),
            "{length}"
        );
        for (resident, backend) in everywhere(&bases).iter().zip(backends()) {
            let sums = (resident.small(&integers).unwrap(), resident.full(&elements).unwrap());
            assert_eq!(sums, expected, "{backend:?} {length}");
        }
    }
}

#[test]
fn equal_opposite_and_neutral_bases() {
    let mut rng = StdRng::seed_from_u64(3);
    let few = random_points(3, &mut rng);
    let pool = [
        few[0],
        -few[0],
        few[1],
        -few[1],
        (few[0] + few[1]).to_affine(),
        EqAffine::default(),
        few[2],
    ];
    for length in [1, 2, 3, 5, 8, 17, 40, 100, 300] {
        for pool in [&pool[..], &pool[..2], &pool[..1], &pool[5..6]] {
            let bases: Vec<EqAffine> =
                (0..length).map(|_| pool[rng.random_range(0..pool.len())]).collect();
            check_small(&bases, &small_columns(length, &mut rng));
            check_full(&bases, &full_columns(length, &mut rng));
        }
    }
}

#[test]
fn folding_is_round_by_round() {
    let mut rng = StdRng::seed_from_u64(4);
    for (count, rounds) in
        [(1, 0), (8, 0), (2, 1), (8, 1), (8, 2), (8, 3), (24, 3), (32, 5), (1024, 2)]
    {
        let mut generators = random_points(count, &mut rng);
        generators[count / 2] = EqAffine::default();
        generators[count - 1] = -generators[0];
        let special = [Fp::ONE, -Fp::ONE, Fp::ZERO, Fp::from(2)];
        for factors in [special.to_vec(), (0..5).map(|_| Fp::random(&mut rng)).collect()] {
            let factors = &factors[..factors.len().min(rounds)];
            let by_round = factors.iter().fold(generators.clone(), |generators, factor| {
                let (low, high) = generators.split_at(generators.len() / 2);
                low.iter()
                    .zip(high)
                    .map(|(low, high)| (*low + *high * *factor).to_affine())
                    .collect()
            });
            if factors.len() < rounds && count % (1 << factors.len()) != 0 {
                continue;
            }
            assert_eq!(fold(&generators, factors), by_round);
            let fixed = random_points(2, &mut rng);
            let (bases, expected) =
                ([&generators[..], &fixed].concat(), [&by_round[..], &fixed].concat());
            for (resident, backend) in everywhere(&bases).iter().zip(backends()) {
                assert_eq!(resident.points().unwrap(), bases);
                assert_eq!(
                    resident.fold(factors, 2).unwrap().points().unwrap(),
                    expected,
                    "{backend:?} {factors:?}"
                );
            }
        }
    }
}

#[test]
fn threads_do_not_matter() {
    let mut rng = StdRng::seed_from_u64(5);
    let bases = random_points(3000, &mut rng);
    let integers: Vec<i64> = (0..3000).map(|_| rng.random_range(-128..128)).collect();
    let scalars: Vec<Fp> = (0..3000).map(|_| Fp::random(&mut rng)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut points = small(&bases, &[&integers, &integers[1000..], &integers[..20]]);
            points.extend(small(&bases, &[&integers]));
            points.extend(full(&bases, &[&scalars, &scalars[..100]]));
            (points, fold(&bases[..1024], &scalars[..3]))
        })
    };
    let alone = run(1);
    for threads in [2, 3, 40] {
        assert_eq!(run(threads), alone);
    }
}
