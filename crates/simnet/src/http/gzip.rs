//! Gzip of texts of which some parts were compressed before.
//!
//! A deflate stream (RFC 1951) may be put together of parts if each ends at a byte, none but the last is final, and
//! none refers to what came before it. The checksum of the whole follows from those of the parts, so that a large
//! result within a small answer is compressed once, however often it is sent. The client gets one ordinary archive
//! (RFC 1952) of one member.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, write::GzEncoder};

/// The header of an archive: deflate, no flags, no time, no hints, of an unknown system.
const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// How a part ends that is flushed: with a stored block that is empty and not the last.
const FLUSHED: &[u8] = &[0, 0, 0xff, 0xff];
/// The last block of a deflate stream, stored and empty.
const LAST: &[u8] = &[1, 0, 0, 0xff, 0xff];
/// Parts up to this length are stored: what compressing them would save is not worth a compressor.
const STORED: usize = 1_024;

/// A text as a part of a deflate stream.
#[derive(Debug)]
pub(crate) struct Deflated {
    stream: Bytes,
    checksum: Crc,
}

/// An archive under construction.
#[derive(Debug)]
pub(super) struct Archive {
    chunks: Vec<Bytes>,
    checksum: Crc,
}

/// An archive of one text; `None` if compression failed, in which case the plain bytes are as good.
pub(super) fn compress(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

// === impl Deflated ===

impl Deflated {
    /// Compresses a text; `None` if that failed.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        // In one call and with room for whatever comes of it: a compressor that has output left when it is flushed
        // hands that out, and does not flush.
        let mut stream = Vec::with_capacity((text.len() + text.len() / 8).saturating_add(1_024));
        let mut compressor = Compress::new(Compression::fast(), false);
        // Ends the part at a byte, and does not end the stream.
        compressor.compress_vec(text, &mut stream, FlushCompress::Sync).ok()?;
        let whole = usize::try_from(compressor.total_in()) == Ok(text.len()) && stream.ends_with(FLUSHED);
        stream.shrink_to_fit();
        whole.then(|| Self { stream: stream.into(), checksum: checksum(text) })
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> usize {
        self.stream.len()
    }
}

// === impl Archive ===

impl Archive {
    pub(super) fn new() -> Self {
        Self { chunks: vec![Bytes::from_static(HEADER)], checksum: Crc::new() }
    }

    /// Adds a part that was compressed before.
    pub(super) fn add(&mut self, part: &Deflated) {
        self.chunks.push(part.stream.clone());
        self.checksum.combine(&part.checksum);
    }

    /// Adds a text; `None` if it cannot be compressed.
    pub(super) fn add_text(&mut self, text: &[u8]) -> Option<()> {
        match u16::try_from(text.len()) {
            Ok(length) if text.len() <= STORED => {
                // A stored block that is not the last: its length, the complement of that, and the text itself.
                let (length, complement) = (length.to_le_bytes(), (!length).to_le_bytes());
                self.chunks.push([&[0][..], &length, &complement, text].concat().into());
                self.checksum.combine(&checksum(text));
            }
            Ok(_) | Err(_) => self.add(&Deflated::of(text)?),
        }
        Some(())
    }

    /// The whole of it.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        let (sum, length) = (self.checksum.sum().to_le_bytes(), self.checksum.amount().to_le_bytes());
        self.chunks.push([LAST, &sum, &length].concat().into());
        self.chunks
    }
}

fn checksum(text: &[u8]) -> Crc {
    let mut checksum = Crc::new();
    checksum.update(text);
    checksum
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    /// What an archive holds, read as one member with nothing after it.
    fn read(archive: Archive) -> Vec<u8> {
        let (bytes, mut text) = (archive.finish().concat(), Vec::new());
        let mut decoder = GzDecoder::new(bytes.as_slice());
        decoder.read_to_end(&mut text).unwrap();
        assert!(decoder.into_inner().is_empty());
        text
    }

    #[test]
    fn an_archive_of_parts_holds_their_texts() {
        assert_eq!(read(Archive::new()), b"");
        // Equal parts would tempt a compressor to refer to the first one.
        let long = b"a result that says the same, ".repeat(5_000);
        let part = Deflated::of(&long).unwrap();
        assert!(part.size() < long.len() / 20);
        for short in [0, 1, STORED, STORED + 1, 100_000] {
            let short = vec![b'x'; short];
            let mut archive = Archive::new();
            archive.add_text(&short).unwrap();
            archive.add(&part);
            archive.add(&part);
            archive.add_text(&short).unwrap();
            assert!(read(archive) == [&short[..], &long, &long, &short].concat(), "{}", short.len());
        }
    }

    #[test]
    fn a_part_is_flushed_wherever_it_ends() {
        // Some 130 kB of this fill a block of the compressor, which has output left just after that.
        let (mut chance, mut text) = (fastrand::Rng::with_seed(1), Vec::new());
        while text.len() < 140_000 {
            text.extend_from_slice(
                br#"{"meta":{"err":null,"fee":5000,"logMessages":["Program Vote1111111111"#,
            );
            text.extend_from_slice(br#"11111111111111111111111111111 success"]},"transaction":[""#);
            text.extend((0..120).map(|_| u8::try_from(chance.alphanumeric()).unwrap()));
            text.extend_from_slice(br#"","base64"],"version":"legacy"},"#);
        }
        for length in (100_000..140_000).step_by(200) {
            let text = &text[..length];
            let mut archive = Archive::new();
            archive.add(&Deflated::of(text).unwrap());
            archive.add_text(b"the end").unwrap();
            assert!(read(archive) == [text, b"the end"].concat(), "{length}");
        }
    }

    #[test]
    fn chance_has_no_part_that_cannot_be_joined() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut chance = fastrand::Rng::with_seed(seed);
        for round in 0..60 {
            // Longer than any buffer on the way, now and then.
            let longest = if round % 6 == 0 { 1_500_000 } else { 5_000 };
            let (mut archive, mut expected) = (Archive::new(), Vec::new());
            for _ in 0..chance.usize(1..6) {
                let alphabet = chance.u8(1..=255);
                let text: Vec<u8> = (0..chance.usize(..longest)).map(|_| chance.u8(..alphabet)).collect();
                if chance.bool() {
                    archive.add(&Deflated::of(&text).unwrap());
                } else {
                    archive.add_text(&text).unwrap();
                }
                expected.extend(text);
            }
            assert!(read(archive) == expected);
        }
    }
}
