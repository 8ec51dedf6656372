//! One account, as a node stores it.

use solana_address::Address;

/// An account's state. An account without lamports does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Balance in lamports.
    pub lamports: u64,
    /// The data, as its owner laid it out.
    pub data: Vec<u8>,
    /// The program that alone may change the data and spend the lamports.
    pub owner: Address,
    /// Whether it holds a program.
    pub executable: bool,
}

/// Lamports per byte of an account that is exempt from rent: 3,480 per byte and year, for two years
/// (`solana-rent`, `DEFAULT_LAMPORTS_PER_BYTE_YEAR` and `DEFAULT_EXEMPTION_THRESHOLD`).
const RENT_PER_BYTE: u64 = 3_480 * 2;
/// Bytes that every account counts for besides its data (`solana-rent`, `ACCOUNT_STORAGE_OVERHEAD`).
const OVERHEAD: u64 = 128;

/// Lamports an account of so many bytes of data needs, to be exempt from rent.
pub fn rent_exempt_minimum(bytes: usize) -> u64 {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    bytes.saturating_add(OVERHEAD).saturating_mul(RENT_PER_BYTE)
}

// === impl Account ===

impl Account {
    /// An account exempt from rent that holds `data`.
    pub fn holding(data: Vec<u8>, owner: Address) -> Self {
        Self { lamports: rent_exempt_minimum(data.len()), data, owner, executable: false }
    }

    /// A wallet.
    pub fn wallet(lamports: u64) -> Self {
        Self { lamports, data: Vec::new(), owner: crate::programs::SYSTEM, executable: false }
    }
}
