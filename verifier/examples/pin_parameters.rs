//! Prints the tables of digests that `verifier/src/parameters/pinned.rs` holds, from halo2's own
//! derivation and not from ours. Run it again to check the pins, through rustfmt.

use group::GroupEncoding;
use halo2_proofs::poly::commitment::Params;
use pasta_curves::EqAffine;
use zkinfer_verifier::parameters::{Basis, encode};
use zkinfer_verifier::{MAX_K, MIN_K};

fn main() -> std::io::Result<()> {
    let mut digests = [Vec::new(), Vec::new()];
    for k in MIN_K..=MAX_K {
        // halo2 writes `k`, both bases, `W`, `U`.
        let mut bytes = Vec::new();
        Params::<EqAffine>::new(k).write(&mut bytes)?;
        let points: Option<Vec<EqAffine>> = bytes[4..]
            .chunks_exact(32)
            .map(|bytes| EqAffine::from_bytes(bytes.try_into().ok()?).into())
            .collect();
        let points = points.ok_or_else(|| std::io::Error::other("halo2 wrote what is no point"))?;
        let (generators, rest) = points.split_at(1 << k);
        let (lagrange, extra) = rest.split_at(1 << k);
        digests[0].push(Basis::Coefficient.digest(&encode(extra.iter().chain(generators))));
        digests[1].push(Basis::Lagrange.digest(&encode(lagrange)));
    }
    for (name, basis, digests) in
        [("COEFFICIENT", "coefficient", &digests[0]), ("LAGRANGE", "Lagrange", &digests[1])]
    {
        println!(
            "/// Digests of the files with the {basis} basis, for `k` from [`crate::MIN_K`] to \
            [`crate::MAX_K`]."
        );
        println!("const {name}: [[u8; 32]; {}] = [", digests.len());
        for digest in digests {
            println!("    {:?},", digest.0);
        }
        println!("];");
    }
    Ok(())
}
