//! The one door for text that is not ours: names, paths and messages out of files and libraries.
//!
//! Whoever wrote a file chose the names in it. Printed as they are, a line break forges a line of
//! ours, an escape sequence steers the terminal, and a right-to-left mark or a space without width
//! turns one name into another. So a name is quoted, with all that escaped, and cut if it is long.

use std::path::Path;

/// Characters of a name that are shown.
const SHOWN: usize = 120;
/// Most characters between quotation marks in a message: what is longer is cut like a name. Paths
/// may well be longer than names.
const QUOTED: usize = 300;
/// Characters of a line that are shown, for whatever libraries say unquoted.
const LINE: usize = 1 << 14;

/// A name out of a file, as Rust quotes strings.
pub fn name(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => {
            let kept = text.get(..end).unwrap_or_default();
            format!("{kept:?}… (cut: {} characters)", text.chars().count())
        }
    }
}

/// Several names.
pub fn names<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A path, quoted the same way but never cut.
pub fn path(path: impl AsRef<Path>) -> String {
    format!("{:?}", path.as_ref())
}

/// A path in JSON, which holds no bytes that are not UTF-8.
pub fn json_path(path: impl AsRef<Path>) -> serde_json::Value {
    path.as_ref().to_string_lossy().into()
}

/// Whether a character could do more on a screen than be seen: what Rust escapes when it quotes,
/// but for quotation marks and backslashes.
fn acts(character: char) -> bool {
    !(character.is_ascii_graphic() || character == ' ') && character.escape_debug().nth(1).is_some()
}

/// A text of ours that may hold others' as one line: what is left in it of line breaks, control and
/// format characters is escaped.
pub fn harmless(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for (count, character) in shortened(text).chars().enumerate() {
        if count == LINE {
            line.push_str("… (cut)");
            break;
        }
        if acts(character) {
            line.extend(character.escape_debug());
        } else {
            line.push(character);
        }
    }
    line
}

/// A message with long names in it cut, so that what it says about them is not lost.
fn shortened(text: &str) -> String {
    let (mut short, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, quoted)) = rest.split_once('"') {
        short.push_str(before);
        short.push('"');
        rest = quoted;
        let Some((inner, after)) = closed(quoted) else { break };
        match inner.char_indices().nth(SHOWN) {
            Some((end, _)) if inner.chars().nth(QUOTED).is_some() => {
                short.push_str(inner.get(..end).unwrap_or_default());
                short.push_str("\"… (cut)");
            }
            _ => {
                short.push_str(inner);
                short.push('"');
            }
        }
        rest = after;
    }
    short + rest
}

/// What stands before and after the quotation mark that closes.
fn closed(quoted: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let closes = |character: char| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    };
    quoted.split_once(closes)
}

/// The same JSON value with such characters as `\u` escapes; line breaks stand between its members
/// only.
pub fn ascii_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !acts(character) {
            safe.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forged line, a cleared screen, a turned line, two without width, another line break, DEL,
    /// CSI in one byte, a private character.
    const HOSTILE: &str = "a\nverified\r\t\u{1b}[2J\u{202e}\u{200b}\u{2066}\u{2028}\u{7f}\
        \u{9b}\u{e000}\u{feff}é 数 \u{10ffff}";

    fn is_harmless(text: &str) -> bool {
        !text.contains(acts)
    }

    #[test]
    fn names_are_quoted_and_cut() {
        assert_eq!(name("conv1"), "\"conv1\"");
        assert_eq!(name("a\" (signature valid)"), "\"a\\\" (signature valid)\"");
        assert!(is_harmless(&name(HOSTILE)) && name(HOSTILE).contains("é 数"), "{}", name(HOSTILE));
        let long = name(&"数".repeat(10_000));
        assert!(long.chars().count() < 160 && long.ends_with("(cut: 10000 characters)"), "{long}");
        assert_eq!(name(&"x".repeat(SHOWN)), format!("\"{}\"", "x".repeat(SHOWN)));
        assert!(is_harmless(&path(HOSTILE)));
        assert_eq!(names(["a", "b\n"]), "\"a\", \"b\\n\"");
    }

    #[test]
    fn lines_stay_lines() {
        assert!(is_harmless(&harmless(HOSTILE)) && !harmless(HOSTILE).contains('\n'));
        let plain = "2^7 rows: \"a\" 'b' \\ → … –";
        assert_eq!(harmless(plain), plain);
        assert_eq!(harmless(&harmless(HOSTILE)), harmless(HOSTILE));
        assert!(harmless(&"x".repeat(1 << 20)).len() < LINE + 20);
        let said = |name: &str| harmless(&format!("cannot read {name:?}: no \"Relu\" here"));
        let long = "\"\\".repeat(200);
        assert!(
            said(&long).starts_with("cannot read \"\\\"\\\\")
                && said(&long).ends_with("\"… (cut): no \"Relu\" here")
        );
        assert!(said(&long).chars().count() < 170, "{}", said(&long));
        let path = "d/".repeat(120);
        assert!(said(&path).contains(&path), "paths are longer than names");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, 1.5, null], "plain": "é" });
        let json = ascii_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(json.lines().all(is_harmless), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
    }
}
