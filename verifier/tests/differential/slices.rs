//! Random slices whose place a public input says.

use zkinfer_verifier::circuit::description::{Input, NodeId, Operator, SliceAt, Visibility};

use crate::generator::{Draft, READING};

impl Draft<'_> {
    /// Adds some indices of a dimension of the node, from a place that a new input says, or one
    /// that is there.
    pub fn slice_at(&mut self, node: NodeId) {
        let mut shape = self.shapes[node].clone();
        if shape.is_empty() {
            return;
        }
        let axis = self.random.below(shape.len());
        let count = 1 + self.random.below(shape[axis]);
        // So many places there are.
        let places = shape[axis] - count + 1;
        let fits = |input: &Input| {
            let places = i64::try_from(places).unwrap();
            input.shape == [1]
                && input.visibility == Visibility::Public
                && input.maximum.checked_sub(input.minimum).is_some_and(|length| length < places)
        };
        let known: Vec<usize> = (0..self.description.inputs.len())
            .filter(|&index| fits(&self.description.inputs[index]))
            .collect();
        let at = match known.is_empty() || self.random.once_in(3) {
            true => self.place(places),
            false => *self.random.pick(&known),
        };
        let Input { minimum, maximum, .. } = self.description.inputs[at];
        let spare = places - (maximum - minimum) as usize;
        let offset = self.random.below(spare) as i64 - minimum;
        shape[axis] = count;
        let slice = SliceAt { input: node, axis, at, offset, count };
        self.push(Operator::SliceAt(slice), shape, self.bounds[node]);
    }

    /// Adds an input of one integer, of so many at most.
    fn place(&mut self, most: usize) -> usize {
        let index = self.description.inputs.len();
        let minimum = self.random.between(-9, 9);
        self.description.inputs.push(Input {
            name: format!("input {index}"),
            shape: vec![1],
            minimum,
            maximum: minimum + self.random.below(most) as i64,
            quantisation: READING,
            visibility: Visibility::Public,
        });
        index
    }
}
