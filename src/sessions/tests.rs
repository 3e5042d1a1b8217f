//! Types of Parquet and Arrow columns; here because only this module may name polars.

use polars::prelude::*;

use super::*;
use crate::table::ColumnData;

/// Writes a frame as Parquet and Arrow and loads both.
fn reload(frame: &mut DataFrame, names: &[&str]) -> Vec<Result<Table, LoadError>> {
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("t.parquet");
    ParquetWriter::new(std::fs::File::create(&parquet).unwrap()).with_row_group_size(Some(2)).finish(frame).unwrap();
    let arrow = folder.path().join("t.arrow");
    IpcWriter::new(std::fs::File::create(&arrow).unwrap()).finish(frame).unwrap();
    let load_one = |path: std::path::PathBuf| {
        let request = LoadRequest::new(path.display().to_string());
        load(&if names.is_empty() { request } else { request.with_names(names.to_vec()) })
    };
    vec![load_one(parquet), load_one(arrow)]
}

fn column(name: &str, series: impl IntoSeries) -> polars::prelude::Column {
    series.into_series().with_name(name.into()).into_column()
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    let column = table.get(name).unwrap_or_else(|| panic!("{name}"));
    (0..table.n_rows()).map(|row| column.text(row).unwrap_or_else(|| "-".into())).collect()
}

#[test]
fn every_type_is_read() {
    let ints = Int64Chunked::from_iter([Some(1), None, Some(-3)]);
    let cast = |dtype: &DataType| ints.clone().into_series().abs_for_test().cast(dtype).unwrap();
    let labels = StringChunked::from_iter([Some("b"), None, Some("a")]).into_series();
    let categories = Categories::new("t".into(), "t".into(), CategoricalPhysical::U16);
    let mut columns: Vec<polars::prelude::Column> = Vec::new();
    for dtype in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal(10, 2),
    ] {
        columns.push(cast(&dtype).with_name(dtype.to_string().into()).into_column());
    }
    let count = columns.len();
    columns.push(column("bool", BooleanChunked::from_iter([Some(true), None, Some(false)])));
    columns.push(labels.clone().with_name("text".into()).into_column());
    let categorical = labels.cast(&DataType::from_categories(categories)).unwrap();
    columns.push(categorical.with_name("categorical".into()).into_column());
    let days = Int32Chunked::from_iter([Some(20_364), None, Some(0)]).into_series().cast(&DataType::Date).unwrap();
    columns.push(days.with_name("date".into()).into_column());
    let stamps = Int64Chunked::from_iter([Some(1_759_492_800_123_456), None, Some(0)]).into_series();
    let stamps = stamps.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
    columns.push(stamps.with_name("timestamp".into()).into_column());
    columns.push(Series::new_null("nothing".into(), 3).into_column());
    let mut frame = DataFrame::new(3, columns).unwrap();
    let numbers: Vec<String> = frame.get_column_names()[..count].iter().map(|name| name.to_string()).collect();

    for table in reload(&mut frame, &[]) {
        let table = table.unwrap();
        for name in &numbers {
            assert_eq!(texts(&table, name), ["1", "-", "3"], "{name}");
        }
        assert_eq!(texts(&table, "bool"), ["1", "-", "0"]);
        for name in ["text", "categorical"] {
            assert_eq!(texts(&table, name), ["b", "-", "a"], "{name}");
            let ColumnData::Factor(factor) = &table.get(name).unwrap().data else { panic!("{name}") };
            assert_eq!(factor.levels, ["a", "b"]);
        }
        assert_eq!(texts(&table, "date"), ["2025-10-03", "-", "1970-01-01"]);
        assert_eq!(texts(&table, "timestamp"), ["2025-10-03T12:00:00", "-", "1970-01-01T00:00:00"]);
        assert_eq!(texts(&table, "nothing"), ["-", "-", "-"]);
    }
    for table in reload(&mut frame, &["month"]) {
        assert_eq!(texts(&table.unwrap(), "month"), ["2025-10", "-", "1970-01"]);
    }
}

/// Absolute values, so that unsigned types hold them.
trait AbsForTest {
    fn abs_for_test(&self) -> Series;
}

impl AbsForTest for Series {
    fn abs_for_test(&self) -> Series {
        self.i64().unwrap().iter().map(|value| value.map(i64::abs)).collect::<Int64Chunked>().into_series()
    }
}

#[test]
fn large_integers_stay_apart_even_if_small_ones_came_first() {
    let ids = Int64Chunked::from_iter([Some(7), None, Some((1 << 53) + 1), Some(1 << 53)]);
    let mut frame = DataFrame::new(4, vec![column("id", ids)]).unwrap();
    for table in reload(&mut frame, &[]) {
        assert_eq!(texts(&table.unwrap(), "id"), ["7", "-", "9007199254740993", "9007199254740992"]);
    }
}

#[test]
fn numbers_meet_the_codebook() {
    let mut frame = DataFrame::new(
        3,
        vec![
            column("expertise", Int32Chunked::from_iter([Some(1), None, Some(5)])),
            column("user_id", Int32Chunked::from_iter([Some(10), Some(9), Some(10)])),
            column("success_signal", Float64Chunked::from_iter([Some(0.0), None, Some(5.0)])),
        ],
    )
    .unwrap();
    for table in reload(&mut frame, &[]) {
        let table = table.unwrap();
        let levels = |name: &str| table.get(name).unwrap().to_factor().levels;
        assert_eq!(levels("expertise"), ["1", "2", "3", "4", "5"]);
        assert_eq!(levels("user_id"), ["9", "10"]);
        assert_eq!(texts(&table, "success_signal"), ["0", "-", "5"]);
    }
    let mut frame = DataFrame::new(3, vec![column("expertise", Int32Chunked::from_iter([1, 2, 6].map(Some)))]).unwrap();
    for table in reload(&mut frame, &[]) {
        let error = table.unwrap_err().to_string();
        assert!(error.contains("row 3, column `expertise`: `6` is not a level of expertise: 1, 2, 3, 4, 5"), "{error}");
    }
}

#[test]
fn infinite_numbers_are_refused_with_their_row() {
    let values = Float64Chunked::from_iter([Some(1.0), None, Some(f64::NAN), Some(f64::NEG_INFINITY)]);
    let mut frame = DataFrame::new(4, vec![column("x", values)]).unwrap();
    for table in reload(&mut frame, &[]) {
        let error = table.unwrap_err().to_string();
        assert!(error.ends_with("row 4, column `x`: `-inf` is not a finite number"), "{error}");
    }
}

#[test]
fn a_type_that_cannot_be_used_matters_only_if_it_is_needed() {
    let lists = ListChunked::from_iter([Series::new("".into(), [1, 2]), Series::new("".into(), [3])].map(Some));
    let x = Float64Chunked::from_iter([Some(1.0), Some(2.0)]);
    let mut frame = DataFrame::new(2, vec![column("list", lists), column("x", x)]).unwrap();
    for table in reload(&mut frame, &["x"]) {
        assert_eq!(texts(&table.unwrap(), "x"), ["1", "2"]);
    }
    for table in reload(&mut frame, &["list"]) {
        let error = table.unwrap_err().to_string();
        assert!(error.ends_with("column `list` is of type list, which cannot be used"), "{error}");
    }
}
