//! Bodies as other tools keep them: base64, and still compressed as they travelled.

use std::io::{self, Read};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Unpacks the bodies of a file, up to a limit for all of them: a small file can hold very large ones.
pub(super) struct Unpacking {
    most: usize,
    left: usize,
}

/// How bytes were compressed.
type Decoder = fn(&[u8], usize) -> io::Result<Vec<u8>>;

/// By the names in `content-encoding`. What HTTP calls deflate is zlib, but not everybody knows.
const DECODERS: [(&str, Decoder); 5] = [
    ("gzip", |bytes, most| up_to(most, MultiGzDecoder::new(bytes))),
    ("x-gzip", |bytes, most| up_to(most, MultiGzDecoder::new(bytes))),
    ("deflate", |bytes, most| up_to(most, ZlibDecoder::new(bytes))),
    ("deflate", |bytes, most| up_to(most, DeflateDecoder::new(bytes))),
    ("br", |bytes, most| up_to(most, brotli_decompressor::Decompressor::new(bytes, 4096))),
];

impl Unpacking {
    pub(super) fn at_most(bytes: usize) -> Self {
        Self { most: bytes, left: bytes }
    }

    /// The body as it was meant, where the headers say how it was compressed. Most tools keep it unpacked
    /// and its headers unchanged. An `Err` says why it cannot be read.
    pub(super) fn unpack(&mut self, codings: &str, body: Vec<u8>) -> Result<Vec<u8>, String> {
        let codings: Vec<String> = codings
            .split(',')
            .map(|coding| coding.trim().to_ascii_lowercase())
            .filter(|coding| !matches!(coding.as_str(), "" | "identity"))
            .collect();
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        if codings.is_empty() || body.is_empty() || is_json() {
            return Ok(body);
        }
        let mut unpacked = body.clone();
        // The last was put on last.
        for coding in codings.iter().rev() {
            match self.by(coding, &unpacked) {
                Ok(bytes) => unpacked = bytes,
                Err(FaultKind::TooLarge) => {
                    let most = self.most;
                    return Err(format!(
                        "unpacked, the bodies are larger than {most} bytes in all"
                    ));
                }
                Err(FaultKind::Unreadable(_)) if std::str::from_utf8(&body).is_ok() => {
                    return Ok(body);
                }
                Err(FaultKind::Unreadable(why)) => {
                    return Err(format!("cannot be unpacked as `{coding}`: {why}"));
                }
            }
        }
        Ok(unpacked)
    }

    fn by(&mut self, coding: &str, bytes: &[u8]) -> Result<Vec<u8>, FaultKind> {
        let mut trouble = "this compression is not understood".to_owned();
        for (_, decoder) in DECODERS.iter().filter(|(name, _)| *name == coding) {
            match decoder(bytes, self.left) {
                Ok(unpacked) if unpacked.len() > self.left => return Err(FaultKind::TooLarge),
                Ok(unpacked) => {
                    self.left -= unpacked.len();
                    return Ok(unpacked);
                }
                Err(error) => trouble = error.to_string(),
            }
        }
        Err(FaultKind::Unreadable(trouble))
    }
}

enum FaultKind {
    TooLarge,
    Unreadable(String),
}

/// One byte more than the limit at most, so that its caller sees that there was more.
fn up_to(most: usize, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decodes base64 as anybody writes it: in lines or not, padded or not, in either alphabet.
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
    ENGINE
        .decode(plain)
        .map_err(|error| format!("no base64: {}", error.to_string().trim_end_matches('.')))
}
