//! Expressions over the columns of a table: filters, derived variables, arithmetic inside formulas.
//!
//! ```text
//! work_mode in ["Build", "Fix"] and lines_added >= 1
//! if(outcome == "Succeeded", success_signal >= 4, false)
//! cut(task_value, 200, 1000, 5000)
//! log(`output words` / human_turns)
//! contains(lower(model), "opus")
//! ```
//!
//! From loosest to tightest: `or` (`||`), `and` (`&&`), `not` (`!`), comparisons and `in`, `+ -`, `* /`, unary `-`,
//! `^` (power, from the right). Missing values follow three-valued logic: a comparison with a missing value is
//! missing, `false and missing` is false, and a filter keeps the rows that are true. A number that is not finite
//! (`log(0)`, `1 / 0`) is missing.
//!
//! Text compares with the labels of a factor; a text that is no label is an error with the nearest one, because a
//! typing error would otherwise silently select nothing. `<` and `>` follow the order of the levels.
//!
//! Stages: `lexer` (text to tokens) → `parser` (tokens to [`Expr`]) → `eval` (a whole column at a time).

mod compare;
mod display;
mod error;
mod eval;
mod functions;
mod lexer;
mod logic;
mod parser;
pub(crate) mod text;
mod value;

pub use error::{ExprError, Span};
pub use functions::Function;
pub use parser::{parse, parse_operand, parse_prefix};

/// A node of an expression with its place in the text. Two nodes are equal if they say the same, wherever they stand.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Bytes of the source text it came from.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The kinds of nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number.
    Number(f64),
    /// A quoted text.
    Text(String),
    /// `true` or `false`.
    Truth(bool),
    /// `missing`.
    Missing,
    /// A column.
    Name(String),
    /// `-x` or `not x`.
    Unary(UnaryOp, Box<Expr>),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `item in [list]`, or `not in` if `negated`.
    In {
        /// What is looked up.
        item: Box<Expr>,
        /// Literals.
        list: Vec<Expr>,
        /// `not in`.
        negated: bool,
    },
    /// A function and its arguments.
    Call(Function, Vec<Expr>),
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `not`
    Not,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `^`
    Power,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `and`
    And,
    /// `or`
    Or,
}

impl BinaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Power => "^",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
        }
    }

    /// Whether it compares two values.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessOrEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterOrEqual
        )
    }
}

impl Expr {
    /// Names of the columns used, each once, in order of first use.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        self.visit(&mut |expr| {
            if let ExprKind::Name(name) = &expr.kind
                && !names.iter().any(|known| known == name)
            {
                names.push(name.clone());
            }
        });
        names
    }

    /// Calls `look` on the node and everything below it, from left to right.
    pub fn visit<'e>(&'e self, look: &mut impl FnMut(&'e Expr)) {
        look(self);
        for child in self.children() {
            child.visit(look);
        }
    }

    /// Direct operands, from left to right.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Unary(_, operand) => vec![operand],
            ExprKind::Binary(_, left, right) => vec![left, right],
            ExprKind::In { item, list, .. } => std::iter::once(&**item).chain(list).collect(),
            ExprKind::Call(_, arguments) => arguments.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Direct operands, from left to right, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Unary(_, operand) => vec![operand],
            ExprKind::Binary(_, left, right) => vec![left, right],
            ExprKind::In { item, list, .. } => std::iter::once(&mut **item).chain(list).collect(),
            ExprKind::Call(_, arguments) => arguments.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_once_and_in_order() {
        let expr = parse("b > 1 and (a + b) in [1, 2] or is_missing(`c d`)").unwrap();
        assert_eq!(expr.names(), ["b", "a", "c d"]);
    }

    #[test]
    fn equality_ignores_the_place() {
        assert_eq!(parse("log( x )").unwrap(), parse("log(x)").unwrap());
        assert_ne!(parse("log(x)").unwrap(), parse("log(y)").unwrap());
    }
}
