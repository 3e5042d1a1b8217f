//! One column while it is read: values of all ranges and files so far.

use polars::prelude::*;
use rustc_hash::FxHashMap;

use super::dates::{self, TicksPerSecond};
use super::interner::{Interner, hash_text};
use crate::expr::text::month_of;
use crate::table::MISSING;

/// What the values of a column are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The values.
    Values,
    /// Only the month of a timestamp.
    Month,
    /// Only to find values that occur twice.
    Duplicates,
}

/// How labels were stored, which decides what they may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A text file, where everything is text: may become numbers.
    Untyped,
    /// A column of text.
    Text,
    /// Dates and timestamps, written as text.
    Time,
    /// Integers that a floating-point number cannot hold.
    LargeInteger,
}

/// Values read so far.
#[derive(Debug)]
pub(super) enum Values {
    /// No value yet, only missing ones.
    Nothing,
    /// Numbers, `NaN` for missing.
    Numbers(Vec<f64>),
    /// Codes into distinct texts.
    Labels { codes: Vec<u32>, texts: Interner, origin: Origin },
    /// Hashes of the values, 0 for missing.
    Hashes(Vec<u64>),
}

/// A value that cannot be read, with its place in the piece that was pushed.
#[derive(Debug)]
pub(super) enum Fault {
    /// A number that is not finite.
    Infinite { row: usize, value: f64 },
    /// Values of another type than before.
    Types { found: &'static str, expected: &'static str },
    /// A type that is not supported.
    Unsupported(String),
    /// polars could not convert.
    Engine(String),
}

impl From<PolarsError> for Fault {
    fn from(error: PolarsError) -> Self {
        Fault::Engine(error.to_string())
    }
}

/// Largest integer up to which every integer is a floating-point number.
const LARGEST_EXACT: u64 = 1 << 53;

/// One column while it is read.
#[derive(Debug)]
pub(super) struct Accumulator {
    /// Name in the files.
    pub(super) column: String,
    /// What it is read for.
    pub(super) purpose: Purpose,
    /// The values so far.
    pub(super) values: Values,
    /// Number of rows so far.
    pub(super) rows: usize,
}

impl Accumulator {
    pub(super) fn new(column: impl Into<String>, purpose: Purpose) -> Self {
        Accumulator { column: column.into(), purpose, values: Values::Nothing, rows: 0 }
    }

    /// Adds the next rows. `untyped` says that they come from a text file.
    pub(super) fn push(&mut self, series: &Series, untyped: bool) -> Result<(), Fault> {
        if self.purpose == Purpose::Duplicates && !matches!(series.dtype(), DataType::String | DataType::Null) {
            // as text, one id is one id whatever the type in each file
            return self.push(&series.cast(&DataType::String)?, untyped);
        }
        match series.dtype() {
            DataType::Null => self.push_missing(series.len()),
            DataType::Boolean => {
                let values = series.bool()?;
                self.numbers()?.extend(values.iter().map(|v| v.map_or(f64::NAN, |v| f64::from(u8::from(v)))));
            }
            DataType::String => {
                self.push_texts(series.str()?, if untyped { Origin::Untyped } else { Origin::Text })?;
            }
            DataType::Categorical(..) | DataType::Enum(..) => {
                let texts = series.cast(&DataType::String)?;
                self.push_texts(texts.str()?, Origin::Text)?;
            }
            DataType::Date => {
                let physical = series.cast(&DataType::Int32)?;
                let days = physical.i32()?.iter().map(|day| day.map(i64::from));
                self.push_days(days, dates::day_text)?;
            }
            DataType::Datetime(unit, _) => self.push_times(series, *unit)?,
            DataType::Duration(unit) => {
                let ticks = series.cast(&DataType::Int64)?;
                let per_second = ticks_per_second(*unit).0 as f64;
                let seconds =
                    ticks.i64()?.iter().map(|ticks| ticks.map_or(f64::NAN, |ticks| ticks as f64 / per_second));
                self.numbers()?.extend(seconds);
            }
            DataType::Int64 => {
                let values = series.i64()?;
                if values.iter().flatten().all(|value| value.unsigned_abs() <= LARGEST_EXACT) {
                    self.push_numbers(values)?;
                } else {
                    self.push_large(values.iter())?;
                }
            }
            DataType::UInt64 => {
                let values = series.u64()?;
                if values.iter().flatten().all(|value| value <= LARGEST_EXACT) {
                    self.push_numbers(values)?;
                } else {
                    self.push_large(values.iter())?;
                }
            }
            DataType::Int8 => self.push_numbers(series.i8()?)?,
            DataType::Int16 => self.push_numbers(series.i16()?)?,
            DataType::Int32 => self.push_numbers(series.i32()?)?,
            DataType::UInt8 => self.push_numbers(series.u8()?)?,
            DataType::UInt16 => self.push_numbers(series.u16()?)?,
            DataType::UInt32 => self.push_numbers(series.u32()?)?,
            DataType::Float32 => self.push_floats(series.f32()?)?,
            DataType::Float64 => self.push_floats(series.f64()?)?,
            DataType::Decimal(..) => self.push_floats(series.cast(&DataType::Float64)?.f64()?)?,
            other => return Err(Fault::Unsupported(other.to_string())),
        }
        self.rows += series.len();
        Ok(())
    }

