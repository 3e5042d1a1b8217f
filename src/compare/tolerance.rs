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

/// Shares of kinds of work and of codebase contexts, printed as whole percent: half a percent of rounding and the same
/// again for users who differ from draw to draw.
pub const SHARE: f64 = 0.01;

/// Shares and means of Figure 2, read off a picture or stated as about this much.
pub const READ_FROM_IMAGE: f64 = 0.03;

/// Geometric means, means and medians per prompt, as a share of the published number: they are printed with two
/// digits, and which sessions and zeros count is unpublished.
pub const PER_PROMPT_SHARE: f64 = 0.15;

/// Shares of sessions with very many actions, as a share of the published number: they depend on the far tail of a
/// distribution of which little is published.
pub const TAIL_SHARE: f64 = 0.5;

/// Adjusted effects per level in Figure 3, printed as whole percent, under controls whose form is unpublished.
pub const RELATIVE_EFFECT: f64 = 0.02;

/// Shares of a month, printed as whole percent, of a seventh of the sessions.
pub const MONTHLY_SHARE: f64 = 0.015;

/// Changes of the task value since the first month: which mean is meant is unpublished, and the mean of a heavy tail in
/// the first month has a standard error of about two percent.
pub const VALUE_CHANGE: f64 = 0.06;

/// Rates of Figure 6 and section 4.2, printed as whole percent; the smallest of the ten groups has a standard error of
/// about a percent.
pub const OCCUPATION_RATE: f64 = 0.025;

/// Shares of Figure A1, printed as whole percent; the smallest signal has few sessions.
pub const SIGNAL_SHARE: f64 = 0.02;
