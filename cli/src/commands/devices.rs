//! `zkinfer devices`: what proofs can be computed on.

use anyhow::Result;
use serde_json::json;
use zkinfer::Cache;
use zkinfer::devices::{Capabilities, Listed, POINTS, SUMMED, Speed, forget, list};

use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, table};

pub fn run(json: bool) -> Result<Outcome> {
    forget(&Cache::user()?);
    let progress = Progress::new("measuring");
    let devices = list();
    drop(progress);
    if json {
        print_json(&json!({ "devices": devices, "gpu_support": cfg!(feature = "gpu") }))?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(&["device", ""]);
    for Listed { about, capabilities, speed, error } in &devices {
        let mut row = |name: &str, value: String| rows.add_row([name.to_owned(), value]);
        row(&about.name, about.kind.clone());
        row("  driver", about.driver.clone());
        if let Some(Capabilities {
            features,
            limbs,
            largest_buffer,
            largest_binding,
            bindings,
            workgroups,
        }) = capabilities
        {
            let features = if features.is_empty() {
                "none that kernels use".into()
            } else {
                features.join(", ")
            };
            row("  features", format!("{features}: products of {limbs}"));
            let sizes = [largest_buffer, largest_binding]
                .map(|&size| bytes(size.try_into().unwrap_or(usize::MAX)));
            row(
                "  buffers",
                format!(
                    "{}, of which a kernel binds {}, and {bindings} of them",
                    sizes[0], sizes[1]
                ),
            );
            row("  grid", format!("{workgroups} workgroups an axis"));
        }
        if let Some(Speed { products, terms }) = speed {
            products.iter().for_each(|products| {
                row("  products", format!("{:.0} million a second", products / 1e6))
            });
            row("  sums", format!("{:.0} thousand terms a second", terms / 1e3));
        }
        error.iter().for_each(|error| row("  not usable", error.clone()));
    }
    rows.print();
    say!("sums: of {SUMMED} columns of {POINTS} field elements, at once");
    if !cfg!(feature = "gpu") {
        say!("This build drives no GPU: build with --features gpu.");
    }
    Ok(Outcome::Done)
}
