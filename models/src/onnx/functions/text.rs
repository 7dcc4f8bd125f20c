//! Functions as text, after ONNX's own: `(X, Z) => (Y)` and then what is in it, line by line,
//! `Y = Op <attribute = value> (X, Z)`.
//!
//! An argument may also be another application, a number, or a list of numbers in brackets.

use crate::onnx::messages::{AttributeProto, AttributeType, FunctionProto, NodeProto};

/// The function that a text describes.
pub(super) fn parse(text: &str) -> Result<FunctionProto, String> {
    let mut parser = Parser { rest: text, nodes: Vec::new() };
    let input = parser.names()?;
    parser.expect('=')?;
    parser.expect('>')?;
    let output = parser.names()?;
    parser.space();
    while !parser.rest.is_empty() {
        parser.statement()?;
        parser.space();
    }
    Ok(FunctionProto { input, output, node: parser.nodes, ..FunctionProto::default() })
}

struct Parser<'t> {
    rest: &'t str,
    nodes: Vec<NodeProto>,
}

/// A value of an attribute, or a constant.
enum Literal {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Text(String),
}

impl<'t> Parser<'t> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a character if it comes next.
    fn takes(&mut self, wanted: char) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.takes(wanted) {
            true => Ok(()),
            false => Err(format!("expected {wanted:?} before {:?}", self.rest)),
        }
    }

    /// The longest piece of such characters.
    fn piece(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        self.space();
        let end = self.rest.find(|next| !belongs(next)).unwrap_or(self.rest.len());
        let (piece, rest) = self.rest.split_at(end);
        self.rest = rest;
        piece
    }

    fn word(&mut self) -> Result<&'t str, String> {
        match self.piece(|next| next.is_ascii_alphanumeric() || next == '_' || next == '.') {
            "" => Err(format!("expected a name before {:?}", self.rest)),
            word => Ok(word),
        }
    }

    /// `(X, Y)`.
    fn names(&mut self) -> Result<Vec<String>, String> {
        self.expect('(')?;
        let mut names = Vec::new();
        while !self.takes(')') {
            names.push(self.word()?.to_owned());
            self.takes(',');
        }
        Ok(names)
    }

    /// `Y, Z = Op (…)`.
    fn statement(&mut self) -> Result<(), String> {
        let mut outputs = Vec::new();
        loop {
            outputs.push(self.word()?.to_owned());
            if !self.takes(',') {
                break;
            }
        }
        self.expect('=')?;
        let operator = self.word()?;
        self.application(operator, outputs)
    }

    /// `<attribute = value> (X, Z)` of an operator.
    fn application(&mut self, operator: &str, outputs: Vec<String>) -> Result<(), String> {
        let mut attribute = Vec::new();
        if self.takes('<') {
            while !self.takes('>') {
                let name = self.word()?;
                self.expect('=')?;
                attribute.push(self.literal()?.named(name));
                self.takes(',');
            }
        }
        self.expect('(')?;
        let mut input = Vec::new();
        while !self.takes(')') {
            input.push(self.argument()?);
            self.takes(',');
        }
        let (domain, operator) = operator.rsplit_once('.').unwrap_or(("", operator));
        self.nodes.push(NodeProto {
            input,
            output: outputs,
            op_type: operator.into(),
            domain: domain.into(),
            attribute,
            ..NodeProto::default()
        });
        Ok(())
    }

    /// The name of an argument's value; `_` stands for one that is left out.
    fn argument(&mut self) -> Result<String, String> {
        self.space();
        if self.rest.starts_with(|next: char| next.is_ascii_digit() || "-[".contains(next)) {
            let constant = self.literal()?;
            let name = match constant {
                Literal::Int(_) => "value_int",
                Literal::Float(_) => "value_float",
                Literal::Floats(_) => "value_floats",
                _ => "value_ints",
            };
            let output = self.nodes.len().to_string();
            self.nodes.push(NodeProto {
                output: vec![output.clone()],
                op_type: "Constant".into(),
                attribute: vec![constant.named(name)],
                ..NodeProto::default()
            });
            return Ok(output);
        }
        let word = self.word()?;
        self.space();
        if self.rest.starts_with(['<', '(']) {
            self.application(word, Vec::new())?;
            // What it reads stands before it, so that it has no place before it is there.
            let output = (self.nodes.len() - 1).to_string();
            if let Some(node) = self.nodes.last_mut() {
                node.output.push(output.clone());
            }
            return Ok(output);
        }
        Ok(if word == "_" { String::new() } else { word.into() })
    }

    fn literal(&mut self) -> Result<Literal, String> {
        if self.takes('"') {
            let text = self.piece(|next| next != '"').to_owned();
            self.expect('"')?;
            return Ok(Literal::Text(text));
        }
        if !self.takes('[') {
            return self.number();
        }
        let (mut ints, mut floats) = (Vec::new(), Vec::new());
        while !self.takes(']') {
            match self.number()? {
                Literal::Int(number) => ints.push(number),
                Literal::Float(number) => floats.push(number),
                _ => return Err("a list of lists".into()),
            }
            self.takes(',');
        }
        match (ints.is_empty(), floats.is_empty()) {
            (_, true) => Ok(Literal::Ints(ints)),
            (true, false) => Ok(Literal::Floats(floats)),
            (false, false) => Err("a list of integers and others".into()),
        }
    }

    /// An integer, or with a point or an exponent another number.
    fn number(&mut self) -> Result<Literal, String> {
        let digits = self.piece(|next| next.is_ascii_alphanumeric() || "+-.".contains(next));
        let number = digits.parse().map(Literal::Int);
        number
            .or_else(|_| digits.parse().map(Literal::Float))
            .map_err(|_| format!("{digits:?} is no number"))
    }
}

