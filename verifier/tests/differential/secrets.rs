//! What a prover chooses, and the integers of every node that follow from it by plain arithmetic.

use std::collections::BTreeMap;

use zkinfer_verifier::circuit::description::{
    Bounded, Function, Hint, NodeId, OneHot, Operator, Source, Weights,
};

use crate::equations::Network;
use crate::generator::is_sealed;
use crate::meaning;
use crate::random::Random;

/// Most integers of a network whose values are driven to their ends one by one.
const CLIMBED: usize = 1500;

/// What a prover chooses.
#[derive(Clone)]
pub struct Secrets {
    pub inputs: Vec<Vec<i128>>,
    /// By the sealed contraction whose they are.
    pub weights: BTreeMap<NodeId, Vec<i128>>,
    /// Of all sealed biases, one unit per output channel.
    pub digits: Vec<i128>,
}

/// How integers are drawn from their range.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    Least,
    Greatest,
    Alternating,
    Ends,
    Anything,
}

impl Draw {
    pub const ALL: [Self; 5] =
        [Self::Least, Self::Greatest, Self::Alternating, Self::Ends, Self::Anything];

    fn list(self, [least, greatest]: [i64; 2], count: usize, random: &mut Random) -> Vec<i128> {
        let draw = |element: usize| match self {
            Self::Least => least,
            Self::Greatest => greatest,
            Self::Alternating => [least, greatest][element % 2],
            Self::Ends => *random.pick(&[least, greatest]),
            Self::Anything => random.between(least, greatest),
        };
        (0..count).map(draw).map(i128::from).collect()
    }
}

impl Secrets {
    pub fn draw(network: &Network<'_>, inputs: Draw, weights: Draw, random: &mut Random) -> Self {
        let description = network.key.description();
        let input = description.inputs.iter().map(|input| {
            inputs.list([input.minimum, input.maximum], input.shape.iter().product(), random)
        });
        let mut secrets =
            Self { inputs: input.collect(), weights: BTreeMap::new(), digits: Vec::new() };
        for (id, node) in description.nodes.iter().enumerate() {
            let Operator::Contract(contract) = &node.operator else { continue };
            if is_sealed(&node.operator) {
                let depth = network.shapes[contract.input][0] / contract.groups
                    * contract.kernel[0]
                    * contract.kernel[1];
                if contract.weights == Weights::Sealed {
                    let list = weights.list([-128, 127], contract.rows * depth, random);
                    secrets.weights.insert(id, list);
                }
                let digits = contract.rows * description.bias_digits as usize;
                secrets.digits.extend(weights.list([-32, 31], digits, random));
            }
        }
        secrets
    }

    /// The values of the first nodes, `count` of them.
    pub fn values(&self, network: &Network<'_>, count: usize) -> Vec<Vec<i128>> {
        let description = network.key.description();
        let mut nodes: Vec<Vec<i128>> = Vec::new();
        let mut channels = 0;
        for (id, node) in description.nodes.iter().enumerate().take(count) {
            let values = match &node.operator {
                Operator::Input(index) => self.inputs[*index].clone(),
                Operator::Copy(input) => nodes[*input].clone(),
                &Operator::OneHot(OneHot { input, first, count }) => {
                    let places = (first..).take(count).map(i128::from);
                    let each = |place| {
                        let indices = self.inputs[input].iter();
                        indices.map(move |&index| i128::from(index == place))
                    };
                    places.flat_map(each).collect()
                }
                Operator::SliceAt(slice) => {
                    let start =
                        usize::try_from(self.inputs[slice.at][0] + i128::from(slice.offset));
                    let shape = &network.shapes[slice.input];
                    let from = |at| meaning::sliced(slice, start.unwrap(), shape, at);
                    let elements = 0..network.shapes[id].iter().product();
                    elements.map(|at| nodes[slice.input][from(at)]).collect()
                }
                Operator::Bounded(bounded) => chosen(bounded, network, &nodes),
                Operator::Requantise(requantise) => {
                    let function = &description.functions[requantise.function];
                    nodes[requantise.input]
                        .iter()
                        .map(|z| apply(function, z >> requantise.shift))
                        .collect()
                }
                Operator::Product(_) | Operator::Hadamard(_) => self.bilinear(network, id, &nodes),
                Operator::Contract(contract) if is_sealed(&node.operator) => {
                    let mut values = self.bilinear(network, id, &nodes);
                    let positions = values.len() / contract.rows;
                    for (row, values) in values.chunks_mut(positions).enumerate() {
                        let digits = description.bias_digits as usize;
                        let digits = &self.digits[(channels + row) * digits..][..digits];
                        let bias = digits.iter().rev().fold(0, |bias, digit| 64 * bias + digit);
                        let constant = i128::from(contract.row_factors[row]) * bias
                            + i128::from(contract.bias[row]);
                        values.iter_mut().for_each(|value| *value += constant);
                    }
                    channels += contract.rows;
                    values
                }
                _ => {
                    let operator = meaning::complete(description, id);
                    let (output, shapes) = (&network.shapes[id], &network.shapes);
                    meaning::linear(&operator, output, shapes, &nodes).unwrap()
                }
            };
            nodes.push(values);
        }
        nodes
    }

