//! SPL Token and Token-2022: what their instructions do to a supply, and what their accounts hold.
//!
//! Layouts and tags: solana-program/token `interface/src/{instruction,state}.rs` and solana-program/token-2022
//! `interface/src/{instruction,extension/mod}.rs`, August 2026.

use std::fmt;

use eda_events::Address;

use crate::programs::{TOKEN, TOKEN_2022};

mod account;
mod burn;
mod extension;
mod facts;
mod instruction;
mod layout;
mod mint;
mod parsed;
mod supply;

pub use account::{AccountState, TokenAccount};
pub use burn::{Burn, BurnKind, burns};
pub use extension::{Extension, ExtensionType, Extensions};
pub use facts::{TokenFacts, Undecodable};
pub(crate) use instruction::TokenOperation;
pub use instruction::UndecodableReason;
pub use layout::{LayoutError, TokenState};
pub use mint::Mint;
pub(crate) use parsed::read_parsed;
pub use supply::{SupplyAround, SupplyChange, SupplyDelta, SupplyStep, supply_deltas};

/// One of the two token programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenProgram {
    /// SPL Token.
    Token,
    /// Token-2022.
    Token2022,
}

// === impl TokenProgram ===

impl TokenProgram {
    /// The program's address.
    pub const fn address(self) -> Address {
        match self {
            Self::Token => TOKEN,
            Self::Token2022 => TOKEN_2022,
        }
    }

    /// The token program that `program` is, if it is one.
    pub fn from_address(program: &Address) -> Option<Self> {
        if *program == TOKEN {
            Some(Self::Token)
        } else if *program == TOKEN_2022 {
            Some(Self::Token2022)
        } else {
            None
        }
    }
}

impl fmt::Display for TokenProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

#[cfg(test)]
mod tests;
