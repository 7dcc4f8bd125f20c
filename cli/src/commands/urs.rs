//! `zkinfer urs`: the commitment parameters in the cache.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::json;
use zkinfer::Cache;
use zkinfer::foreign;
use zkinfer::verifier::parameters::Basis;
use zkinfer::verifier::{MAX_K, MIN_K};

use crate::arguments::Urs;
use crate::loading::cached;
use crate::outcome::Outcome;
use crate::screen::{bytes, print_json, say, table};

/// Verifiers need the first, provers both.
const BASES: [Basis; 2] = [Basis::Coefficient, Basis::Lagrange];

pub fn run(arguments: &Urs, json: bool) -> Result<Outcome> {
    let cache = Cache::user()?;
    for &k in &arguments.sizes {
        let (parameters, unsaved) = cached(k, |cache, deriving| cache.load(k, deriving))?;
        if let Some(error) = unsaved {
            bail!("k = {k}: the parameters were derived but not stored: {error}");
        }
        if !json {
            for basis in BASES {
                say!("k = {k}: {}", foreign::path(cache.path(basis, k)));
            }
            say!("k = {k}: digest {}", parameters.digest());
        }
    }
    let files = (MIN_K..=MAX_K).flat_map(|k| BASES.map(|basis| (k, basis, cache.path(basis, k))));
    let cached: Vec<(u32, Basis, PathBuf, u64)> = files
        .filter_map(|(k, basis, path)| {
            std::fs::metadata(&path).ok().map(|file| (k, basis, path, file.len()))
        })
        .collect();
    if json {
        let files: Vec<_> = cached
            .iter()
            .map(|(k, basis, path, size)| {
                json!({ "k": k, "basis": basis.to_string(),
                "path": foreign::json_path(path), "bytes": size })
            })
            .collect();
        print_json(&json!({ "directory": foreign::json_path(cache.directory()), "files": files }))?;
    } else if arguments.sizes.is_empty() {
        say!("{}", foreign::path(cache.directory()));
        let mut rows = table(&["k", "rows", "content", "size"]);
        for (k, basis, _, size) in &cached {
            rows.add_row([
                k.to_string(),
                (1u64 << k).to_string(),
                basis.to_string(),
                bytes(*size as usize),
            ]);
        }
        if cached.is_empty() {
            say!("empty: parameters are derived when first needed");
        } else {
            rows.print();
        }
    }
    Ok(Outcome::Done)
}
