use std::{
    io::{self, Write},
    time::Duration,
};

use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

/// How a body may be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most bytes after decompression.
    pub(super) bytes: u64,
    /// Longest time without anything arriving.
    pub(super) stall: Duration,
}

/// A whole body.
#[derive(Debug)]
pub(super) struct Body {
    /// Decompressed.
    pub(super) bytes: Vec<u8>,
    /// Bytes as they travelled.
    pub(super) wire: u64,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    Stalled,
    TooLarge,
    Lost(hyper::Error),
    /// What arrived is not the gzip it claims to be.
    Garbled,
}

/// Collects decompressed bytes up to a bound.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    overflowed: bool,
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

/// Reads a body to its end, decompressing as it arrives, so that neither a huge nor a slow one costs more than its
/// bounds.
///
/// `progress` hears how many decompressed bytes there are so far.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    bounds: Bounds,
    mut progress: impl FnMut(usize),
) -> Result<Body, Unread> {
    let mut sink = Sink::new(headers, bounds.bytes);
    let mut wire = 0_u64;
    loop {
        let frame = timeout(bounds.stall, body.frame()).await.map_err(|_| Unread::Stalled)?;
        let Some(frame) = frame else { break };
        // Frames other than data are trailers, which say nothing here.
        if let Ok(data) = frame.map_err(Unread::Lost)?.into_data() {
            wire = wire.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            sink.write(&data)?;
            progress(sink.bounded().bytes.len());
        }
    }
    Ok(Body { bytes: sink.finish()?, wire })
}

// === impl Sink ===

impl Sink {
    fn new(headers: &HeaderMap, limit: u64) -> Self {
        let bounded = Bounded { bytes: Vec::new(), limit, overflowed: false };
        match headers.get(header::CONTENT_ENCODING) {
            Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"gzip") => {
                Self::Gzip(Box::new(MultiGzDecoder::new(bounded)))
            }
            Some(_) | None => Self::Plain(bounded),
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<(), Unread> {
        let written = match self {
            Self::Plain(bounded) => bounded.write_all(data),
            Self::Gzip(decoder) => decoder.write_all(data),
        };
        written.map_err(|_| self.failure())
    }

    fn finish(mut self) -> Result<Vec<u8>, Unread> {
        if let Self::Gzip(decoder) = &mut self
            && decoder.try_finish().is_err()
        {
            return Err(self.failure());
        }
        Ok(match self {
            Self::Plain(bounded) => bounded.bytes,
            Self::Gzip(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes),
        })
    }

    fn bounded(&self) -> &Bounded {
        match self {
            Self::Plain(bounded) => bounded,
            Self::Gzip(decoder) => decoder.get_ref(),
        }
    }

    fn failure(&self) -> Unread {
        if self.bounded().overflowed { Unread::TooLarge } else { Unread::Garbled }
    }
}

// === impl Bounded ===

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let size = u64::try_from(self.bytes.len().saturating_add(data.len())).unwrap_or(u64::MAX);
        if size > self.limit {
            self.overflowed = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn pass(encoding: Option<&'static str>, chunks: &[&[u8]], limit: u64) -> Result<Vec<u8>, Unread> {
        let mut headers = HeaderMap::new();
        headers
            .extend(encoding.map(|encoding| (header::CONTENT_ENCODING, HeaderValue::from_static(encoding))));
        let mut sink = Sink::new(&headers, limit);
        for chunk in chunks {
            sink.write(chunk)?;
        }
        sink.finish()
    }

    #[test]
    fn gzip_is_undone_however_it_is_cut() {
        let packed = gzip(b"some text, some text, some text");
        let chunks: Vec<&[u8]> = packed.chunks(1).collect();
        assert_eq!(pass(Some("gzip"), &chunks, 31).unwrap(), b"some text, some text, some text");
        assert_eq!(pass(None, &[b"ab", b"c"], 3).unwrap(), b"abc");
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let packed = gzip(&vec![0; 10_000_000]);
        assert!(packed.len() < 20_000);
        assert!(matches!(pass(Some("gzip"), &[&packed], 1_000_000), Err(Unread::TooLarge)));
        assert!(matches!(pass(None, &[b"abc", b"d"], 3), Err(Unread::TooLarge)));
    }

    #[test]
    fn what_is_no_gzip_or_only_half_of_it_is_garbled() {
        let packed = gzip(b"some text");
        for wrong in [b"plain text".as_slice(), packed.split_at(packed.len() / 2).0] {
            assert!(matches!(pass(Some("gzip"), &[wrong], 100), Err(Unread::Garbled)));
        }
    }
}
