//! `zkinfer keygen` and `zkinfer publish`: who published which model.

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::files::names::beside;
use zkinfer::files::set::NewFile;
use zkinfer::foreign;
use zkinfer::manifest::FORMAT;
use zkinfer::{Circuit, Manifest, PublisherKey, artifact};

use crate::agreement::print_summary;
use crate::arguments::{Keygen, Publish};
use crate::files;
use crate::loading::read_circuit;
use crate::outcome::Outcome;
use crate::screen::{print_json, say};

/// Makes a publisher's key pair.
pub fn keygen(arguments: &Keygen, json: bool) -> Result<Outcome> {
    let names = arguments.destination.named(&arguments.name, &["pem", "pub.pem"])?;
    let [private, public] = ["pem", "pub.pem"].map(|ending| names.path(ending));
    arguments.destination.check(&[private.clone(), public.clone()])?;
    let key = PublisherKey::generate()?;
    let (secret_pem, public_pem) = (key.to_pem()?, key.public_pem()?);
    arguments.destination.write(&[
        NewFile::secret(&private, secret_pem.as_bytes()),
        NewFile::public(&public, public_pem.as_bytes()),
    ])?;
    if json {
        print_json(
            &json!({ "private": foreign::json_path(&private), "public": foreign::json_path(
                &public), "public_key": key.public_hex() }),
        )?;
    } else {
        say!("{}  secret: signs manifests", foreign::path(&private));
        say!(
            "{}  for those who demand this publisher: {}",
            foreign::path(&public),
            key.public_hex()
        );
    }
    Ok(Outcome::Done)
}

/// Writes a model's manifest.
pub fn publish(arguments: &Publish, json: bool) -> Result<Outcome> {
    let path = arguments.destination.names(&arguments.circuit, &["json"])?.path("json");
    arguments.destination.check(std::slice::from_ref(&path))?;
    let circuit = read_circuit(&arguments.circuit)?;
    let mut manifest = manifest(arguments, &circuit)?;
    if let Some(key) = &arguments.sign {
        let pem = zeroize::Zeroizing::new(files::read(key, files::PEM)?);
        let pem = std::str::from_utf8(&pem)
            .ok()
            .with_context(|| format!("{}: not a PEM file", foreign::path(key)))?;
        let key = PublisherKey::from_pem(pem).with_context(|| foreign::path(key))?;
        manifest = manifest.sign(&arguments.publisher, &key)?;
    }
    arguments.destination.write(&[NewFile::public(&path, manifest.to_json().as_bytes())])?;
    if json {
        print_json(&json!({ "manifest": foreign::json_path(&path), "content": manifest }))?;
    } else {
        say!("{}", foreign::path(&path));
        print(&manifest);
    }
    Ok(Outcome::Done)
}

fn manifest(arguments: &Publish, circuit: &Circuit) -> Result<Manifest> {
    let seal = if circuit.key().has_sealed_weights() {
        let path = arguments.seal.clone().unwrap_or_else(|| beside(&arguments.circuit, "seal"));
        Some(artifact::read_seal(&path)?.record.digest().to_string())
    } else {
        None
    };
    Ok(Manifest {
        format: FORMAT,
        name: circuit.key().description().name.clone(),
        version: arguments.version.clone(),
        licence: arguments.licence.clone(),
        key: circuit.key().digest().to_string(),
        seal,
        quantisation: serde_json::to_value(circuit.report())?,
        training_data: arguments.training_data.clone(),
        publisher: None,
        signature: None,
    })
}

/// Prints who published what.
pub fn print(manifest: &Manifest) {
    let [name, version, licence] =
        [&manifest.name, &manifest.version, &manifest.licence].map(|text| foreign::name(text));
    say!("  model       {name}, version {version}, licence {licence}");
    match &manifest.publisher {
        // The key first: it was checked. The name is whatever its holder wrote.
        Some(publisher) => {
            let name = foreign::name(&publisher.name);
            say!(
                "  published   by the holder of key {} (signature valid), who says to be {name}",
                publisher.public_key
            );
        }
        None => say!("  published   unsigned: anyone may have written this"),
    }
    if !manifest.training_data.is_empty() {
        say!("  trained on  {}", foreign::name(&manifest.training_data));
    }
    if let Some(agreement) = manifest.agreement() {
        print_summary(&agreement, "agreement   the publisher states, and no proof shows:");
    }
}
