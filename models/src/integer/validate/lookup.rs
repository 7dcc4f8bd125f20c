//! Checks of Lookup: a table of the right size, and no element outside it.

use super::site::{Bounds, Last, Site, expect_count, is_activation};
use crate::integer::graph::Integers;
use crate::tensor::window::element_count;

pub(super) fn check(site: &Site<'_>, minimum: i64, values: &Integers) -> Result<Bounds, String> {
    let Some((&rows, outer)) = site.node.shape.split_last() else {
        return Err("its result is a scalar".into());
    };
    if outer != site.shape(0) {
        return Err(format!(
            "reads shape {:?} for a result of {:?}",
            site.shape(0),
            site.node.shape
        ));
    }
    let columns = values.len() / rows;
    expect_count("entries", values.len(), element_count(&[rows, columns.max(1)]))?;
    let (bounds, last) = (site.bounds(0), minimum.saturating_add(columns as i64 - 1));
    if bounds.minimum < minimum || bounds.maximum > last {
        return Err(format!(
            "a table for {minimum}..={last}, but what it reads is in {}..={}",
            bounds.minimum, bounds.maximum
        ));
    }
    let ends = (values.iter().min(), values.iter().max());
    let (Some(least), Some(most)) = ends else {
        return Err("its table is empty".into());
    };
    let bounds = Bounds { minimum: least.into(), maximum: most.into(), last: Last::No };
    if is_activation(bounds.minimum) && is_activation(bounds.maximum) {
        return Ok(bounds);
    }
    Err("entries of more than 16 bits".into())
}
