//! Types of Parquet and Arrow columns that can be used. Others are refused by name before polars meets them.

use polars::datatypes::ArrowDataType;

use super::error::LoadError;

/// An error if a column of this type cannot be used.
pub(super) fn refuse_type(file: &str, column: &str, dtype: Option<&ArrowDataType>) -> Result<(), LoadError> {
    match dtype {
        Some(dtype) if !is_usable(dtype) => {
            Err(LoadError::UnsupportedType { file: file.to_owned(), column: column.to_owned(), found: describe(dtype) })
        }
        _ => Ok(()),
    }
}

fn is_usable(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as T;
    match dtype {
        T::Null
        | T::Boolean
        | T::Int8
        | T::Int16
        | T::Int32
        | T::Int64
        | T::UInt8
        | T::UInt16
        | T::UInt32
        | T::UInt64
        | T::Float32
        | T::Float64
        | T::Timestamp(..)
        | T::Date32
        | T::Date64
        | T::Duration(_)
        | T::Utf8
        | T::LargeUtf8
        | T::Utf8View
        | T::Decimal(..) => true,
        T::Dictionary(_, values, _) => matches!(**values, T::Utf8 | T::LargeUtf8 | T::Utf8View),
        _ => false,
    }
}

/// The type in the words of its users.
fn describe(dtype: &ArrowDataType) -> String {
    use ArrowDataType as T;
    match dtype {
        T::List(_) | T::LargeList(_) | T::FixedSizeList(..) => String::from("list"),
        T::Struct(_) => String::from("struct"),
        T::Map(..) => String::from("map"),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => String::from("binary"),
        T::Time32(_) | T::Time64(_) => String::from("time of day"),
        T::Dictionary(..) => String::from("dictionary of something other than text"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_binary_types_are_refused_by_name() {
        assert!(refuse_type("f", "c", Some(&ArrowDataType::Utf8View)).is_ok());
        let error = refuse_type("f", "c", Some(&ArrowDataType::LargeBinary)).unwrap_err();
        assert_eq!(error.to_string(), "f: column `c` is of type binary, which cannot be used");
    }
}
