//! `zkinfer urs`: the commitment parameters in the cache.

use anyhow::Result;
use serde_json::json;
use zkinfer::Cache;
use zkinfer::verifier::{MAX_K, MIN_K};

use super::{parameters, print_json};
use crate::Outcome;
use crate::arguments::Urs;
use crate::screen::{bytes, say, table};

pub fn run(arguments: &Urs, json: bool) -> Result<Outcome> {
    let cache = Cache::user()?;
    for &k in &arguments.sizes {
        let parameters = parameters(k)?;
        if !json {
            say!("k = {k}: {} {}", cache.path(k).display(), parameters.digest());
        }
    }
    let cached: Vec<(u32, u64)> =
        (MIN_K..=MAX_K).filter_map(|k| Some((k, std::fs::metadata(cache.path(k)).ok()?.len()))).collect();
    if json {
        let files: Vec<_> =
            cached.iter().map(|(k, size)| json!({ "k": k, "path": cache.path(*k), "bytes": size })).collect();
        print_json(&json!({ "directory": cache.directory(), "files": files }))?;
    } else if arguments.sizes.is_empty() {
        say!("{}", cache.directory().display());
        let mut rows = table(&["k", "rows", "size"]);
        for (k, size) in &cached {
            rows.add_row([k.to_string(), (1u64 << k).to_string(), bytes(*size as usize)]);
        }
        if cached.is_empty() {
            say!("empty: parameters are derived when first needed");
        } else {
            say!("{rows}");
        }
    }
    Ok(Outcome::Done)
}
