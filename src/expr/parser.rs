//! Tokens to expressions (Pratt: each operator has a binding power on its left and right).

use super::error::{ExprError, Span};
use super::functions::Function;
use super::lexer::{Lexer, Token};
use super::{BinaryOp, Expr, ExprKind, UnaryOp};

/// Deepest nesting: evaluation recurses, and no hand-written expression comes near.
const DEEPEST: usize = 200;

/// Most operators in one expression: a chain of operators is a deep tree too.
const MOST_OPERATORS: usize = 1000;

/// Left and right binding power of `not` and of unary minus.
const NOT_POWER: u8 = 5;
const NEGATE_POWER: u8 = 13;

/// Binding power of comparisons and `in`; they do not chain.
const COMPARE_POWER: u8 = 7;

/// Parses a whole text.
///
/// # Errors
/// If it is not one complete expression; the error says where.
pub fn parse(text: &str) -> Result<Expr, ExprError> {
    let mut parser = Parser::new(text, 0)?;
    let expr = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

/// Parses the expression that starts at byte `start` of a larger text and stops at the first token that cannot
/// continue it. Returns the expression and the byte after its last token.
///
/// # Errors
/// If no expression starts there or it is broken off.
pub fn parse_prefix(text: &str, start: usize) -> Result<(Expr, usize), ExprError> {
    let mut parser = Parser::new(text, start)?;
    let expr = parser.expression(0)?;
    Ok((expr, parser.end_of_last))
}

/// Like [`parse_prefix`], but takes a single operand: a name, a literal, a function call or a parenthesis.
/// Operators at the top level are left to the caller, as a formula needs it.
///
/// # Errors
/// If no operand starts there or it is broken off.
pub fn parse_operand(text: &str, start: usize) -> Result<(Expr, usize), ExprError> {
    let mut parser = Parser::new(text, start)?;
    let expr = parser.operand()?;
    Ok((expr, parser.end_of_last))
}

/// One token ahead of the lexer.
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    span: Span,
    /// An error in the token ahead, raised only when the token is needed.
    fault: Option<ExprError>,
    end_of_last: usize,
    depth: usize,
    operators: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, start: usize) -> Result<Self, ExprError> {
        let mut lexer = Lexer::new(text, start);
        let (token, span) = lexer.next_token()?;
        Ok(Parser { lexer, token, span, fault: None, end_of_last: start, depth: 0, operators: 0 })
    }

    /// Moves to the next token and returns the current one.
    fn advance(&mut self) -> Result<(Token, Span), ExprError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.end_of_last = self.span.end;
        let (token, span) = match self.lexer.next_token() {
            Ok(next) => next,
            Err(fault) => {
                let at = fault.span();
                self.fault = Some(fault);
                (Token::Other(' '), at)
            }
        };
        let old = (std::mem::replace(&mut self.token, token), std::mem::replace(&mut self.span, span));
        Ok(old)
    }

    fn at(&self, symbol: &str) -> bool {
        matches!(self.token, Token::Symbol(found) if found == symbol)
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if found == word)
    }

    fn unexpected(&mut self, expected: &'static str) -> ExprError {
        if let Some(fault) = self.fault.take() {
            return fault;
        }
        let hint = match &self.token {
            Token::Symbol("=") => Some("compare with `==`"),
            Token::Symbol("**") => Some("the power is written `^`"),
            Token::Other('&') => Some("write `and` (or `&&`)"),
            Token::Other('|') => Some("write `or` (or `||`)"),
            Token::Other('%') => Some("there is no remainder operator; `x - y * floor(x / y)` is the remainder"),
            Token::Other('“' | '”' | '‘' | '’') => Some("use straight quotes: `\"text\"` or `'text'`"),
            Token::Word(_) | Token::Quoted(_) => Some("a name with spaces goes in backticks"),
            _ => None,
        };
        match self.token {
            Token::Other(found) if hint.is_none() => ExprError::BadCharacter { span: self.span.clone(), found },
            _ => ExprError::Unexpected {
                span: self.span.clone(),
                found: self.token.describe(),
                expected,
                hint: hint.map(str::to_owned),
            },
        }
    }

    /// An expression whose operators bind at least as tightly as `power`.
    fn expression(&mut self, power: u8) -> Result<Expr, ExprError> {
        self.depth += 1;
        let mut left = self.prefixed()?;
        while let Some((operator, left_power, right_power)) = self.operator() {
            if left_power < power {
                break;
            }
            self.operators += 1;
            if self.operators > MOST_OPERATORS {
                return Err(ExprError::TooDeep { span: self.span.clone(), limit: MOST_OPERATORS });
            }
            left = match operator {
                Infix::Binary(op) => self.binary(op, left, right_power)?,
                Infix::In => self.membership(left)?,
            };
            if left_power == COMPARE_POWER && matches!(self.operator(), Some((_, COMPARE_POWER, _))) {
                let mut error = self.unexpected("`and`, `or` or the end");
                if let ExprError::Unexpected { hint, .. } = &mut error {
                    *hint = Some(String::from("comparisons do not chain: write `1 < x and x < 5`"));
                }
                return Err(error);
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn binary(&mut self, op: BinaryOp, left: Expr, right_power: u8) -> Result<Expr, ExprError> {
        self.advance()?;
        let right = self.expression(right_power)?;
        let span = left.span.start..right.span.end;
        Ok(Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span })
    }

    /// `not x`, `-x` or an operand.
    fn prefixed(&mut self) -> Result<Expr, ExprError> {
        if self.depth > DEEPEST {
            return Err(ExprError::TooDeep { span: self.span.clone(), limit: DEEPEST });
        }
        let (op, power) = if self.at("-") {
            (UnaryOp::Negate, NEGATE_POWER)
        } else if self.at("!") || self.at_word("not") {
            (UnaryOp::Not, NOT_POWER)
        } else {
            return self.operand();
        };
        let (_, start) = self.advance()?;
        let operand = self.expression(power)?;
        let span = start.start..operand.span.end;
        let kind = match (op, &operand.kind) {
            (UnaryOp::Negate, ExprKind::Number(value)) => ExprKind::Number(-value),
            _ => ExprKind::Unary(op, Box::new(operand)),
        };
        Ok(Expr { kind, span })
    }

    /// A name, a literal, a function call or a parenthesis.
    fn operand(&mut self) -> Result<Expr, ExprError> {
        const OPERAND: &str = "a column, a number, a text or a function";
        match &self.token {
            Token::Number(_) | Token::Text(_) | Token::Quoted(_) => self.literal(),
            Token::Symbol("(") => self.parenthesis(),
            Token::Word(word) => match word.as_str() {
                "and" | "or" | "in" | "not" => Err(self.unexpected(OPERAND)),
                _ => self.word(),
            },
            _ => Err(self.unexpected(OPERAND)),
        }
    }

    fn literal(&mut self) -> Result<Expr, ExprError> {
        let (token, span) = self.advance()?;
        let kind = match token {
            Token::Number(value) => ExprKind::Number(value),
            Token::Text(text) => ExprKind::Text(text),
            Token::Quoted(name) => ExprKind::Name(name),
            other => unreachable!("{other:?} is no literal: checked by the caller"),
        };
        Ok(Expr { kind, span })
    }

    fn parenthesis(&mut self) -> Result<Expr, ExprError> {
        let (_, open) = self.advance()?;
        let inner = self.expression(0)?;
        let close = self.close(")", open.clone(), "parenthesis")?;
        Ok(Expr { kind: inner.kind, span: open.start..close.end })
    }

    /// A keyword, a column, or a function with its arguments.
    fn word(&mut self) -> Result<Expr, ExprError> {
        let (token, span) = self.advance()?;
        let Token::Word(word) = token else { unreachable!("checked by the caller") };
        if self.at("(") {
            return self.call(&word, span);
        }
        let kind = match word.as_str() {
            "true" => ExprKind::Truth(true),
            "false" => ExprKind::Truth(false),
            "missing" => ExprKind::Missing,
            _ => ExprKind::Name(word),
        };
        Ok(Expr { kind, span })
    }

    fn call(&mut self, name: &str, at: Span) -> Result<Expr, ExprError> {
        let Some(function) = Function::from_name(name) else {
            let nearest = Function::nearest(name);
            return Err(ExprError::UnknownFunction { span: at, name: name.to_owned(), nearest });
        };
        let (_, open) = self.advance()?;
        let mut arguments = Vec::new();
        while !self.at(")") {
            arguments.push(self.expression(0)?);
            if !self.at(",") {
                break;
            }
            self.advance()?;
        }
        let close = self.close(")", open, "parenthesis")?;
        let span = at.start..close.end;
        if !function.takes(arguments.len()) {
            return Err(ExprError::WrongArguments {
                span,
                function: function.name(),
                expected: function.arguments(),
                found: arguments.len(),
            });
        }
        Ok(Expr { kind: ExprKind::Call(function, arguments), span })
    }

    /// `in [a, b]` or `not in [a, b]` after its left side; the list holds literals.
    fn membership(&mut self, item: Expr) -> Result<Expr, ExprError> {
        let negated = self.at_word("not");
        self.advance()?;
        if negated {
            self.advance()?;
        }
        let close_symbol = match &self.token {
            Token::Symbol("[") => "]",
            Token::Symbol("(") => ")",
            _ => return Err(self.unexpected("a list such as `[\"a\", \"b\"]`")),
        };
        let (_, open) = self.advance()?;
        let mut list = Vec::new();
        while !self.at(close_symbol) {
            list.push(self.list_item()?);
            if !self.at(",") {
                break;
            }
            self.advance()?;
        }
        let close = self.close(close_symbol, open, "list")?;
        let span = item.span.start..close.end;
        Ok(Expr { kind: ExprKind::In { item: Box::new(item), list, negated }, span })
    }

    fn list_item(&mut self) -> Result<Expr, ExprError> {
        let expr = self.expression(0)?;
        match expr.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Truth(_) => Ok(expr),
            ExprKind::Name(ref name) => Err(ExprError::Unexpected {
                span: expr.span.clone(),
                found: format!("`{name}`"),
                expected: "a number or a text in the list",
                hint: Some(format!("put it in quotes: \"{name}\"")),
            }),
            _ => Err(ExprError::Unexpected {
                span: expr.span.clone(),
                found: format!("`{expr}`"),
                expected: "a number or a text in the list",
                hint: None,
            }),
        }
    }

    fn close(&mut self, symbol: &str, open: Span, what: &'static str) -> Result<Span, ExprError> {
        if self.at(symbol) {
            return Ok(self.advance()?.1);
        }
        if self.token == Token::End {
            let close = if symbol == ")" { ')' } else { ']' };
            return Err(ExprError::Unclosed { span: open, what, close });
        }
        Err(self.unexpected(if symbol == ")" { "`,` or `)`" } else { "`,` or `]`" }))
    }

    /// The operator ahead with its binding powers.
    fn operator(&self) -> Option<(Infix, u8, u8)> {
        let binary = |op, left, right| Some((Infix::Binary(op), left, right));
        match &self.token {
            Token::Word(word) => match word.as_str() {
                "or" => binary(BinaryOp::Or, 1, 2),
                "and" => binary(BinaryOp::And, 3, 4),
                "in" => Some((Infix::In, COMPARE_POWER, COMPARE_POWER + 1)),
                "not" if self.in_follows() => Some((Infix::In, COMPARE_POWER, COMPARE_POWER + 1)),
                _ => None,
            },
            Token::Symbol(symbol) => match *symbol {
                "||" => binary(BinaryOp::Or, 1, 2),
                "&&" => binary(BinaryOp::And, 3, 4),
                "==" => binary(BinaryOp::Equal, COMPARE_POWER, COMPARE_POWER + 1),
                "!=" => binary(BinaryOp::NotEqual, COMPARE_POWER, COMPARE_POWER + 1),
                "<" => binary(BinaryOp::Less, COMPARE_POWER, COMPARE_POWER + 1),
                "<=" => binary(BinaryOp::LessOrEqual, COMPARE_POWER, COMPARE_POWER + 1),
                ">" => binary(BinaryOp::Greater, COMPARE_POWER, COMPARE_POWER + 1),
                ">=" => binary(BinaryOp::GreaterOrEqual, COMPARE_POWER, COMPARE_POWER + 1),
                "+" => binary(BinaryOp::Add, 9, 10),
                "-" => binary(BinaryOp::Subtract, 9, 10),
                "*" => binary(BinaryOp::Multiply, 11, 12),
                "/" => binary(BinaryOp::Divide, 11, 12),
                "^" => binary(BinaryOp::Power, 16, 13),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the token after `not` is `in`.
    fn in_follows(&self) -> bool {
        matches!(self.lexer.clone().next_token(), Ok((Token::Word(word), _)) if word == "in")
    }
}

/// An operator between two operands.
enum Infix {
    Binary(BinaryOp),
    In,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with all its parentheses.
    fn tree(text: &str) -> String {
        fn show(expr: &Expr) -> String {
            match &expr.kind {
                ExprKind::Binary(op, left, right) => format!("({} {} {})", show(left), op.symbol(), show(right)),
                ExprKind::Unary(UnaryOp::Not, operand) => format!("(not {})", show(operand)),
                ExprKind::Unary(UnaryOp::Negate, operand) => format!("(-{})", show(operand)),
                _ => expr.to_string(),
            }
        }
        show(&parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    #[test]
    fn operators_bind_in_the_usual_order() {
        assert_eq!(tree("a + b * c ^ d ^ 2"), "(a + (b * (c ^ (d ^ 2))))");
        assert_eq!(tree("a - b - c"), "((a - b) - c)");
        assert_eq!(tree("-a ^ 2"), "(-(a ^ 2))");
        assert_eq!(tree("2 ^ -a"), "(2 ^ (-a))");
        assert_eq!(tree("-a * b"), "((-a) * b)");
        assert_eq!(tree("not a == 1 and b or c"), "(((not (a == 1)) and b) or c)");
        assert_eq!(tree("!a && b || c"), "(((not a) and b) or c)");
        assert_eq!(tree("a not in [1, -2] and b"), "(a not in [1, -2] and b)");
    }

    #[test]
    fn faults_say_where_and_what() {
        let cases = [
            ("", 0..0, "found the end"),
            ("a = 1", 2..3, "found `=`"),
            ("a ==", 4..4, "found the end"),
            ("(a", 0..1, "never closed"),
            ("a in [1", 5..6, "never closed"),
            ("a in b", 5..6, "a list"),
            ("a in [b]", 6..7, "a number or a text"),
            ("1 < x < 5", 6..7, "found `<`"),
            ("lgo(x)", 0..3, "no function `lgo`"),
            ("log(x, y)", 0..9, "takes one argument, found 2"),
            ("a b", 2..3, "found `b`"),
            ("a ? b", 2..3, "unexpected character `?`"),
            ("a == 'x", 5..6, "never closed"),
            ("a or", 4..4, "found the end"),
            ("and b", 0..3, "found `and`"),
        ];
        for (text, span, message) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(error.span(), span, "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
        assert_eq!(parse("a = 1").unwrap_err().hint().unwrap(), "compare with `==`");
        assert_eq!(parse("lgo(x)").unwrap_err().hint().unwrap(), "did you mean `log`?");
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        for text in
            ["(".repeat(100_000), format!("a{}", " + a".repeat(100_000)), "-".repeat(100_000), "not ".repeat(9999)]
        {
            assert!(matches!(parse(&text), Err(ExprError::TooDeep { .. })), "{}", &text[..20]);
        }
    }

    #[test]
    fn a_prefix_stops_where_it_cannot_go_on() {
        let text = "y ~ log(x + 1) + z | f";
        let (expr, end) = parse_operand(text, 4).unwrap();
        assert_eq!((expr.to_string().as_str(), end), ("log(x + 1)", 14));
        let (expr, end) = parse_prefix(text, 4).unwrap();
        assert_eq!((expr.to_string().as_str(), end), ("log(x + 1) + z", 18));
        assert_eq!(parse_prefix("x, ref = 1", 0).unwrap().1, 1);
        assert_eq!(parse_operand("a:b", 0).unwrap().1, 1);
        assert_eq!(parse_operand("x 'abc", 0).unwrap().1, 1);
        assert!(parse_operand("+ x", 0).is_err());
        assert!(parse_operand("x", 99).is_err());
    }
}
