//! A language model that generates: prompt and answer in one proof, shown, sealed or private, and
//! everything that a cheat could say instead.

mod common;

use common::verdicts::{END, LIMB, caught, impostor, rejected, sealed};
use common::{agree_with, integers, interpret, model_tensors, names, parameters};
use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{
    Circuit, Exposure, Objective, Witness, compile, compile_with, lower, optimise,
};
use zkinfer_models::integer::generation::Options;
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::language::{Transformer, lines};
use zkinfer_models::{Dataset, Model};
use zkinfer_prover::{Assignment, Prover};
use zkinfer_verifier::{Proof, Rejection, Visibility};

const MODEL: Transformer =
    Transformer { length: 6, vocabulary: 5, layers: 1, causal: true, rotary: false, seed: 3 };
const TOKENS: usize = 3;
const PADDING: i64 = 4;

/// From ids to logits.
fn whole() -> Graph {
    let imported = Model::from_bytes("tiny.onnx", &MODEL.onnx().bytes()).unwrap();
    let samples = lines(&MODEL, 12).into_iter().map(|ids| {
        let ids = ids.into_iter().map(|id| id as f32).collect();
        vec![ArrayD::from_shape_vec(vec![1, MODEL.length], ids).unwrap()]
    });
    let data = Dataset::new(samples.collect(), None).unwrap();
    imported.quantise(&imported.calibrate(&data).unwrap()).unwrap().graph
}

/// The same with one id's row of the head at another's too, so that both are as likely.
fn tied([id, other]: [usize; 2]) -> Graph {
    let mut graph = whole();
    let head = graph.nodes.last_mut().unwrap();
    let Operator::Linear { weights, bias, multipliers, .. } = &mut head.operator else {
        panic!("{} is no head", head.name);
    };
    let mut own: Vec<i32> = weights.own().unwrap().iter().collect();
    let taps = own.len() / bias.len();
    own.copy_within(id * taps..(id + 1) * taps, other * taps);
    *weights = own.into();
    (bias[other], multipliers[other]) = (bias[id], multipliers[id]);
    graph
}

fn generating(graph: &Graph, hidden: bool) -> Graph {
    let options = Options { tokens: TOKENS, padding: PADDING, hidden };
    graph.clone().generating(&options).unwrap()
}

/// The ids of a prompt and as many of its answer, with padding behind them, as inputs.
fn inputs(whole: &Graph, prompt: &[i64], answer: usize, claimed: usize) -> Vec<Vec<i64>> {
    let mut ids = prompt.to_vec();
    for _ in 0..answer {
        let mut line = ids.clone();
        line.resize(MODEL.length, PADDING);
        let line = ArrayD::from_shape_vec(vec![1, MODEL.length], line).unwrap();
        let logits = &interpreter::run(whole, &[line]).unwrap()[0];
        let row = (0..MODEL.vocabulary).map(|id| logits[[0, ids.len() - 1, id]]);
        let row: Vec<i64> = row.collect();
        let best = row.iter().max().unwrap();
        ids.push(row.iter().position(|x| x == best).unwrap() as i64);
    }
    ids.resize(MODEL.length, PADDING);
    vec![ids, vec![prompt.len() as i64], vec![claimed as i64]]
}

struct Case {
    graph: Graph,
    circuit: Circuit,
    model: Vec<Vec<i64>>,
    witness: Witness,
}

impl Case {
    fn new(graph: Graph, exposure: &Exposure, inputs: &[Vec<i64>]) -> Self {
        let circuit = compile(&graph, exposure, Objective::Prover).unwrap();
        let model = model_tensors(&graph, circuit.key()).unwrap();
        let witness = agree_with(&graph, &circuit, &model, inputs);
        common::accepts(&circuit, &witness);
        common::proves(&circuit, witness.clone());
        Self { graph, circuit, model, witness }
    }

    /// One whose ids are shown.
    fn shown(prompt: &[i64], answer: usize) -> Self {
        let whole = whole();
        let inputs = inputs(&whole, prompt, answer, answer);
        Self::new(generating(&whole, false), &Exposure::public(), &inputs)
    }

    /// A proof of a witness, whatever it is worth.
    fn proof(&self, witness: &Witness) -> Proof {
        let key = self.circuit.key();
        let parameters = parameters(key.description().k);
        let (own, _) = sealed(key, &parameters, witness);
        let tensors = [witness.inputs.as_slice(), &witness.outputs];
        let operands = witness.operands.clone();
        let claim = Assignment::new(key, tensors, &witness.columns, operands, own.iter().collect());
        let prover = Prover::new(key, &parameters).self_check(false).check_witness(false);
        prover.prove_assignment(claim, StdRng::seed_from_u64(1)).unwrap()
    }

    fn verdict(&self, proof: &Proof) -> Result<(), Rejection> {
        let parameters = parameters(self.circuit.key().description().k);
        self.circuit.key().verify(&parameters, proof)
    }

    /// The judge finds nothing but what the statement says.
    fn fails_by_its_statement_alone(&self, witness: &Witness, what: &str) {
        let found = names(mock_prove(self.circuit.key(), witness));
        assert!(matches!(&found[..], [only] if only.contains(what)), "{found:?}");
        assert!(found[0].starts_with("statement: "), "{found:?}");
    }

