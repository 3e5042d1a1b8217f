//! How near a number of ours must be to count as close to the published one, and why.
//!
//! The published sessions are not public, so ours are simulated and no tolerance can be zero except for counts that
//! the simulation fixes.

/// Adjusted rates of Table A2: one binomial standard error of the smallest level (Novice, 5,911 sessions at 14%, .0046)
/// and the rounding to .001.
pub const TABLE_A2_RATE: f64 = 0.006;

/// Coefficients of Table A2: about one and a half of their printed standard error, .007.
pub const TABLE_A2_COEFFICIENT: f64 = 0.010;

/// Standard errors of Table A2, printed to .001.
pub const TABLE_A2_STD_ERROR: f64 = 0.001;

/// Ends of Figure 5, read as whole percent: half a percent of rounding and a percent of sampling error in the small
/// troubled Novice cells.
pub const FIGURE_5_RATE: f64 = 0.015;

/// Slope of column 1 of Table A1, the one that the published level counts and rates determine: a little over one
/// standard error, .0008.
pub const TABLE_A1_FIRST_SLOPE: f64 = 0.001;

/// Slopes of columns 2 to 6 of Table A1: they depend on how controls and expertise go together, which is unpublished.
pub const TABLE_A1_SLOPE: f64 = 0.003;

/// Standard errors of Table A1: two units of the last printed digit.
pub const TABLE_A1_STD_ERROR: f64 = 0.0002;

/// R2 of Table A1, printed to .001.
pub const R_SQUARED: f64 = 0.01;

/// Sessions and cells of columns 4 to 6 of Table A1, as a share: they depend on an unpublished minimum of users per cell.
pub const SUPPRESSED_COUNT_SHARE: f64 = 0.05;

/// Shares of the sample frame, stated as about this much.
pub const FRAME_SHARE: f64 = 0.01;

/// Slack for the last bits of a difference of two decimal numbers.
pub const LAST_BITS: f64 = 1e-9;
