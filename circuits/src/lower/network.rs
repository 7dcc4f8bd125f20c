//! The first elements of many in order: runs that are sorted by a bitonic network, then merged two
//! by two, of which each merge keeps the better half.
//!
//! A run is as long as the places that are asked for, up to the next power of two. Every comparison
//! puts the larger key at the earlier place. See `docs/argument/order.md`.

use zkinfer_models::integer::graph::Function;
use zkinfer_models::tensor::order::run_length;
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};
use zkinfer_verifier::circuit::interval::Interval;

use super::builder::Builder;
use super::extremum::{self, Extremum};

/// The `places` largest of each row of keys `[rows, length]` in falling order; all keys are in
/// `range`. What fills the last run is no larger than any key.
pub(super) fn largest(
    builder: &mut Builder,
    keys: NodeId,
    [rows, length]: [usize; 2],
    places: usize,
    range: Interval,
) -> NodeId {
    let run = run_length(places);
    let mut runs = length.div_ceil(run);
    let mut sorting =
        Sorting { builder, range, keep: Function::clamp(range.minimum, range.maximum) };
    let mut keys = sorting.padded(keys, rows, length, runs * run);
    let mut size = 2;
    while size <= run {
        keys = sorting.exchange(keys, size, true);
        keys = sorting.halved(keys, size / 2);
        size *= 2;
    }
    while runs > 1 {
        keys = sorting.merged(keys, [rows, runs, run]);
        keys = sorting.halved(keys, run);
        runs = runs.div_ceil(2);
    }
    let sorted = sorting.builder.reshape(keys, &[rows, run]);
    sorting.part(sorted, 1, [0, places], 1)
}

struct Sorting<'b> {
    builder: &'b mut Builder,
    range: Interval,
    /// Keys as they are, in the interval of all keys.
    keep: Function,
}

impl Sorting<'_> {
    fn padded(&mut self, keys: NodeId, rows: usize, length: usize, full: usize) -> NodeId {
        let keys = self.builder.reshape(keys, &[rows, length]);
        if full == length {
            return keys;
        }
        let kind = ViewKind::Pad {
            before: vec![0, 0],
            after: vec![0, full - length],
            value: self.range.minimum,
        };
        self.builder.view(&[keys], kind, vec![rows, full])
    }

    /// Elements `start`, `start + step`, … of a dimension, so many.
    fn part(&mut self, keys: NodeId, axis: usize, [start, count]: [usize; 2], step: i64) -> NodeId {
        let mut shape = self.builder.shape(keys).to_vec();
        if step == 1 && start == 0 && shape[axis] == count {
            return keys;
        }
        shape[axis] = count;
        self.builder.view(&[keys], ViewKind::Slice { axis, start, step, count }, shape)
    }

    /// The larger of two keys each, and the smaller.
    fn compared(&mut self, first: NodeId, second: NodeId) -> [NodeId; 2] {
        let (winner, rise) =
            extremum::compare(self.builder, first, second, self.range, Extremum::Largest);
        // first + second − winner = first − rise
        let loser = self.builder.combine(vec![(first, 1), (rise, -1)], Vec::new());
        [winner, loser].map(|key| self.builder.requantise(key, 0, &self.keep))
    }

    /// Compares each key of the first half of every `size` with one of the second: the one at the
    /// same distance from the other end, or the one at the same place.
    fn exchange(&mut self, keys: NodeId, size: usize, mirrored: bool) -> NodeId {
        let all: usize = self.builder.shape(keys).iter().product();
        let keys = self.builder.reshape(keys, &[all / size, size]);
        let half = size / 2;
        let first = self.part(keys, 1, [0, half], 1);
        let (winners, losers) = if mirrored {
            let second = self.part(keys, 1, [size - 1, half], -1);
            let [winners, losers] = self.compared(first, second);
            (winners, self.part(losers, 1, [half - 1, half], -1))
        } else {
            let second = self.part(keys, 1, [half, half], 1);
            let [winners, losers] = self.compared(first, second);
            (winners, losers)
        };
        self.builder.view(&[winners, losers], ViewKind::Concat(1), vec![all / size, size])
    }

    /// Sorts every `size` keys that rise and then fall, or fall and then rise.
    fn halved(&mut self, mut keys: NodeId, mut size: usize) -> NodeId {
        while size > 1 {
            keys = self.exchange(keys, size, false);
            size /= 2;
        }
        keys
    }

    /// The larger half of every two runs, which rises and then falls or falls and then rises; a run
    /// without a partner stays as it is.
    fn merged(&mut self, keys: NodeId, [rows, runs, run]: [usize; 3]) -> NodeId {
        let keys = self.builder.reshape(keys, &[rows, runs, run]);
        let pairs = runs / 2;
        let first = self.part(keys, 1, [0, pairs], 2);
        let second = self.part(keys, 1, [1, pairs], 2);
        let second = self.part(second, 2, [run - 1, run], -1);
        let (winner, _) =
            extremum::compare(self.builder, first, second, self.range, Extremum::Largest);
        let winner = self.builder.requantise(winner, 0, &self.keep);
        if runs.is_multiple_of(2) {
            return winner;
        }
        let last = self.part(keys, 1, [runs - 1, 1], 1);
        self.builder.view(&[winner, last], ViewKind::Concat(1), vec![rows, pairs + 1, run])
    }
}
