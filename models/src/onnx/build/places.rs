//! Elements of values in any order: slices one behind the other, as few as the order allows.

use std::collections::HashMap;

use super::importer::Importer;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// An element: which of the sources holds it, and where in row-major order.
pub(in crate::onnx) type Place = (usize, usize);

/// Most slices of which a result is put together.
const MAX_SLICES: usize = 1 << 12;

/// A slice of blocks: source, first block, distance, number.
type Run = (usize, usize, isize, usize);

impl<'a> Importer<'a> {
    /// A tensor of the elements at `places` of some values, row by row.
    pub(in crate::onnx) fn collect(
        &mut self,
        call: &Call<'a>,
        sources: &[ValueId],
        places: &[Place],
        shape: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        self.fits(&shape)?;
        let lengths: Vec<usize> =
            sources.iter().map(|&source| self.graph.shape(source).iter().product()).collect();
        if let Some(&(only, 0)) = places.first()
            && places.iter().copied().eq((0..lengths[only]).map(|index| (only, index)))
        {
            return self.reshape(call, sources[only], shape);
        }
        let block = block(places, &lengths);
        let runs = runs(places, block);
        if runs.len() > MAX_SLICES {
            return Err(Stop::Because(format!(
                "its indices choose elements in so irregular an order that {} slices would make \
                them, expected at most {MAX_SLICES}",
                runs.len()
            )));
        }
        let mut known: HashMap<Run, ValueId> = HashMap::new();
        let mut slices = Vec::new();
        for run in runs {
            let (source, start, step, count) = run;
            if let Some(&slice) = known.get(&run) {
                slices.push(slice);
                continue;
            }
            let blocks = lengths[source] / block;
            let rows = self.reshape(call, sources[source], vec![blocks, block])?;
            let slice = if (start, step, count) == (0, 1, blocks) {
                rows
            } else {
                let operator = Operator::Slice { axis: 0, start, step };
                self.push(call, operator, vec![rows], vec![count, block])?
            };
            known.insert(run, slice);
            slices.push(slice);
        }
        let joined = match slices[..] {
            [only] => only,
            _ => {
                // Elements that are on one grid still are.
                let first = self.grid(slices[0]);
                let grid = first.filter(|_| slices.iter().all(|&slice| self.grid(slice) == first));
                let rows = places.len() / block;
                self.push_on(call, Operator::Concat { axis: 0 }, slices, vec![rows, block], grid)?
            }
        };
        self.reshape(call, joined, shape)
    }
}

/// The longest block that all neighbouring elements come in.
fn block(places: &[Place], lengths: &[usize]) -> usize {
    let mut block = places.len();
    let mut begin = 0;
    for index in 0..places.len() {
        let (source, place) = places[index];
        if index > begin && places[index - 1] != (source, place.wrapping_sub(1)) {
            block = common(block, index - begin);
            begin = index;
        }
        if index == begin {
            block = common(common(block, place), lengths[source]);
        }
    }
    common(block, places.len() - begin)
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

/// Blocks at equal distances within one source, one run after another.
fn runs(places: &[Place], block: usize) -> Vec<Run> {
    let blocks: Vec<Place> =
        places.iter().step_by(block).map(|&(source, place)| (source, place / block)).collect();
    let mut runs = Vec::new();
    let mut rest = &blocks[..];
    while let [(source, first), ..] = *rest {
        let step = match rest.get(1) {
            Some(&(same, second)) if same == source && second != first => {
                second as isize - first as isize
            }
            _ => 1,
        };
        let count = (0..)
            .zip(rest)
            .take_while(|&(i, &(from, at))| {
                from == source && at as isize == first as isize + i * step
            })
            .count();
        runs.push((source, first, step, count));
        rest = &rest[count..];
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::{block, runs};

    #[test]
    fn neighbours_stay_together() {
        let rows = [(0, 4), (0, 5), (0, 0), (0, 1), (1, 2), (1, 3)];
        assert_eq!(block(&rows, &[6, 4]), 2);
        assert_eq!(runs(&rows, 2), [(0, 2, -2, 2), (1, 1, 1, 1)]);
        assert_eq!(block(&rows, &[6, 5]), 1, "blocks divide every source");
        let steps = [(0, 1), (0, 3), (0, 5), (0, 5), (0, 4)];
        assert_eq!(block(&steps, &[6]), 1);
        assert_eq!(runs(&steps, 1), [(0, 1, 2, 3), (0, 5, -1, 2)]);
    }
}
