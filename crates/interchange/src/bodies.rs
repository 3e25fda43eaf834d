//! Bodies in other tools' files: in base64, or still compressed.

use std::io::{self, Read};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Decompresses the bodies of a file, up to a total size: a small file can contain very large bodies.
pub(super) struct Decompressor {
    limit: usize,
    left: usize,
}

/// Decompresses up to a number of bytes.
type Decoder = fn(&[u8], usize) -> io::Result<Vec<u8>>;

/// By the names in `content-encoding`. In HTTP, `deflate` means zlib, but some servers send raw deflate.
const DECODERS: [(&str, Decoder); 5] = [
    ("gzip", |bytes, most| up_to(most, MultiGzDecoder::new(bytes))),
    ("x-gzip", |bytes, most| up_to(most, MultiGzDecoder::new(bytes))),
    ("deflate", |bytes, most| up_to(most, ZlibDecoder::new(bytes))),
    ("deflate", |bytes, most| up_to(most, DeflateDecoder::new(bytes))),
    ("br", |bytes, most| up_to(most, brotli_decompressor::Decompressor::new(bytes, 4096))),
];

impl Decompressor {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    /// Decompresses a body as its `content-encoding` says. Most tools save the decompressed body with the original
    /// headers; such a body is returned unchanged. An `Err` is the reason why it cannot be decompressed.
    pub(super) fn decompress(&mut self, codings: &str, body: Vec<u8>) -> Result<Vec<u8>, String> {
        let codings: Vec<String> = codings
            .split(',')
            .map(|coding| coding.trim().to_ascii_lowercase())
            .filter(|coding| !matches!(coding.as_str(), "" | "identity"))
            .collect();
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        if codings.is_empty() || body.is_empty() || is_json() {
            return Ok(body);
        }
        let mut decompressed = body.clone();
        // The last coding was applied last.
        for coding in codings.iter().rev() {
            match self.decode(coding, &decompressed) {
                Ok(bytes) => decompressed = bytes,
                Err(DecodeError::TooLarge) => {
                    let limit = self.limit;
                    return Err(format!(
                        "is too large: the decompressed bodies of the file have more than {limit} bytes"
                    ));
                }
                Err(DecodeError::Invalid(_)) if std::str::from_utf8(&body).is_ok() => {
                    return Ok(body);
                }
                Err(DecodeError::Invalid(reason)) => {
                    return Err(format!("cannot be decompressed as `{coding}`: {reason}"));
                }
            }
        }
        Ok(decompressed)
    }

    fn decode(&mut self, coding: &str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut reason = "this compression is not supported".to_owned();
        for (_, decoder) in DECODERS.iter().filter(|(name, _)| *name == coding) {
            match decoder(bytes, self.left) {
                Ok(bytes) if bytes.len() > self.left => return Err(DecodeError::TooLarge),
                Ok(bytes) => {
                    self.left -= bytes.len();
                    return Ok(bytes);
                }
                Err(error) => reason = error.to_string(),
            }
        }
        Err(DecodeError::Invalid(reason))
    }
}

enum DecodeError {
    TooLarge,
    Invalid(String),
}

/// Reads up to one byte more than the limit, so that the caller sees that there is more.
fn up_to(most: usize, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decodes base64 in either alphabet, with or without line breaks and padding.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let standard = |c: char| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    };
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).map(standard).collect();
    ENGINE.decode(plain).map_err(|error| {
        format!("is not valid base64: {}", error.to_string().trim_end_matches('.'))
    })
}