    /// An honest run on other ids.
    fn run(&self, inputs: &[Vec<i64>]) -> Witness {
        self.circuit.witness(&integers(&self.model), inputs).unwrap()
    }
}

#[test]
fn prompt_and_answer_are_one_proof_whatever_is_shown() {
    let graph = whole();
    for (weights, ids) in [
        (Visibility::Public, Visibility::Public),
        (Visibility::Sealed, Visibility::Public),
        (Visibility::Public, Visibility::Private),
        (Visibility::Sealed, Visibility::Sealed),
    ] {
        let hidden = ids != Visibility::Public;
        let exposure = Exposure { weights, inputs: vec![ids], ..Exposure::public() };
        // Of hidden ids there are as many as there can be, whatever is claimed.
        let (answer, claimed) = if hidden { (TOKENS, 2) } else { (2, 2) };
        let inputs = inputs(&graph, &[2, 0, 3], answer, claimed);
        let case = Case::new(generating(&graph, hidden), &exposure, &inputs);
        let output = &case.witness.outputs[0];
        match hidden {
            true => assert_eq!(*output, [0; TOKENS]),
            false => assert_eq!(output[..2], inputs[0][3..5]),
        }
    }
}

#[test]
fn shorter_prompts_and_answers_are_padded_and_so_is_one_that_ends_early() {
    let whole = whole();
    let case = Case::shown(&[1], 3);
    for (prompt, answer) in [(&[1][..], 1), (&[0, 3], 3), (&[2, 2, 1, 0, 3], 1), (&[4, 4, 4], 3)] {
        let inputs = inputs(&whole, prompt, answer, answer);
        let witness = agree_with(&case.graph, &case.circuit, &case.model, &inputs);
        common::accepts(&case.circuit, &witness);
        assert_eq!(case.verdict(&case.proof(&witness)), Ok(()));
        let statement = case.proof(&witness).statement;
        let shown = statement.generation(case.circuit.key()).unwrap().parts().unwrap();
        assert_eq!(shown, [prompt, &witness.outputs[0][..answer]]);
    }
    // More than there are.
    let mut long = case.run(&inputs(&whole, &[2, 2, 1, 0, 3], 1, 1));
    long.inputs[2][0] = 2;
    let expected = Rejection::GenerationLength { prompt: 5, answer: 2, length: 6 };
    assert_eq!(case.verdict(&case.proof(&long)), Err(expected));
}

#[test]
fn a_next_id_that_is_not_the_likeliest() {
    let case = Case::shown(&[2, 0], 3);
    let best = case.witness.outputs[0][1];
    let got = (best + 1) % 5;
    let mut inputs = case.witness.inputs.clone();
    inputs[0][3] = got;
    // An honest run on it: all equations hold, but the statement says it itself.
    let honest = case.run(&inputs);
    case.fails_by_its_statement_alone(&honest, "id 3 is");
    let expected = Rejection::NextId { position: 3, expected: best, got };
    assert_eq!(case.verdict(&case.proof(&honest)), Err(expected));
    // Or it says that this is the likeliest.
    let mut forged = honest;
    forged.outputs[0][1] = got;
    rejected(&case.circuit, &forged, &[END]);
}

#[test]
fn a_tie_that_goes_to_the_wrong_one() {
    // Of two that are as likely the first; one of them is, somewhere.
    let graph = tied([1, 3]);
    let prompts = lines(&MODEL, 40);
    let found = prompts.iter().find_map(|line| {
        let inputs = inputs(&graph, &line[..2], 1, 1);
        (inputs[0][2] == 1).then_some(inputs)
    });
    let inputs = found.expect("a prompt behind which both are the likeliest");
    let case = Case::new(generating(&graph, false), &Exposure::public(), &inputs);
    let mut forged = inputs;
    forged[0][2] = 3;
    let mut forged = case.run(&forged);
    let expected = Rejection::NextId { position: 2, expected: 1, got: 3 };
    assert_eq!(case.verdict(&case.proof(&forged)), Err(expected));
    forged.outputs[0][0] = 3;
    rejected(&case.circuit, &forged, &[END]);
}

#[test]
fn an_id_of_the_prompt_that_was_another_one() {
    let case = Case::shown(&[2, 0], 3);
    let mut forged = case.witness.clone();
    forged.inputs[0][1] = 1;
    rejected(&case.circuit, &forged, &[END]);
    // In the proof itself.
    let mut proof = case.proof(&case.witness);
    proof.statement.inputs[0].integers_mut().unwrap()[1] = 1;
    assert_eq!(case.verdict(&proof), Err(Rejection::Opening));
}

