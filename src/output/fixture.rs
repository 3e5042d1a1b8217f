//! A small run for the tests: an OLS fit with rates and a logit fit without, numbers made up but plausible.

use crate::result::*;

/// Five-level expertise in an OLS with absorbed cells, and a logit with a dropped term.
pub(crate) fn sample_run() -> Run {
    Run {
        fits: vec![ols_fit(), logit_fit()],
        data_note: Some(String::from("simulated sessions, not the report's")),
        sources: vec![String::from("sessions.parquet")],
        timings: vec![(String::from("read"), 0.25), (String::from("fit"), 0.125)],
    }
}

fn estimate(term: &str, estimate: f64, std_error: f64) -> Estimate {
    Estimate {
        term: term.to_owned(),
        estimate,
        std_error,
        statistic: estimate / std_error,
        p_value: (-(estimate / std_error).abs()).exp(),
        conf_low: estimate - 1.96 * std_error,
        conf_high: estimate + 1.96 * std_error,
    }
}

fn ols_fit() -> ModelFit {
    let coefficients = vec![
        estimate("expertise::2", 0.064_123_456_789_012_34, 0.007_1),
        estimate("expertise::3", 0.138_2, 0.007_012_345_678_901_23),
        estimate("expertise::4", 0.150_3, 0.006_9),
        estimate("expertise::5", 0.184_4, 0.007_3),
    ];
    let mut vcov = vec![0.000_02; 16];
    for (position, row) in coefficients.iter().enumerate() {
        vcov[5 * position] = row.std_error * row.std_error;
    }
    ModelFit {
        spec_id: String::from("table_a2"),
        model: String::from("(5)"),
        outcome: String::from("verified_success"),
        sample: String::from("all"),
        family: Family::Ols,
        formula: String::from("verified_success ~ i(expertise) | work_mode^value_band^month"),
        coefficients,
        vcov,
        dropped_terms: Vec::new(),
        separations: Vec::new(),
        vcov_kind: VcovKind::Cr1,
        clusters: vec![ClusterInfo { name: String::from("user"), count: 1_204 }],
        small_sample: SmallSample {
            convention: String::from("fixest"),
            n: 1_960,
            k: 92,
            k_factor: 1_959.0 / 1_868.0,
            g_factor: 1_204.0 / 1_203.0,
            factor: 1_959.0 / 1_868.0 * 1_204.0 / 1_203.0,
            terms: vec![TermFactor {
                name: String::from("user"),
                sign: 1.0,
                groups: 1_204,
                g_factor: 1_204.0 / 1_203.0,
                factor: 1_959.0 / 1_868.0 * 1_204.0 / 1_203.0,
            }],
        },
        reference: Reference::StudentT(1_203.0),
        df: None,
        conf_level: 0.95,
        weights: None,
        effects: vec![EffectInfo {
            name: String::from("work_mode^value_band^month"),
            levels: 88,
            counted: 88,
            nested_in: None,
            redundant: Some(0),
        }],
        absorbed_rank: Some(AbsorbedRank { rank: 88, exact: true, counted: 88, in_k: false }),
        rates: Some(rates()),
        flow: Flow {
            rows_read: 2_200,
            dropped: vec![
                FlowStep { reason: String::from("no clear goal"), rows: 170 },
                FlowStep { reason: String::from("missing expertise"), rows: 66 },
                FlowStep { reason: String::from("singleton"), rows: 4 },
            ],
            rows_used: 1_960,
            users: 1_204,
            cells: 88,
        },
        overlap: Some(Overlap {
            cells: 92,
            rows_in_singleton_cells: 4,
            rows_in_two_level_cells: 1_950,
            rows_in_all_level_cells: 1_321,
            target_rows: 1_964,
            negative_weight_share: 0.012,
            negative_weight_sum: -0.003,
            largest_cluster_share: 0.006,
            rows_separated: 0,
            parameters_per_row: 92.0 / 1_960.0,
            warnings: vec![String::from("67% of target rows lie in cells with every level (rule of thumb: 80%)")],
        }),
        fit: FitStats {
            r2: 0.0881,
            adj_r2: 0.045,
            within_r2: 0.0123,
            pseudo_r2: f64::NAN,
            sigma: 0.4312,
            f_statistic: f64::NAN,
            log_likelihood: -1_130.25,
            deviance: 347.5,
            mean_outcome: 0.2751,
            iterations: 0,
            residual: 1e-15,
        },
        r2_steps: Vec::new(),
        penalty: None,
        diagnostics: Vec::new(),
        warnings: Vec::new(),
    }
}

