//! Prints the table of parameter digests that `verifier/src/pinned.rs` holds: halo2's own derivation, hashed. Run it again to check the pins.

use halo2_proofs::poly::commitment::Params;
use pasta_curves::EqAffine;
use zkinfer_verifier::{MAX_K, MIN_K, parameters::digest};

fn main() -> std::io::Result<()> {
    println!("/// Digests of `Params::<EqAffine>::new(k)` for `k` from [`crate::MIN_K`] to [`crate::MAX_K`].");
    println!("const PINNED: [[u8; 32]; {}] = [", MAX_K - MIN_K + 1);
    for k in MIN_K..=MAX_K {
        let mut bytes = Vec::new();
        Params::<EqAffine>::new(k).write(&mut bytes)?;
        println!("    {:?},", digest(&bytes).0);
    }
    println!("];");
    Ok(())
}
