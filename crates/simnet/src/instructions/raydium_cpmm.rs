//! Raydium CPMM: where a pool's accounts are, and its instructions.
//!
//! Source: `raydium-cp-swap`, `programs/cp-swap/src/{lib.rs,instructions}`. An instruction is 8 bytes of
//! sha256("global:" + name), then little-endian numbers.

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use super::associated_token;
pub use crate::programs::raydium_cpmm::ADDRESS as PROGRAM;
use crate::programs::{ASSOCIATED_TOKEN, MEMO, RENT, SYSTEM, TOKEN, TOKEN_2022};

/// `initialize`.
pub const INITIALIZE: [u8; 8] = [0xaf, 0xaf, 0x6d, 0x1f, 0x0d, 0x98, 0x9b, 0xed];
/// `deposit`.
pub const DEPOSIT: [u8; 8] = [0xf2, 0x23, 0xc6, 0x89, 0x52, 0xe1, 0xf2, 0xb6];
/// `withdraw`.
pub const WITHDRAW: [u8; 8] = [0xb7, 0x12, 0x46, 0x9c, 0x94, 0x6d, 0xa1, 0x22];
/// `swap_base_input`.
pub const SWAP_BASE_INPUT: [u8; 8] = [0x8f, 0xbe, 0x5a, 0xda, 0xc4, 0x1e, 0x33, 0xde];

/// Seed of the address that owns vaults and mints liquidity tokens.
pub(crate) const AUTHORITY_SEED: &[u8] = b"vault_and_lp_mint_auth_seed";
/// Who receives what creating a pool costs (`create_pool_fee_reveiver`).
const CREATE_POOL_FEE: Address = Address::from_str_const("DNXgeM9EiiaAbaWvwjHj9fQQLAX5ZsfHyvmYUNRAdNC8");

/// One side of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The mint.
    pub mint: Address,
    /// The mint's token program.
    pub program: Address,
    /// The pool's own token account.
    pub vault: Address,
}

/// A pool's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The pool's state.
    pub address: Address,
    /// Its liquidity token.
    pub lp_mint: Address,
    /// Past prices.
    pub observation: Address,
    /// The two sides, the smaller mint first.
    pub sides: [Side; 2],
}

/// The fees of pools, number 0.
pub fn config() -> Address {
    derive(&[b"amm_config", &[0, 0]])
}

/// Who owns vaults and mints liquidity tokens.
pub fn authority() -> Address {
    derive(&[AUTHORITY_SEED])
}

fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &PROGRAM).0
}

// === impl Pool ===

impl Pool {
    /// The pool of two mints, each with its token program, under [`config`].
    pub fn of(one: (Address, Address), other: (Address, Address)) -> Self {
        let [first, second] = if one.0 < other.0 { [one, other] } else { [other, one] };
        let address = derive(&[b"pool", config().as_ref(), first.0.as_ref(), second.0.as_ref()]);
        let side = |(mint, program): (Address, Address)| {
            let vault = derive(&[b"pool_vault", address.as_ref(), mint.as_ref()]);
            Side { mint, program, vault }
        };
        Self {
            address,
            lp_mint: derive(&[b"pool_lp_mint", address.as_ref()]),
            observation: derive(&[b"observation", address.as_ref()]),
            sides: [side(first), side(second)],
        }
    }

    /// Creates it with `amounts` of the first and the second mint, out of the creator's associated token accounts.
    pub fn initialize(&self, creator: Address, amounts: [u64; 2], open_time: u64) -> Instruction {
        let [first, second] = &self.sides;
        let accounts = vec![
            AccountMeta::new(creator, true),
            AccountMeta::new_readonly(config(), false),
            AccountMeta::new_readonly(authority(), false),
            AccountMeta::new(self.address, false),
            AccountMeta::new_readonly(first.mint, false),
            AccountMeta::new_readonly(second.mint, false),
            AccountMeta::new(self.lp_mint, false),
            AccountMeta::new(first.of(creator), false),
            AccountMeta::new(second.of(creator), false),
            AccountMeta::new(self.lp_of(creator), false),
            AccountMeta::new(first.vault, false),
            AccountMeta::new(second.vault, false),
            AccountMeta::new(CREATE_POOL_FEE, false),
            AccountMeta::new(self.observation, false),
            AccountMeta::new_readonly(TOKEN, false),
            AccountMeta::new_readonly(first.program, false),
            AccountMeta::new_readonly(second.program, false),
            AccountMeta::new_readonly(ASSOCIATED_TOKEN, false),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(RENT, false),
        ];
        let [zero, one] = amounts;
        instruction(INITIALIZE, &[zero, one, open_time], accounts)
    }

