//! A holding of a token.

use eda_events::{Address, RawAmount};

use super::{
    ExtensionType, LayoutError, TokenProgram,
    extension::{self, Extensions},
    layout::{Fields, Kind},
};

/// A token account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// The token it holds.
    pub mint: Address,
    /// Who owns what it holds.
    pub owner: Address,
    /// Units held.
    pub amount: RawAmount,
    /// Who else may spend or burn from it.
    pub delegate: Option<Address>,
    /// How much of it the delegate may still move.
    pub delegated_amount: RawAmount,
    /// Whether it can be moved.
    pub state: AccountState,
    /// For wrapped SOL: the lamports that stay behind as rent and are not part of `amount`.
    pub native_reserve: Option<u64>,
    /// Who may close it instead of the owner.
    pub close_authority: Option<Address>,
    /// The Token-2022 extensions, in the order in which they stand.
    pub extensions: Vec<ExtensionType>,
}

/// Whether a token account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// Yes.
    Initialized,
    /// Not until the mint's freeze authority thaws it.
    Frozen,
}

// === impl TokenAccount ===

impl TokenAccount {
    /// Bytes of a token account without extensions.
    pub const LENGTH: usize = 165;

    /// Reads a token account that `program` owns.
    ///
    /// Layout (solana-program/token `interface/src/state.rs`): `mint` at 0, `owner` at 32, `amount` u64 at 64,
    /// `delegate` `COption` at 72, `state` u8 at 108, `is_native` `COption` of u64 at 109, `delegated_amount` u64 at
    /// 121, `close_authority` `COption` at 129.
    ///
    /// # Errors
    ///
    /// See [`LayoutError`].
    pub fn decode(program: TokenProgram, data: &[u8]) -> Result<Self, LayoutError> {
        Kind::of(program, data)?.expect(Kind::Account)?;
        let fields = Fields(data);
        let state = match fields.u8(108)? {
            0 => return Err(LayoutError::Uninitialized),
            1 => AccountState::Initialized,
            2 => AccountState::Frozen,
            other => return Err(LayoutError::BadValue { offset: 108, value: other.into() }),
        };
        Ok(Self {
            mint: fields.address(0)?,
            owner: fields.address(32)?,
            amount: RawAmount(fields.u64(64)?),
            delegate: fields.optional_address(72)?,
            delegated_amount: RawAmount(fields.u64(121)?),
            state,
            native_reserve: fields.optional_u64(109)?,
            close_authority: fields.optional_address(129)?,
            extensions: extension::types(Extensions::of(data))?,
        })
    }
}
