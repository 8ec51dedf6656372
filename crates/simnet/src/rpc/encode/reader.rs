//! Reads little-endian fields off the front of bytes.

use serde_json::Value;
use solana_address::Address;

/// What is left to read. Every method is `None` when it is not enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }

    /// A byte that is 0 or 1.
    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn address(&mut self) -> Option<Address> {
        self.take().map(Address::new_from_array)
    }

    /// An address, or zeros where there is none.
    pub(super) fn nonzero(&mut self) -> Option<Option<Address>> {
        self.address().map(|address| (address != Address::default()).then_some(address))
    }

    /// A byte that says whether an address follows.
    pub(super) fn tagged(&mut self) -> Option<Option<Address>> {
        if self.flag()? { self.address().map(Some) } else { Some(None) }
    }

    /// Four bytes that say whether the address that follows counts.
    pub(super) fn padded(&mut self) -> Option<Option<Address>> {
        let tag = self.u32()?;
        let address = self.address()?;
        match tag {
            0 => Some(None),
            1 => Some(Some(address)),
            _ => None,
        }
    }

    /// Text behind a length of four bytes.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u32()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    /// Text behind a length of eight bytes.
    pub(super) fn long_text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u64()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    /// That everything was read.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// An address as JSON.
pub(super) fn text(address: Address) -> Value {
    Value::String(address.to_string())
}

/// An address as JSON, or null.
pub(super) fn text_or_null(address: Option<Address>) -> Value {
    address.map_or(Value::Null, text)
}
