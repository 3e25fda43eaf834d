//! Splits lines that are piped in into blocks that run one by one.

use std::io::{self, BufRead};

use crate::repl::session::{continues, is_closed, is_unfinished};

/// The blocks of a text: lines, joined where a statement spans several.
pub(super) struct Blocks<R: BufRead> {
    lines: io::Lines<R>,
    /// A line that was read to see whether it continues the previous block.
    next: Option<String>,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn new(input: R) -> Self {
        Self { lines: input.lines(), next: None }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        match self.next.take() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next().transpose(),
        }
    }

    fn block(&mut self) -> io::Result<Option<String>> {
        let Some(mut block) = self.line()? else { return Ok(None) };
        loop {
            let is_open = is_unfinished(&block);
            // A program that waits for the output before it sends more can end the block with a semicolon.
            if !is_open && is_closed(&block) {
                break;
            }
            let Some(line) = self.line()? else { break };
            if !is_open && !continues(&line) {
                self.next = Some(line);
                break;
            }
            block.push('\n');
            block.push_str(&line);
        }
        Ok(Some(block))
    }
}

impl<R: BufRead> Iterator for Blocks<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.block().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<String> {
        Blocks::new(text.as_bytes()).map(Result::unwrap).collect()
    }

    #[test]
    fn a_line_is_a_block_unless_something_is_open() {
        assert_eq!(blocks("let a = 1\na + 1\n"), ["let a = 1", "a + 1"]);
        assert_eq!(blocks("if true {\n  1\n}\n2"), ["if true {\n  1\n}", "2"]);
        assert_eq!(blocks("print(`a\nb`);\n2"), ["print(`a\nb`);", "2"]);
    }

    #[test]
    fn a_line_that_cannot_start_a_statement_continues_the_block() {
        assert_eq!(blocks("[1]\n  .len()\n2"), ["[1]\n  .len()", "2"]);
        assert_eq!(blocks("if a { 1 }\nelse { 2 }"), ["if a { 1 }\nelse { 2 }"]);
    }

    #[test]
    fn a_semicolon_ends_a_block_without_reading_on() {
        let mut blocks = Blocks::new(&b"let a = 1;\nlet b = 2;"[..]);
        assert_eq!(blocks.next().unwrap().unwrap(), "let a = 1;");
        assert!(blocks.next.is_none());
    }

    #[test]
    fn an_unfinished_block_ends_with_the_input() {
        assert_eq!(blocks("print(1"), ["print(1"]);
    }
}
