//! The accounts of both token programs, read and written by their documented layouts.

use solana_address::Address;

use crate::{
    chain::Account,
    programs::{TOKEN, TOKEN_2022},
};

/// Bytes of a mint without extensions.
pub const MINT_BYTES: usize = 82;
/// Bytes of a token account without extensions.
pub const HOLDING_BYTES: usize = 165;

/// A mint: authority (4-byte tag, address) at 0, supply u64 at 36, decimals u8 at 44, initialized u8 at 45, freeze
/// authority at 46.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mint {
    /// Who may mint.
    pub authority: Option<Address>,
    /// Tokens there are, in the smallest unit.
    pub supply: u64,
    /// Decimals of the display unit.
    pub decimals: u8,
    /// Who may freeze accounts.
    pub freeze_authority: Option<Address>,
}

/// A token account: mint at 0, owner at 32, amount u64 at 64, delegate at 72, state u8 at 108, native reserve at 109,
/// delegated amount u64 at 121, close authority at 129.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Whose tokens it holds.
    pub mint: Address,
    /// Who may spend them.
    pub owner: Address,
    /// How many, in the smallest unit.
    pub amount: u64,
    /// Who else may spend some.
    pub delegate: Option<Address>,
    /// Whether the freeze authority froze it.
    pub frozen: bool,
    /// Lamports that are rent and not tokens, if it holds wrapped SOL.
    pub native_reserve: Option<u64>,
    /// How many tokens the delegate may spend.
    pub delegated: u64,
    /// Who may close it, if not the owner.
    pub close_authority: Option<Address>,
}

// === impl Mint ===

impl Mint {
    /// The mint in an account, if it is an initialized one of a token program.
    pub fn read(account: &Account) -> Option<Self> {
        let data = of_token_program(account, MINT_BYTES, 1)?;
        (*data.get(45)? == 1).then_some(())?;
        Some(Self {
            authority: optional_address(data, 0)?,
            supply: number(data, 36)?,
            decimals: *data.get(44)?,
            freeze_authority: optional_address(data, 46)?,
        })
    }
}

// === impl Holding ===

impl Holding {
    /// The token account in an account, if it is an initialized one of a token program.
    pub fn read(account: &Account) -> Option<Self> {
        let data = of_token_program(account, HOLDING_BYTES, 2)?;
        let state = *data.get(108)?;
        (state == 1 || state == 2).then_some(())?;
        let native_reserve = match data.get(109..)?.first_chunk()? {
            [1, 0, 0, 0] => Some(number(data, 113)?),
            _ => None,
        };
        Some(Self {
            mint: address(data, 0)?,
            owner: address(data, 32)?,
            amount: number(data, 64)?,
            delegate: optional_address(data, 72)?,
            frozen: state == 2,
            native_reserve,
            delegated: number(data, 121)?,
            close_authority: optional_address(data, 129)?,
        })
    }
}

/// The data of a token program's account of this kind: of exactly `bytes`, or of Token-2022 with extensions, whose
/// kind stands in byte 165.
fn of_token_program(account: &Account, bytes: usize, kind: u8) -> Option<&[u8]> {
    let data = account.data.as_slice();
    let extended =
        account.owner == TOKEN_2022 && data.len() > HOLDING_BYTES && data.get(HOLDING_BYTES) == Some(&kind);
    let plain = (account.owner == TOKEN || account.owner == TOKEN_2022) && data.len() == bytes;
    (plain || extended).then_some(data)
}

fn number(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn address(data: &[u8], at: usize) -> Option<Address> {
    data.get(at..)?.first_chunk().map(|bytes| Address::new_from_array(*bytes))
}

/// `None` if there is not enough data; `Some(None)` if the option is empty.
fn optional_address(data: &[u8], at: usize) -> Option<Option<Address>> {
    match data.get(at..)?.first_chunk()? {
        [1, 0, 0, 0] => address(data, at.checked_add(4)?).map(Some),
        _ => Some(None),
    }
}
