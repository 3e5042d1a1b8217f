//! Moments of 0/1 outcomes given their sum in a stratum.
//!
//! With w_i = exp(x_i'b), the n rows of a stratum with m ones have the conditional likelihood
//! prod_{y_i = 1} w_i / e_m(w), e_m the sum of the products of all choices of m rows, and E[y_i | m] and Cov(y_i, y_j | m) are its
//! derivatives. e_m follows by a recursion over rows (Gail, Lubin and Rubinstein 1981). Here it runs on probabilities:
//! p_i = l w_i / (1 + l w_i), with l such that they sum to m, leave the conditional distribution unchanged, and the
//! recursion for P(k, j) = P(j ones among the first k rows) never overflows, whatever the size of the stratum:
//! log e_m = log P(n, m) + sum_i log(1 + l w_i) - m log l. Forward and backward tables give every E[y_i | m] as a sum of
//! positive terms, in n m operations.

/// Largest table of a stratum, rows x ones: beyond it memory, not time, is short.
pub const LARGEST: usize = 20_000_000;

/// Rows of one pattern of the regressors in a stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pattern {
    /// Linear predictor x'b.
    pub eta: f64,
    /// Rows.
    pub rows: usize,
}

/// What a stratum adds to likelihood, score and information.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// log e_m.
    pub log_sum: f64,
    /// E[y | m] of a row of each pattern.
    pub mean: Vec<f64>,
    /// Cov(y, V_a | m) of a row of each pattern, patterns x columns, with V_a = sum over rows of their value of column a.
    pub covariance: Vec<f64>,
}

/// Moments of a stratum with `ones` ones; `values` are the columns of each pattern, patterns x `p`.
///
/// Strata of zeros or ones alone have no such distribution: `0 < ones < rows`.
pub fn moments(patterns: &[Pattern], ones: usize, values: &[f64], p: usize) -> Moments {
    let n: usize = patterns.iter().map(|pattern| pattern.rows).sum();
    // the rarer outcome is counted: its table is smaller
    let flip = 2 * ones > n;
    let m = if flip { n - ones } else { ones };
    let sign = if flip { -1.0 } else { 1.0 };
    let log_odds = tilt(patterns, m, sign);
    let probability: Vec<f64> =
        patterns.iter().map(|pattern| 1.0 / (1.0 + (-(sign * pattern.eta + log_odds)).exp())).collect();
    let of_row: Vec<usize> =
        patterns.iter().enumerate().flat_map(|(c, pattern)| std::iter::repeat_n(c, pattern.rows)).collect();
    let width = m + 1;
    // backward: Q(k, j) = P(m - j ones among rows k..n)
    let mut backward = vec![0.0; (n + 1) * width];
    backward[n * width + m] = 1.0;
    for k in (0..n).rev() {
        let q = probability[of_row[k]];
        for j in 0..width {
            let stay = (1.0 - q) * backward[(k + 1) * width + j];
            let step = if j < m { q * backward[(k + 1) * width + j + 1] } else { 0.0 };
            backward[k * width + j] = stay + step;
        }
    }
    let total = backward[0];
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let log_sum = total.ln() + patterns.iter().map(|c| c.rows as f64 * softplus(sign * c.eta + log_odds)).sum::<f64>()
        - m as f64 * log_odds;
    // all choices of the others: e_{n-m} of 1/w is e_m of w over the product of all w
    let all: f64 = patterns.iter().map(|c| c.rows as f64 * c.eta).sum();
    let log_sum = if flip { log_sum + all } else { log_sum };

    let mut mean = vec![0.0; patterns.len()];
    let mut forward = vec![0.0; width];
    forward[0] = 1.0;
    for k in 0..n {
        let c = of_row[k];
        if k == 0 || of_row[k - 1] != c {
            let joint: f64 = (0..m).map(|j| forward[j] * backward[(k + 1) * width + j + 1]).sum();
            mean[c] = probability[c] * joint / total;
        }
        advance(&mut forward, probability[c]);
    }
    let mut covariance = vec![0.0; patterns.len() * p];
    for a in 0..p {
        column_covariance(&of_row, &probability, &backward, m, &mean, patterns, values, (a, p), &mut covariance);
    }
    if flip {
        mean.iter_mut().for_each(|mean| *mean = 1.0 - *mean);
    }
    Moments { log_sum, mean, covariance }
}

/// P(k + 1, .) from P(k, .).
fn advance(forward: &mut [f64], q: f64) {
    for j in (0..forward.len()).rev() {
        let step = if j > 0 { q * forward[j - 1] } else { 0.0 };
        forward[j] = (1.0 - q) * forward[j] + step;
    }
}

