//! Instructions of the programs that actors and tests call, encoded by hand: the crates that have them bring a second
//! and third major version of the whole Solana stack.
//!
//! Layouts: System, Address Lookup Table (bincode: u32 tag, fields little endian); SPL Token and Token-2022
//! (`interface/src/instruction.rs`: u8 tag, fields little endian); Batch (`pinocchio/program/src/processor/batch.rs`).

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

pub use crate::programs::{LOOKUP_TABLE, SYSTEM, TOKEN, TOKEN_2022};

/// Bytes of a mint without extensions.
pub const MINT_BYTES: u64 = 82;
/// Bytes of a token account without extensions.
pub const ACCOUNT_BYTES: u64 = 165;
/// Bytes of a multisig.
pub const MULTISIG_BYTES: u64 = 355;
/// Bytes of a mint with the PermissionedBurn extension alone: the padded base, the account type, and type, length and
/// authority of the entry.
pub const PERMISSIONED_MINT_BYTES: u64 = 165 + 1 + 2 + 2 + 32;

/// What a burn names, in the order the Token programs take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnAccounts {
    /// The Token program.
    pub program: Address,
    /// The token account that loses tokens.
    pub account: Address,
    /// Its mint.
    pub mint: Address,
    /// The account's owner, delegate, or multisig owner.
    pub authority: Address,
}

/// System: creates an account with `bytes` zero bytes for `owner`.
pub fn create_account(
    payer: Address,
    new: Address,
    lamports: u64,
    bytes: u64,
    owner: Address,
) -> Instruction {
    let mut data = 0_u32.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    data.extend(bytes.to_le_bytes());
    data.extend(owner.as_array());
    Instruction {
        program_id: SYSTEM,
        accounts: vec![AccountMeta::new(payer, true), AccountMeta::new(new, true)],
        data,
    }
}

/// System: moves lamports.
pub fn transfer_lamports(from: Address, to: Address, lamports: u64) -> Instruction {
    let mut data = 2_u32.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    Instruction {
        program_id: SYSTEM,
        accounts: vec![AccountMeta::new(from, true), AccountMeta::new(to, false)],
        data,
    }
}

/// Address Lookup Table: creates an empty table; its address is derived from authority and slot.
pub fn create_lookup_table(authority: Address, recent_slot: u64) -> (Instruction, Address) {
    let (table, bump) =
        Address::find_program_address(&[authority.as_ref(), &recent_slot.to_le_bytes()], &LOOKUP_TABLE);
    let mut data = 0_u32.to_le_bytes().to_vec();
    data.extend(recent_slot.to_le_bytes());
    data.push(bump);
    (Instruction { program_id: LOOKUP_TABLE, accounts: table_accounts(table, authority), data }, table)
}

/// Address Lookup Table: appends addresses, usable from the next slot on.
pub fn extend_lookup_table(table: Address, authority: Address, addresses: &[Address]) -> Instruction {
    let mut data = 2_u32.to_le_bytes().to_vec();
    data.extend(u64::try_from(addresses.len()).unwrap_or(u64::MAX).to_le_bytes());
    data.extend(addresses.iter().flat_map(|address| address.as_array()));
    Instruction { program_id: LOOKUP_TABLE, accounts: table_accounts(table, authority), data }
}

fn table_accounts(table: Address, authority: Address) -> Vec<AccountMeta> {
    vec![
        AccountMeta::new(table, false),
        AccountMeta::new_readonly(authority, true),
        AccountMeta::new(authority, true),
        AccountMeta::new_readonly(SYSTEM, false),
    ]
}

/// Token 20, InitializeMint2, without freeze authority.
pub fn initialize_mint(program: Address, mint: Address, decimals: u8, authority: Address) -> Instruction {
    let mut data = vec![20, decimals];
    data.extend(authority.as_array());
    data.push(0);
    Instruction { program_id: program, accounts: vec![AccountMeta::new(mint, false)], data }
}

/// Token-2022 46/0: every burn of the mint will need `authority` too. Goes before [`initialize_mint`].
pub fn initialize_permissioned_burn(mint: Address, authority: Address) -> Instruction {
    let mut data = vec![46, 0];
    data.extend(authority.as_array());
    Instruction { program_id: TOKEN_2022, accounts: vec![AccountMeta::new(mint, false)], data }
}

/// Token 18, InitializeAccount3.
pub fn initialize_account(program: Address, account: Address, mint: Address, owner: Address) -> Instruction {
    let mut data = vec![18];
    data.extend(owner.as_array());
    let accounts = vec![AccountMeta::new(account, false), AccountMeta::new_readonly(mint, false)];
    Instruction { program_id: program, accounts, data }
}

