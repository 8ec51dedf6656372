use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use super::token::{BurnAccounts, close_account, transfer_checked, with_amount};
use crate::programs::TOKEN_2022;

/// Bytes of a mint with the PermissionedBurn extension alone: the padded base, the account type, and type, length and
/// authority of the entry.
pub const PERMISSIONED_MINT_BYTES: u64 = extended_bytes(&[32]);

/// Bytes of a mint or token account with extensions whose values have these lengths.
pub const fn extended_bytes(values: &[u64]) -> u64 {
    let (mut bytes, mut at) = (165 + 1, 0);
    while at < values.len() {
        bytes += 2 + 2 + values[at];
        at += 1;
    }
    bytes
}

/// Token-2022 46/0: every burn of the mint will need `authority` too. Goes before `initialize_mint`.
pub fn initialize_permissioned_burn(mint: Address, authority: Address) -> Instruction {
    let mut data = vec![46, 0];
    data.extend(authority.as_array());
    Instruction { program_id: TOKEN_2022, accounts: vec![AccountMeta::new(mint, false)], data }
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

/// Token-2022 25: who may close the mint. Goes before `initialize_mint`, as all that begin an extension.
pub fn initialize_mint_close_authority(mint: Address, authority: Address) -> Instruction {
    of_mint(mint, &[25, 1], &[authority.as_array()])
}

/// Token-2022 26/0: transfers cost basis points of their amount, at most `most`.
pub fn initialize_transfer_fee(mint: Address, authority: Address, points: u16, most: u64) -> Instruction {
    let mut instruction = of_mint(mint, &[26, 0, 1], &[authority.as_array()]);
    instruction.data.push(1);
    instruction.data.extend(authority.as_array());
    instruction.data.extend(points.to_le_bytes());
    instruction.data.extend(most.to_le_bytes());
    instruction
}

/// Token-2022 26/1, TransferCheckedWithFee: source, mint, destination, owner.
pub fn transfer_checked_with_fee(accounts: [Address; 4], amount: u64, decimals: u8, fee: u64) -> Instruction {
    let mut data = with_amount(&[26, 1], amount);
    data.push(decimals);
    data.extend(fee.to_le_bytes());
    Instruction { data, ..transfer_checked(TOKEN_2022, accounts, amount, decimals) }
}

/// Token-2022 26/2: moves what the mint holds back.
pub fn withdraw_withheld_from_mint(mint: Address, to: Address, authority: Address) -> Instruction {
    Instruction { data: vec![26, 2], ..close_account(TOKEN_2022, mint, to, authority) }
}

/// Token-2022 26/3: moves what token accounts hold back.
pub fn withdraw_withheld_from_accounts(
    mint: Address,
    to: Address,
    authority: Address,
    accounts: &[Address],
) -> Instruction {
    let mut instruction = withdraw_withheld_from_mint(mint, to, authority);
    instruction.data = vec![26, 3, u8::try_from(accounts.len()).unwrap_or(u8::MAX)];
    instruction.accounts.extend(accounts.iter().map(|account| AccountMeta::new(*account, false)));
    instruction
}

/// Token-2022 26/4: moves what token accounts hold back to the mint.
pub fn harvest_withheld(mint: Address, accounts: &[Address]) -> Instruction {
    let mut instruction = of_mint(mint, &[26, 4], &[]);
    instruction.accounts.extend(accounts.iter().map(|account| AccountMeta::new(*account, false)));
    instruction
}

/// Token-2022 26/5: another fee, two epochs later.
pub fn set_transfer_fee(mint: Address, authority: Address, points: u16, most: u64) -> Instruction {
    let mut instruction = signed(of_mint(mint, &[26, 5], &[]), authority);
    instruction.data.extend(points.to_le_bytes());
    instruction.data.extend(most.to_le_bytes());
    instruction
}

/// Token-2022 28/0: new accounts of the mint are frozen.
pub fn initialize_default_frozen(mint: Address) -> Instruction {
    of_mint(mint, &[28, 0, 2], &[])
}

/// Token-2022 28/1: new accounts of the mint are frozen, or not.
pub fn update_default_frozen(mint: Address, freeze_authority: Address, frozen: bool) -> Instruction {
    signed(of_mint(mint, &[28, 1, if frozen { 2 } else { 1 }], &[]), freeze_authority)
}

/// Token-2022 32: tokens of the mint stay where they are minted.
pub fn initialize_non_transferable(mint: Address) -> Instruction {
    of_mint(mint, &[32], &[])
}

/// Token-2022 35: who may move and burn all tokens of the mint.
pub fn initialize_permanent_delegate(mint: Address, delegate: Address) -> Instruction {
    of_mint(mint, &[35], &[delegate.as_array()])
}

/// Token-2022 39/0: where the mint's metadata is.
pub fn initialize_metadata_pointer(mint: Address, authority: Address, metadata: Address) -> Instruction {
    of_mint(mint, &[39, 0], &[authority.as_array(), metadata.as_array()])
}

/// Token-2022 44/0: who may pause all movement of the mint's tokens.
pub fn initialize_pausable(mint: Address, authority: Address) -> Instruction {
    of_mint(mint, &[44, 0], &[authority.as_array()])
}

/// Token-2022 44/1 or 44/2: pauses, or resumes.
pub fn pause(mint: Address, authority: Address, paused: bool) -> Instruction {
    signed(of_mint(mint, &[44, if paused { 1 } else { 2 }], &[]), authority)
}

/// Token metadata, Initialize: name, symbol and URI of the mint, in the mint itself; `authority` mints and may update.
pub fn initialize_metadata(mint: Address, authority: Address, texts: [&str; 3]) -> Instruction {
    let mut data = vec![210, 225, 30, 162, 88, 184, 77, 141];
    for text in texts {
        data.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        data.extend(text.as_bytes());
    }
    let accounts = vec![
        AccountMeta::new(mint, false),
        AccountMeta::new_readonly(authority, false),
        AccountMeta::new_readonly(mint, false),
        AccountMeta::new_readonly(authority, true),
    ];
    Instruction { program_id: TOKEN_2022, accounts, data }
}

fn of_mint(mint: Address, tags: &[u8], addresses: &[&[u8; 32]]) -> Instruction {
    let mut data = tags.to_vec();
    data.extend(addresses.iter().flat_map(|address| address.iter()));
    Instruction { program_id: TOKEN_2022, accounts: vec![AccountMeta::new(mint, false)], data }
}

fn signed(mut instruction: Instruction, authority: Address) -> Instruction {
    instruction.accounts.push(AccountMeta::new_readonly(authority, true));
    instruction
}
