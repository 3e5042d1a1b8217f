//! The functions of the language: names and numbers of arguments.

use crate::nearest::nearest_name;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the function of its name, listed in `NAMES`
pub enum Function {
    Log,
    Log2,
    Log10,
    Log1p,
    Exp,
    Sqrt,
    Abs,
    Floor,
    Ceil,
    Round,
    Min,
    Max,
    Number,
    If,
    IsMissing,
    Cut,
    Month,
    Prefix,
    Lower,
    Contains,
}

/// Function, name, least and greatest number of arguments, the same in words.
type Entry = (Function, &'static str, usize, usize, &'static str);

/// Every function once.
const NAMES: [Entry; 20] = [
    (Function::Log, "log", 1, 1, "one argument"),
    (Function::Log2, "log2", 1, 1, "one argument"),
    (Function::Log10, "log10", 1, 1, "one argument"),
    (Function::Log1p, "log1p", 1, 1, "one argument"),
    (Function::Exp, "exp", 1, 1, "one argument"),
    (Function::Sqrt, "sqrt", 1, 1, "one argument"),
    (Function::Abs, "abs", 1, 1, "one argument"),
    (Function::Floor, "floor", 1, 1, "one argument"),
    (Function::Ceil, "ceil", 1, 1, "one argument"),
    (Function::Round, "round", 1, 2, "a number and optionally a count of decimals"),
    (Function::Min, "min", 2, usize::MAX, "two or more arguments"),
    (Function::Max, "max", 2, usize::MAX, "two or more arguments"),
    (Function::Number, "number", 1, 1, "one argument"),
    (Function::If, "if", 3, 3, "a condition and two values"),
    (Function::IsMissing, "is_missing", 1, 1, "one argument"),
    (Function::Cut, "cut", 2, usize::MAX, "a number and one or more cut points"),
    (Function::Month, "month", 1, 1, "one argument"),
    (Function::Prefix, "prefix", 2, 2, "a text and a count of characters"),
    (Function::Lower, "lower", 1, 1, "one argument"),
    (Function::Contains, "contains", 2, 2, "a text and the part to look for"),
];

impl Function {
    /// The function of a name.
    pub fn from_name(name: &str) -> Option<Function> {
        NAMES.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// Whether it takes this number of arguments.
    pub(super) fn takes(self, count: usize) -> bool {
        (self.entry().2..=self.entry().3).contains(&count)
    }

    /// The number of arguments in words.
    pub(super) fn arguments(self) -> &'static str {
        self.entry().4
    }

    /// The function with the nearest name; other spellings of the field are known.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        match name {
            "ln" => Some("log"),
            "is_na" | "isna" | "is.na" | "is_null" | "isnull" => Some("is_missing"),
            "ifelse" | "if_else" | "iif" | "where" => Some("if"),
            "ceiling" => Some("ceil"),
            "bin" | "bins" | "band" => Some("cut"),
            "num" | "numeric" | "as.numeric" => Some("number"),
            _ => nearest_name(name, NAMES.iter().map(|entry| entry.1)),
        }
    }

    /// All functions, for a hint.
    pub(super) fn list() -> String {
        let names: Vec<String> = NAMES.iter().map(|entry| format!("`{}`", entry.1)).collect();
        format!("functions: {}", names.join(", "))
    }

    fn entry(self) -> &'static Entry {
        &NAMES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for entry in &NAMES {
            assert_eq!(entry.0.name(), entry.1);
            assert_eq!(Function::from_name(entry.1), Some(entry.0));
        }
    }

    #[test]
    fn other_spellings_find_the_function() {
        assert_eq!(Function::nearest("ln"), Some("log"));
        assert_eq!(Function::nearest("flor"), Some("floor"));
    }
}