/// Token 19, InitializeMultisig2: `required` of `members`.
pub fn initialize_multisig(
    program: Address,
    multisig: Address,
    required: u8,
    members: &[Address],
) -> Instruction {
    let mut accounts = vec![AccountMeta::new(multisig, false)];
    accounts.extend(members.iter().map(|member| AccountMeta::new_readonly(*member, false)));
    Instruction { program_id: program, accounts, data: vec![19, required] }
}

/// Token 7, MintTo.
pub fn mint_to(
    program: Address,
    mint: Address,
    account: Address,
    authority: Address,
    amount: u64,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(mint, false),
        AccountMeta::new(account, false),
        AccountMeta::new_readonly(authority, true),
    ];
    Instruction { program_id: program, accounts, data: with_amount(&[7], amount) }
}

/// Token 3, Transfer.
pub fn transfer(program: Address, from: Address, to: Address, owner: Address, amount: u64) -> Instruction {
    let accounts = vec![
        AccountMeta::new(from, false),
        AccountMeta::new(to, false),
        AccountMeta::new_readonly(owner, true),
    ];
    Instruction { program_id: program, accounts, data: with_amount(&[3], amount) }
}

/// Token 4, Approve.
pub fn approve(
    program: Address,
    account: Address,
    delegate: Address,
    owner: Address,
    amount: u64,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(account, false),
        AccountMeta::new_readonly(delegate, false),
        AccountMeta::new_readonly(owner, true),
    ];
    Instruction { program_id: program, accounts, data: with_amount(&[4], amount) }
}

/// Token 9, CloseAccount.
pub fn close_account(
    program: Address,
    account: Address,
    destination: Address,
    owner: Address,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(account, false),
        AccountMeta::new(destination, false),
        AccountMeta::new_readonly(owner, true),
    ];
    Instruction { program_id: program, accounts, data: vec![9] }
}

/// Token 8, Burn.
pub fn burn(burn: BurnAccounts, amount: u64) -> Instruction {
    Instruction { program_id: burn.program, accounts: burn.metas(&[]), data: with_amount(&[8], amount) }
}

/// Token 15, BurnChecked.
pub fn burn_checked(burn: BurnAccounts, amount: u64, decimals: u8) -> Instruction {
    let mut data = with_amount(&[15], amount);
    data.push(decimals);
    Instruction { program_id: burn.program, accounts: burn.metas(&[]), data }
}

/// Token 8, Burn, where the authority is a multisig and `signers` sign for it.
pub fn burn_by_multisig(burn: BurnAccounts, signers: &[Address], amount: u64) -> Instruction {
    Instruction { program_id: burn.program, accounts: burn.metas(signers), data: with_amount(&[8], amount) }
}

/// Token-2022 46/1 (Burn) or, with decimals, 46/2 (BurnChecked).
pub fn permissioned_burn(
    burn: BurnAccounts,
    burn_authority: Address,
    amount: u64,
    decimals: Option<u8>,
) -> Instruction {
    let mut accounts = burn.metas(&[]);
    accounts.insert(2, AccountMeta::new_readonly(burn_authority, true));
    let mut data = with_amount(&[46, if decimals.is_some() { 2 } else { 1 }], amount);
    data.extend(decimals);
    Instruction { program_id: burn.program, accounts, data }
}

/// Token 255, Batch: executes `entries`, which must all be of `program`, within one instruction. Entries longer than
/// 255 bytes or accounts are left out.
pub fn batch(program: Address, entries: &[Instruction]) -> Instruction {
    let (mut accounts, mut data) = (Vec::new(), vec![255]);
    for entry in entries {
        if let (Ok(metas), Ok(bytes)) = (u8::try_from(entry.accounts.len()), u8::try_from(entry.data.len())) {
            data.extend([metas, bytes]);
            data.extend(&entry.data);
            accounts.extend(entry.accounts.iter().cloned());
        }
    }
    Instruction { program_id: program, accounts, data }
}

fn with_amount(tags: &[u8], amount: u64) -> Vec<u8> {
    let mut data = tags.to_vec();
    data.extend(amount.to_le_bytes());
    data
}

// === impl BurnAccounts ===

impl BurnAccounts {
    /// With multisig `signers` the authority itself does not sign.
    fn metas(self, signers: &[Address]) -> Vec<AccountMeta> {
        let mut metas = vec![
            AccountMeta::new(self.account, false),
            AccountMeta::new(self.mint, false),
            AccountMeta::new_readonly(self.authority, signers.is_empty()),
        ];
        metas.extend(signers.iter().map(|signer| AccountMeta::new_readonly(*signer, true)));
        metas
    }
}