    fn push_missing(&mut self, count: usize) {
        match &mut self.values {
            Values::Nothing => {}
            Values::Numbers(numbers) => numbers.resize(numbers.len() + count, f64::NAN),
            Values::Labels { codes, .. } => codes.resize(codes.len() + count, MISSING),
            Values::Hashes(hashes) => hashes.resize(hashes.len() + count, 0),
        }
    }

    /// The numbers so far, to be extended.
    fn numbers(&mut self) -> Result<&mut Vec<f64>, Fault> {
        if let Values::Nothing = self.values {
            self.values = Values::Numbers(vec![f64::NAN; self.rows]);
        }
        match &mut self.values {
            Values::Numbers(numbers) => Ok(numbers),
            _ => Err(Fault::Types { found: "numbers", expected: "text" }),
        }
    }

    /// The labels so far, to be extended.
    fn labels(&mut self, wanted: Origin) -> Result<(&mut Vec<u32>, &mut Interner), Fault> {
        if let Values::Nothing = self.values {
            let codes = vec![MISSING; self.rows];
            self.values = Values::Labels { codes, texts: Interner::default(), origin: wanted };
        }
        match &mut self.values {
            Values::Labels { codes, texts, origin } if *origin == wanted => Ok((codes, texts)),
            Values::Labels { origin: Origin::Time, .. } => Err(Fault::Types { found: "text", expected: "dates" }),
            Values::Labels { .. } if wanted == Origin::Time => Err(Fault::Types { found: "dates", expected: "text" }),
            Values::Labels { .. } => Err(Fault::Types { found: "text", expected: "text of another kind" }),
            _ => Err(Fault::Types { found: "text", expected: "numbers" }),
        }
    }

    fn hashes(&mut self) -> &mut Vec<u64> {
        if !matches!(self.values, Values::Hashes(_)) {
            self.values = Values::Hashes(vec![0; self.rows]);
        }
        match &mut self.values {
            Values::Hashes(hashes) => hashes,
            _ => unreachable!("set above"),
        }
    }

    fn push_numbers<T>(&mut self, values: &ChunkedArray<T>) -> Result<(), Fault>
    where
        T: PolarsNumericType,
        T::Native: Copy + std::fmt::Display + num_to_f64::ToF64,
    {
        use num_to_f64::ToF64;
        if matches!(self.values, Values::Labels { origin: Origin::LargeInteger, .. }) {
            return self.push_large(values.iter());
        }
        let numbers = self.numbers()?;
        numbers.reserve(values.len());
        for chunk in values.downcast_iter() {
            if chunk.validity().is_none() {
                numbers.extend(chunk.values().iter().map(|value| value.to_f64()));
            } else {
                numbers.extend(chunk.iter().map(|value| value.map_or(f64::NAN, |value| value.to_f64())));
            }
        }
        Ok(())
    }

    fn push_floats<T>(&mut self, values: &ChunkedArray<T>) -> Result<(), Fault>
    where
        T: PolarsNumericType,
        T::Native: Copy + std::fmt::Display + num_to_f64::ToF64,
    {
        use num_to_f64::ToF64;
        let infinite = |value: &Option<T::Native>| value.is_some_and(|value| value.to_f64().is_infinite());
        if let Some((row, value)) = values.iter().enumerate().find(|(_, value)| infinite(value)) {
            return Err(Fault::Infinite { row, value: value.map_or(f64::NAN, |value| value.to_f64()) });
        }
        self.push_numbers(values)
    }

    /// Integers that do not fit a floating-point number stay apart as labels: as numbers, two ids could become one.
    fn push_large<V: std::fmt::Display>(&mut self, values: impl Iterator<Item = Option<V>>) -> Result<(), Fault> {
        if let Values::Numbers(numbers) = &self.values {
            let mut texts = Interner::default();
            let code = |v: &f64| if v.is_nan() { MISSING } else { texts.intern(&v.to_string()) };
            let codes = numbers.iter().map(code).collect();
            self.values = Values::Labels { codes, texts, origin: Origin::LargeInteger };
        }
        let (codes, texts) = self.labels(Origin::LargeInteger)?;
        codes.extend(values.map(|value| value.map_or(MISSING, |value| texts.intern(&value.to_string()))));
        Ok(())
    }

