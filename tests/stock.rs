//! A whole network of the zoo before the independent judges: MockProver, and stock halo2's key
//! generation, prover and verifier.

use halo2_proofs::plonk::{SingleVerifier, create_proof, keygen_pk, keygen_vk, verify_proof};
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255};
use pasta_curves::{EqAffine, Fp};
use rand::SeedableRng;
use zkinfer::circuits::Witness;
use zkinfer::circuits::judge::{StockCircuit, mock_prove};
use zkinfer::models::Dataset;
use zkinfer::{Circuit, Compile, Exposure, Model, Objective};

/// The small CNN of the zoo, with a witness for its sample.
fn small_cnn() -> (Circuit, Witness) {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/cnn-8x8");
    let model = Model::load(format!("{zoo}/cnn-8x8.onnx")).expect("the model");
    let data =
        Dataset::read(format!("{zoo}/calibration.npz"), model.inputs()).expect("calibration data");
    let quantised = model.quantise(&model.calibrate(&data).expect("ranges")).expect("int8");
    let circuit =
        quantised.compile_with(&Exposure::public(), Objective::Prover).expect("a circuit");
    let inputs = circuit.read_inputs(format!("{zoo}/sample.npy")).expect("the sample");
    let witness = circuit.witness(&inputs).expect("a witness");
    (circuit, witness)
}

#[test]
fn mock_prover_accepts_it_and_names_what_a_false_output_breaks() {
    let (circuit, mut witness) = small_cnn();
    mock_prove(circuit.key(), &witness).expect("an honest witness");
    witness.outputs[0][0] += 1;
    let failures = mock_prove(circuit.key(), &witness).expect_err("a false output");
    assert!(
        failures.iter().any(|failure| failure.to_string().contains("adjoint sum end")),
        "{failures:?}"
    );
}

#[test]
fn stock_halo2_proves_and_verifies_it() {
    let (circuit, witness) = small_cnn();
    let stock = StockCircuit::new(circuit.key(), &witness);
    let params = Params::<EqAffine>::new(stock.k());
    let instance = stock.instance();
    let columns: Vec<&[Fp]> = instance.iter().map(Vec::as_slice).collect();
    stock.configured(|| {
        let key = keygen_vk(&params, &stock).expect("a verifying key");
        let proving_key = keygen_pk(&params, key.clone(), &stock).expect("a proving key");
        let mut transcript = Blake2bWrite::<_, EqAffine, Challenge255<_>>::init(Vec::new());
        let rng = rand::rngs::StdRng::seed_from_u64(1);
        create_proof(
            &params,
            &proving_key,
            std::slice::from_ref(&stock),
            &[&columns],
            rng,
            &mut transcript,
        )
        .expect("a proof");
        let proof = transcript.finalize();
        let verify = |instance: &[&[Fp]]| {
            let mut transcript = Blake2bRead::<_, EqAffine, Challenge255<_>>::init(&proof[..]);
            verify_proof(&params, &key, SingleVerifier::new(&params), &[instance], &mut transcript)
        };
        verify(&columns).expect("a valid proof");
        let mut other = instance.clone();
        let value = other.iter_mut().flatten().next().expect("an instance value");
        *value += Fp::one();
        let other: Vec<&[Fp]> = other.iter().map(Vec::as_slice).collect();
        assert!(verify(&other).is_err());
    });
}
