//! A layer with a witness that a test distorts.

use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_models::integer::graph::Graph;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::place::{Cells, Run};

use super::{After, Net, Noise, circuit, names};

/// Bits of its remainder limbs.
pub const LIMB_BITS: u32 = 5;

/// One linear layer of three outputs, requantised by a table over few quotients, then put out.
pub fn layer(table: After) -> Graph {
    let mut net = Net::new("layer", &[(&[1, 4], 7)]);
    let y = net.linear(&mut Noise(21), 0, 3, table);
    net.finish(y)
}

/// A claim that a test distorts.
pub struct Forgery {
    pub key: VerifyingKey,
    pub witness: Witness,
}

impl Forgery {
    pub fn new(circuit: Circuit, inputs: Vec<Vec<i64>>) -> Self {
        let witness = circuit.witness(&[], &inputs).unwrap();
        assert_eq!(names(mock_prove(circuit.key(), &witness)), [""; 0], "the honest claim holds");
        Self { key: circuit.into_key(), witness }
    }

    /// A layer in the narrow form, with one limb or two.
    pub fn narrow() -> Self {
        let graph = layer(After::Int8 { shift: 2 * LIMB_BITS, zero_point: 1 });
        Self::new(circuit(&graph, 8, LIMB_BITS, u64::MAX), vec![vec![3, -50, 40, 9]])
    }

    /// The same in the wide form.
    pub fn wide() -> Self {
        let graph = layer(After::Int8 { shift: 2 * LIMB_BITS, zero_point: 1 });
        Self::new(circuit(&graph, 8, LIMB_BITS, 0), vec![vec![3, -50, 40, 9]])
    }

    /// The cells of the only requantisation.
    pub fn cells(&self) -> Cells {
        self.key.layout().nodes.iter().flatten().next().unwrap().clone()
    }

    pub fn place(&self, run: &Run, offset: usize, element: usize) -> (usize, usize) {
        let pieces = self.key.layout().pieces(run, offset);
        let mut places = pieces.flat_map(|piece| piece.rows.map(move |row| (piece.column, row)));
        places.nth(element).unwrap()
    }

    pub fn limb(&mut self, limb: usize, element: usize) -> &mut i64 {
        let (column, row) = self.place(&self.cells().limbs[limb], 0, element);
        &mut self.witness.columns[column][row]
    }

    /// Column `offset` of the lane that holds the result.
    pub fn lane(&mut self, offset: usize, element: usize) -> &mut i64 {
        let (column, row) = self.place(&self.cells().result.unwrap(), offset, element);
        &mut self.witness.columns[column][row]
    }

    pub fn output(&mut self, element: usize) -> &mut i64 {
        &mut self.witness.outputs[0][element]
    }

    pub fn caught_by(&self) -> Vec<String> {
        names(mock_prove(&self.key, &self.witness))
    }
}
