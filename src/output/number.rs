//! Numbers as text: exact for scripts, rounded for readers.

/// The shortest decimal text that parses back to the same bits; `None` for a number that does not exist.
pub fn exact(value: f64) -> Option<String> {
    value.is_finite().then(|| format!("{value:?}"))
}

/// A number with so many decimals, as a number.
pub fn with_decimals(value: f64, decimals: usize) -> f64 {
    if value.is_finite() { format!("{value:.decimals$}").parse().unwrap_or(value) } else { value }
}

/// Number of significant digits shown where `digits` decimals would show none.
const SIGNIFICANT: usize = 2;

/// Magnitude from which a number is shown with at most two decimals.
const LARGE: f64 = 1e3;

/// Magnitude from which a number is shown in scientific notation.
const HUGE: f64 = 1e9;

/// Rounded for a table: `digits` decimals, fewer for large numbers, scientific where rounding would leave nothing.
///
/// A number that does not exist is an en dash.
pub fn rounded(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let size = value.abs();
    if size >= HUGE || (size > 0.0 && size < 0.5 * 10f64.powi(-(digits as i32))) {
        return format!("{value:.*e}", SIGNIFICANT - 1);
    }
    let decimals = if size >= LARGE { digits.min(2) } else { digits };
    let text = format!("{value:.decimals$}");
    group_thousands(if is_zero(&text) { text.trim_start_matches('-') } else { &text })
}

/// What stands for a number that does not exist.
pub const MISSING: &str = "–";

/// Whether a rounded number shows no digit but zero.
fn is_zero(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '-' | '.' | '0'))
}

/// A share as a percentage, `0.1449` with one decimal as `14.5`.
pub fn percent(share: f64, decimals: usize) -> String {
    if share.is_finite() { format!("{:.decimals$}", 100.0 * share) } else { MISSING.to_owned() }
}

/// A count with thousands separators.
pub fn count(value: usize) -> String {
    group_thousands(&value.to_string())
}

/// Puts a comma between groups of three digits of the integer part.
fn group_thousands(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

/// Smallest p-value printed as a number.
const SMALLEST_P: f64 = 1e-4;

/// A p-value: four decimals, `<0.0001` below.
pub fn p_value(value: f64) -> String {
    if !value.is_finite() {
        MISSING.to_owned()
    } else if value < SMALLEST_P {
        String::from("<0.0001")
    } else {
        format!("{value:.4}")
    }
}

/// `1 row`, `2 rows`: a count with its noun.
pub fn counted(value: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_parse_back_to_the_same_bits() {
        for value in [0.1 + 0.2, 1e-300, f64::MIN_POSITIVE, -0.0, 1.0, 123_456_789.123_456_79, f64::MAX] {
            let text = exact(value).unwrap();
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
        assert_eq!(exact(f64::NAN), None);
        assert_eq!(exact(f64::INFINITY), None);
    }

    #[test]
    fn rounding_keeps_small_numbers_visible_and_large_ones_short() {
        assert_eq!(rounded(0.03794, 4), "0.0379");
        assert_eq!(rounded(-0.00001234, 4), "-1.2e-5");
        assert_eq!(rounded(-210_345.123_4, 4), "-210,345.12");
        assert_eq!(rounded(-0.0, 4), "0.0000");
        assert_eq!(rounded(f64::NAN, 4), "–");
    }

    #[test]
    fn counts_and_p_values() {
        assert_eq!(count(359_586), "359,586");
        assert_eq!(count(12), "12");
        assert_eq!(p_value(0.00009), "<0.0001");
        assert_eq!(p_value(0.0312), "0.0312");
        assert_eq!(percent(0.1449, 1), "14.5");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }
}
