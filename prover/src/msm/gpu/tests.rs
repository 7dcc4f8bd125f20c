//! The kernels by themselves; `msm::tests` compares whole sums.

use std::sync::{Arc, LazyLock};

use ff::Field;
use pasta_curves::Fq;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::words::{ELEMENT, from_device, to_device};
use super::{Gpu, Limbs, adapters};

/// The first adapter with either kind of products, as far as it has them.
pub static GPUS: LazyLock<Vec<Arc<Gpu>>> = LazyLock::new(|| {
    let adapters = adapters();
    let adapter = adapters.first().expect("a GPU, or one in software: Debian's package mesa-vulkan-drivers has one");
    let mut kinds = vec![adapter.limbs(), Limbs::Narrow];
    kinds.dedup();
    kinds.into_iter().map(|limbs| adapter.open_with(limbs).unwrap()).collect()
});

#[test]
fn products_are_those_of_the_field() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut elements = vec![Fq::ZERO, Fq::ONE, -Fq::ONE, Fq::from(2).invert().unwrap(), -Fq::from(u64::MAX)];
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
                assert_eq!(from_device(words), Some(element.pow([u64::from(length) + 1])), "{gpu:?} {element:?}");
            }
        }
        println!("{gpu:?}: {:.1} million products a second", gpu.products_per_second().unwrap() / 1e6);
    }
}
