//! Pump.fun: where a coin's accounts are, and its instructions.
//!
//! Source: `pump-public-docs`, `idl/pump.json` and `idl/pump_amm.json`; an instruction is 8 bytes of
//! sha256("global:" + name), then its arguments in borsh.

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use super::associated_token;
use crate::programs::{
    ASSOCIATED_TOKEN, NATIVE_MINT, RENT, SYSTEM, TOKEN, TOKEN_2022, anchor::event_authority,
};
pub use crate::programs::{pump::ADDRESS as PROGRAM, pump_swap::ADDRESS as SWAP_PROGRAM};

/// `create` of Pump.fun.
pub const CREATE: [u8; 8] = [0x18, 0x1e, 0xc8, 0x28, 0x05, 0x1c, 0x07, 0x77];
/// `buy` of Pump.fun.
pub const BUY: [u8; 8] = [0x66, 0x06, 0x3d, 0x12, 0x01, 0xda, 0xeb, 0xea];
/// `migrate` of Pump.fun.
pub const MIGRATE: [u8; 8] = [0x9b, 0xea, 0xe7, 0x92, 0xec, 0x9e, 0xa2, 0x1e];
/// `create_pool` of PumpSwap.
pub const CREATE_POOL: [u8; 8] = [0xe9, 0x92, 0xd1, 0x8e, 0xcf, 0x68, 0x40, 0xbc];

const GLOBAL: Address = Address::from_str_const("4wTV1YmiEkRvAtNtsSGPtUrqRYQMe5SKy2uB4Jjaxnjf");
const SWAP_GLOBAL: Address = Address::from_str_const("ADyA8hdefvWN2dbGGWFotbzWxrAvLW83WG6QCVXvJKqw");
const FEES: Address = Address::from_str_const("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ");
const METADATA: Address = Address::from_str_const("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s");

/// A coin's accounts, and those of the pool it graduates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coin {
    /// Its mint.
    pub mint: Address,
    /// The state of its bonding curve.
    pub curve: Address,
    /// The tokens not yet sold.
    pub curve_tokens: Address,
    /// Who creates the pool.
    pub pool_authority: Address,
    /// The pool.
    pub pool: Address,
    /// The pool's liquidity token.
    pub lp_mint: Address,
}

// === impl Coin ===

impl Coin {
    /// The coin of a mint.
    pub fn of(mint: Address) -> Self {
        let curve = derive(&[b"bonding-curve", mint.as_ref()], &PROGRAM);
        let pool_authority = derive(&[b"pool-authority", mint.as_ref()], &PROGRAM);
        let seeds = [b"pool", &[0, 0][..], pool_authority.as_ref(), mint.as_ref(), NATIVE_MINT.as_ref()];
        let pool = derive(&seeds, &SWAP_PROGRAM);
        Self {
            mint,
            curve,
            curve_tokens: associated_token(TOKEN, curve, mint),
            pool_authority,
            pool,
            lp_mint: derive(&[b"pool_lp_mint", pool.as_ref()], &SWAP_PROGRAM),
        }
    }

    /// Creates it; `user` pays and is its creator. The mint signs too.
    pub fn create(&self, user: Address, name: &str, symbol: &str, uri: &str) -> Instruction {
        let mut data = CREATE.to_vec();
        for text in [name, symbol, uri] {
            data.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            data.extend(text.as_bytes());
        }
        data.extend(user.as_array());
        let metadata = derive(&[b"metadata", METADATA.as_ref(), self.mint.as_ref()], &METADATA);
        let accounts = vec![
            AccountMeta::new(self.mint, true),
            AccountMeta::new_readonly(derive(&[b"mint-authority"], &PROGRAM), false),
            AccountMeta::new(self.curve, false),
            AccountMeta::new(self.curve_tokens, false),
            AccountMeta::new_readonly(GLOBAL, false),
            AccountMeta::new_readonly(METADATA, false),
            AccountMeta::new(metadata, false),
            AccountMeta::new(user, true),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(TOKEN, false),
            AccountMeta::new_readonly(ASSOCIATED_TOKEN, false),
            AccountMeta::new_readonly(RENT, false),
            AccountMeta::new_readonly(event_authority(&PROGRAM).0, false),
            AccountMeta::new_readonly(PROGRAM, false),
        ];
        Instruction { program_id: PROGRAM, accounts, data }
    }

