//! Days and ticks since 1970 to dates as text.

/// Units of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TicksPerSecond(pub(super) i64);

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Year, month and day of a day number (0 is 1970-01-01), in the proleptic Gregorian calendar.
///
/// Source: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(day: i64) -> (i64, u32, u32) {
    let shifted = day + 719_468; // days since 0000-03-01
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `2025-10-03`
pub(super) fn day_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2025-10-03T12:00:00`; parts of a second are cut off.
pub(super) fn time_text(ticks: i64, unit: TicksPerSecond) -> String {
    let seconds = ticks.div_euclid(unit.0);
    let in_day = seconds.rem_euclid(DAY);
    let day = day_text(seconds.div_euclid(DAY));
    format!("{day}T{:02}:{:02}:{:02}", in_day / 3600, in_day / 60 % 60, in_day % 60)
}

/// Day number of a timestamp.
pub(super) fn day_of(ticks: i64, unit: TicksPerSecond) -> i64 {
    ticks.div_euclid(unit.0 * DAY)
}

/// `2025-10`
pub(super) fn month_text(day: i64) -> String {
    let (year, month, _) = civil(day);
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        assert_eq!(day_text(0), "1970-01-01");
        assert_eq!(day_text(-1), "1969-12-31");
        assert_eq!(day_text(19_782), "2024-02-29");
        assert_eq!(day_text(20_364), "2025-10-03");
        assert_eq!(month_text(20_364), "2025-10");
    }

    #[test]
    fn known_times() {
        let milli = TicksPerSecond(1000);
        assert_eq!(time_text(1_759_492_800_123, milli), "2025-10-03T12:00:00");
        assert_eq!(time_text(-1, milli), "1969-12-31T23:59:59");
        assert_eq!(day_of(-1, milli), -1);
    }
}
