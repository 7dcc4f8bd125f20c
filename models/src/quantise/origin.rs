//! Who quantises: the file or this crate.

/// What a file says of how its values are quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: all of it is quantised here.
    Float,
    /// It has fixed scales.
    Quantised,
    /// It computes scales from the data.
    Dynamic,
}

/// Names, as many as people read.
pub(crate) fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::some_of;

    #[test]
    fn many_names_are_cut() {
        assert_eq!(some_of(["a", "b"].into_iter()), "\"a\", \"b\"");
        assert!(some_of(["a"; 9].into_iter()).ends_with("\"a\" and 4 more"));
    }
}