    fn push_times(&mut self, series: &Series, unit: TimeUnit) -> Result<(), Fault> {
        let physical = series.cast(&DataType::Int64)?;
        let ticks = physical.i64()?.iter();
        let per_second = ticks_per_second(unit);
        if self.purpose == Purpose::Month {
            let days = ticks.map(|ticks| ticks.map(|ticks| dates::day_of(ticks, per_second)));
            return self.push_days(days, dates::day_text);
        }
        let (codes, texts) = self.labels(Origin::Time)?;
        codes.extend(ticks.map(|t| t.map_or(MISSING, |t| texts.intern(&dates::time_text(t, per_second)))));
        Ok(())
    }

    fn push_days(&mut self, days: impl Iterator<Item = Option<i64>>, text: fn(i64) -> String) -> Result<(), Fault> {
        let text = if self.purpose == Purpose::Month { dates::month_text } else { text };
        let (codes, texts) = self.labels(Origin::Time)?;
        let mut last = (i64::MIN, MISSING);
        codes.extend(days.map(|day| match day {
            None => MISSING,
            Some(day) => {
                if day != last.0 {
                    last = (day, texts.intern(&text(day)));
                }
                last.1
            }
        }));
        Ok(())
    }

    fn push_texts(&mut self, values: &StringChunked, origin: Origin) -> Result<(), Fault> {
        match self.purpose {
            Purpose::Duplicates => {
                let hashes = self.hashes();
                hashes.extend(values.iter().map(|value| value.map_or(0, |value| hash_text(value) | 1)));
                return Ok(());
            }
            Purpose::Month => {
                let (codes, texts) = self.labels(origin)?;
                // the first eight bytes decide about the month, and few beginnings occur
                let mut known: FxHashMap<[u8; 8], u32> = FxHashMap::default();
                let mut code = |date: &str| {
                    let head: Option<[u8; 8]> = date.as_bytes().first_chunk().copied();
                    if let Some(code) = head.and_then(|head| known.get(&head)) {
                        return *code;
                    }
                    // what is no date stays as it is, so that `month` can name it
                    let Some(month) = month_of(date) else { return texts.intern(date) };
                    let code = texts.intern(&month);
                    if let Some(head) = head.filter(|head| head[0].is_ascii_digit()) {
                        known.insert(head, code);
                    }
                    code
                };
                codes.extend(values.iter().map(|value| value.map_or(MISSING, &mut code)));
                return Ok(());
            }
            Purpose::Values => {}
        }
        let (codes, texts) = self.labels(origin)?;
        codes.reserve(values.len());
        let all_valid = values.null_count() == 0;
        for chunk in values.downcast_iter() {
            let views = chunk.views();
            let mut recent = RecentViews::default();
            for row in 0..chunk.len() {
                if !all_valid && chunk.get(row).is_none() {
                    codes.push(MISSING);
                    continue;
                }
                let view = views[row].as_u128();
                let code = recent.get(view).unwrap_or_else(|| {
                    let code = texts.intern(chunk.value(row));
                    recent.set(view, code);
                    code
                });
                codes.push(code);
            }
        }
        Ok(())
    }
}

/// Codes of recent texts by their 16-byte view: within one chunk equal views are equal texts, so labels that come
/// back are recognised without reading them.
struct RecentViews {
    slots: Vec<(u128, u32)>,
}

impl Default for RecentViews {
    fn default() -> Self {
        const SLOTS: usize = 1024; // 32 kB: stays in the fastest cache
        RecentViews { slots: vec![(0, MISSING); SLOTS] }
    }
}

impl RecentViews {
    fn slot(&self, view: u128) -> usize {
        let mixed = ((view as u64) ^ ((view >> 64) as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 54) as usize
    }

    fn get(&self, view: u128) -> Option<u32> {
        let (known, code) = self.slots[self.slot(view)];
        (known == view && code != MISSING).then_some(code)
    }

    fn set(&mut self, view: u128, code: u32) {
        let slot = self.slot(view);
        self.slots[slot] = (view, code);
    }
}

fn ticks_per_second(unit: TimeUnit) -> TicksPerSecond {
    TicksPerSecond(match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1_000,
    })
}

/// Conversion of the number types of polars; integers are checked by the caller where they could be too large.
mod num_to_f64 {
    pub(super) trait ToF64 {
        fn to_f64(self) -> f64;
    }

    macro_rules! to_f64 {
        ($($number:ty),*) => {
            $(impl ToF64 for $number {
                fn to_f64(self) -> f64 {
                    self as f64
                }
            })*
        };
    }

    to_f64!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);
}
