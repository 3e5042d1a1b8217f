//! The long table as a CSV file: comma, dot, UTF-8, empty field for null, shortest exact numbers.

use crate::result::Run;

use super::long::long_table;

/// All estimates of a run as CSV.
pub fn render(run: &Run) -> String {
    long_table(run).to_csv()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;

    #[test]
    fn snapshot() {
        insta::assert_snapshot!(super::render(&sample_run()));
    }

    #[test]
    fn estimates_parse_back_to_the_same_bits() {
        let run = sample_run();
        let text = super::render(&run);
        for coefficient in &run.fits[0].coefficients {
            let line = text.lines().find(|line| line.contains(&format!(",coefficient,{},", coefficient.term))).unwrap();
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields[10].parse::<f64>().unwrap().to_bits(), coefficient.estimate.to_bits());
            assert_eq!(fields[11].parse::<f64>().unwrap().to_bits(), coefficient.std_error.to_bits());
        }
    }
}
