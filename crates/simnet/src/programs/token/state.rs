//! The accounts of both token programs, read and written by their documented layouts.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{Edition, error::Failure, extension};
use crate::{
    chain::Account,
    programs::{TOKEN, TOKEN_2022},
};

/// Bytes of a mint without extensions.
pub(super) const MINT_BYTES: usize = 82;
/// Bytes of a token account without extensions.
pub(super) const HOLDING_BYTES: usize = 165;
/// Bytes of a multisig; no mint and no token account has as many.
pub(super) const MULTISIG_BYTES: usize = 355;
/// Signers of a multisig at most.
pub(super) const MOST_SIGNERS: u8 = 11;

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

/// An owner that agrees when enough of its members do: required u8 at 0, members u8 at 1, initialized u8 at 2, the
/// members' addresses from 3 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multisig {
    /// How many must sign.
    pub required: u8,
    /// Who may.
    pub members: Vec<Address>,
}

// === impl Mint ===

impl Mint {
    /// The mint in an account, if it is an initialized one of a token program.
    pub fn read(account: &Account) -> Option<Self> {
        Self::load(Edition::of(&account.owner)?, &account.data).ok()
    }

    /// The mint in this data; whoever owns the account.
    pub(super) fn load(edition: Edition, data: &[u8]) -> Result<Self, Failure> {
        edition.fits(data, MINT_BYTES)?;
        initialized(byte(data, 45)?)?;
        edition.checks_kind(data, MINT_BYTES, extension::MINT)?;
        Ok(Self {
            authority: optional_address(data, 0)?,
            supply: number(data, 36)?,
            decimals: byte(data, 44)?,
            freeze_authority: optional_address(data, 46)?,
        })
    }

    /// Writes it over the beginning of `data`.
    pub(super) fn store(&self, edition: Edition, data: &mut [u8]) {
        edition.put_optional(data, 0, self.authority);
        put(data, 36, &self.supply.to_le_bytes());
        put(data, 44, &[self.decimals, 1]);
        edition.put_optional(data, 46, self.freeze_authority);
    }

    /// An account of the Token program with this mint in it.
    pub(crate) fn account(&self) -> Account {
        let mut data = vec![0; MINT_BYTES];
        self.store(Edition::Classic, &mut data);
        Account::holding(data, TOKEN)
    }
}

// === impl Holding ===

impl Holding {
    /// The token account in an account, if it is an initialized one of a token program.
    pub fn read(account: &Account) -> Option<Self> {
        Self::load(Edition::of(&account.owner)?, &account.data).ok()
    }

    /// The token account in this data; whoever owns the account.
    pub(super) fn load(edition: Edition, data: &[u8]) -> Result<Self, Failure> {
        edition.fits(data, HOLDING_BYTES)?;
        let state = byte(data, 108)?;
        if state > 2 {
            return Err(invalid());
        }
        initialized(u8::from(state > 0))?;
        edition.checks_kind(data, HOLDING_BYTES, extension::HOLDING)?;
        let native = tag(data, 109)?;
        Ok(Self {
            mint: address(data, 0)?,
            owner: address(data, 32)?,
            amount: number(data, 64)?,
            delegate: optional_address(data, 72)?,
            frozen: state == 2,
            native_reserve: if native { Some(number(data, 113)?) } else { None },
            delegated: number(data, 121)?,
            close_authority: optional_address(data, 129)?,
        })
    }

    /// Writes it over the beginning of `data`.
    pub(super) fn store(&self, edition: Edition, data: &mut [u8]) {
        put(data, 0, self.mint.as_ref());
        put(data, 32, self.owner.as_ref());
        put(data, 64, &self.amount.to_le_bytes());
        edition.put_optional(data, 72, self.delegate);
        put(data, 108, &[if self.frozen { 2 } else { 1 }]);
        put(data, 109, &[u8::from(self.native_reserve.is_some()), 0, 0, 0]);
        put(data, 113, &self.native_reserve.unwrap_or_default().to_le_bytes());
        put(data, 121, &self.delegated.to_le_bytes());
        edition.put_optional(data, 129, self.close_authority);
    }

    /// Whether it holds wrapped SOL.
    pub fn is_native(&self) -> bool {
        self.native_reserve.is_some()
    }

