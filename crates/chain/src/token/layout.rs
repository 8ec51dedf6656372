//! The bytes of the accounts that token programs own: which kind they are, and readers for their fields.
//!
//! `COption<T>` is a 4-byte little-endian tag, 0 or 1, followed by the bytes of `T`, which are there in both cases.

use eda_events::Address;

use super::{Mint, TokenAccount, TokenProgram};

/// Length of a multisig account, in both programs.
const MULTISIG: usize = 355;
/// Where Token-2022 puts the kind of an account that has extensions: right after the longest base state.
const ACCOUNT_TYPE: usize = TokenAccount::LENGTH;

/// An account that a token program owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// A token.
    Mint(Mint),
    /// A holding of a token.
    Account(TokenAccount),
    /// A group of signers.
    Multisig,
}

/// Why the bytes are not the account they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LayoutError {
    /// No account of a token program has this length or shape.
    #[error("{0} bytes are neither a mint nor a token account nor a multisig")]
    Unrecognized(usize),
    /// It is an account of the token program, of another kind.
    #[error("an account of another kind: {0}")]
    OtherKind(&'static str),
    /// The account has its space but no content yet.
    #[error("account is not initialized")]
    Uninitialized,
    /// A field has a value that the program never writes.
    #[error("byte {offset} holds {value}, which that field cannot be")]
    BadValue {
        /// Offset of the field in the account.
        offset: usize,
        /// What stands there.
        value: u32,
    },
    /// An extension says it is longer than the account.
    #[error("the extension at byte {offset} goes past the end of the account")]
    TruncatedExtension {
        /// Offset of the extension's header in the account.
        offset: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mint,
    Account,
    Multisig,
}

// === impl TokenState ===

impl TokenState {
    /// Reads an account that `program` owns.
    ///
    /// # Errors
    ///
    /// See [`LayoutError`].
    pub fn decode(program: TokenProgram, data: &[u8]) -> Result<Self, LayoutError> {
        match Kind::of(program, data)? {
            Kind::Mint => Mint::decode(program, data).map(Self::Mint),
            Kind::Account => TokenAccount::decode(program, data).map(Self::Account),
            Kind::Multisig => Ok(Self::Multisig),
        }
    }
}

// === impl Kind ===

impl Kind {
    /// Tells the kind by length, and for accounts with extensions by their type byte.
    pub(super) fn of(program: TokenProgram, data: &[u8]) -> Result<Self, LayoutError> {
        match (program, data.len()) {
            (_, Mint::LENGTH) => Ok(Self::Mint),
            (_, TokenAccount::LENGTH) => Ok(Self::Account),
            (_, MULTISIG) => Ok(Self::Multisig),
            (TokenProgram::Token2022, length) => match data.get(ACCOUNT_TYPE) {
                Some(0) => Err(LayoutError::Uninitialized),
                Some(1) => Ok(Self::Mint),
                Some(2) => Ok(Self::Account),
                Some(other) => Err(LayoutError::BadValue { offset: ACCOUNT_TYPE, value: u32::from(*other) }),
                None => Err(LayoutError::Unrecognized(length)),
            },
            (TokenProgram::Token, length) => Err(LayoutError::Unrecognized(length)),
        }
    }

    pub(super) fn expect(self, wanted: Self) -> Result<(), LayoutError> {
        if self == wanted {
            return Ok(());
        }
        Err(LayoutError::OtherKind(match self {
            Self::Mint => "mint",
            Self::Account => "token account",
            Self::Multisig => "multisig",
        }))
    }
}

/// Reads fields at fixed offsets of data whose length [`Kind::of`] has checked; data that is too short all the same
/// is an error, not a panic.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

// === impl Fields ===

impl Fields<'_> {
    pub(super) fn bytes<const N: usize>(self, offset: usize) -> Result<[u8; N], LayoutError> {
        let bytes = self.0.get(offset..).and_then(|rest| rest.first_chunk::<N>());
        bytes.copied().ok_or(LayoutError::Unrecognized(self.0.len()))
    }

    pub(super) fn address(self, offset: usize) -> Result<Address, LayoutError> {
        self.bytes(offset).map(Address::new_from_array)
    }

    pub(super) fn u64(self, offset: usize) -> Result<u64, LayoutError> {
        self.bytes(offset).map(u64::from_le_bytes)
    }

    pub(super) fn u8(self, offset: usize) -> Result<u8, LayoutError> {
        self.bytes(offset).map(u8::from_le_bytes)
    }

    pub(super) fn flag(self, offset: usize) -> Result<bool, LayoutError> {
        match self.u8(offset)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(LayoutError::BadValue { offset, value: other.into() }),
        }
    }

    /// Whether the `COption` at `offset` has a value; the value starts 4 bytes further.
    pub(super) fn some(self, offset: usize) -> Result<bool, LayoutError> {
        match self.bytes(offset).map(u32::from_le_bytes)? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(LayoutError::BadValue { offset, value }),
        }
    }

    pub(super) fn optional_address(self, offset: usize) -> Result<Option<Address>, LayoutError> {
        let address = self.address(offset + 4)?;
        Ok(self.some(offset)?.then_some(address))
    }

    pub(super) fn optional_u64(self, offset: usize) -> Result<Option<u64>, LayoutError> {
        let value = self.u64(offset + 4)?;
        Ok(self.some(offset)?.then_some(value))
    }
}