fn rates() -> Rates {
    let level = |level: &str, label: &str, estimate: f64, std_error: f64, n_obs: usize, raw_rate: f64| RateRow {
        level: level.to_owned(),
        label: label.to_owned(),
        estimate,
        std_error,
        conf_low: estimate - 1.9 * std_error,
        conf_high: estimate + 2.0 * std_error,
        n_obs,
        n_clusters: n_obs - n_obs / 9,
        raw_rate,
        effective_n: n_obs as f64 * 0.875,
        note: None,
    };
    let contrast = |contrast: &str, kind, estimate: f64, std_error: f64| ContrastRow {
        contrast: contrast.to_owned(),
        kind,
        estimate,
        std_error,
        statistic: estimate / std_error,
        p_value: 0.000_01,
        conf_low: estimate - 1.96 * std_error,
        conf_high: estimate + 1.96 * std_error,
    };
    let mut levels = vec![
        level("1", "Novice", 0.144_99, 0.0071, 33, 0.132),
        level("2", "Beginner", 0.209_1, 0.0016, 404, 0.209),
        level("3", "Intermediate", 0.283_2, 0.0015, 528, 0.28),
        level("4", "Advanced", 0.295_3, 0.0012, 801, 0.293),
        level("5", "Expert", 0.329_4, 0.0026, 198, 0.347),
    ];
    levels[0].note = Some(String::from("fewer than 50 rows"));
    Rates {
        target: None,
        factor: String::from("expertise"),
        reference_level: String::from("1"),
        composition: Composition::Sampled,
        scale: "logit",
        target_rows: 1_964,
        vcov: (0..25).map(|at| if at % 6 == 0 { 5e-6 } else { 1e-7 }).collect(),
        levels,
        contrasts: vec![
            contrast("5 - 1", ContrastKind::Reference, 0.184_4, 0.0073),
            contrast("2 - 1", ContrastKind::Adjacent, 0.064_1, 0.0071),
            contrast("5 / 1", ContrastKind::Ratio, 2.272, 0.05),
            contrast("5 / 1", ContrastKind::OddsRatio, 2.897, 0.06),
        ],
    }
}

fn logit_fit() -> ModelFit {
    ModelFit {
        spec_id: String::from("fit"),
        model: String::from("logit"),
        family: Family::Logit,
        formula: String::from("verified_success ~ expertise + log(prompts) | work_mode"),
        coefficients: vec![estimate("expertise", 0.2101, 0.0512)],
        vcov: vec![0.0512 * 0.0512],
        dropped_terms: vec![DroppedTerm {
            term: String::from("log(prompts)"),
            reason: String::from("collinear with the terms before it"),
        }],
        separations: Vec::new(),
        clusters: vec![ClusterInfo { name: String::from("user"), count: 1_180 }],
        reference: Reference::Normal,
        effects: vec![EffectInfo {
            name: String::from("work_mode"),
            levels: 8,
            counted: 8,
            nested_in: None,
            redundant: Some(0),
        }],
        absorbed_rank: Some(AbsorbedRank { rank: 8, exact: true, counted: 8, in_k: false }),
        rates: None,
        overlap: None,
        flow: Flow {
            rows_read: 2_200,
            dropped: vec![
                FlowStep { reason: String::from("no clear goal"), rows: 170 },
                FlowStep { reason: String::from("separated cell"), rows: 110 },
            ],
            rows_used: 1_920,
            users: 1_180,
            cells: 8,
        },
        fit: FitStats {
            r2: f64::NAN,
            adj_r2: f64::NAN,
            within_r2: f64::NAN,
            pseudo_r2: 0.0345,
            sigma: f64::NAN,
            f_statistic: f64::NAN,
            log_likelihood: -1_101.5,
            deviance: 2_203.0,
            mean_outcome: 0.2833,
            iterations: 5,
            residual: 1e-12,
        },
        r2_steps: Vec::new(),
        penalty: None,
        diagnostics: Vec::new(),
        warnings: vec![String::from("1 cell of `work_mode` predicts the outcome perfectly (110 rows)")],
        ..ols_fit()
    }
}
