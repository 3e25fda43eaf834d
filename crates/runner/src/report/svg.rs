//! The shapes that charts consist of.

use std::fmt::Write;

use quick_xml::escape::escape;

/// A drawing under construction.
pub(super) struct Drawing {
    width: f64,
    marks: String,
}

impl Drawing {
    /// An empty drawing of this width, in CSS pixels.
    pub(super) fn new(width: f64) -> Self {
        Self { width, marks: String::new() }
    }

    /// Adds text that starts, ends or is centred here, depending on its class.
    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y) = (number(x), number(y));
        let _ =
            write!(self.marks, r#"<text x="{x}" y="{y}" class="{class}">{}</text>"#, escape(text));
    }

    /// Adds text that rises to the right.
    pub(super) fn slanting(&mut self, (x, y): (f64, f64), text: &str) {
        let (x, y) = (number(x), number(y));
        let _ = write!(
            self.marks,
            r#"<text transform="translate({x} {y})rotate(-60)" class="s">{}</text>"#,
            escape(text)
        );
    }

    /// Adds a path, with a tooltip unless that is empty.
    pub(super) fn path(&mut self, class: &str, line: &str, tip: &str) {
        let _ = match tip {
            "" => write!(self.marks, r#"<path class="{class}" d="{line}"/>"#),
            tip => {
                write!(
                    self.marks,
                    r#"<path class="{class}" d="{line}" data-tip="{}"/>"#,
                    escape(tip)
                )
            }
        };
    }

    /// The finished SVG. `label` describes it in words; `attributes` are added to its tag unchanged.
    pub(super) fn finish(self, height: f64, class: &str, label: &str, attributes: &str) -> String {
        let (width, height) = (number(self.width), number(height));
        format!(
            r#"<svg role="img" aria-label="{}" class="{class}" viewBox="0 0 {width} {height}" width="{width}" height="{height}"{attributes}>{}</svg>"#,
            escape(label),
            self.marks
        )
    }
}

/// A rectangle as path data.
pub(super) fn rectangle(x: f64, y: f64, width: f64, height: f64) -> String {
    let (x, y, width, height) = (number(x), number(y), number(width), number(height));
    format!("M{x} {y}h{width}v{height}h-{width}z")
}

/// A number with at most one decimal place: more would be invisible.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Shortens text to this many characters.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let begin: String = text.chars().take(most - 1).collect();
    format!("{}…", begin.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_at_most_one_decimal_place() {
        assert_eq!([0.0, 12.04, 12.06, -3.5].map(number), ["0", "12", "12.1", "-3.5"]);
    }

    #[test]
    fn names_are_escaped() {
        let mut drawing = Drawing::new(10.0);
        drawing.text((1.0, 2.0), "l", "</text><script>alert(1)</script>");
        drawing.path("b", "M0 0", r#""><script>"#);
        let drawn = drawing.finish(5.0, "c", "\" onload=\"alert(1)", "");
        assert!(!drawn.contains("<script") && !drawn.contains("\" onload"), "{drawn}");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(short("Übermütig", 9), "Übermütig");
        assert_eq!(short("Übermütig", 5), "Über…");
    }
}
