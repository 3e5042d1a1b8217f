//! Expressions back to text, in one canonical spelling that parses to the same expression.

use std::fmt;

use super::lexer::{is_word_part, is_word_start};
use super::{BinaryOp, Expr, ExprKind, UnaryOp};

/// Words that are not names.
const RESERVED: [&str; 7] = ["and", "or", "not", "in", "true", "false", "missing"];

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value) => write!(f, "{value}"),
            ExprKind::Text(text) => write!(f, "\"{}\"", escape(text, '"')),
            ExprKind::Truth(value) => write!(f, "{value}"),
            ExprKind::Missing => f.write_str("missing"),
            ExprKind::Name(name) if is_plain(name) => f.write_str(name),
            ExprKind::Name(name) => write!(f, "`{}`", escape(name, '`')),
            ExprKind::Unary(op, operand) => {
                f.write_str(if *op == UnaryOp::Not { "not " } else { "-" })?;
                write_operand(f, operand, level(&operand.kind) < level(&self.kind))
            }
            ExprKind::Binary(op, left, right) => {
                let own = level(&self.kind);
                let from_right = *op == BinaryOp::Power;
                let compares = op.is_comparison();
                let left_wrapped = level(&left.kind) < own || (level(&left.kind) == own && (from_right || compares));
                write_operand(f, left, left_wrapped || (from_right && is_negative(left)))?;
                write!(f, " {} ", op.symbol())?;
                write_operand(f, right, level(&right.kind) < own || (level(&right.kind) == own && !from_right))
            }
            ExprKind::In { item, list, negated } => {
                write_operand(f, item, level(&item.kind) <= level(&self.kind))?;
                f.write_str(if *negated { " not in [" } else { " in [" })?;
                write_list(f, list)?;
                f.write_str("]")
            }
            ExprKind::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                write_list(f, arguments)?;
                f.write_str(")")
            }
        }
    }
}

fn write_operand(f: &mut fmt::Formatter<'_>, expr: &Expr, wrapped: bool) -> fmt::Result {
    if wrapped { write!(f, "({expr})") } else { write!(f, "{expr}") }
}

fn write_list(f: &mut fmt::Formatter<'_>, list: &[Expr]) -> fmt::Result {
    for (place, item) in list.iter().enumerate() {
        write!(f, "{}{item}", if place > 0 { ", " } else { "" })?;
    }
    Ok(())
}

/// How tightly a node binds; operands of a looser node need no parentheses.
fn level(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Binary(BinaryOp::Or, ..) => 1,
        ExprKind::Binary(BinaryOp::And, ..) => 2,
        ExprKind::Unary(UnaryOp::Not, _) => 3,
        ExprKind::In { .. } => 4,
        ExprKind::Binary(op, ..) if op.is_comparison() => 4,
        ExprKind::Binary(BinaryOp::Add | BinaryOp::Subtract, ..) => 5,
        ExprKind::Binary(BinaryOp::Multiply | BinaryOp::Divide, ..) => 6,
        ExprKind::Unary(UnaryOp::Negate, _) => 7,
        ExprKind::Binary(..) => 8,
        _ => 9,
    }
}

/// `-2 ^ x` reads as `-(2 ^ x)`, so a negative base needs parentheses.
fn is_negative(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Number(value) if value.is_sign_negative())
}

fn is_plain(name: &str) -> bool {
    name.starts_with(is_word_start) && name.chars().all(is_word_part) && !RESERVED.contains(&name)
}

fn escape(text: &str, quote: char) -> String {
    text.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"))
}

#[cfg(test)]
mod tests {
    use crate::expr::parse;

    #[test]
    fn the_text_parses_to_the_same_expression() {
        for text in [
            "a + b * c",
            "(a + b) * c",
            "a - (b - c)",
            "a / (b * c)",
            "(a ^ b) ^ c",
            "a ^ b ^ c",
            "(-2) ^ x",
            "-x ^ 2",
            "(-x) ^ 2",
            "not (a and b) or c",
            "(a == b) == c",
            "(a < 1) in [true]",
            "not a not in [\"it\\\"s\", \"b\\\\s\"]",
            "`a b` + `in` + `x``",
            "if(is_missing(x), 0, min(x, 1e-7, -3))",
        ] {
            let Ok(expr) = parse(text) else { continue };
            let written = expr.to_string();
            assert_eq!(parse(&written).as_ref(), Ok(&expr), "{text} -> {written}");
        }
        assert_eq!(parse("(a+b)*'x y'").unwrap().to_string(), "(a + b) * \"x y\"");
    }
}
