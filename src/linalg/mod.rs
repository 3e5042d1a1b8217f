//! Dense algebra of the sizes a regression needs: `k x k`, row-major.

pub mod blocks;
pub mod cholesky;
pub mod double_double;

pub use cholesky::Cholesky;