#[test]
fn the_head_at_another_position() {
    let whole = whole();
    let graph = generating(&whole, false);
    let described = |graph: &Graph| {
        let lowered = lower::lower(graph, &Exposure::public()).unwrap();
        let plan = optimise::plan(&lowered, Objective::Prover).unwrap();
        lowered.describe(&plan).unwrap()
    };
    let mut other = graph.clone();
    let mut moved = 0;
    for node in &mut other.nodes {
        if let Operator::SliceAt { offset, .. } = &mut node.operator {
            *offset = 0;
            moved += 1;
        }
    }
    assert_eq!(moved, 2, "rows of attention and of the residual stream");
    // An id that the head finds likeliest behind itself, and not where it stands.
    let first = |graph: &Graph, inputs: &[Vec<i64>]| interpret(graph, inputs)[0][0];
    let claims = lines(&MODEL, 100).into_iter().flat_map(|line| {
        (0..MODEL.vocabulary as i64).map(move |id| {
            let ids = [&line[..3], &[id, PADDING, PADDING]].concat();
            vec![ids, vec![3], vec![1]]
        })
    });
    // Nor is the prompt's last one likeliest behind the others.
    let shorter = |ids: &[Vec<i64>]| [ids[0].clone(), vec![2], vec![1]];
    let mut claims = claims.filter(|ids| {
        let answer = ids[0][3];
        let another = first(&graph, ids) != answer && first(&other, ids) == answer;
        another && first(&graph, &shorter(ids)) != ids[0][2]
    });
    let claim = claims.next().expect("another answer");
    let case = Case::new(graph.clone(), &Exposure::public(), &inputs(&whole, &claim[0][..3], 1, 1));
    let forged = impostor(&case.circuit, described(&other), &case.model, &claim);
    rejected(&case.circuit, &forged, &[END]);
    // Or the last id of the prompt is said to be answered.
    let mut forged = case.witness.clone();
    (forged.inputs[1][0], forged.inputs[2][0]) = (2, 2);
    let answer = forged.inputs[0][2..4].to_vec();
    forged.outputs[0][..2].copy_from_slice(&answer);
    rejected(&case.circuit, &forged, &[END]);
}

#[test]
fn padding_that_is_not_ignored() {
    let whole = whole();
    let case = Case::shown(&[2, 0, 1], 1);
    // Something else than padding.
    let mut other = case.witness.inputs.clone();
    other[0][5] = 0;
    let other = case.run(&other);
    case.fails_by_its_statement_alone(&other, "id 5 is 0; behind the answer");
    let expected = Rejection::Padding { position: 5, expected: PADDING, got: 0 };
    assert_eq!(case.verdict(&case.proof(&other)), Err(expected));
    assert_eq!(other.outputs[0][0], case.witness.outputs[0][0], "which would not matter");
    // A run of a network that sees it.
    let mut ahead = case.graph.clone();
    for node in &mut ahead.nodes {
        if let Operator::Softmax { visible, .. } = &mut node.operator {
            visible[2 * MODEL.length + 1] = false;
            visible[2 * MODEL.length + 5] = true;
        }
    }
    let lowered = lower::lower(&ahead, &Exposure::public()).unwrap();
    let plan = optimise::plan(&lowered, Objective::Prover).unwrap();
    let ahead = compile_with(lowered, &plan).unwrap().into_key();
    let forged =
        impostor(&case.circuit, ahead.description().clone(), &case.model, &case.witness.inputs);
    assert_ne!(forged, case.witness);
    rejected(&case.circuit, &forged, &[END]);
    // And such a network is not compiled to generate.
    let mut open = whole;
    for node in &mut open.nodes {
        if let Operator::Softmax { visible, .. } = &mut node.operator {
            visible[2 * MODEL.length + 5] = true;
        }
    }
    let options = Options { tokens: TOKENS, padding: PADDING, hidden: false };
    assert!(open.generating(&options).unwrap_err().to_string().contains("Softmax"));
}

/// Of hidden ids, which no statement shows, the same.
#[test]
fn hidden_ids_that_are_not_the_likeliest() {
    let graph = tied([1, 3]);
    let private = Exposure { inputs: vec![Visibility::Private], ..Exposure::public() };
    let prompts = lines(&MODEL, 40);
    let found = prompts.iter().find_map(|line| {
        let inputs = inputs(&graph, &line[..2], TOKENS, 1);
        (inputs[0][2] == 1 && inputs[0][3] != 4).then_some(inputs)
    });
    let honest = found.expect("a prompt behind which both are the likeliest");
    let case = Case::new(generating(&graph, true), &private, &honest);
    // The other of two that are as likely, another one, and one behind what is claimed.
    for (position, id) in [(2, 3), (2, 0), (3, (honest[0][3] + 1) % 5), (4, (honest[0][4] + 1) % 5)]
    {
        let mut inputs = honest.clone();
        inputs[0][position] = id;
        let forged = case.run(&inputs);
        let checks = caught(&case.circuit, &forged);
        assert!(checks.iter().any(|check| check.contains(LIMB)), "{position}: {checks:?}");
    }
    // Whoever says that it differs says that it is wrong.
    let mut forged = case.witness.clone();
    forged.outputs[0][0] = 1;
    assert!(matches!(
        case.verdict(&case.proof(&forged)),
        Err(Rejection::TensorRange { got: 1, minimum: 0, maximum: 0, .. })
    ));
    assert!(mock_prove(case.circuit.key(), &forged).is_err());
}