/// Cov(y, V | m) for one column: tables of E[V; j ones] beside those of the probabilities.
///
/// V is a sum over ones with values centred at their conditional mean: as the number of ones is fixed, a constant in the
/// values changes nothing, and little cancels.
#[allow(clippy::too_many_arguments)]
fn column_covariance(
    of_row: &[usize],
    probability: &[f64],
    backward: &[f64],
    m: usize,
    mean: &[f64],
    patterns: &[Pattern],
    values: &[f64],
    (a, p): (usize, usize),
    covariance: &mut [f64],
) {
    let (n, width) = (of_row.len(), m + 1);
    let weighted = patterns.iter().zip(mean).enumerate();
    let centre: f64 =
        weighted.map(|(c, (pattern, mean))| pattern.rows as f64 * mean * values[c * p + a]).sum::<f64>() / m as f64;
    let value = |c: usize| values[c * p + a] - centre;
    let mut after = vec![0.0; (n + 1) * width];
    for k in (0..n).rev() {
        let (q, v) = (probability[of_row[k]], value(of_row[k]));
        for j in 0..width {
            let stay = (1.0 - q) * after[(k + 1) * width + j];
            let step =
                if j < m { q * (after[(k + 1) * width + j + 1] + v * backward[(k + 1) * width + j + 1]) } else { 0.0 };
            after[k * width + j] = stay + step;
        }
    }
    let total = backward[0];
    let expected = after[0] / total;
    let (mut forward, mut before) = (vec![0.0; width], vec![0.0; width]);
    forward[0] = 1.0;
    for k in 0..n {
        let c = of_row[k];
        let (q, v) = (probability[c], value(c));
        if k == 0 || of_row[k - 1] != c {
            let joint: f64 = (0..m)
                .map(|j| {
                    let at = (k + 1) * width + j + 1;
                    (before[j] + v * forward[j]) * backward[at] + forward[j] * after[at]
                })
                .sum();
            covariance[c * p + a] = q * joint / total - mean[c] * expected;
        }
        for j in (0..width).rev() {
            let step = if j > 0 { q * (before[j - 1] + v * forward[j - 1]) } else { 0.0 };
            before[j] = (1.0 - q) * before[j] + step;
        }
        advance(&mut forward, q);
    }
}

/// log l with sum_i l w_i / (1 + l w_i) = m, by bisection and Newton's method.
fn tilt(patterns: &[Pattern], m: usize, sign: f64) -> f64 {
    let sums = |log_odds: f64| {
        patterns.iter().fold((0.0, 0.0), |(sum, slope), pattern| {
            let q = 1.0 / (1.0 + (-(sign * pattern.eta + log_odds)).exp());
            (sum + pattern.rows as f64 * q, slope + pattern.rows as f64 * q * (1.0 - q))
        })
    };
    let n: f64 = patterns.iter().map(|pattern| pattern.rows as f64).sum();
    let share = (m as f64 / (n - m as f64)).ln();
    let etas = || patterns.iter().map(|pattern| sign * pattern.eta);
    let mut low = share - etas().fold(f64::NEG_INFINITY, f64::max);
    let mut high = share - etas().fold(f64::INFINITY, f64::min);
    let mut at = 0.5 * (low + high);
    for _ in 0..100 {
        let (sum, slope) = sums(at);
        let gap = sum - m as f64;
        if gap.abs() < 1e-8 * m as f64 {
            break; // any l will do; this one is near enough to keep numbers of order one
        }
        if gap > 0.0 {
            high = at
        } else {
            low = at
        }
        let newton = at - gap / slope;
        at = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over all choices of `ones` rows.
    fn enumerate(eta: &[f64], ones: usize, x: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let n = eta.len();
        let (mut total, mut first, mut value, mut cross) = (0.0, vec![0.0; n], 0.0, vec![0.0; n]);
        for set in (0u32..1 << n).filter(|set| set.count_ones() as usize == ones) {
            let of = |i: usize| f64::from(set >> i & 1);
            let weight = (0..n).map(|i| of(i) * eta[i]).sum::<f64>().exp();
            let v: f64 = (0..n).map(|i| of(i) * x[i]).sum();
            total += weight;
            value += weight * v;
            for i in 0..n {
                first[i] += weight * of(i);
                cross[i] += weight * of(i) * v;
            }
        }
        let mean: Vec<f64> = first.iter().map(|sum| sum / total).collect();
        let covariance = (0..n).map(|i| cross[i] / total - mean[i] * value / total).collect();
        (total.ln(), mean, covariance)
    }

    #[test]
    fn moments_equal_those_of_all_choices() {
        let eta = [0.3, -1.2, 2.5, 0.3, 0.9, -4.0, 0.3, 7.0];
        let x = [1.0, 2.0, 0.5, 1.0, -1.0, 3.0, 1.0, 4.0];
        for ones in 1..8 {
            let (log_sum, mean, covariance) = enumerate(&eta, ones, &x);
            let alone: Vec<Pattern> = eta.iter().map(|&eta| Pattern { eta, rows: 1 }).collect();
            let found = moments(&alone, ones, &x, 1);
            assert!((found.log_sum - log_sum).abs() < 1e-12, "{ones}");
            for i in 0..8 {
                assert!((found.mean[i] - mean[i]).abs() < 1e-13, "{ones} {i}");
                assert!((found.covariance[i] - covariance[i]).abs() < 1e-12, "{ones} {i}");
            }
            // rows of one pattern together
            let compressed: Vec<Pattern> = [(0, 3), (1, 1), (2, 1), (4, 1), (5, 1), (7, 1)]
                .iter()
                .map(|&(i, rows): &(usize, usize)| Pattern { eta: eta[i], rows })
                .collect();
            let values = [x[0], x[1], x[2], x[4], x[5], x[7]];
            let together = moments(&compressed, ones, &values, 1);
            assert!((together.log_sum - log_sum).abs() < 1e-12);
            assert!((together.mean[0] - mean[0]).abs() < 1e-13 && (together.mean[5] - mean[7]).abs() < 1e-13);
        }
    }

    #[test]
    fn large_strata_do_not_overflow() {
        // without regressors: ln C(4000, 1900), and every mean is the share
        let found = moments(&[Pattern { eta: 1.5, rows: 4000 }], 1900, &[1.0], 1);
        let expected = libm::lgamma(4001.0) - libm::lgamma(1901.0) - libm::lgamma(2101.0) + 1900.0 * 1.5;
        assert!((found.log_sum / expected - 1.0).abs() < 1e-12);
        assert!((found.mean[0] - 0.475).abs() < 1e-12 && found.covariance[0].abs() < 1e-9);
    }
}
