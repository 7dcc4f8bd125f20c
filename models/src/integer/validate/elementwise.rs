//! Checks of the operators on several tensors of one shape: Product, Binary, Max, Min, Select.

use super::arithmetic::{accumulator, entries, rescaled, table_length};
use super::site::{Bounds, Last, Site};
use crate::integer::graph::Operator;

pub(super) fn check(site: &Site<'_>) -> Result<Bounds, String> {
    for input in 0..site.node.inputs.len() {
        site.expect_shape(site.shape(input))?;
    }
    match &site.node.operator {
        Operator::Product { multiplier, requantise } => {
            if *multiplier < 1 {
                return Err(format!("multiplier {multiplier} is not positive"));
            }
            // The multiplier meets one factor before the other, which may be zero.
            let product = site.deviation(0).max(1) * site.deviation(1).max(1);
            let limit = accumulator(product.checked_mul((*multiplier).into()))?;
            rescaled(site, limit, requantise.as_ref())
        }
        Operator::Binary(function) => {
            let [left, right] = function.counts;
            if left.checked_mul(right) != Some(function.values.len()) {
                return Err(format!(
                    "{} entries for a table of {left} by {right}",
                    function.values.len()
                ));
            }
            if function.minimum.iter().any(|minimum| minimum.unsigned_abs() > 1 << 32) {
                return Err(format!("a table that begins at {:?}", function.minimum));
            }
            table_length(&function.values)?;
            entries(&function.values)
        }
        Operator::Max | Operator::Min => {
            site.expect_same_quantisation(0..site.node.inputs.len())?;
            let bounds = (0..site.node.inputs.len()).map(|input| site.bounds(input));
            let extreme = |function: fn(i64, i64) -> i64| {
                bounds.clone().reduce(|a, b| Bounds {
                    minimum: function(a.minimum, b.minimum),
                    maximum: function(a.maximum, b.maximum),
                    last: Last::No,
                })
            };
            let bounds = match site.node.operator {
                Operator::Max => extreme(i64::max),
                _ => extreme(i64::min),
            };
            bounds.ok_or_else(|| "it reads nothing".into())
        }
        Operator::Select => {
            site.expect_same_quantisation(1..3)?;
            let condition = site.bounds(0);
            if condition.minimum < 0 || condition.maximum > 1 {
                return Err("its condition is not 0 or 1".into());
            }
            let (yes, no) = (site.bounds(1), site.bounds(2));
            Ok(Bounds {
                minimum: yes.minimum.min(no.minimum),
                maximum: yes.maximum.max(no.maximum),
                last: Last::No,
            })
        }
        other => Err(format!("{} is not element by element", other.name())),
    }
}
