//! The kernels by themselves; `msm::tests` compares whole sums.

use std::sync::{Arc, LazyLock};

use ff::Field;
use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fp, Fq};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::words::{ELEMENT, from_device, to_device};
use super::{Gpu, Limbs, adapters};
use crate::msm::backend::{Backend, DeviceError, Resident};

/// The first adapter with either kind of products, as far as it has them.
pub static GPUS: LazyLock<Vec<Arc<Gpu>>> = LazyLock::new(|| {
    let adapters = adapters();
    let adapter = adapters
        .first()
        .expect("a GPU, or one in software: Debian's package mesa-vulkan-drivers has one");
    let mut kinds = vec![adapter.limbs(), Limbs::Narrow];
    kinds.dedup();
    kinds.into_iter().map(|limbs| adapter.open_with(limbs).unwrap()).collect()
});

#[test]
fn products_are_those_of_the_field() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut elements =
        vec![Fq::ZERO, Fq::ONE, -Fq::ONE, Fq::from(2).invert().unwrap(), -Fq::from(u64::MAX)];
    // Montgomery forms with all bits of their lower limbs set, or none.
    elements.extend(
        [[0, 0, 0, 0, 0, 0, 0, 1 << 29], [u32::MAX, u32::MAX, u32::MAX, 0, 0, 0, 0, 0]]
            .map(|words| from_device(&words).unwrap()),
    );
    elements.extend(
        [[u32::MAX; 7].as_slice(), &[0x3fff_ffff]]
            .concat()
            .as_chunks::<ELEMENT>()
            .0
            .iter()
            .map(|words| from_device(words).unwrap()),
    );
    elements.extend((0..1000).map(|_| Fq::random(&mut rng)));
    let words: Vec<u32> = elements.iter().flat_map(to_device).collect();
    for gpu in GPUS.iter() {
        for length in [1u32, 2, 7] {
            let products = gpu.products(&words, length).unwrap();
            for (element, words) in elements.iter().zip(products.chunks(ELEMENT)) {
                assert_eq!(
                    from_device(words),
                    Some(element.pow([u64::from(length) + 1])),
                    "{gpu:?} {element:?}"
                );
            }
        }
        println!(
            "{gpu:?}: {:.1} million products a second",
            gpu.products_per_second().unwrap() / 1e6
        );
    }
}

/// An opened device of its own, to be mistreated.
fn fresh(change: impl FnOnce(&mut Gpu)) -> Arc<Gpu> {
    let mut gpu = adapters()[0].open().unwrap();
    change(Arc::get_mut(&mut gpu).expect("nobody else has it"));
    gpu
}

fn loaded(gpu: &Arc<Gpu>) -> Result<Box<dyn Resident>, DeviceError> {
    let bases: Vec<EqAffine> =
        (1..=100u64).map(|i| (Eq::generator() * Fp::from(i)).to_affine()).collect();
    gpu.load(bases.into())
}

#[test]
fn a_lost_device_is_an_error_and_stays_one() {
    let gpu = fresh(|_| ());
    let bases = loaded(&gpu).unwrap();
    assert_eq!(bases.small(&[&[3, 4]]).unwrap(), [Eq::generator() * Fp::from(11)]);
    gpu.lose();
    for _ in 0..2 {
        assert!(matches!(bases.small(&[&[3, 4]]), Err(DeviceError::Failed { .. })));
        assert!(matches!(bases.full(&[&[Fp::ONE]]), Err(DeviceError::Failed { .. })));
        assert!(matches!(bases.fold(&[Fp::ONE], 0), Err(DeviceError::Failed { .. })));
        assert!(matches!(bases.points(), Err(DeviceError::Failed { .. })));
        assert!(matches!(loaded(&gpu), Err(DeviceError::Failed { .. })));
    }
}

#[test]
fn a_device_that_takes_too_long_is_not_waited_for() {
    let gpu = fresh(|gpu| gpu.patience = std::time::Duration::ZERO);
    let bases = loaded(&gpu).unwrap();
    let columns = vec![vec![Fp::from(5).invert().unwrap(); 100]; 500];
    let columns: Vec<&[Fp]> = columns.iter().map(|column| &column[..]).collect();
    assert!(matches!(bases.full(&columns), Err(DeviceError::Timeout { seconds: 0, .. })));
}

#[test]
fn what_does_not_fit_is_refused_or_done_in_parts() {
    let small = fresh(|gpu| gpu.limit = 4 * 1024);
    assert!(matches!(loaded(&small), Err(DeviceError::TooLarge { points: 100, .. })));
    let gpu = fresh(|gpu| gpu.limit = 1 << 20);
    let bases = loaded(&gpu).unwrap();
    let columns: Vec<Vec<Fp>> =
        (0..20).map(|column| vec![Fp::from(column).square().square(); 100]).collect();
    let columns: Vec<&[Fp]> = columns.iter().map(|column| &column[..]).collect();
    let expected: Vec<Eq> = (0..20)
        .map(|column: u64| Eq::generator() * (Fp::from(column).pow([4]) * Fp::from(5050)))
        .collect();
    assert_eq!(bases.full(&columns).unwrap(), expected);
}
