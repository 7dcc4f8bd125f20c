//! Error and saturation of every node, drawn: a row for each, in the network's order.

use std::fmt::Write as _;

use zkinfer::foreign;
use zkinfer::models::agreement::NodeError;

use crate::agreement::{Compared, percent};

/// Height of a node's row.
const ROW: f64 = 18.0;
/// Above the rows: title, legend, axes.
const TOP: f64 = 96.0;
/// Where names end, where errors begin and end, where saturation begins and ends.
const NAMES: f64 = 290.0;
const ERRORS: [f64; 2] = [300.0, 740.0];
const SATURATION: [f64; 2] = [780.0, 940.0];
const WIDTH: f64 = 960.0;
/// Powers of ten of the errors' axis, in units of the spread.
const DECADES: [i32; 2] = [-5, 1];
/// Characters of a name that fit.
const FIT: usize = 44;

const INTRODUCED: &str = "#c2571a";
const ACCUMULATED: &str = "#9db7d5";
const SATURATED: &str = "#6b4c9a";

/// The drawing as SVG.
pub fn drawing(network: &str, compared: &Compared) -> String {
    let nodes = &compared.nodes;
    let height = TOP + ROW * nodes.len() as f64 + 16.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
        viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\" \
        fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let title = format!(
        "{}: integers against the float model, {} samples",
        cut(network),
        compared.evaluation.samples
    );
    text(&mut svg, [16.0, 24.0], "start", "font-size=\"15\"", &title);
    for (at, colour, what) in [
        (ERRORS[0], INTRODUCED, "introduced by the node"),
        (ERRORS[0] + 150.0, ACCUMULATED, "accumulated by then"),
        (SATURATION[0], SATURATED, "saturated"),
    ] {
        bar(&mut svg, [at, 38.0], [10.0, 10.0], colour);
        text(&mut svg, [at + 15.0, 47.0], "start", "", what);
    }
    text(&mut svg, [NAMES, TOP - 24.0], "end", "font-weight=\"bold\"", "node (operator)");
    axes(&mut svg, TOP + ROW * nodes.len() as f64);
    for (row, node) in nodes.iter().enumerate() {
        draw(&mut svg, TOP + ROW * row as f64, node);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where an error is on its axis.
fn place(error: f64) -> f64 {
    let [low, high] = DECADES.map(f64::from);
    let share = (error.max(1e-300).log10() - low) / (high - low);
    ERRORS[0] + share.clamp(0.0, 1.0) * (ERRORS[1] - ERRORS[0])
}

fn axes(svg: &mut String, bottom: f64) {
    let line = |svg: &mut String, x: f64, label: &str| {
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>"
        );
        text(svg, [x, TOP - 6.0], "middle", "font-size=\"10\"", label);
    };
    for power in DECADES[0]..=DECADES[1] {
        line(svg, place(10f64.powi(power)), &format!("{} %", 10f64.powi(power + 2)));
    }
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let x = SATURATION[0] + share * (SATURATION[1] - SATURATION[0]);
        line(svg, x, &format!("{} %", 100.0 * share));
    }
    let errors = "error, root mean square, in % of the value's standard deviation (logarithmic)";
    text(svg, [ERRORS[0], TOP - 24.0], "start", "", errors);
    text(svg, [SATURATION[0], TOP - 24.0], "start", "", "share of elements");
}

fn draw(svg: &mut String, top: f64, node: &NodeError) {
    let name = cut(&format!("{} ({})", node.name, node.operator));
    svg.push_str("<g>");
    let all = format!(
        "{} ({}): introduced {}, accumulated {}, saturated {}",
        foreign::name(&node.name),
        foreign::name(&node.operator),
        percent(node.introduced.error),
        percent(node.accumulated.error),
        percent(node.saturated)
    );
    let _ = writeln!(svg, "<title>{}</title>", escaped(&all));
    text(svg, [NAMES, top + 12.5], "end", "", &name);
    let bars = [(node.accumulated.error, ACCUMULATED), (node.introduced.error, INTRODUCED)];
    for (place_in_row, (error, colour)) in bars.into_iter().enumerate() {
        let y = top + 2.0 + 7.0 * place_in_row as f64;
        bar(svg, [ERRORS[0], y], [place(error) - ERRORS[0], 6.0], colour);
    }
    let width = node.saturated.clamp(0.0, 1.0) * (SATURATION[1] - SATURATION[0]);
    // What is there at all is seen.
    let width = if node.saturated > 0.0 { width.max(1.0) } else { 0.0 };
    bar(svg, [SATURATION[0], top + 4.0], [width, 10.0], SATURATED);
    svg.push_str("</g>\n");
}

fn bar(svg: &mut String, [x, y]: [f64; 2], [width, height]: [f64; 2], colour: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
        fill=\"{colour}\"/>"
    );
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, style: &str, what: &str) {
    let what = escaped(what);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{what}</text>"
    );
}

/// A name as long as there is room for it: its end tells more.
fn cut(name: &str) -> String {
    let count = name.chars().count();
    let end: String = name.chars().skip(count.saturating_sub(FIT)).collect();
    if count > FIT { format!("…{end}") } else { end }
}

/// A text that no XML reader takes for anything else.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in foreign::harmless(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            // No characters of XML.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text_and_keep_their_end() {
        let name = "a<script>&\"\u{1b}[31m\n".to_owned() + &"x".repeat(60) + "/conv";
        let shown = escaped(&cut(&name));
        assert!(shown.starts_with('…') && shown.ends_with("xx/conv"), "{shown}");
        let whole = escaped(&name);
        assert!(!whole.contains(['<', '>', '"', '\u{1b}', '\n']), "{whole}");
        assert!(whole.starts_with("a&lt;script&gt;&amp;&quot;"), "{whole}");
    }

    #[test]
    fn errors_have_their_place_on_the_axis() {
        assert_eq!([0.0, 1e-5, 1e2].map(place), [ERRORS[0], ERRORS[0], ERRORS[1]]);
        assert!((place(1e-2) - (ERRORS[0] + ERRORS[1]) / 2.0).abs() < 1e-9);
    }
}
