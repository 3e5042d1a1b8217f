//! SHA-256 of files, texts and JSON.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Read;

/// The hash as 64 hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash of a file and its size in bytes.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(path: &std::path::Path) -> std::io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0u8; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut block)? {
            0 => return Ok((hex(&hasher.finalize()), bytes)),
            read => {
                hasher.update(&block[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// The hash of a JSON value's canonical text.
pub fn of_json(value: &Value) -> String {
    let mut text = String::new();
    canonical(&mut text, value);
    of_bytes(text.as_bytes())
}

/// Lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}

/// A number as the 16 hexadecimal digits of its 64 bits, highest first; minus zero is zero.
pub fn bits(value: f64) -> String {
    format!("{:016x}", (value + 0.0).to_bits())
}

/// The canonical text of a JSON value: no white space, keys sorted by code point, whole numbers as they are, numbers
/// with a fraction or an exponent as `f` and [`bits`], texts with only quotes, backslashes and control characters escaped.
fn canonical(text: &mut String, value: &Value) {
    let separated = |text: &mut String, at: usize| {
        if at > 0 {
            text.push(',');
        }
    };
    match value {
        Value::Number(number) if number.is_f64() => {
            text.push('f');
            text.push_str(&bits(number.as_f64().unwrap_or(f64::NAN)));
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                separated(text, at);
                canonical(text, item);
            }
            text.push(']');
        }
        Value::Object(entries) => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort();
            text.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                separated(text, at);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(text, &entries[key]);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn known_hashes() {
        // FIPS 180-4, the examples of SHA-256
        assert_eq!(of_bytes(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(of_bytes(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), (of_bytes(b"abc"), 3));
    }

    #[test]
    fn canonical_text_has_sorted_keys_and_the_bits_of_numbers() {
        let mut text = String::new();
        canonical(&mut text, &json!({"b": [1, 1.5, -0.0, null, true], "a": {"z": "q\"é"}}));
        assert_eq!(text, r#"{"a":{"z":"q\"é"},"b":[1,f3ff8000000000000,f0000000000000000,null,true]}"#);
    }
}