    /// Makes `lp` liquidity tokens for at most so much of each mint.
    pub fn deposit(&self, owner: Address, lp: u64, most: [u64; 2]) -> Instruction {
        let [zero, one] = most;
        instruction(DEPOSIT, &[lp, zero, one], self.owner_accounts(owner))
    }

    /// Burns `lp` liquidity tokens for at least so much of each mint.
    pub fn withdraw(&self, owner: Address, lp: u64, least: [u64; 2]) -> Instruction {
        let mut accounts = self.owner_accounts(owner);
        accounts.push(AccountMeta::new_readonly(MEMO, false));
        let [zero, one] = least;
        instruction(WITHDRAW, &[lp, zero, one], accounts)
    }

    /// Gives `amount` of one side's mint for at least `least` of the other's; `from_first` says which.
    pub fn swap_base_input(&self, payer: Address, from_first: bool, amount: u64, least: u64) -> Instruction {
        let [first, second] = &self.sides;
        let (from, to) = if from_first { (first, second) } else { (second, first) };
        let accounts = vec![
            AccountMeta::new_readonly(payer, true),
            AccountMeta::new_readonly(authority(), false),
            AccountMeta::new_readonly(config(), false),
            AccountMeta::new(self.address, false),
            AccountMeta::new(from.of(payer), false),
            AccountMeta::new(to.of(payer), false),
            AccountMeta::new(from.vault, false),
            AccountMeta::new(to.vault, false),
            AccountMeta::new_readonly(from.program, false),
            AccountMeta::new_readonly(to.program, false),
            AccountMeta::new_readonly(from.mint, false),
            AccountMeta::new_readonly(to.mint, false),
            AccountMeta::new(self.observation, false),
        ];
        instruction(SWAP_BASE_INPUT, &[amount, least], accounts)
    }

    /// An owner's account for its liquidity tokens.
    pub fn lp_of(&self, owner: Address) -> Address {
        associated_token(TOKEN, owner, self.lp_mint)
    }

    fn owner_accounts(&self, owner: Address) -> Vec<AccountMeta> {
        let [first, second] = &self.sides;
        vec![
            AccountMeta::new_readonly(owner, true),
            AccountMeta::new_readonly(authority(), false),
            AccountMeta::new(self.address, false),
            AccountMeta::new(self.lp_of(owner), false),
            AccountMeta::new(first.of(owner), false),
            AccountMeta::new(second.of(owner), false),
            AccountMeta::new(first.vault, false),
            AccountMeta::new(second.vault, false),
            AccountMeta::new_readonly(TOKEN, false),
            AccountMeta::new_readonly(TOKEN_2022, false),
            AccountMeta::new_readonly(first.mint, false),
            AccountMeta::new_readonly(second.mint, false),
            AccountMeta::new(self.lp_mint, false),
        ]
    }
}

// === impl Side ===

impl Side {
    /// An owner's associated token account for its mint.
    pub fn of(&self, owner: Address) -> Address {
        associated_token(self.program, owner, self.mint)
    }
}

fn instruction(discriminator: [u8; 8], arguments: &[u64], accounts: Vec<AccountMeta>) -> Instruction {
    let mut data = discriminator.to_vec();
    data.extend(arguments.iter().flat_map(|argument| argument.to_le_bytes()));
    Instruction { program_id: PROGRAM, accounts, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_addresses_are_those_on_mainnet() {
        assert_eq!(config().to_string(), "D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2");
        assert_eq!(authority().to_string(), "GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL");
    }
}