impl Literal {
    fn named(self, name: &str) -> AttributeProto {
        let mut attribute = AttributeProto { name: name.into(), ..AttributeProto::default() };
        let kind = match self {
            Self::Int(number) => {
                attribute.i = number;
                AttributeType::Int
            }
            Self::Float(number) => {
                attribute.f = number;
                AttributeType::Float
            }
            Self::Ints(numbers) => {
                attribute.ints = numbers;
                AttributeType::Ints
            }
            Self::Floats(numbers) => {
                attribute.floats = numbers;
                AttributeType::Floats
            }
            Self::Text(text) => {
                attribute.s = text.into_bytes();
                AttributeType::String
            }
        };
        attribute.r#type = kind as i32;
        attribute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_inside_each_other_come_in_order() {
        let text = "(X, S) => (Y)
            d = Sub (X, ReduceMean <keepdims = 1> (X, [-1]))
            Y, Z = f.Op <t = \"a\"> (d, _, 1e-5)";
        let function = parse(text).unwrap();
        assert_eq!(
            (function.input, function.output),
            (vec!["X".into(), "S".into()], vec!["Y".into()])
        );
        let nodes = function.node;
        let shown = |node: &NodeProto| {
            let (results, domain) = (node.output.join(" "), &node.domain);
            format!("{results} = {domain}.{} {:?}", node.op_type, node.input)
        };
        assert_eq!(
            nodes.iter().map(shown).collect::<Vec<_>>(),
            [
                r#"0 = .Constant []"#,
                r#"1 = .ReduceMean ["X", "0"]"#,
                r#"d = .Sub ["X", "1"]"#,
                r#"3 = .Constant []"#,
                r#"Y Z = f.Op ["d", "", "3"]"#,
            ]
        );
        assert_eq!(nodes[0].attribute[0].ints, [-1]);
        assert_eq!((nodes[1].attribute[0].name.as_str(), nodes[1].attribute[0].i), ("keepdims", 1));
        assert_eq!(nodes[3].attribute[0].f, 1e-5);
        assert_eq!(nodes[4].attribute[0].s, b"a");
    }

    #[test]
    fn what_is_no_function_is_refused() {
        let bodies =
            ["Y", "Y = Op", "Y = Op (X", "Y = Op (1x)", "= Op ()", "Y = Op <a = [1, 2.0]> ()"];
        for body in bodies {
            assert!(parse(&format!("(X) => (Y) {body}")).is_err(), "{body}");
        }
        assert!(parse("(X) (Y) Y = Op (X)").is_err());
    }
}
