//! The programs of the simulated cluster, one file each. A new one is a file and a line in `ALL`.

/// What programs written with Anchor have in common.
pub(crate) mod anchor;
/// Token accounts at addresses that follow from owner and mint.
mod associated_token;
/// Compute budget: read before a transaction runs, and does nothing when it runs.
mod compute_budget;
/// Tables of addresses that version 0 messages load from.
pub mod lookup_table;
/// Texts.
mod memo;
/// Pump.fun.
pub mod pump;
/// PumpSwap.
pub mod pump_swap;
/// Raydium CPMM.
pub mod raydium_cpmm;
/// Calls another program for whoever asks.
mod relay;
/// Accounts without a program of their own.
mod system;
/// What tests of programs need.
#[cfg(test)]
mod testing;
/// Token and Token-2022.
pub mod token;
/// What validators say about blocks.
mod vote;

use std::sync::Arc;

use solana_address::Address;
use solana_instruction_error::InstructionError;

use crate::{
    chain::Account,
    runtime::{Context, TokenBalance},
};

/// The System program.
pub const SYSTEM: Address = Address::from_str_const("11111111111111111111111111111111");
/// The Compute Budget program.
pub const COMPUTE_BUDGET: Address = Address::from_str_const("ComputeBudget111111111111111111111111111111");
/// The Address Lookup Table program.
pub const LOOKUP_TABLE: Address = Address::from_str_const("AddressLookupTab1e1111111111111111111111111");
/// The classic Token program.
pub const TOKEN: Address = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// The Token-2022 program.
pub const TOKEN_2022: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The Associated Token Account program.
pub const ASSOCIATED_TOKEN: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// The Memo program.
pub const MEMO: Address = Address::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
/// The first Memo program.
pub const MEMO_V1: Address = Address::from_str_const("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo");
/// The Vote program.
pub const VOTE: Address = Address::from_str_const("Vote111111111111111111111111111111111111111");
/// Relay, which calls another program for whoever asks; only simulated clusters have it.
pub const RELAY: Address = Address::from_str_const("Re1ay11111111111111111111111111111111111111");
/// The mint of wrapped SOL.
pub const NATIVE_MINT: Address = Address::from_str_const("So11111111111111111111111111111111111111112");
/// Token-2022's mint of wrapped SOL, which nobody has created.
pub const NATIVE_MINT_2022: Address = Address::from_str_const("9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP");
/// The owner of what is to be destroyed.
pub const INCINERATOR: Address = Address::from_str_const("1nc1nerator11111111111111111111111111111111");
/// The sysvar that says what accounts cost.
pub const RENT: Address = Address::from_str_const("SysvarRent111111111111111111111111111111111");
/// Whose accounts the programs themselves are.
pub const NATIVE_LOADER: Address = Address::from_str_const("NativeLoader1111111111111111111111111111111");
/// Whose accounts deployed programs are.
pub const LOADER: Address = Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");

/// What programs return when the instruction names too few accounts; builtins say `MissingAccount`.
#[expect(deprecated, reason = "deployed programs return it, and transactions show it")]
const TOO_FEW_ACCOUNTS: InstructionError = InstructionError::NotEnoughAccountKeys;
/// What the mint of wrapped SOL has at genesis.
const NATIVE_MINT_LAMPORTS: u64 = 1_000_000_000;

/// A program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its address.
    pub address: Address,
    /// Whether it is part of the node: builtins print no line about compute units.
    pub builtin: bool,
    /// What an instruction of it does.
    pub run: fn(&mut Context<'_, '_>) -> Result<(), InstructionError>,
}

/// Every program there is.
pub const ALL: [Program; 13] = [
    Program { address: SYSTEM, builtin: true, run: system::run },
    Program { address: COMPUTE_BUDGET, builtin: true, run: compute_budget::run },
    Program { address: VOTE, builtin: true, run: vote::run },
    Program { address: LOOKUP_TABLE, builtin: false, run: lookup_table::run },
    Program { address: TOKEN, builtin: false, run: token::run },
    Program { address: TOKEN_2022, builtin: false, run: token::run },
    Program { address: ASSOCIATED_TOKEN, builtin: false, run: associated_token::run },
    Program { address: MEMO_V1, builtin: false, run: memo::run_v1 },
    Program { address: MEMO, builtin: false, run: memo::run },
    Program { address: RELAY, builtin: false, run: relay::run },
    Program { address: raydium_cpmm::ADDRESS, builtin: false, run: raydium_cpmm::run },
    Program { address: pump::ADDRESS, builtin: false, run: pump::run },
    Program { address: pump_swap::ADDRESS, builtin: false, run: pump_swap::run },
];

// === impl Program ===

impl Program {
    /// Its own account: a builtin's holds its name, a deployed one's says where its code is.
    fn account(&self) -> Account {
        if !self.builtin {
            let (code, _) = Address::find_program_address(&[self.address.as_array()], &LOADER);
            // `UpgradeableLoaderState::Program` (`solana-loader-v3-interface`).
            let data = [&2_u32.to_le_bytes()[..], code.as_array()].concat();
            return Account { executable: true, ..Account::holding(data, LOADER) };
        }
        let name = match self.address {
            SYSTEM => "solana_system_program",
            COMPUTE_BUDGET => "compute_budget_program",
            _ => "solana_vote_program",
        };
        Account { lamports: 1, data: name.into(), owner: NATIVE_LOADER, executable: true }
    }
}

/// The program at an address.
pub fn find(address: &Address) -> Option<&'static Program> {
    const PROGRAMS: &[Program] = &ALL;
    PROGRAMS.iter().find(|program| program.address == *address)
}

/// The accounts that are there from the beginning: the programs themselves, and the mint of wrapped SOL.
pub fn accounts() -> impl Iterator<Item = (Address, Account)> {
    let programs = ALL.iter().map(|program| (program.address, program.account()));
    let mint = token::Mint { authority: None, supply: 0, decimals: 9, freeze_authority: None };
    let mint = Account { lamports: NATIVE_MINT_LAMPORTS, ..mint.account() };
    programs.chain([(NATIVE_MINT, mint)])
}

/// What the token accounts among a transaction's accounts hold. Nodes look only if a token program is among them too. Decimals come from the mint, among `keys` or loaded.
pub fn token_balances(
    keys: &[Address],
    accounts: &[Account],
    load: &impl Fn(&Address) -> Option<Arc<Account>>,
) -> Vec<TokenBalance> {
    if !keys.contains(&TOKEN) && !keys.contains(&TOKEN_2022) {
        return Vec::new();
    }
    let mint = |address: &Address| match keys.iter().position(|key| key == address) {
        Some(index) => accounts.get(index).cloned(),
        None => load(address).map(|account| Account::clone(&account)),
    };
    let balance = |(index, account): (usize, &Account)| {
        let held = token::Holding::read(account)?;
        let decimals = token::Mint::read(&mint(&held.mint)?)?.decimals;
        Some(TokenBalance {
            index: u8::try_from(index).ok()?,
            mint: held.mint,
            owner: held.owner,
            program: account.owner,
            amount: held.amount,
            decimals,
        })
    };
    accounts.iter().enumerate().filter_map(balance).collect()
}
