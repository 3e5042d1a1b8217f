//! What other programs report for a fitted regression: the same bare sandwich, each with its own factor, treatment of
//! negative variances and reference distribution. Nothing is fitted again.

use super::Bare;
use super::convention::{Convention, EffectsInK, GFactor, KFactor, Rule, Shared, Ssc, TDf};
use super::multiway::{combine, repair};
use super::small_sample::{Sizes, count_effects, reference, small_sample};
use crate::result::{Family, Reference, SmallSample, VcovKind};

/// What a program does when a multiway covariance is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Nothing: the root of a negative variance is no number.
    Nothing,
    /// Negative eigenvalues set to zero if a variance is negative (fixest's `vcov_fix`).
    NegativeVariance,
    /// Negative eigenvalues set to zero (vcemway).
    NegativeEigenvalue,
    /// The same for the regressors without the constant (reghdfe).
    WithoutConstant,
}

/// A program and its convention.
#[derive(Debug, Clone)]
struct Program {
    name: String,
    /// The same here, `--ssc`.
    ssc: Option<String>,
    rule: Rule,
    /// Cluster variables it takes.
    ways: usize,
    remedy: Remedy,
    note: Option<&'static str>,
}

/// What a program reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The program.
    pub program: String,
    /// Convention that gives the same here, if there is one.
    pub ssc: Option<String>,
    /// Factor and its parts.
    pub small_sample: SmallSample,
    /// What p-values refer to.
    pub reference: Reference,
    /// Standard error of each coefficient; `NaN` where the program gives none, and a note says why.
    pub std_errors: Vec<f64>,
    /// What there is to know.
    pub notes: Vec<String>,
}

/// Parameters in K by a rule.
pub fn parameters(bare: &Bare, rule: &Rule) -> usize {
    bare.coefficients + count_effects(&bare.effects, rule).iter().sum::<usize>()
}

/// Reports of every program that fits such a regression; `has_intercept` if the first coefficient is one.
pub fn reports(bare: &Bare, family: Family, kind: VcovKind, has_intercept: bool) -> Vec<Report> {
    let ways = bare.terms.iter().filter(|term| !term.name.contains(':')).count();
    programs(bare, family, kind)
        .into_iter()
        .map(|program| report(bare, family, kind, has_intercept && bare.effects.is_empty(), ways, program))
        .collect()
}

fn report(bare: &Bare, family: Family, kind: VcovKind, constant: bool, ways: usize, program: Program) -> Report {
    let Program { rule, remedy, .. } = program;
    let k_all = parameters(bare, &Rule { effects: EffectsInK::Full, ..rule });
    let sizes = Sizes { k: parameters(bare, &rule), k_all, ..bare.sizes };
    // sigma^2 of the bare matrix has the count of the fit
    let counted = if kind == VcovKind::Iid { Sizes { k_all: bare.sizes.k_all, ..sizes } } else { sizes };
    let small_sample = small_sample(&rule, family, kind, &counted, &bare.terms);
    let m = bare.coefficients;
    let mut notes: Vec<String> = program.note.map(str::to_owned).into_iter().collect();
    let smallest = (kind == VcovKind::Cr1).then(|| bare.terms.iter().map(|term| term.groups).min().unwrap_or(0));
    let reference = reference(&rule, &sizes, smallest);
    let ssc = program.ssc.clone();
    if ways > program.ways {
        notes.push(match program.ways {
            1 => String::from("clusters one way only"),
            _ => format!("clusters {} ways at most", program.ways),
        });
        let std_errors = vec![f64::NAN; m];
        return Report { program: program.name, ssc: None, small_sample, reference, std_errors, notes };
    }
    let mut matrix = match kind {
        VcovKind::Cr1 => combine(&bare.terms, &small_sample, m),
        _ => bare.terms[0].matrix.iter().map(|entry| entry * small_sample.factor).collect(),
    };
    if rule.g == GFactor::LessK && small_sample.terms.iter().any(|term| term.groups <= small_sample.k) {
        notes.push(String::from("no more clusters than parameters: G/(G - K) does not exist"));
        let std_errors = vec![f64::NAN; m];
        return Report { program: program.name, ssc, small_sample, reference, std_errors, notes };
    }
    let negative = |matrix: &[f64]| (0..m).any(|a| matrix[a * m + a] < 0.0);
    let repaired = match remedy {
        _ if ways < 2 => None,
        Remedy::Nothing => None,
        Remedy::NegativeVariance => negative(&matrix).then(|| repair(&mut matrix, m)).flatten(),
        Remedy::NegativeEigenvalue => repair(&mut matrix, m),
        Remedy::WithoutConstant => repair_without_constant(&mut matrix, m, constant),
    };
    if repaired.is_some() {
        notes.push(String::from("negative eigenvalues set to zero"));
    }
    if negative(&matrix) {
        notes.push(String::from("a negative variance has no standard error"));
    }
    let std_errors = (0..m).map(|a| matrix[a * m + a].sqrt()).collect();
    Report { program: program.name, ssc, small_sample, reference, std_errors, notes }
}