    /// Buys `tokens` from the curve for at most `most` lamports, fees included; `creator` and `fee_recipient` earn
    /// them.
    pub fn buy(
        &self,
        user: Address,
        creator: Address,
        fee_recipient: Address,
        tokens: u64,
        most: u64,
    ) -> Instruction {
        let data = [&BUY[..], &tokens.to_le_bytes(), &most.to_le_bytes()].concat();
        let accounts = vec![
            AccountMeta::new_readonly(GLOBAL, false),
            AccountMeta::new(fee_recipient, false),
            AccountMeta::new_readonly(self.mint, false),
            AccountMeta::new(self.curve, false),
            AccountMeta::new(self.curve_tokens, false),
            AccountMeta::new(associated_token(TOKEN, user, self.mint), false),
            AccountMeta::new(user, true),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(TOKEN, false),
            AccountMeta::new(creator_vault(creator), false),
            AccountMeta::new_readonly(event_authority(&PROGRAM).0, false),
            AccountMeta::new_readonly(PROGRAM, false),
            AccountMeta::new_readonly(derive(&[b"global_volume_accumulator"], &PROGRAM), false),
            AccountMeta::new(derive(&[b"user_volume_accumulator", user.as_ref()], &PROGRAM), false),
            AccountMeta::new_readonly(derive(&[b"fee_config", PROGRAM.as_ref()], &FEES), false),
            AccountMeta::new_readonly(FEES, false),
            AccountMeta::new_readonly(derive(&[b"bonding-curve-v2", self.mint.as_ref()], &PROGRAM), false),
            AccountMeta::new(fee_recipient, false),
        ];
        Instruction { program_id: PROGRAM, accounts, data }
    }

    /// Moves what a completed curve holds into a pool of PumpSwap, and burns the pool's liquidity tokens.
    pub fn migrate(&self, user: Address, withdraw_authority: Address) -> Instruction {
        let of_authority = |mint, program| associated_token(program, self.pool_authority, mint);
        let accounts = vec![
            AccountMeta::new_readonly(GLOBAL, false),
            AccountMeta::new(withdraw_authority, false),
            AccountMeta::new_readonly(self.mint, false),
            AccountMeta::new(self.curve, false),
            AccountMeta::new(self.curve_tokens, false),
            AccountMeta::new_readonly(user, true),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(TOKEN, false),
            AccountMeta::new_readonly(SWAP_PROGRAM, false),
            AccountMeta::new(self.pool, false),
            AccountMeta::new(self.pool_authority, false),
            AccountMeta::new(of_authority(self.mint, TOKEN), false),
            AccountMeta::new(of_authority(NATIVE_MINT, TOKEN), false),
            AccountMeta::new_readonly(SWAP_GLOBAL, false),
            AccountMeta::new_readonly(NATIVE_MINT, false),
            AccountMeta::new(self.lp_mint, false),
            AccountMeta::new(of_authority(self.lp_mint, TOKEN_2022), false),
            AccountMeta::new(associated_token(TOKEN, self.pool, self.mint), false),
            AccountMeta::new(associated_token(TOKEN, self.pool, NATIVE_MINT), false),
            AccountMeta::new_readonly(TOKEN_2022, false),
            AccountMeta::new_readonly(ASSOCIATED_TOKEN, false),
            AccountMeta::new_readonly(event_authority(&SWAP_PROGRAM).0, false),
            AccountMeta::new_readonly(event_authority(&PROGRAM).0, false),
            AccountMeta::new_readonly(PROGRAM, false),
        ];
        Instruction { program_id: PROGRAM, accounts, data: MIGRATE.to_vec() }
    }
}

/// Where a creator's fees are gathered.
pub fn creator_vault(creator: Address) -> Address {
    derive(&[b"creator-vault", creator.as_ref()], &PROGRAM)
}

fn derive(seeds: &[&[u8]], program: &Address) -> Address {
    Address::find_program_address(seeds, program).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_addresses_are_those_on_mainnet() {
        assert_eq!(derive(&[b"global"], &PROGRAM), GLOBAL);
        assert_eq!(derive(&[b"global_config"], &SWAP_PROGRAM), SWAP_GLOBAL);
        let events = event_authority(&PROGRAM).0.to_string();
        assert_eq!(events, "Ce6TQqeHC9p8KetsN6JsjHK7UTZk7nasjjnr7XxXp9F1");
    }
}
