//! The commitment parameters are halo2's, and only their own files are read.

use ff::Field;
use group::GroupEncoding;
use halo2_proofs::poly::EvaluationDomain;
use halo2_proofs::poly::commitment::{Blind, Params};
use pasta_curves::{EqAffine, Fp};
use zkinfer_verifier::parameters::Basis;
use zkinfer_verifier::{Digest, MAX_K, MIN_K, Parameters, ParametersError};

fn points(parameters: &Parameters) -> Vec<EqAffine> {
    let extra = [parameters.blinding(), parameters.inner_product()];
    [parameters.generators(), parameters.lagrange(), &extra].concat()
}

#[test]
fn the_points_are_halo2s() {
    for k in [7, 8] {
        let parameters = Parameters::derive(k).unwrap();
        let halo2 = Params::<EqAffine>::new(k);
        assert_eq!(parameters.generators(), halo2.get_g());
        let domain = EvaluationDomain::<Fp>::new(1, k);
        let zero = domain.coeff_from_vec(vec![Fp::ZERO; 1 << k]);
        assert_eq!(parameters.blinding(), halo2.commit(&zero, Blind(Fp::ONE)).into());
        assert_eq!(parameters.lagrange().len(), 1 << k);
        for (row, generator) in parameters.lagrange().iter().enumerate() {
            let mut unit = domain.empty_lagrange();
            unit[row] = Fp::ONE;
            assert_eq!(
                *generator,
                halo2.commit_lagrange(&unit, Blind(Fp::ZERO)).into(),
                "row {row}"
            );
        }
        // `U` is in no commitment, but in halo2's file.
        let mut file = Vec::new();
        halo2.write(&mut file).unwrap();
        let ours: Vec<u8> = points(&parameters).iter().flat_map(GroupEncoding::to_bytes).collect();
        assert_eq!(file[4..], ours);
    }
}

#[test]
fn files_read_back() {
    let derived = Parameters::derive(7).unwrap();
    let (coefficient, lagrange) = (derived.to_bytes(), derived.lagrange_to_bytes());
    assert_eq!((coefficient.len(), lagrange.len()), (64 * 130, 64 * 128));
    let read = Parameters::read(7, &coefficient, &lagrange).unwrap();
    assert_eq!(points(&read), points(&derived));
    assert_eq!((read.k(), read.digest(), read.for_proving()), (7, derived.digest(), true));

    let verifying = Parameters::read_for_verifying(7, &coefficient).unwrap();
    assert_eq!(points(&verifying), points(&Parameters::derive_for_verifying(7).unwrap()));
    assert_eq!((verifying.digest(), verifying.for_proving()), (derived.digest(), false));
    assert!(verifying.lagrange_to_bytes().is_empty());
    let larger = Parameters::derive_for_verifying(8).unwrap();
    assert!(larger.to_bytes().starts_with(&coefficient));
    assert_ne!(larger.digest(), derived.digest());
}

#[test]
fn other_files_are_refused() {
    let parameters = Parameters::derive(7).unwrap();
    let (coefficient, lagrange) = (parameters.to_bytes(), parameters.lagrange_to_bytes());
    let refuses = |bytes: &[u8], basis: Basis, k: u32| {
        let refusal = match basis {
            Basis::Coefficient => Parameters::read_for_verifying(k, bytes).map(drop),
            Basis::Lagrange => parameters.clone().read_lagrange(bytes),
        };
        let Err(ParametersError::Digest { basis: named, k: of, expected, got }) = refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!((named, of, got), (basis, k, basis.digest(bytes)));
        assert_ne!(expected, got);
    };
    for (basis, file, other) in
        [(Basis::Coefficient, &coefficient, &lagrange), (Basis::Lagrange, &lagrange, &coefficient)]
    {
        for at in (0..file.len()).step_by(61) {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            refuses(&damaged, basis, 7);
        }
        for length in [0, 1, 63, 64, file.len() - 64, file.len() - 1] {
            refuses(&file[..length], basis, 7);
        }
        refuses(&[&file[..], &[0]].concat(), basis, 7);
        refuses(&vec![0; file.len()], basis, 7);
        refuses(&vec![0xff; file.len()], basis, 7);
        refuses(other, basis, 7);
    }
    refuses(&coefficient, Basis::Coefficient, 8);
    refuses(&Parameters::derive(8).unwrap().lagrange_to_bytes(), Basis::Lagrange, 7);
    for k in [0, MIN_K - 1, MAX_K + 1, 32, 64, u32::MAX] {
        let refusal = Some(ParametersError::RowsOutOfRange { got: k });
        assert_eq!(Parameters::derive(k).err(), refusal);
        assert_eq!(Parameters::read_for_verifying(k, &coefficient).err(), refusal);
    }
}

#[test]
fn bases_have_digests_of_their_own() {
    let digests: Vec<Digest> =
        [Basis::Coefficient, Basis::Lagrange].map(|basis| basis.digest(b"")).to_vec();
    assert_ne!(digests[0], digests[1]);
}