    /// Whether nobody can sign for it, so that anybody may burn what it holds.
    pub fn is_unowned(&self) -> bool {
        self.owner == crate::programs::SYSTEM || self.owner == crate::programs::INCINERATOR
    }
}

// === impl Multisig ===

impl Multisig {
    /// The multisig in this data; whoever owns the account.
    pub(super) fn load(data: &[u8]) -> Result<Self, Failure> {
        if data.len() != MULTISIG_BYTES {
            return Err(invalid());
        }
        initialized(byte(data, 2)?)?;
        let (addresses, _) = data.get(3..).unwrap_or_default().as_chunks::<32>();
        let members = addresses.iter().take(usize::from(byte(data, 1)?));
        let members = members.map(|bytes| Address::new_from_array(*bytes)).collect();
        Ok(Self { required: byte(data, 0)?, members })
    }

    /// Writes it over the beginning of `data`.
    pub(super) fn store(&self, data: &mut [u8]) {
        put(data, 0, &[self.required, u8::try_from(self.members.len()).unwrap_or(u8::MAX), 1]);
        for (number, member) in self.members.iter().enumerate() {
            put(data, number.saturating_mul(32).saturating_add(3), member.as_ref());
        }
    }
}

// === impl Edition ===

impl Edition {
    /// Whether this is the length of such an account: exactly so many bytes, or in Token-2022 more.
    pub(super) fn fits(self, data: &[u8], bytes: usize) -> Result<(), Failure> {
        let fits = match self {
            Self::Classic => data.len() == bytes,
            Self::Extended => data.len() >= bytes && data.len() != MULTISIG_BYTES,
        };
        if fits { Ok(()) } else { Err(invalid()) }
    }

    /// Whether what follows the base says that it is of this kind, if anything follows.
    pub(super) fn checks_kind(self, data: &[u8], bytes: usize, kind: u8) -> Result<(), Failure> {
        match self {
            Self::Classic => Ok(()),
            Self::Extended => extension::checks_kind(data, bytes, kind),
        }
    }

    /// Writes an optional address. That of an empty one is left as it was by the classic program.
    fn put_optional(self, data: &mut [u8], at: usize, value: Option<Address>) {
        put(data, at, &[u8::from(value.is_some()), 0, 0, 0]);
        match (value, self) {
            (Some(value), _) => put(data, at.saturating_add(4), value.as_ref()),
            (None, Self::Extended) => put(data, at.saturating_add(4), &[0; 32]),
            (None, Self::Classic) => {}
        }
    }

    /// The edition that owns such accounts.
    fn of(owner: &Address) -> Option<Self> {
        match *owner {
            TOKEN => Some(Self::Classic),
            TOKEN_2022 => Some(Self::Extended),
            _ => None,
        }
    }
}

fn invalid() -> Failure {
    Failure::Program(InstructionError::InvalidAccountData)
}

fn initialized(flag: u8) -> Result<(), Failure> {
    match flag {
        0 => Err(Failure::Program(InstructionError::UninitializedAccount)),
        1 => Ok(()),
        _ => Err(invalid()),
    }
}

pub(super) fn byte(data: &[u8], at: usize) -> Result<u8, Failure> {
    data.get(at).copied().ok_or_else(invalid)
}

pub(super) fn number(data: &[u8], at: usize) -> Result<u64, Failure> {
    let bytes = data.get(at..).and_then(|data| data.first_chunk());
    bytes.map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(invalid)
}

pub(super) fn address(data: &[u8], at: usize) -> Result<Address, Failure> {
    let bytes = data.get(at..).and_then(|data| data.first_chunk());
    bytes.map(|bytes| Address::new_from_array(*bytes)).ok_or_else(invalid)
}

fn tag(data: &[u8], at: usize) -> Result<bool, Failure> {
    Ok(byte(data, at)? == 1)
}

fn optional_address(data: &[u8], at: usize) -> Result<Option<Address>, Failure> {
    let there = tag(data, at)?;
    Ok(if there { Some(address(data, at.saturating_add(4))?) } else { None })
}

pub(super) fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    let field = at.checked_add(bytes.len()).and_then(|end| data.get_mut(at..end));
    if let Some(field) = field {
        field.copy_from_slice(bytes);
    }
}
