//! Dense algebra of the sizes a regression needs: `k x k`, row-major `f64`.

pub mod blocks;
pub mod cholesky;

pub use cholesky::Cholesky;
