//! Random contractions and products. A bilinear node is followed by what it has to reach: exactly
//! one equation, perhaps through sums.

use zkinfer_verifier::circuit::description::{
    Combine, Contract, Hadamard, Input, NodeId, OneHot, Operator, Product, Visibility, Weights,
};

use crate::generator::{Draft, MOST, READING, elements, largest};

/// Most weights of a contraction.
const WEIGHTS: usize = 3000;
/// Most multiply-accumulates of a contraction or product, for each element that a tensor may have.
const WORK: usize = 60;

impl Draft<'_> {
    /// Adds a contraction that reads the node.
    pub fn contract(&mut self, node: NodeId) {
        let as_it_is = self.shapes[node].len() == 3 && !self.random.once_in(6);
        let input = if as_it_is { node } else { self.reshape(node, 3) };
        let Some((contract, shape)) = (0..20).find_map(|_| self.geometry(input)) else { return };
        let large = elements(&self.shapes[input]) > 1000;
        let sealed = self.random.once_in(if large { 2 } else { 3 });
        let (id, bound) = self.contraction(contract.clone(), &shape, sealed);
        if !sealed {
            return;
        }
        self.open.retain(|&open| open != id);
        // Weights of several digits are as many contractions that are summed.
        let mut terms = vec![(id, bound)];
        while self.random.once_in(3) {
            let (digit, bound) = self.contraction(contract.clone(), &shape, true);
            self.open.retain(|&open| open != digit);
            terms.push((digit, bound));
        }
        self.reach(terms);
    }

    /// A contraction without weights yet, if it has a result and is small.
    fn geometry(&mut self, input: NodeId) -> Option<(Contract, Vec<usize>)> {
        let [channels, height, width] = self.shapes[input][..] else { return None };
        let mut groups = self.divisor(channels);
        let mut rows = groups * (1 + self.random.below(3));
        let mut kernel = match self.random.below(5) {
            0 => [1, 1],
            1 => [0; 2].map(|_| 1 + self.random.below(14)),
            _ => [0; 2].map(|_| 1 + self.random.below(3)),
        };
        // Often like one that is there, so that it may read that one's weights.
        if self.random.once_in(2) {
            let like = self.contractions(|of, shapes| shapes[of.input][0] == channels);
            if !like.is_empty() {
                let like = *self.random.pick(&like);
                let like = self.contraction_at(like);
                (groups, rows, kernel) = (like.groups, like.rows, like.kernel);
            }
        }
        let pads = match self.random.below(5) {
            0 => [1; 4],
            1 => [0; 4],
            2 => [0; 4].map(|_| self.random.below(2 + 2 * kernel[0].max(kernel[1]))),
            _ => [0; 4].map(|_| self.random.below(1 + kernel[0].max(kernel[1]))),
        };
        let mut steps = |most| {
            if self.random.once_in(2) {
                [1; 2]
            } else {
                [0; 2].map(|_| 1 + self.random.below(most))
            }
        };
        let (strides, dilations) = (steps(5), steps(4));
        let size = |axis: usize, size: usize| {
            let padded = (size + pads[axis] + pads[axis + 2])
                .checked_sub((kernel[axis] - 1) * dilations[axis] + 1)?;
            Some(padded / strides[axis] + 1)
        };
        let shape = vec![rows, size(0, height)?, size(1, width)?];
        let depth = channels / groups * kernel[0] * kernel[1];
        let large = elements(&shape) > self.limit || elements(&shape) * depth > WORK * self.limit;
        if large || depth * rows > WEIGHTS {
            return None;
        }
        let (row_factors, column_factors, bias) = Default::default();
        let weights = Weights::Sealed;
        let contract = Contract {
            input,
            rows,
            groups,
            kernel,
            strides,
            pads,
            dilations,
            weights,
            row_factors,
            column_factors,
            bias,
        };
        Some((contract, shape))
    }

    /// Adds a contraction with weights, factors and biases; with the bound of its values.
    fn contraction(
        &mut self,
        mut contract: Contract,
        shape: &[usize],
        sealed: bool,
    ) -> (NodeId, i128) {
        let depth = self.shapes[contract.input][0] / contract.groups
            * contract.kernel[0]
            * contract.kernel[1];
        let rows = contract.rows;
        if !sealed {
            let [least, greatest] = *self.random.pick(&[
                [-128, 127],
                [-128, 127],
                [0, 127],
                [-128, -1],
                [-1, 1],
                [-128, -128],
            ]);
            let weights = (0..depth * rows).map(|_| self.random.between(least, greatest) as i8);
            contract.weights = Weights::Public(weights.collect());
        }
        let own = |weights: &Weights| match weights {
            Weights::Public(_) => Some(false),
            Weights::Sealed => Some(true),
            _ => None,
        };
        let owners = self.contractions(|of, shapes| {
            let inner = shapes[of.input][0] / of.groups * of.kernel[0] * of.kernel[1];
            // Nothing else reads the weights of a sealed table.
            own(&of.weights) == Some(sealed)
                && !(sealed && self.description.table(of).is_some())
                && (of.rows, inner) == (rows, depth)
        });
        if !owners.is_empty() && !self.random.once_in(4) {
            let owner = *self.random.pick(&owners);
            contract.weights =
                if sealed { Weights::SealedOf(owner) } else { Weights::PublicOf(owner) };
        }
        let factor = *self.random.pick(&[0, 1, 20, 1 << 12]);
        contract.row_factors = self.integers(rows, 1 - factor, 1 + factor);
        if self.random.once_in(3) {
            let least = *self.random.pick(&[-5, 2]);
            contract.column_factors = self.integers(shape[1] * shape[2], least, 5);
        }
        let bias = *self.random.pick(&[0, 1000, 1 << 30]);
        contract.bias = self.integers(rows, -bias, bias);
        let digits = if sealed { 64i128.pow(self.description.bias_digits) } else { 0 };
        let factor = i128::from(1 + factor);
        let bound = factor * (640 * depth as i128 * self.bounds[contract.input] + digits)
            + i128::from(bias);
        (self.push(Operator::Contract(contract), shape.to_vec(), bound), bound)
    }

    /// The contractions that are there and fit.
    fn contractions(&self, fits: impl Fn(&Contract, &[Vec<usize>]) -> bool) -> Vec<NodeId> {
        let nodes = self.description.nodes.iter().enumerate();
        let found = nodes.filter_map(|(id, node)| match &node.operator {
            Operator::Contract(contract) => fits(contract, &self.shapes).then_some(id),
            _ => None,
        });
        found.collect()
    }

    fn contraction_at(&self, node: NodeId) -> Contract {
        match &self.description.nodes[node].operator {
            Operator::Contract(contract) => contract.clone(),
            operator => panic!("{operator:?} is no contraction"),
        }
    }

    /// Adds a table that is read at a public input's elements, or what reads one.
    pub fn lookup(&mut self) {
        let inputs = self.description.inputs.iter().enumerate();
        let short = |input: &Input| {
            input.visibility == Visibility::Public && input.maximum - input.minimum < 100
        };
        let short: Vec<usize> = inputs.filter(|(_, i)| short(i)).map(|(index, _)| index).collect();
        let input = match short.is_empty() {
            false => *self.random.pick(&short),
            true => self.indices(),
        };
        let Input { minimum, maximum, ref shape, .. } = self.description.inputs[input];
        let positions = elements(shape);
        let first = minimum - self.random.below(3) as i64;
        let count = (maximum - first) as usize + 1 + self.random.below(3);
        if count * positions > 4 * self.limit {
            return;
        }
        let indices = OneHot { input, first, count };
        let node = self.push(Operator::OneHot(indices), vec![count, 1, positions], 1);
        if self.random.once_in(4) {
            return;
        }
        let rows = 1 + self.random.below(4);
        let contract = Contract {
            input: node,
            rows,
            groups: 1,
            kernel: [1; 2],
            strides: [1; 2],
            pads: [0; 4],
            dilations: [1; 2],
            weights: Weights::Sealed,
            row_factors: Vec::new(),
            column_factors: Vec::new(),
            bias: Vec::new(),
        };
        let sealed = self.random.once_in(2);
        let (id, bound) = self.contraction(contract, &[rows, 1, positions], sealed);
        if sealed {
            self.open.retain(|&open| open != id);
            self.reach(vec![(id, bound)]);
        }
    }

    /// Adds an input that names columns of a table.
    fn indices(&mut self) -> usize {
        let index = self.description.inputs.len();
        let minimum = self.random.between(-9, 9);
        let input = Input {
            name: format!("input {index}"),
            shape: vec![1 + self.random.below(5), 1 + self.random.below(3)],
            minimum,
            maximum: minimum + self.random.below(12) as i64,
            quantisation: READING,
            visibility: Visibility::Public,
        };
        let shape = input.shape.clone();
        self.description.inputs.push(input);
        self.push(Operator::Input(index), shape, 21);
        index
    }

    /// Adds a product of the node with another one, or with itself.
    pub fn product(&mut self, node: NodeId) {
        let other = if self.random.once_in(5) { node } else { self.any() };
        let (a, b) = (elements(&self.shapes[node]), elements(&self.shapes[other]));
        // So many batches times elements of a row divide both.
        let shared: Vec<usize> = (1..=a)
            .filter(|&shared| {
                a % shared == 0 && b % shared == 0 && a / shared * b <= WORK * self.limit
            })
            .collect();
        let Some(&shared) = (!shared.is_empty()).then(|| self.random.pick(&shared)) else { return };
        let batches = self.divisor(shared);
        let (inner, rows, columns) = (shared / batches, a / shared, b / shared);
        if batches * rows * columns > self.limit {
            return;
        }
        let left = self.reshaped(node, vec![batches, rows, inner]);
        let right = self.reshaped(other, vec![batches, columns, inner]);
        let bound = self.bounds[left]
            .checked_mul(self.bounds[right])
            .map_or(MOST, |bound| bound.min(MOST) * inner as i128);
        let id = self.push(
            Operator::Product(Product { left, right }),
            vec![batches, rows, columns],
            bound,
        );
        self.open.pop();
        self.reach(vec![(id, bound)]);
    }

    /// Adds a product of the node with another one, element by element, or with itself; whether
    /// there is one that fits.
    pub fn hadamard(&mut self, node: NodeId) -> bool {
        let count = elements(&self.shapes[node]);
        let fits = |&open: &NodeId| elements(&self.shapes[open]) == count;
        let others: Vec<NodeId> = self.open.iter().copied().filter(fits).collect();
        let Some(&other) = (!others.is_empty()).then(|| self.random.pick(&others)) else {
            return false;
        };
        let (a, b) = (self.bounds[node], self.bounds[other]);
        let Some(bound) = a.checked_mul(b).filter(|bound| *bound < 1 << 55) else {
            return false;
        };
        let right = self.reshaped(other, self.shapes[node].clone());
        let (left, right) = if self.random.once_in(2) { (node, right) } else { (right, node) };
        let shape = self.shapes[node].clone();
        self.push(Operator::Hadamard(Hadamard { left, right }), shape, bound);
        true
    }

    /// Has bilinear nodes of one shape reach one equation, perhaps through sums.
    fn reach(&mut self, mut terms: Vec<(NodeId, i128)>) {
        while terms.len() > 1 || self.random.once_in(2) {
            let shape = self.shapes[terms[0].0].clone();
            let mut bound = 0;
            let mut list = Vec::new();
            for (id, term) in std::mem::take(&mut terms) {
                let factor: i64 = *self.random.pick(&[1, -3, 256, 2]);
                list.push((id, factor));
                bound += i128::from(factor.abs()) * term;
            }
            let beside = self
                .open
                .iter()
                .copied()
                .filter(|&open| self.shapes[open] == shape)
                .collect::<Vec<_>>();
            if !beside.is_empty() {
                let beside = *self.random.pick(&beside);
                list.insert(self.random.below(list.len() + 1), (beside, 7));
                bound += 7 * self.bounds[beside];
            }
            let constant = self.constant(elements(&shape));
            bound += largest(&constant);
            let sum = self.push(Operator::Combine(Combine { terms: list, constant }), shape, bound);
            self.open.pop();
            terms.push((sum, bound));
        }
        let node = terms[0].0;
        match self.random.below(5) {
            0 => self.output(node),
            1 => self.copy(node),
            2 if self.hadamard(node) => {}
            _ => self.requantise(node),
        }
    }
}
