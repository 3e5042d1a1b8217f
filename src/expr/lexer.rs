//! Text to tokens, one at a time, so that a parser can stop in the middle of a larger text.

use super::error::{ExprError, Span};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// A word: name, function or keyword.
    Word(String),
    /// A name in backticks.
    Quoted(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// Anything else.
    Other(char),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 21] =
    ["==", "!=", "<=", ">=", "&&", "||", "**", "=", "<", ">", "!", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","];

impl Token {
    /// The token in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Number(value) => format!("`{value}`"),
            Token::Text(text) => format!("the text \"{text}\""),
            Token::Word(word) | Token::Quoted(word) => format!("`{word}`"),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Other(character) => format!("`{character}`"),
            Token::End => String::from("the end"),
        }
    }
}

/// Reads tokens from `text`, starting at a byte offset.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at byte `start`, which must be a character boundary of `text` (else at the end).
    pub(super) fn new(text: &'a str, start: usize) -> Self {
        let at = if text.is_char_boundary(start) { start } else { text.len() };
        Lexer { text, at }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next token and its bytes.
    pub(super) fn next_token(&mut self) -> Result<(Token, Span), ExprError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok((Token::End, start..start));
        };
        let second_is_digit = self.rest()[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        let token = if first.is_ascii_digit() || (first == '.' && second_is_digit) {
            self.number()?
        } else if first == '"' || first == '\'' {
            Token::Text(self.quoted(first, "text")?)
        } else if first == '`' {
            Token::Quoted(self.quoted('`', "name")?)
        } else if is_word_start(first) {
            Token::Word(self.take_while(is_word_part).to_owned())
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) {
            self.at += symbol.len();
            Token::Symbol(symbol)
        } else {
            self.at += first.len_utf8();
            Token::Other(first)
        };
        Ok((token, start..self.at))
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !belongs(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// `1500`, `1_500`, `.5`, `1.5e-3`; a letter right after the digits is an error, not a new token.
    fn number(&mut self) -> Result<Token, ExprError> {
        let start = self.at;
        let is_number_part = |c: char| is_word_part(c) || c == '.';
        let mut text = self.take_while(is_number_part);
        if text.ends_with(['e', 'E']) && self.rest().starts_with(['+', '-']) {
            self.at += 1;
            self.take_while(is_number_part);
            text = &self.text[start..self.at];
        }
        let digits = text.replace('_', "");
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Number(value)),
            _ => Err(ExprError::BadNumber { span: start..self.at, text: text.to_owned() }),
        }
    }

    /// Text up to the closing quote; a backslash keeps the next quote or backslash.
    fn quoted(&mut self, quote: char, what: &'static str) -> Result<String, ExprError> {
        let start = self.at;
        let mut content = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at = start + offset + 1;
                return Ok(content);
            }
            match characters.peek() {
                Some(&(_, next)) if character == '\\' && (next == quote || next == '\\') => {
                    content.push(next);
                    characters.next();
                }
                _ => content.push(character),
            }
        }
        Err(ExprError::Unclosed { span: start..start + 1, what, close: quote })
    }
}

/// Whether a word can start with the character.
pub(super) fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

/// Whether a word can contain the character.
pub(super) fn is_word_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        let mut lexer = Lexer::new(text, 0);
        let mut all = Vec::new();
        loop {
            match lexer.next_token().unwrap().0 {
                Token::End => return all,
                token => all.push(token),
            }
        }
    }

    #[test]
    fn words_numbers_texts_and_symbols() {
        assert_eq!(
            tokens("a.b>=1_000 && `c d`!='it\\'s'"),
            [
                Token::Word("a.b".into()),
                Token::Symbol(">="),
                Token::Number(1000.0),
                Token::Symbol("&&"),
                Token::Quoted("c d".into()),
                Token::Symbol("!="),
                Token::Text("it's".into()),
            ]
        );
        assert_eq!(tokens(".5 1e-3 2E6"), [Token::Number(0.5), Token::Number(1e-3), Token::Number(2e6)]);
        assert_eq!(tokens("dauer_längste"), [Token::Word("dauer_längste".into())]);
    }

    #[test]
    fn spans_are_bytes() {
        let mut lexer = Lexer::new("  'ü' x", 0);
        assert_eq!(lexer.next_token().unwrap().1, 2..6);
        assert_eq!(lexer.next_token().unwrap().1, 7..8);
        assert_eq!(lexer.next_token().unwrap(), (Token::End, 8..8));
    }

    #[test]
    fn faults_are_located() {
        assert_eq!(Lexer::new("x == 'abc", 5).next_token().unwrap_err().span(), 5..6);
        let error = Lexer::new("2x", 0).next_token().unwrap_err();
        assert!(error.hint().unwrap().contains("2 * x"));
        assert!(Lexer::new("1.2.3", 0).next_token().is_err());
        assert!(Lexer::new("1e999", 0).next_token().is_err());
        assert_eq!(Lexer::new("?", 0).next_token().unwrap().0, Token::Other('?'));
    }
}
