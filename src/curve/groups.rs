//! Random groups of clusters: influence summed by group keeps what joint statements need, in little memory.
//!
//! Clusters are independent, so sums over disjoint sets of them are too. The covariance of two estimates from J groups,
//! sum_j Phi_j(a) Phi_j(b), has the same expectation as that from clusters, and a relative error of its root of about
//! 1/sqrt(2J) (the random-group estimator; Wolter 2007, ch. 2). With no more clusters than groups it is exact.

use crate::resampling::philox::philox;

/// Which group each cluster of the table belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    of_cluster: Vec<u32>,
    count: usize,
}

impl Groups {
    /// At most `most` groups of the clusters `0..clusters` of a table; the same for every run.
    pub fn new(clusters: usize, most: usize) -> Self {
        if clusters <= most {
            return Groups { of_cluster: (0..clusters as u32).collect(), count: clusters };
        }
        let group = |cluster: usize| philox(0, [cluster as u32, 0, 0, 0])[0] % most as u32;
        Groups { of_cluster: (0..clusters).map(group).collect(), count: most }
    }

    /// Number of groups.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether every group is one cluster.
    pub fn are_clusters(&self) -> bool {
        self.count == self.of_cluster.len()
    }

    /// Group of a cluster, by the table's number of it.
    pub fn of(&self, cluster: usize) -> usize {
        self.of_cluster[cluster] as usize
    }

    /// Most groups for a curve of this size: their sums stay below a quarter of a gigabyte.
    pub fn most(specifications: usize, numbers: usize) -> usize {
        const BYTES: usize = 256 << 20;
        (BYTES / (8 * specifications.max(1) * numbers.max(1))).clamp(512, 4096)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_clusters_while_they_are_few_and_even_after() {
        let few = Groups::new(10, 512);
        assert!(few.are_clusters() && few.count() == 10 && few.of(7) == 7);
        let many = Groups::new(100_000, 500);
        assert!(!many.are_clusters());
        let mut sizes = vec![0; many.count()];
        (0..100_000).for_each(|cluster| sizes[many.of(cluster)] += 1);
        // 200 each, give or take six standard deviations
        assert!(sizes.iter().all(|&size| (115..285).contains(&size)), "{sizes:?}");
    }
}
