//! Any bytes get a verdict or an error: no panic, and no acceptance.

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use support::valid;
use zkinfer_verifier::argument::schedule::Sizes;
use zkinfer_verifier::{
    Digest, FormatError, Parameters, Proof, Rejection, Statement, VerifyingKey,
};

static PARAMETERS: LazyLock<Parameters> =
    LazyLock::new(|| Parameters::derive_for_verifying(7).unwrap());

/// Puts a right checksum under changed bytes, as a forger would.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let checksum = Digest::of(b"zkinfer checksum", &bytes[..body]);
    bytes[body..].copy_from_slice(&checksum.0);
    bytes
}

fn statement() -> Statement {
    Statement::public(vec![vec![0; 9]], vec![vec![0; 18]])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_keys_are_other_keys_or_errors(at in 10usize.., bits in 1u8.., length in 0usize..4) {
        let key = VerifyingKey::new(valid()).unwrap();
        let mut bytes = key.to_bytes();
        let end = bytes.len() - 32;
        let at = 10 + at % (end - 10);
        bytes[at] ^= bits;
        bytes.drain(at..(at + length).min(end));
        if let Ok(other) = VerifyingKey::from_bytes(&sealed(bytes)) {
            prop_assert_ne!(other.digest(), key.digest());
            // Whatever it describes, a proof of zeros is no proof for it.
            let proof = Proof { key: other.digest(), seal: None, statement: statement(),
                argument: vec![0; 32] };
            prop_assert!(other.verify(&PARAMETERS, &proof).is_err());
        }
    }

    #[test]
    fn random_bytes_are_no_files(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(VerifyingKey::from_bytes(&bytes).is_err());
        prop_assert!(Proof::from_bytes(&bytes).is_err());
        for magic in [b"zkinf.vk", b"zkinf.pf"] {
            let mut file = magic.to_vec();
            file.extend([1, 0]);
            file.extend(&bytes);
            file.extend([0; 32]);
            let file = sealed(file);
            prop_assert!(VerifyingKey::from_bytes(&file).is_err());
            if let Ok(proof) = Proof::from_bytes(&file) {
                prop_assert!(VerifyingKey::new(valid()).unwrap().verify(&PARAMETERS,
                    &proof).is_err());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn random_arguments_of_the_right_length_are_rejected(seed in any::<[u8; 32]>()) {
        let key = VerifyingKey::new(valid()).unwrap();
        let length = Sizes::of(&key).bytes();
        // The top byte of each element is cleared, so that many decode.
        let mut argument: Vec<u8> = seed.iter().copied().cycle().take(length).collect();
        argument.iter_mut().skip(31).step_by(32).for_each(|byte| *byte = 0);
        let proof = Proof { key: key.digest(), seal: None, statement: statement(), argument };
        prop_assert!(key.verify(&PARAMETERS, &proof).is_err());
    }
}

#[test]
fn an_overlong_number_is_not_canonical() {
    let key = VerifyingKey::new(valid()).unwrap();
    let bytes = key.to_bytes();
    // The first field is the name's length, one byte of varint: write it in two.
    assert_eq!(bytes[10], 5);
    let mut overlong = bytes.clone();
    overlong.splice(10..11, [0x85, 0x00]);
    let error = VerifyingKey::from_bytes(&sealed(overlong)).unwrap_err();
    assert_eq!(error, FormatError::NotCanonical { kind: "verifying key" });
}

#[test]
fn each_damage_has_its_error() {
    let bytes = VerifyingKey::new(valid()).unwrap().to_bytes();
    let read = |bytes: &[u8]| VerifyingKey::from_bytes(bytes).unwrap_err();
    assert_eq!(read(b""), FormatError::Magic { expected: "verifying key" });
    assert_eq!(read(b"zkinf.pf..."), FormatError::Magic { expected: "verifying key" });
    assert_eq!(read(&bytes[..9]), FormatError::Damaged { kind: "verifying key" });
    let mut other = bytes.clone();
    other[8] = 9;
    assert_eq!(
        read(&other),
        FormatError::Version { got: 9, expected: zkinfer_verifier::encoding::VERSION }
    );
    assert_eq!(read(&bytes[..bytes.len() - 1]), FormatError::Checksum);
    let mut longer = bytes.clone();
    longer.insert(bytes.len() - 32, 0);
    assert_eq!(read(&sealed(longer)), FormatError::Damaged { kind: "verifying key" });
    let mut invalid = valid();
    invalid.limb_bits = 0;
    let file = zkinfer_verifier::encoding::write(zkinfer_verifier::wire::files::KEY, &invalid);
    assert!(matches!(read(&file), FormatError::Description(_)));
}

#[test]
fn a_key_is_recognised_without_being_decoded() {
    use zkinfer_verifier::encoding::write;
    use zkinfer_verifier::wire::files::{KEY, key_digest};
    let key = VerifyingKey::new(valid()).unwrap();
    let bytes = key.to_bytes();
    let digest = |bytes: &[u8]| key_digest(bytes, bytes.len()).unwrap();
    assert_eq!(digest(&bytes), Some(key.digest()));
    let mut other = valid();
    other.name.push('x');
    assert_eq!(digest(&write(KEY, &other)), Some(VerifyingKey::new(other).unwrap().digest()));
    // What does not decode has a digest too, which costs no more than its bytes.
    assert!(digest(&write(KEY, &vec![0u8; 1 << 20])).is_some_and(|digest| digest != key.digest()));
    for (at, value) in [(0, 0), (7, b'f'), (8, 9)] {
        let mut foreign = bytes.clone();
        foreign[at] = value;
        assert_eq!(digest(&foreign), None);
    }
    assert_eq!(digest(&bytes[..41]), None);
    assert_eq!(key_digest(bytes.as_slice(), KEY.limit + 1).unwrap(), None);
    assert!(key_digest(&bytes[..9], bytes.len()).is_err(), "it is shorter than was said");
}

#[test]
fn invalid_points_and_scalars_are_named() {
    let key = VerifyingKey::new(valid()).unwrap();
    let mut argument = vec![0xff; Sizes::of(&key).bytes()];
    let mut proof =
        Proof { key: key.digest(), seal: None, statement: statement(), argument: argument.clone() };
    let verdict = key.verify(&PARAMETERS, &proof);
    assert_eq!(verdict, Err(Rejection::Encoding { part: "commitments to cells" }));
    // The identity decodes as a point but must not enter the transcript.
    argument.fill(0);
    proof.argument = argument;
    let verdict = key.verify(&PARAMETERS, &proof);
    assert_eq!(verdict, Err(Rejection::Encoding { part: "commitments to cells" }));
}

#[test]
fn a_pair_is_exact_and_each_part_is_checked() {
    use zkinfer_verifier::encoding::{Kind, read_pair, write_pair};
    const PAIR: Kind = Kind { name: "pair", magic: b"zkinf.xx", limit: 1 << 10 };
    let read = |bytes: &[u8]| {
        let short = |text: String| {
            if text.len() < 4 { Ok(text) } else { Err(FormatError::Damaged { kind: "text" }) }
        };
        read_pair(PAIR, bytes, short, Ok::<u64, FormatError>)
    };
    let bytes = write_pair(PAIR, &"abc".to_owned(), &300u64);
    assert_eq!(read(&bytes), Ok(("abc".into(), 300)));
    assert_eq!(
        read(&write_pair(PAIR, &"abcd".to_owned(), &300u64)),
        Err(FormatError::Damaged { kind: "text" })
    );
    assert_eq!(read(&bytes[..bytes.len() - 1]), Err(FormatError::Checksum));
    // Header 10, length 8, text 4, length 8, number 2.
    let damaged = [(10, 5), (10, 3), (10, 255), (17, 255), (22, 1), (22, 3), (29, 255)];
    for (at, byte) in damaged {
        let mut other = bytes.clone();
        other[at] = byte;
        assert_eq!(read(&sealed(other)), Err(FormatError::Damaged { kind: "pair" }), "byte {at}");
    }
    let mut longer = bytes.clone();
    longer.insert(bytes.len() - 32, 0);
    assert_eq!(read(&sealed(longer)), Err(FormatError::Damaged { kind: "pair" }));
    // 300 in three bytes of varint instead of two.
    let mut overlong = bytes.clone();
    overlong[22] = 3;
    overlong.splice(30..32, [0xac, 0x82, 0x00]);
    assert_eq!(read(&sealed(overlong)), Err(FormatError::NotCanonical { kind: "pair" }));
}