/// Repairs the whole matrix, and the block without the first coefficient by itself.
fn repair_without_constant(matrix: &mut [f64], m: usize, constant: bool) -> Option<super::multiway::Repair> {
    if !constant || m < 2 {
        return repair(matrix, m);
    }
    let mut block: Vec<f64> = (1..m).flat_map(|a| matrix[a * m + 1..(a + 1) * m].to_vec()).collect();
    let whole = repair(matrix, m)?;
    repair(&mut block, m - 1);
    for a in 1..m {
        matrix[a * m + 1..(a + 1) * m].copy_from_slice(&block[(a - 1) * (m - 1)..a * (m - 1)]);
    }
    Some(whole)
}

/// The programs that fit such a regression, with what they do by default.
fn programs(bare: &Bare, family: Family, kind: VcovKind) -> Vec<Program> {
    use Remedy as R;
    let (ols, clustered) = (family == Family::Ols, kind == VcovKind::Cr1);
    let named = |name: &str, convention: Convention, ways: usize, remedy: Remedy| Program {
        name: name.to_owned(),
        ssc: Some(convention.name().to_owned()),
        rule: Ssc::from(convention).rule(family, kind),
        ways,
        remedy,
        note: None,
    };
    let any = usize::MAX;
    let mut found = vec![
        named("fixest", Convention::Fixest, any, R::NegativeVariance),
        named("pyfixest", Convention::Fixest, 2, R::Nothing),
    ];
    match family {
        Family::Ols => found.push(named("reghdfe", Convention::Reghdfe, any, R::WithoutConstant)),
        Family::Poisson => found.push(named("ppmlhdfe", Convention::Reghdfe, any, R::WithoutConstant)),
        Family::Logit | Family::Probit | Family::Clogit => {}
    }
    let with_dummies = if bare.effects.is_empty() { "" } else { ", dummies" };
    let stata = match (family, bare.effects.len()) {
        (Family::Ols, 1) => String::from("Stata areg"),
        (Family::Ols, _) => format!("Stata regress{with_dummies}"),
        (Family::Logit, _) => format!("Stata logit{with_dummies}"),
        (Family::Probit, _) => format!("Stata probit{with_dummies}"),
        (Family::Poisson, _) => format!("Stata poisson{with_dummies}"),
        (Family::Clogit, _) => String::from("Stata clogit"),
    };
    let mut program = named(&stata, Convention::Stata, any, R::NegativeEigenvalue);
    program.note = (bare.terms.len() > 1).then_some("several ways by vcemway");
    found.push(program);
    let nested = bare.effects.iter().filter(|effect| effect.nested_in.is_some()).count();
    if ols && clustered && nested == 1 && bare.terms.len() == 1 {
        // the panel nested in the clusters, further effects as dummies
        let mut program = named("Stata xtreg, fe", Convention::Reghdfe, 1, R::Nothing);
        program.rule = Rule { df: Shared::Exact, t: TDf::Groups, ..program.rule };
        program.ssc = Some(String::from("fixest(df = exact)"));
        found.push(program);
    }
    found.push(named(&format!("statsmodels{with_dummies}"), Convention::Statsmodels, 2, R::Nothing));
    if ols && bare.effects.len() <= 2 && bare.effects.iter().all(|effect| effect.slopes == 0) {
        found.push(named("linearmodels PanelOLS", Convention::Linearmodels, 2, R::Nothing));
        if clustered {
            let mut program = named("linearmodels PanelOLS, group_debias", Convention::Linearmodels, 2, R::Nothing);
            program.rule = Rule { k: KFactor::NMinusOne, g: GFactor::Each, ..program.rule };
            program.ssc = Some(String::from("linearmodels(k = n-1, g = each)"));
            found.push(program);
        }
    }
    let lm = if ols { "lm" } else { "glm" };
    let sandwich = match kind {
        VcovKind::Cr1 => format!("R sandwich vcovCL ({lm}{with_dummies})"),
        VcovKind::Hc1 => format!("R sandwich vcovHC, HC1 ({lm}{with_dummies})"),
        _ => format!("R {lm}{with_dummies}"),
    };
    found.push(named(&sandwich, Convention::Sandwich, any, R::Nothing));
    if clustered {
        found.extend(club_sandwich(ols));
    }
    found.push(named("bare sandwich", Convention::None, any, R::Nothing));
    found
}

/// clubSandwich's CR1, CR1S and CR1p with their naive t tests.
fn club_sandwich(ols: bool) -> Vec<Program> {
    let rule = |k: KFactor, g: GFactor, t: TDf| Rule { k, effects: EffectsInK::Full, df: Shared::Exact, g, t };
    let naive = "its naive t test, by default it has Satterthwaite degrees of freedom";
    let one = |name: &str, ssc: Option<&str>, rule: Rule| Program {
        name: format!("R clubSandwich {name}"),
        ssc: ssc.map(str::to_owned),
        rule,
        ways: 1,
        remedy: Remedy::Nothing,
        note: Some(naive),
    };
    let groups = TDf::Groups;
    let written = "custom(k = n-1, effects = full, df = exact, g = each, t = g)";
    vec![
        one("CR1", Some("custom(k = none, g = each, t = g)"), rule(KFactor::None, GFactor::Each, groups)),
        one("CR1S", Some(if ols { "stata" } else { written }), rule(KFactor::NMinusOne, GFactor::Each, groups)),
        one("CR1p", None, rule(KFactor::None, GFactor::LessK, groups)),
    ]
}
