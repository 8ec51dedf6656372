//! A token's own account.

use eda_events::{Address, Decimals, RawAmount};

use super::{
    ExtensionType, LayoutError, TokenProgram,
    extension::{self, Extensions},
    layout::{Fields, Kind},
};

/// A token: its supply, and who may change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    /// Who may create more of it; none means that nobody can, ever.
    pub mint_authority: Option<Address>,
    /// Units in existence. Not maintained for wrapped SOL.
    pub supply: RawAmount,
    /// Decimal places of a display unit.
    pub decimals: Decimals,
    /// Who may freeze holdings; none means that nobody can, ever.
    pub freeze_authority: Option<Address>,
    /// The Token-2022 extensions, in the order in which they stand.
    pub extensions: Vec<ExtensionType>,
}

// === impl Mint ===

impl Mint {
    /// Bytes of a mint without extensions.
    pub const LENGTH: usize = 82;

    /// Reads a mint that `program` owns.
    ///
    /// Layout (solana-program/token `interface/src/state.rs`): `mint_authority` `COption` at 0, `supply` u64 at 36,
    /// `decimals` u8 at 44, `is_initialized` at 45, `freeze_authority` `COption` at 46.
    ///
    /// # Errors
    ///
    /// See [`LayoutError`].
    pub fn decode(program: TokenProgram, data: &[u8]) -> Result<Self, LayoutError> {
        Kind::of(program, data)?.expect(Kind::Mint)?;
        let fields = Fields(data);
        if !fields.flag(45)? {
            return Err(LayoutError::Uninitialized);
        }
        Ok(Self {
            mint_authority: fields.optional_address(0)?,
            supply: RawAmount(fields.u64(36)?),
            decimals: Decimals(fields.u8(44)?),
            freeze_authority: fields.optional_address(46)?,
            extensions: extension::types(Extensions::of(data))?,
        })
    }
}
