//! Other spellings of levels in the user's expressions.

use super::levels::Canonical;
use super::{Codebook, Variable};
use crate::expr::{Expr, ExprKind};

impl Codebook {
    /// Rewrites texts that are compared with a codebook variable to its canonical levels, so that
    /// `expertise == "Expert"` finds level `5` and `user_occupation == "15-0000"` finds its group.
    pub fn canonical_levels(&self, expr: &mut Expr) {
        match &mut expr.kind {
            ExprKind::Binary(op, left, right) if op.is_comparison() => {
                self.rewrite(left, std::slice::from_mut(&mut **right));
                self.rewrite(right, std::slice::from_mut(&mut **left));
            }
            ExprKind::In { item, list, .. } => self.rewrite(item, list),
            _ => {}
        }
        for child in expr.children_mut() {
            self.canonical_levels(child);
        }
    }

    fn rewrite(&self, side: &Expr, literals: &mut [Expr]) {
        let ExprKind::Name(name) = &side.kind else { return };
        let Some(variable) = self.variable(name).filter(|variable| variable.is_closed()) else { return };
        for literal in literals {
            if let ExprKind::Text(text) = &literal.kind
                && let Some(kind) = canonical_literal(variable, text)
            {
                literal.kind = kind;
            }
        }
    }
}

fn canonical_literal(variable: &Variable, text: &str) -> Option<ExprKind> {
    let Some(Canonical::Level(place)) = variable.canonical(text) else { return None };
    let level = &variable.levels[place].level;
    match level.parse() {
        Ok(number) if variable.is_number() => Some(ExprKind::Number(number)),
        _ => Some(ExprKind::Text(level.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_become_levels() {
        let mut expr = crate::expr::parse(
            "expertise >= \"Advanced\" and user_occupation in [\"15-0000\", 'legal'] and success_signal == 'NONE' and x == 'Expert'",
        )
        .unwrap();
        Codebook::embedded().canonical_levels(&mut expr);
        assert_eq!(
            expr.to_string(),
            "expertise >= \"4\" and user_occupation in [\"Computer and Mathematical\", \"Legal\"] and success_signal == 0 and x == \"Expert\""
        );
    }
}
