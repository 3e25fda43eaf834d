//! The few marks that charts are drawn with.

use std::fmt::Write;

use quick_xml::escape::escape;

/// A drawing that grows.
pub(super) struct Drawing {
    width: f64,
    marks: String,
}

impl Drawing {
    /// A drawing of this width, in units that are about a pixel.
    pub(super) fn new(width: f64) -> Self {
        Self { width, marks: String::new() }
    }

    /// A text that begins, ends or has its middle here, as its class says.
    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y) = (number(x), number(y));
        let _ =
            write!(self.marks, r#"<text x="{x}" y="{y}" class="{class}">{}</text>"#, escape(text));
    }

    /// A text that goes up from here to the right.
    pub(super) fn slanting(&mut self, (x, y): (f64, f64), text: &str) {
        let (x, y) = (number(x), number(y));
        let _ = write!(
            self.marks,
            r#"<text transform="translate({x} {y})rotate(-60)" class="s">{}</text>"#,
            escape(text)
        );
    }

    /// A path with a tip that is shown where it is pointed at; none where the tip is empty.
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

    /// The whole, with what it shows in words. `attributes` go into its tag as they are.
    pub(super) fn finish(self, height: f64, class: &str, told: &str, attributes: &str) -> String {
        let (width, height) = (number(self.width), number(height));
        format!(
            r#"<svg role="img" aria-label="{}" class="{class}" viewBox="0 0 {width} {height}" width="{width}" height="{height}"{attributes}>{}</svg>"#,
            escape(told),
            self.marks
        )
    }
}

/// A box, as a path has it.
pub(super) fn rectangle(x: f64, y: f64, width: f64, height: f64) -> String {
    let (x, y, width, height) = (number(x), number(y), number(width), number(height));
    format!("M{x} {y}h{width}v{height}h-{width}z")
}

/// A number with at most one decimal: more cannot be seen.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A text of at most so many characters.
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
    fn numbers_are_as_short_as_the_eye() {
        assert_eq!([0.0, 12.04, 12.06, -3.5].map(number), ["0", "12", "12.1", "-3.5"]);
    }

    #[test]
    fn names_cannot_leave_their_place() {
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
