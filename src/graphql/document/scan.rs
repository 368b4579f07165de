//! Splits the text of a document into tokens.
//!
//! This is the only place that reads strings, comments and brackets: it counts the tokens and their nesting, and the
//! parser sees only the tokens. So a comment or a string cannot hide anything from a limit.

use async_graphql::Pos;

use super::fault::Fault;

/// A longer document is refused before it is read. Large values should be in variables.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// The number of names, numbers, strings and punctuators in a document, which decides what parsing it costs.
pub const TOKENS_MAX: usize = 10_000;
/// Levels of nested brackets. The parser recurses once for each level.
pub const BRACKETS_MAX: usize = 64;

/// A token, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'a> {
    pub kind: Kind<'a>,
    pub at: Pos,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'a> {
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Sign(char),
    /// `...`
    Spread,
    Name(&'a str),
    /// A number as it is written in the text.
    Number(&'a str),
    /// The value of a string, with its escapes resolved.
    Text(String),
}

/// Splits a text into tokens. Fails if it is too long, has too many tokens, is nested too deeply, or contains something
/// that is not a token.
pub fn scan(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Fault::limit(text.len(), "bytes", DOCUMENT_BYTES_MAX));
    }
    let mut scanner = Scanner {
        rest: text,
        at: Pos { line: 1, column: 1 },
    };
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut count = 0_usize;
    while let Some(token) = scanner.token()? {
        depth = match token.kind {
            Kind::Sign('{' | '[' | '(') => depth + 1,
            Kind::Sign('}' | ']' | ')') => depth.saturating_sub(1),
            _ => depth,
        };
        if depth > BRACKETS_MAX {
            return Err(Fault::limit(depth, "levels of brackets", BRACKETS_MAX));
        }
        // A spread is counted together with the name or bracket that follows it.
        count += usize::from(token.kind != Kind::Spread);
        if count <= TOKENS_MAX {
            tokens.push(token);
        }
    }
    if count > TOKENS_MAX {
        return Err(Fault::limit(count, "names, values and signs", TOKENS_MAX));
    }
    Ok(tokens)
}

/// The rest of a text that is still to be read.
struct Scanner<'a> {
    rest: &'a str,
    at: Pos,
}

