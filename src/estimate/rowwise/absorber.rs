//! The kernel that a design needs: with slopes by level, or without.

use super::design::Design;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::kernel::varying::{Sloped, Varying};
use crate::absorb::kernel::{Kernel, Report};
use crate::absorb::{Method, NotConverged};
use std::borrow::Cow;

/// Absorbs the effects of a design.
#[derive(Debug)]
pub enum Absorber<'a> {
    /// No effect has slopes.
    Plain(Box<Kernel<'a>>),
    /// Some have.
    Varying(Box<Varying<'a>>),
}

impl<'a> Absorber<'a> {
    /// Prepares the absorption of a design with its own weights; `effects` names them in messages.
    pub fn new(design: &Design<'a>, method: Method, effects: &str) -> Self {
        let weight = design.weight.clone();
        if !design.sample.has_slopes() {
            return Absorber::Plain(Box::new(Kernel::new(design.incidence.clone(), weight, method, effects)));
        }
        let others = (0..design.sample.effects.len()).filter(|&e| e != design.eliminated);
        let others = others.map(|e| sloped(design, e)).collect();
        Absorber::Varying(Box::new(Varying::new(sloped(design, design.eliminated), others, weight, effects)))
    }

    /// Replaces every column by its residual on the effects; see [`Kernel::absorb`].
    ///
    /// # Errors
    /// [`NotConverged`] naming the effects.
    pub fn absorb(&self, columns: &mut Columns, raw: &[f64], tolerance: f64) -> Result<Report, NotConverged> {
        match self {
            Absorber::Plain(kernel) => kernel.absorb(columns, raw, tolerance, None),
            Absorber::Varying(varying) => varying.absorb(columns, raw, tolerance, None),
        }
    }

    /// Changes the weights.
    pub fn set_weights(&mut self, weight: Option<Cow<'a, [f64]>>) {
        match self {
            Absorber::Plain(kernel) => kernel.set_weights(weight),
            Absorber::Varying(varying) => varying.set_weights(weight),
        }
    }

    /// Weight of a row.
    #[inline]
    pub fn weight(&self, row: usize) -> f64 {
        match self {
            Absorber::Plain(kernel) => kernel.weight(row),
            Absorber::Varying(varying) => varying.weight(row),
        }
    }
}

/// An effect on the rows of a design.
fn sloped<'a>(design: &Design<'a>, e: usize) -> Sloped<'a> {
    let effect = &design.sample.effects[e];
    let slopes = effect.slopes.iter().map(|slope| gather(design, &slope.values)).collect();
    Sloped { codes: gather(design, &effect.codes), n_levels: effect.n_levels, constant: effect.constant, slopes }
}

/// A column of the sample on the rows of a design.
pub fn gather<'a, T: Copy>(design: &Design<'a>, values: &'a [T]) -> Cow<'a, [T]> {
    match design.is_whole() {
        true => Cow::Borrowed(values),
        false => Cow::Owned((0..design.n).map(|i| values[design.row(i)]).collect()),
    }
}
