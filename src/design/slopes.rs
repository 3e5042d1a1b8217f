//! Slopes by level as columns: one for every level of an effect, with the variable's value in the cells of that level.
//!
//! Next to an intercept of the level the variable is centred within the level, and in any case divided by its root mean
//! square there: the span is the same, and the columns are as long as they have information. A level in which the variable
//! does not vary (next to an intercept) or is zero gets a column of zeros, which the solver leaves out.

/// Deviation within a level, relative to its largest value, that is rounding.
const ROUNDING: f64 = 1e-13;

/// Values of one slope variable by cell, centred (if the levels have intercepts) and scaled within levels.
///
/// `level`, `values` and `weight` have one entry per cell.
pub fn by_level(level: &[u32], n_levels: usize, values: &[f64], weight: &[f64], has_constant: bool) -> Vec<f64> {
    let mut first = vec![f64::NAN; n_levels];
    let mut sums = vec![(0.0, 0.0); n_levels];
    let mut largest = vec![0.0f64; n_levels];
    for ((&l, &value), &w) in level.iter().zip(values).zip(weight) {
        let l = l as usize;
        if first[l].is_nan() {
            first[l] = value;
        }
        sums[l].0 += w;
        sums[l].1 += w * (value - first[l]);
        largest[l] = largest[l].max(value.abs());
    }
    let centre = |l: usize| if has_constant && sums[l].0 > 0.0 { first[l] + sums[l].1 / sums[l].0 } else { 0.0 };
    let centres: Vec<f64> = (0..n_levels).map(centre).collect();
    let mut squares = vec![0.0; n_levels];
    for ((&l, &value), &w) in level.iter().zip(values).zip(weight) {
        squares[l as usize] += w * (value - centres[l as usize]).powi(2);
    }
    let inverse: Vec<f64> = (0..n_levels)
        .map(|l| {
            let size = (squares[l] / sums[l].0).sqrt();
            if size > ROUNDING * largest[l] { 1.0 / size } else { 0.0 }
        })
        .collect();
    level.iter().zip(values).map(|(&l, value)| (value - centres[l as usize]) * inverse[l as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::by_level;

    #[test]
    fn levels_are_centred_and_scaled() {
        let level = [0, 0, 1, 1, 2];
        let values = [1.0, 3.0, 0.1, 0.1, 5.0];
        assert_eq!(by_level(&level, 4, &values, &[1.0; 5], true), [-1.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(by_level(&[0, 0, 1], 2, &[3.0, 3.0, 0.0], &[2.0; 3], false), [1.0, 1.0, 0.0]);
    }
}
