//! A small network whole through stock halo2: key generation, proof, verification.

mod common;

use halo2_proofs::plonk::{
    Error, SingleVerifier, create_proof, keygen_pk, keygen_vk, verify_proof,
};
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255};
use pasta_curves::{EqAffine, Fp};
use rand::SeedableRng;
use zkinfer_circuits::judge::StockCircuit;
use zkinfer_models::integer::graph::{Function, Operator, Requantise};

#[test]
fn stock_halo2_proves_and_verifies_a_small_network() {
    let graph = common::small_cnn();
    let circuit = common::circuit(&graph, 7, 6, 0);
    let inputs = common::inputs(&graph, 11).swap_remove(3);
    let witness = circuit.witness(&[], &inputs).unwrap();
    let stock = StockCircuit::new(circuit.key(), &witness);
    println!("k = {}", stock.k());

    let params = Params::<EqAffine>::new(stock.k());
    let instance = stock.instance();
    let instance: Vec<&[Fp]> = instance.iter().map(Vec::as_slice).collect();
    let (key, proof) = stock.configured(|| {
        let key = keygen_vk(&params, &stock).unwrap();
        let proving_key = keygen_pk(&params, key, &stock).unwrap();
        let mut transcript = Blake2bWrite::<_, EqAffine, Challenge255<_>>::init(Vec::new());
        let rng = rand::rngs::StdRng::seed_from_u64(1);
        let circuits = std::slice::from_ref(&stock);
        create_proof(&params, &proving_key, circuits, &[&instance], rng, &mut transcript).unwrap();
        (keygen_vk(&params, &stock).unwrap(), transcript.finalize())
    });
    let verify = |instance: &[&[Fp]]| -> Result<(), Error> {
        let mut transcript = Blake2bRead::<_, EqAffine, Challenge255<_>>::init(&proof[..]);
        verify_proof(&params, &key, SingleVerifier::new(&params), &[instance], &mut transcript)
    };
    verify(&instance).unwrap();

    // κ and the target of another claim do not fit the proof.
    let mut other = witness.clone();
    other.outputs[0][0] += 1;
    let other = StockCircuit::new(circuit.key(), &other).instance();
    let other: Vec<&[Fp]> = other.iter().map(Vec::as_slice).collect();
    assert!(verify(&other).is_err());
}

#[test]
fn k_leaves_room_for_tables_of_any_length() {
    // 8x takes 2,041 quotients; with the all-zero tuple that is every row that halo2 leaves usable
    // at k = 11.
    let mut net = common::Net::new("full table", &[(&[1, 2], 0)]);
    let requantise = Requantise {
        shift: 0,
        ties: Default::default(),
        zero_point: 0,
        function: Function::clamp(-128, 127),
    };
    let sum =
        Operator::Sum { multipliers: vec![8], constant: vec![], requantise: Some(requantise) };
    let y = net.node(sum, &[0], &[1, 2], 0);
    let circuit = common::circuit(&net.finish(y), 7, 4, u64::MAX);
    assert_eq!(circuit.key().tables().rows(), (1 << 11) - 6);
    let witness = circuit.witness(&[], &[vec![-128, 127]]).unwrap();
    assert_eq!(StockCircuit::new(circuit.key(), &witness).k(), 12);
    common::accepts(&circuit, &witness);
}
