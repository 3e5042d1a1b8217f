//! Labels that want to stand at given heights and must not touch.

/// Heights nearest to `wanted`, in the sense of least squares, at which labels of these heights do not overlap and
/// stay within `low..high`; all are centres, and larger is further down.
///
/// Labels keep the order of `wanted` (ties: that of the arguments). With `o_i` the room above label i in that
/// order, non-overlap says that `centre_i - o_i` must not fall, so the answer is the isotonic regression of
/// `wanted_i - o_i`, by pooling adjacent violators, and then cut to the range. If the range is too small for all
/// labels they start at `low` and run over its end.
pub fn spread(wanted: &[f64], heights: &[f64], low: f64, high: f64) -> Vec<f64> {
    assert_eq!(wanted.len(), heights.len(), "one height per label");
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut offsets = Vec::with_capacity(order.len());
    let mut used = 0.0;
    for &label in &order {
        offsets.push(used + heights[label] / 2.0);
        used += heights[label];
    }
    let targets: Vec<f64> = order.iter().zip(&offsets).map(|(&label, offset)| wanted[label] - offset).collect();
    let room = (high - used).max(low);
    let mut centres = vec![0.0; wanted.len()];
    for ((&label, offset), start) in order.iter().zip(&offsets).zip(isotonic(&targets)) {
        centres[label] = start.clamp(low, room) + offset;
    }
    centres
}

/// The non-decreasing sequence nearest to `values` in least squares.
fn isotonic(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new(); // (mean, members)
    for &value in values {
        let mut pool = (value, 1);
        while let Some(&(mean, members)) = pools.last() {
            if mean <= pool.0 {
                break;
            }
            pools.pop();
            let total = members + pool.1;
            pool = ((mean * members as f64 + pool.0 * pool.1 as f64) / total as f64, total);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(mean, members)| std::iter::repeat_n(mean, members)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaps(centres: &[f64], heights: &[f64]) -> bool {
        (0..centres.len())
            .any(|a| (0..a).any(|b| (centres[a] - centres[b]).abs() < (heights[a] + heights[b]) / 2.0 - 1e-9))
    }

    #[test]
    fn labels_that_do_not_touch_stay_where_they_are() {
        assert_eq!(spread(&[50.0, 10.0], &[10.0, 10.0], 0.0, 100.0), [50.0, 10.0]);
    }

    #[test]
    fn touching_labels_share_the_move() {
        assert_eq!(spread(&[50.0, 52.0], &[10.0, 10.0], 0.0, 100.0), [46.0, 56.0]);
    }

    #[test]
    fn labels_stay_in_the_range_and_never_overlap() {
        let heights = [12.0, 24.0, 12.0, 12.0];
        for wanted in [[0.0, 0.0, 0.0, 0.0], [99.0, 98.0, 100.0, 40.0], [5.0, 50.0, 51.0, 49.0]] {
            let centres = spread(&wanted, &heights, 0.0, 100.0);
            assert!(!overlaps(&centres, &heights), "{centres:?}");
            for (centre, height) in centres.iter().zip(heights) {
                assert!(*centre >= height / 2.0 - 1e-9 && *centre <= 100.0 - height / 2.0 + 1e-9, "{centres:?}");
            }
        }
    }

    #[test]
    fn too_many_labels_still_do_not_overlap() {
        let centres = spread(&[1.0; 5], &[30.0; 5], 0.0, 100.0);
        assert!(!overlaps(&centres, &[30.0; 5]));
    }
}
