//! Text in pieces that are merged by themselves.

/// How text is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitting {
    /// Not at all.
    None,
    /// As GPT-2 does: words with the blank before them, numbers, the rest, blanks. Before that
    /// perhaps each digit by itself.
    Words {
        /// Whether a digit is a piece by itself.
        digits: bool,
        /// Whether the text gets a blank before it.
        blank: bool,
    },
}

impl Splitting {
    /// The pieces of a text, in order.
    pub fn pieces(self, text: &str) -> Vec<String> {
        let Self::Words { digits, blank } = self else { return vec![text.to_owned()] };
        let runs = if digits { runs(text) } else { vec![text] };
        let each = runs.into_iter().flat_map(|run| {
            let spaced = blank && !run.starts_with(char::is_whitespace);
            words(&if spaced { format!(" {run}") } else { run.to_owned() })
        });
        each.collect()
    }
}

/// Each digit by itself, and what is between.
fn runs(text: &str) -> Vec<&str> {
    let (mut runs, mut start) = (Vec::new(), 0);
    for (at, character) in text.char_indices().filter(|(_, c)| c.is_numeric()) {
        let end = at + character.len_utf8();
        runs.extend([&text[start..at], &text[at..end]].into_iter().filter(|run| !run.is_empty()));
        start = end;
    }
    runs.extend(Some(&text[start..]).filter(|run| !run.is_empty()));
    runs
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
    Blank,
    Other,
}

fn kind(character: char) -> Kind {
    match character {
        c if c.is_alphabetic() => Kind::Letter,
        c if c.is_numeric() => Kind::Number,
        c if c.is_whitespace() => Kind::Blank,
        _ => Kind::Other,
    }
}

/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < characters.len() {
        let end = word(&characters, at);
        pieces.push(characters[at..end].iter().collect());
        at = end;
    }
    pieces
}

/// Where the piece that begins at a place ends.
fn word(characters: &[char], at: usize) -> usize {
    const SHORT: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    let rest = &characters[at..];
    let begins = |short: &&&str| {
        let length = short.len();
        rest.len() >= length && short.chars().zip(rest).all(|(a, b)| a == *b)
    };
    if let Some(short) = SHORT.iter().find(begins) {
        return at + short.len();
    }
    let skipped =
        usize::from(rest[0] == ' ' && rest.get(1).is_some_and(|&c| kind(c) != Kind::Blank));
    let first = kind(rest[skipped]);
    let length = rest[skipped..].iter().take_while(|&&c| kind(c) == first).count();
    let end = at + skipped + length;
    // The last of several blanks belongs to the word behind them, if it is one.
    let last = first == Kind::Blank && length > 1 && end < characters.len();
    if last { end - 1 } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_blank_before_them() {
        let words = Splitting::Words { digits: false, blank: false };
        let pieces = |text: &str| words.pieces(text).join("|");
        assert_eq!(pieces("Hello world, it's 1984!"), "Hello| world|,| it|'s| 1984|!");
        assert_eq!(pieces("a   b \n\n c  "), "a|  | b| \n\n| c|  ");
        assert_eq!(pieces("we'll x'y"), "we|'ll| x|'|y");
        assert_eq!(pieces("über straße"), "über| straße");
        let digits = Splitting::Words { digits: true, blank: false };
        assert_eq!(digits.pieces("in 42 b").join("|"), "in| |4|2| b");
        let blank = Splitting::Words { digits: false, blank: true };
        assert_eq!(blank.pieces("a b").join("|"), " a| b");
        assert_eq!(Splitting::None.pieces("a b"), ["a b"]);
    }
}
