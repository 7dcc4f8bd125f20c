//! Seals that are relied on without their range proof.

use zkinfer_verifier::wire::seal::Record;
use zkinfer_verifier::{Digest, Rejection, Seal, usable_rows};

fn seal(k: u32) -> Seal {
    let (usable, parameters) = (usable_rows(k), Digest([0; 32]));
    let record = Record { k, usable, parameters, tensors: Vec::new(), commitments: Vec::new() };
    Seal { record, range_proofs: Vec::new() }
}

#[test]
fn a_seal_is_trusted_by_its_own_digest_only() {
    let (seal, other) = (seal(7), seal(8));
    let digest = seal.record.digest();
    assert_eq!(seal.clone().trust(digest).map(|checked| checked.digest()), Ok(digest));
    let mut near = digest;
    near.0[31] ^= 1;
    for checked in [other.record.digest(), near, Digest([0; 32])] {
        let refused =
            Rejection::OtherSeal { expected: checked.to_string(), got: digest.to_string() };
        assert_eq!(seal.clone().trust(checked).map(|checked| checked.digest()), Err(refused));
    }
}
