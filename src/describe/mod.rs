//! Descriptive statistics of a table with errors clustered by user: shares, means, ratios, geometric means, quantiles,
//! their differences and trends, and which of them may be printed.
//!
//! Every statistic is a [`Number`]: a value and its influence summed by user,
//!
//! ```text
//! mean, share      phi_i = (y_i - theta) / n
//! ratio of sums    phi_i = (y_i - theta x_i) / sum x
//! geometric mean   phi_i = theta (ln y_i - m) / n,  m the mean of the logarithms
//! quantile         phi_i = -(1{y_i <= q} - F(q)) / (n f),  f such that the standard error is Woodruff's (1952)
//! ```
//!
//! and V(a, b) = sum_g phi_ga phi_gb, each phi_g with the factor sqrt(G / (G - 1)) of its own G users (Liang and Zeger
//! 1986 for a regression on a constant). Whatever is computed from numbers, a difference, a relative change, a slope
//! over groups, is a number too: influence follows by the delta method, so that users in several groups count as
//! what they are.
//!
//! Tests refer to Student's t with G - 1 degrees of freedom; where several groups are involved, G is the smallest.

mod compose;
mod interval;
mod number;
mod quantile;
mod sample;
mod statistic;
mod suppress;

pub use compose::{adjacent_steps, standardised, trend};
pub use interval::Scale;
pub use number::{Number, Test};
pub use quantile::{Quantile, quantile, quantile_of_mixture, quantile_of_sorted};
pub use sample::Sample;
pub use statistic::{geometric_mean, mean, mean_log, ratio, share};
pub use suppress::{Line, Suppression, determined, suppress};
