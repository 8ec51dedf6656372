use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::programs::SYSTEM;

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

/// System: creates an account at the address that `base`, `seed` and `owner` make; `base` signs.
pub fn create_account_with_seed(
    payer: Address,
    new: Address,
    base: Address,
    seed: &str,
    lamports: u64,
    bytes: u64,
    owner: Address,
) -> Instruction {
    let mut data = with_seed(3, base, seed);
    data.extend(lamports.to_le_bytes());
    data.extend(bytes.to_le_bytes());
    data.extend(owner.as_array());
    let accounts = vec![
        AccountMeta::new(payer, true),
        AccountMeta::new(new, false),
        AccountMeta::new_readonly(base, true),
    ];
    Instruction { program_id: SYSTEM, accounts, data }
}

/// System: gives an account to a program.
pub fn assign(account: Address, owner: Address) -> Instruction {
    let mut data = 1_u32.to_le_bytes().to_vec();
    data.extend(owner.as_array());
    Instruction { program_id: SYSTEM, accounts: vec![AccountMeta::new(account, true)], data }
}

/// System: gives an account so many zero bytes.
pub fn allocate(account: Address, bytes: u64) -> Instruction {
    let mut data = 8_u32.to_le_bytes().to_vec();
    data.extend(bytes.to_le_bytes());
    Instruction { program_id: SYSTEM, accounts: vec![AccountMeta::new(account, true)], data }
}

/// System: gives an account at a seed's address so many zero bytes, and to a program.
pub fn allocate_with_seed(
    account: Address,
    base: Address,
    seed: &str,
    bytes: u64,
    owner: Address,
) -> Instruction {
    let mut data = with_seed(9, base, seed);
    data.extend(bytes.to_le_bytes());
    data.extend(owner.as_array());
    Instruction { program_id: SYSTEM, accounts: of_seed(account, base), data }
}

/// System: gives an account at a seed's address to a program.
pub fn assign_with_seed(account: Address, base: Address, seed: &str, owner: Address) -> Instruction {
    let mut data = with_seed(10, base, seed);
    data.extend(owner.as_array());
    Instruction { program_id: SYSTEM, accounts: of_seed(account, base), data }
}

/// System: moves lamports out of the account that `base`, `seed` and `owner` make.
pub fn transfer_lamports_with_seed(
    from: Address,
    base: Address,
    seed: &str,
    owner: Address,
    to: Address,
    lamports: u64,
) -> Instruction {
    let mut data = 11_u32.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    data.extend(text(seed));
    data.extend(owner.as_array());
    let accounts = vec![
        AccountMeta::new(from, false),
        AccountMeta::new_readonly(base, true),
        AccountMeta::new(to, false),
    ];
    Instruction { program_id: SYSTEM, accounts, data }
}

fn with_seed(tag: u32, base: Address, seed: &str) -> Vec<u8> {
    let mut data = tag.to_le_bytes().to_vec();
    data.extend(base.as_array());
    data.extend(text(seed));
    data
}

fn of_seed(account: Address, base: Address) -> Vec<AccountMeta> {
    vec![AccountMeta::new(account, false), AccountMeta::new_readonly(base, true)]
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