impl<'a> Scanner<'a> {
    fn token(&mut self) -> Result<Option<Token<'a>>, Fault> {
        self.skip_ignored();
        let at = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let kind = match first {
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                self.next();
                Kind::Sign(first)
            }
            '.' if self.rest.starts_with("...") => {
                self.take("...".len());
                Kind::Spread
            }
            '_' | 'a'..='z' | 'A'..='Z' => Kind::Name(self.take_while(is_name)),
            '-' | '0'..='9' => self.number()?,
            '"' => Kind::Text(self.text()?),
            _ => return Err(Fault::syntax(at, "this character is not allowed here")),
        };
        Ok(Some(Token { kind, at }))
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Reads one character, and keeps track of line and column.
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        let rest = characters.as_str();
        // A carriage return and a line feed together are one line ending.
        if character == '\n' || (character == '\r' && !rest.starts_with('\n')) {
            self.at = Pos {
                line: self.at.line + 1,
                column: 1,
            };
        } else {
            self.at.column += 1;
        }
        self.rest = rest;
        Some(character)
    }

    /// Reads this many bytes, which must be ASCII without line endings.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.at.column += taken.len();
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !belongs(byte));
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// Skips spaces, commas, line endings and comments. A comment ends with its line.
    fn skip_ignored(&mut self) {
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | ',' | '\n' | '\r' | '\u{FEFF}' => {
                    self.next();
                }
                '#' => {
                    while self.peek().is_some_and(|character| !is_end_of_line(character)) {
                        self.next();
                    }
                }
                _ => return,
            }
        }
    }

    fn number(&mut self) -> Result<Kind<'a>, Fault> {
        let whole = self.rest;
        let digits = |scanner: &mut Self| match scanner.take_while(|byte| byte.is_ascii_digit()).len() {
            0 => Err(Fault::syntax(scanner.at, "a digit is missing in a number")),
            count => Ok(count),
        };
        let begin = self.rest.len();
        if self.peek() == Some('-') {
            self.take(1);
        }
        let zero = self.peek() == Some('0');
        if digits(self)? > 1 && zero {
            return Err(Fault::syntax(self.at, "a number does not begin with 0"));
        }
        if self.peek() == Some('.') {
            self.take(1);
            digits(self)?;
        }
        if let Some('e' | 'E') = self.peek() {
            self.take(1);
            if let Some('+' | '-') = self.peek() {
                self.take(1);
            }
            digits(self)?;
        }
        if self
            .peek()
            .is_some_and(|next| next == '.' || next == '_' || next.is_ascii_alphabetic())
        {
            return Err(Fault::syntax(self.at, "a number ends before this"));
        }
        let length = begin - self.rest.len();
        Ok(Kind::Number(whole.get(..length).unwrap_or_default()))
    }

    fn text(&mut self) -> Result<String, Fault> {
        if self.rest.starts_with("\"\"\"") {
            self.take("\"\"\"".len());
            return self.block_text();
        }
        self.take(1);
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.peek() {
                None | Some('\n' | '\r') => return Err(Fault::syntax(at, "a string has no end in its line")),
                Some('"') => {
                    self.take(1);
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(character) => {
                    self.next();
                    text.push(character);
                }
            }
        }
    }

    /// The character of an escape: `\n` and the like, `\u00E9`, `\u{1F600}`, or a surrogate pair, `\uD83D\uDE00`.
    fn escape(&mut self) -> Result<char, Fault> {
        let at = self.at;
        let unknown = || Fault::syntax(at, "this escape in a string is not known");
        self.take(1);
        let simple = match self.peek() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{C}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.take(1);
                return self.code_point().and_then(char::from_u32).ok_or_else(unknown);
            }
            Some(_) | None => return Err(unknown()),
        };
        self.take(1);
        Ok(simple)
    }

    fn code_point(&mut self) -> Option<u32> {
        if self.rest.starts_with('{') {
            self.take(1);
            let digits = self.take_while(|byte| byte.is_ascii_hexdigit());
            return (digits.len() <= 8 && self.take(1) == "}")
                .then(|| u32::from_str_radix(digits, 16).ok())
                .flatten();
        }
        let first = self.hexadecimal()?;
        if (0xD800..0xDC00).contains(&first) && self.rest.starts_with("\\u") {
            self.take("\\u".len());
            let second = self.hexadecimal().filter(|half| (0xDC00..0xE000).contains(half))?;
            return Some(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
        }
        Some(first)
    }

    /// Four hexadecimal digits.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        all.then(|| u32::from_str_radix(self.take(4), 16).ok()).flatten()
    }

    /// A block string, whose only escape is `\"""`.
    fn block_text(&mut self) -> Result<String, Fault> {
        let mut raw = String::new();
        loop {
            if self.rest.starts_with("\"\"\"") {
                self.take("\"\"\"".len());
                return Ok(without_indent(&raw));
            }
            if self.rest.starts_with("\\\"\"\"") {
                self.take("\\\"\"\"".len());
                raw.push_str("\"\"\"");
                continue;
            }
            let at = self.at;
            let next = self.next();
            raw.push(next.ok_or_else(|| Fault::syntax(at, "a block string has no end"))?);
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn is_end_of_line(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

/// The value of a block string: without the indent that all its lines except the first have in common, and without
/// blank lines at its start and end.
fn without_indent(raw: &str) -> String {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let is_blank = |character: char| matches!(character, ' ' | '\t');
    let indent_of = |line: &&str| line.find(|character| !is_blank(character));
    let common = lines.iter().skip(1).filter_map(indent_of).min().unwrap_or(0);
    let has_words = |line: &&str| indent_of(line).is_some();
    let first = lines.iter().position(&has_words).unwrap_or(lines.len());
    let end = lines.iter().rposition(has_words).map_or(0, |last| last + 1);
    let cut = lines.iter().enumerate().map(|(number, line)| match number {
        0 => line,
        // A line with only spaces may be shorter than the indent.
        _ => line.get(common..).unwrap_or_default(),
    });
    let kept: Vec<&str> = cut.take(end).skip(first).collect();
    kept.join("\n")
}
