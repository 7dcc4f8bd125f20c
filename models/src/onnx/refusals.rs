//! Nodes that cannot be imported, as one message: a line for each, or for each group of the same
//! kind.

use std::fmt;

use serde::Serialize;

use super::naming::quoted;

/// Names that a group of nodes shows.
const NAMED: usize = 3;
/// Lines of a message.
const LINES: usize = 40;

/// A node that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The ONNX node's name, or one made from its operator and position.
    pub node: String,
    /// Its operator, with the domain if that is not ONNX's own.
    pub operator: String,
    /// Why not.
    pub reason: String,
    /// What helps: an option of the exporter, a tool, a cut.
    pub advice: Option<String>,
}

/// Nodes that cannot be imported, in the file's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl Refusals {
    /// Nodes of one operator that are refused for one reason, together, in the order of the first
    /// of each.
    fn groups(&self) -> Vec<Vec<&Refusal>> {
        let mut groups: Vec<Vec<&Refusal>> = Vec::new();
        let same = |a: &Refusal, b: &Refusal| {
            a.operator == b.operator && a.reason == b.reason && a.advice == b.advice
        };
        for refusal in &self.0 {
            match groups.iter_mut().find(|group| same(group[0], refusal)) {
                Some(group) => group.push(refusal),
                None => groups.push(vec![refusal]),
            }
        }
        groups
    }
}

/// One refusal behind what is said before it; more in a line each. The alternate form goes on
/// behind another reason, and is empty if there are none.
impl fmt::Display for Refusals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            if self.0.is_empty() {
                return Ok(());
            }
            formatter.write_str("; besides, it is not possible to import ")?;
        }
        if let [refusal] = self.0.as_slice() {
            return line(formatter, &[refusal]);
        }
        write!(formatter, "{} nodes:", self.0.len())?;
        let groups = self.groups();
        for group in groups.iter().take(LINES) {
            formatter.write_str("\n  ")?;
            line(formatter, group)?;
        }
        match groups.len().checked_sub(LINES) {
            None | Some(0) => Ok(()),
            Some(more) => write!(formatter, "\n  and nodes refused for {more} other reasons"),
        }
    }
}

fn line(formatter: &mut fmt::Formatter<'_>, group: &[&Refusal]) -> fmt::Result {
    let Refusal { node, operator, reason, advice } = group[0];
    let operator = quoted(operator);
    if group.len() == 1 {
        write!(formatter, "node {node:?} ({operator}): {reason}")?;
    } else {
        let names: Vec<String> =
            group.iter().take(NAMED).map(|refusal| format!("{:?}", refusal.node)).collect();
        let more = match group.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (count, names) = (group.len(), names.join(", "));
        write!(formatter, "{count} nodes ({operator}: {names}{more}): {reason}")?;
    }
    advice.as_ref().map_or(Ok(()), |advice| write!(formatter, "; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(node: &str, operator: &str) -> Refusal {
        Refusal {
            node: node.into(),
            operator: operator.into(),
            reason: "no".into(),
            advice: (operator == "B").then(|| "do".into()),
        }
    }

    #[test]
    fn one_refusal_stays_on_its_line_and_more_have_one_each() {
        let one = Refusals(vec![refusal("b", "B")]);
        assert_eq!(one.to_string(), "node \"b\" (B): no; do");
        assert_eq!(format!("{one:#}"), format!("; besides, it is not possible to import {one}"));
        assert_eq!(format!("{:#}", Refusals::default()), "");
        let mut many = Refusals(vec![refusal("x", "A")]);
        many.0.extend(["b", "c", "d", "e"].map(|name| refusal(name, "B")));
        assert_eq!(
            many.to_string(),
            "5 nodes:\n  node \"x\" (A): no\n  4 nodes (B: \"b\", \"c\", \"d\" and 1 more): no; do"
        );
    }

    #[test]
    fn a_message_ends() {
        let many = Refusals((0..99).map(|n| refusal("x", &format!("A{n}"))).collect());
        assert_eq!(many.to_string().lines().count(), LINES + 2);
        assert!(many.to_string().ends_with("and nodes refused for 59 other reasons"));
    }
}
