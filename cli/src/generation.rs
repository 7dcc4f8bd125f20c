//! Prompt and answer of a language model, as people and programs read them.

use serde_json::{Value, json};
use zkinfer::foreign;
use zkinfer::verifier::Generation;

use crate::screen::{print_part, say};
use crate::tokenizer::Tokenizer;

/// For `--json`.
pub fn json(shown: &Generation<'_>, tokenizer: Option<&Tokenizer>) -> Value {
    let [prompt, answer] = shown.parts().map_or([None; 2], |parts| parts.map(Some));
    let text = |ids: Option<&[i64]>| tokenizer.zip(ids).map(|(to, ids)| to.decode(ids));
    json!({
        "prompt_tokens": shown.prompt,
        "answer_tokens": shown.answer,
        "prompt": prompt,
        "answer": answer,
        "prompt_text": text(prompt),
        "answer_text": text(answer),
    })
}

/// Prints ids, or how many there are.
pub fn print(shown: &Generation<'_>, tokenizer: Option<&Tokenizer>) {
    match shown.parts() {
        Some([prompt, answer]) => print_ids(prompt, answer, tokenizer),
        None => say!("  prompt  {} ids, answer {} ids, not shown", shown.prompt, shown.answer),
    }
    say!("  each id of the answer is the likeliest one behind those before it");
}

/// Prints ids, and the text that they are.
pub fn print_ids(prompt: &[i64], answer: &[i64], tokenizer: Option<&Tokenizer>) {
    let list = |ids: &[i64]| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
    for (what, ids) in [("prompt", prompt), ("answer", answer)] {
        say!("  {what}  {} ids: {}", ids.len(), list(ids));
        if let Some(tokenizer) = tokenizer {
            say!("  {what}  {}", foreign::name(&tokenizer.decode(ids)));
        }
    }
}

/// An answer that is printed while it is generated.
pub struct Stream<'t> {
    tokenizer: &'t Tokenizer,
    answer: Vec<i64>,
    printed: usize,
}

impl<'t> Stream<'t> {
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self { tokenizer, answer: Vec::new(), printed: 0 }
    }

    /// Goes on with an id.
    pub fn push(&mut self, id: i64) {
        self.answer.push(id);
        let text = self.tokenizer.decode(&self.answer);
        // A character may take several ids.
        if !text.ends_with(char::REPLACEMENT_CHARACTER) {
            print_part(text.get(self.printed..).unwrap_or_default());
            self.printed = text.len();
        }
    }
}
