//! Which slopes by level can be absorbed on cells; huge effects with slopes go to [`super::rowwise`].

use super::{FitError, Options};
use crate::absorb::{DENSE_LIMIT, Method};
use crate::design::Sample;
use crate::design::layout::Layout;

/// Refuses slopes that cannot be absorbed as asked for.
///
/// # Errors
/// [`FitError::Slopes`].
pub fn check(sample: &Sample, options: &Options, layout: &Layout) -> Result<(), FitError> {
    let Some(effect) = sample.effects.iter().find(|effect| !effect.slopes.is_empty()) else { return Ok(()) };
    let columns = layout.n_effect_columns;
    let reason = match options.method {
        _ if options.bias_correction => String::from("have no bias correction"),
        Method::Auto if columns > DENSE_LIMIT => {
            format!("and the other effects have {columns} columns beside the largest effect, more than {DENSE_LIMIT}")
        }
        Method::Auto | Method::Cells => return Ok(()),
        Method::Schur | Method::Cg | Method::Map => String::from("cannot be absorbed by the method asked for"),
    };
    Err(FitError::Slopes { effect: effect.name.clone(), reason })
}
