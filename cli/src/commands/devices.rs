//! `zkinfer devices`: what proofs can be computed on.

use anyhow::Result;
use serde_json::json;
use zkinfer::Cache;
use zkinfer::devices::{Found, forget, list};

use super::print_json;
use crate::Outcome;
use crate::screen::{Progress, bytes, say, table};

pub fn run(json: bool) -> Result<Outcome> {
    forget(&Cache::user()?);
    let progress = Progress::new("measuring");
    let devices = list();
    drop(progress);
    if json {
        print_json(&json!({ "devices": devices, "gpu_support": cfg!(feature = "gpu") }))?;
        return Ok(Outcome::Done);
    }
    let mut rows =
        table(&["device", "kind", "driver", "products", "largest\nbuffer", "million\nproducts/s", "thousand\nsums/s"]);
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.0}"));
    for Found { about, limbs, largest_buffer, speed, error } in &devices {
        let of = |value: fn(&zkinfer::devices::Speed) -> Option<f64>| number(speed.as_ref().and_then(value));
        rows.add_row([
            about.name.clone(),
            about.kind.clone(),
            about.driver.clone(),
            error.clone().or_else(|| limbs.clone()).unwrap_or_else(|| "–".into()),
            largest_buffer.map_or("–".into(), |size| bytes(size as usize)),
            of(|speed| speed.products.map(|products| products / 1e6)),
            of(|speed| Some(speed.terms / 1e3)),
        ]);
    }
    say!("{rows}");
    say!("sums: points of 8 columns of 2^12 field elements each, committed to at once");
    if !cfg!(feature = "gpu") {
        say!("This build drives no GPU: build with --features gpu.");
    }
    Ok(Outcome::Done)
}
