//! What of `tokenizer.json` is known: byte pair encodings, with or without characters for bytes.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::bytes::Characters;
use super::codec::Tokenizer;
use super::merges::Merges;
use super::pieces::Splitting;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: i64,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: HashMap<String, i64>,
    #[serde(default)]
    merges: Vec<Pair>,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(default)]
    byte_fallback: bool,
    unk_token: Option<String>,
}

/// A pair, as one text with a blank or as two.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Text(String),
    Two([String; 2]),
}

pub fn parse(text: &[u8]) -> Result<Tokenizer> {
    let file: File = serde_json::from_slice(text).context("no tokenizer.json")?;
    let Model { kind, vocab, merges, ignore_merges, byte_fallback, unk_token } = file.model;
    if kind.as_deref().is_some_and(|kind| kind != "BPE") || byte_fallback {
        let kind = if byte_fallback { Some("BPE with byte_fallback".into()) } else { kind };
        bail!("its model is {:?}; byte pair encodings (BPE) are known", kind.unwrap_or_default());
    }
    if !file.normalizer.is_null() {
        bail!("it has a normalizer, {}; none is known", name(&file.normalizer));
    }
    let (splitting, spelt) = splitting(&file.pre_tokenizer)?;
    let ranks = merges.into_iter().map(|pair| match pair {
        Pair::Two([a, b]) => Ok((a, b)),
        Pair::Text(text) => {
            let pair = text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
            pair.with_context(|| format!("{text:?} is no pair"))
        }
    });
    let ranks = ranks.collect::<Result<Vec<_>>>()?.into_iter().zip(0..).collect();
    let mut tokens: HashMap<i64, String> =
        vocab.iter().map(|(token, &id)| (id, token.clone())).collect();
    let mut added: Vec<(String, i64)> =
        file.added_tokens.into_iter().map(|added| (added.content, added.id)).collect();
    added.retain(|(content, _)| !content.is_empty());
    added.sort_by_key(|(content, _)| std::cmp::Reverse(content.len()));
    tokens.extend(added.iter().map(|(content, id)| (*id, content.clone())));
    let unknown = unk_token.and_then(|token| vocab.get(&token).copied());
    let merges = Merges { ids: vocab, ranks, whole: ignore_merges, unknown };
    let characters = spelt.then(Characters::default);
    Ok(Tokenizer { merges, tokens, added, splitting, characters })
}

/// How text is taken apart, and whether characters stand for bytes.
fn splitting(step: &Value) -> Result<(Splitting, bool)> {
    let flag = |of: &Value, what: &str, usual| of[what].as_bool().unwrap_or(usual);
    let steps = match step["type"].as_str() {
        _ if step.is_null() => return Ok((Splitting::None, false)),
        Some("Sequence") => step["pretokenizers"].as_array().cloned().unwrap_or_default(),
        _ => vec![step.clone()],
    };
    let (digits, bytes) = match steps.as_slice() {
        [bytes] => (false, bytes),
        [digits, bytes]
            if digits["type"] == "Digits" && flag(digits, "individual_digits", false) =>
        {
            (true, bytes)
        }
        _ => {
            bail!("it takes text apart by {}; ByteLevel is known, and Digits before it", name(step))
        }
    };
    if bytes["type"] != "ByteLevel" || !flag(bytes, "use_regex", true) {
        bail!("it takes text apart by {}; ByteLevel is known, and Digits before it", name(bytes));
    }
    Ok((Splitting::Words { digits, blank: flag(bytes, "add_prefix_space", true) }, true))
}

fn name(step: &Value) -> String {
    let inner = step["pretokenizers"].as_array().or_else(|| step["normalizers"].as_array());
    match inner {
        Some(inner) => inner.iter().map(name).collect::<Vec<_>>().join(", "),
        None => format!("{:?}", step["type"].as_str().unwrap_or("something without a type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(file: &Value) -> Result<Tokenizer> {
        parse(file.to_string().as_bytes())
    }

    fn bytes() -> Value {
        json!({
            "added_tokens": [{ "id": 9, "content": "<|end|>" }],
            "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false },
            "model": {
                "type": "BPE",
                "vocab": { "a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4, "Ã": 5, "©": 6 },
                "merges": ["a b", ["Ġ", "ab"]],
            },
        })
    }

    #[test]
    fn text_there_and_back() {
        let tokenizer = read(&bytes()).unwrap();
        let text = "ab ab<|end|>bé";
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(ids, [3, 4, 9, 1, 5, 6]);
        assert_eq!(tokenizer.decode(&ids), text);
        // An answer that ends within a character, and an id that is none.
        assert_eq!(tokenizer.decode(&[3, 5, 77]), "ab\u{fffd}<77>");
        let error = tokenizer.encode("xyz").unwrap_err().to_string();
        assert!(error.contains("no id for \"x\""), "{error}");
    }

    #[test]
    fn characters_by_themselves() {
        let file = json!({ "model": { "vocab": { "\n": 0, " ": 1, "a": 2 } } });
        let tokenizer = read(&file).unwrap();
        assert_eq!(tokenizer.encode("a a\n").unwrap(), [2, 1, 2, 0]);
        assert_eq!(tokenizer.decode(&[2, 1, 2, 0]), "a a\n");
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused = |change: &dyn Fn(&mut Value), what: &str| {
            let mut file = bytes();
            change(&mut file);
            let error = read(&file).err().expect("a refusal").to_string();
            assert!(error.contains(what), "{error}");
        };
        refused(&|f| f["model"]["type"] = json!("Unigram"), "Unigram");
        refused(&|f| f["model"]["byte_fallback"] = json!(true), "byte_fallback");
        refused(&|f| f["normalizer"] = json!({ "type": "NFC" }), "NFC");
        refused(&|f| f["pre_tokenizer"]["type"] = json!("Metaspace"), "Metaspace");
        refused(&|f| f["pre_tokenizer"]["use_regex"] = json!(false), "ByteLevel");
        let two = json!({ "type": "Sequence", "pretokenizers": [{ "type": "Split" }, {}] });
        refused(&|f| f["pre_tokenizer"] = two.clone(), "Split");
        refused(&|f| f["model"]["merges"] = json!(["ab"]), "\"ab\" is no pair");
    }
}
