//! Zstandard frames that hold their contents uncompressed, which every decoder reads (RFC 8878, section 3.1.1).

/// Bytes of a block at most (128 KiB).
const BLOCK: usize = 1 << 17;
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Frame header descriptor: one segment, and its size in eight bytes.
const DESCRIPTOR: u8 = 0b1110_0000;

/// A frame of these bytes.
pub(super) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = MAGIC.to_vec();
    frame.push(DESCRIPTOR);
    frame.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    let mut blocks = bytes.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        frame.extend(header(0, true));
    }
    while let Some(block) = blocks.next() {
        frame.extend(header(block.len(), blocks.peek().is_none()));
        frame.extend(block);
    }
    frame
}

/// The three bytes before a raw block: last-block bit, type 0 in two bits, size.
fn header(size: usize, last: bool) -> [u8; 3] {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let [first, second, third, _] = (size.wrapping_shl(3) | u32::from(last)).to_le_bytes();
    [first, second, third]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_its_size_and_holds_raw_blocks() {
        let prefix = [0x28, 0xB5, 0x2F, 0xFD, 0xE0];
        assert_eq!(frame(b""), [&prefix[..], &0_u64.to_le_bytes(), &[1, 0, 0]].concat());
        assert_eq!(frame(b"hello"), [&prefix[..], &5_u64.to_le_bytes(), &[41, 0, 0], b"hello"].concat());
        let large = vec![7; BLOCK + 1];
        let framed = frame(&large);
        assert_eq!(framed.get(13..16), Some(&[0, 0, 16][..]), "a full block that is not the last");
        assert_eq!(framed.len(), 13 + 3 + BLOCK + 3 + 1);
    }
}
