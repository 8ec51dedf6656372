//! The addresses of the programs and well-known accounts eda reads, and the exchanges among them.
//!
//! Sources: the SPL Token and Token-2022 interface crates, solana-sdk-ids, and for each exchange the repository
//! of its program.

use std::fmt;

use eda_events::Address;
use serde::{Deserialize, Serialize};

/// SPL Token.
pub const TOKEN: Address = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// Token-2022, the SPL Token program with extensions.
pub const TOKEN_2022: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// Associated token accounts.
pub const ASSOCIATED_TOKEN: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// The system program.
pub const SYSTEM: Address = Address::from_str_const("11111111111111111111111111111111");
/// Compute budget requests of legacy and v0 transactions.
pub const COMPUTE_BUDGET: Address = Address::from_str_const("ComputeBudget111111111111111111111111111111");
/// Address lookup tables.
pub const ADDRESS_LOOKUP_TABLE: Address =
    Address::from_str_const("AddressLookupTab1e1111111111111111111111111");
/// The address that nobody owns: what is sent here is gone, and lamports here are destroyed.
pub const INCINERATOR: Address = Address::from_str_const("1nc1nerator11111111111111111111111111111111");
/// Wrapped SOL (SPL Token, 9 decimals). Its mint account's `supply` is not maintained.
pub const WRAPPED_SOL: Address = Address::from_str_const("So11111111111111111111111111111111111111112");

/// The exchanges whose pools and markets eda knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dex {
    /// Raydium's first constant-product pools.
    RaydiumAmmV4,
    /// Raydium constant product, Anchor.
    RaydiumCpmm,
    /// Raydium concentrated liquidity.
    RaydiumClmm,
    /// Orca concentrated liquidity.
    OrcaWhirlpool,
    /// Meteora bins of constant price.
    MeteoraDlmm,
    /// Meteora constant product with a price range.
    MeteoraDammV2,
    /// Pump.fun bonding curves.
    #[serde(rename = "pumpfun")]
    PumpFun,
    /// The pools to which Pump.fun coins graduate.
    #[serde(rename = "pumpswap")]
    PumpSwap,
    /// Order books forked from Serum.
    OpenbookV1,
    /// Order books, second version.
    OpenbookV2,
}

// === impl Dex ===

impl Dex {
    /// Every exchange.
    pub const ALL: [Self; 10] = [
        Self::RaydiumAmmV4,
        Self::RaydiumCpmm,
        Self::RaydiumClmm,
        Self::OrcaWhirlpool,
        Self::MeteoraDlmm,
        Self::MeteoraDammV2,
        Self::PumpFun,
        Self::PumpSwap,
        Self::OpenbookV1,
        Self::OpenbookV2,
    ];

    /// The exchange's program.
    pub const fn program(self) -> Address {
        match self {
            Self::RaydiumAmmV4 => Address::from_str_const("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"),
            Self::RaydiumCpmm => Address::from_str_const("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"),
            Self::RaydiumClmm => Address::from_str_const("CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK"),
            Self::OrcaWhirlpool => Address::from_str_const("whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"),
            Self::MeteoraDlmm => Address::from_str_const("LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"),
            Self::MeteoraDammV2 => Address::from_str_const("cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG"),
            Self::PumpFun => Address::from_str_const("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"),
            Self::PumpSwap => Address::from_str_const("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA"),
            Self::OpenbookV1 => Address::from_str_const("srmqPvymJeFKQ4zGQed1GFppgkRHL9kaELCbyksJtPX"),
            Self::OpenbookV2 => Address::from_str_const("opnb2LAfJYbRMAHHvqjCwQxanZn7ReEHp1k81EohpZb"),
        }
    }

    /// The exchange that `program` is, if it is one.
    pub fn from_program(program: &Address) -> Option<Self> {
        PROGRAMS.iter().find(|(id, _)| id == program).map(|(_, dex)| *dex)
    }

    /// The name in labels, config and JSON, `raydium_cpmm` for example.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RaydiumAmmV4 => "raydium_amm_v4",
            Self::RaydiumCpmm => "raydium_cpmm",
            Self::RaydiumClmm => "raydium_clmm",
            Self::OrcaWhirlpool => "orca_whirlpool",
            Self::MeteoraDlmm => "meteora_dlmm",
            Self::MeteoraDammV2 => "meteora_damm_v2",
            Self::PumpFun => "pumpfun",
            Self::PumpSwap => "pumpswap",
            Self::OpenbookV1 => "openbook_v1",
            Self::OpenbookV2 => "openbook_v2",
        }
    }
}

impl fmt::Display for Dex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The addresses decoded at compile time, because every instruction of every transaction is looked up here.
static PROGRAMS: [(Address, Dex); Dex::ALL.len()] = {
    let mut table = [(SYSTEM, Dex::RaydiumAmmV4); Dex::ALL.len()];
    let mut i = 0;
    while i < table.len() {
        table[i] = (Dex::ALL[i].program(), Dex::ALL[i]);
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exchange_is_found_by_its_program_and_named_once() {
        for dex in Dex::ALL {
            assert_eq!(Dex::from_program(&dex.program()), Some(dex));
            assert_eq!(serde_json::to_value(dex).unwrap(), dex.as_str());
            assert_eq!(Dex::ALL.iter().filter(|other| other.as_str() == dex.as_str()).count(), 1);
        }
        assert_eq!(Dex::from_program(&TOKEN), None);
    }
}