    /// What the committed values of a bilinear node make together.
    pub fn bilinear(&self, network: &Network<'_>, id: NodeId, nodes: &[Vec<i128>]) -> Vec<i128> {
        let description = network.key.description();
        let operator = &description.nodes[id].operator;
        let owner = meaning::owner(description, id);
        let weights = self.weights.get(&owner).map_or(&[][..], Vec::as_slice);
        meaning::bilinear(operator, &network.shapes[id], &network.shapes, nodes, weights)
    }

    /// Drives one value of a node as far as single changes from end to end go: all the way if it is
    /// linear in the inputs.
    pub fn climb(&mut self, network: &Network<'_>, node: NodeId, random: &mut Random) {
        let integers = self.inputs.iter().chain(self.weights.values()).map(Vec::len).sum::<usize>();
        if integers > CLIMBED {
            return;
        }
        let element = random.below(network.nodes[node].len());
        let sign = *random.pick(&[-1, 1]);
        let height = |secrets: &Self| sign * secrets.values(network, node + 1)[node][element];
        let mut best = height(self);
        let ranges = network
            .key
            .description()
            .inputs
            .iter()
            .map(|input| [input.minimum, input.maximum].map(i128::from));
        let ranges: Vec<[i128; 2]> = ranges.collect();
        let mut place = 0;
        while let Some((value, other)) = self.other_end(place, &ranges) {
            let old = std::mem::replace(value, other);
            let reached = height(self);
            if reached > best {
                best = reached;
            } else if let Some((value, _)) = self.other_end(place, &ranges) {
                *value = old;
            }
            place += 1;
        }
    }

    /// The integer at a place, and the end of its range at which it is not.
    fn other_end(&mut self, place: usize, ranges: &[[i128; 2]]) -> Option<(&mut i128, i128)> {
        let inputs = self
            .inputs
            .iter_mut()
            .zip(ranges)
            .flat_map(|(list, &range)| list.iter_mut().map(move |x| (x, range)));
        let weights = self.weights.values_mut().flatten().map(|weight| (weight, [-128, 127]));
        let digits = self.digits.iter_mut().map(|digit| (digit, [-32, 31]));
        let (value, [least, greatest]) = inputs.chain(weights).chain(digits).nth(place)?;
        let other = if *value == greatest { least } else { greatest };
        Some((value, other))
    }
}

/// The same, or what a hint says, cut to the range.
fn chosen(bounded: &Bounded, network: &Network<'_>, nodes: &[Vec<i128>]) -> Vec<i128> {
    let most = (1i128 << bounded.bits) - 1;
    let (Source::Equal { input } | Source::Hint { input, .. }) = bounded.source;
    let x = &nodes[input];
    let values: Vec<i128> = match bounded.source {
        Source::Equal { .. } => return x.clone(),
        Source::Hint { hint: Hint::Maximum { offset, shift }, .. } => {
            let row = network.shapes[input].last().copied().unwrap_or(1);
            let most = x.chunks(row).map(|row| row.iter().max().unwrap());
            most.map(|x| (x + i128::from(offset)) >> shift).collect()
        }
        Source::Hint { hint: Hint::Shifted { offset, shift }, .. } => {
            x.iter().map(|x| (x + i128::from(offset)) >> shift).collect()
        }
        Source::Hint { hint: Hint::Reciprocal { bits }, .. } => {
            x.iter().map(|&x| if x == 0 { most } else { (1i128 << bits).div_euclid(x) }).collect()
        }
        // Any number does.
        Source::Hint { hint: Hint::Root { offset }, .. } => {
            x.iter().map(|x| (x + i128::from(offset)) / 7).collect()
        }
    };
    values.into_iter().map(|value| value.clamp(0, most)).collect()
}

/// The function, saturating at both ends.
fn apply(function: &Function, argument: i128) -> i128 {
    let last = function.values.len() as i128 - 1;
    function.values[(argument - i128::from(function.minimum)).clamp(0, last) as usize].into()
}
