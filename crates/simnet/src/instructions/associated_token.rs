use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::programs::{ASSOCIATED_TOKEN, SYSTEM};

/// The token account that wallets use for an owner's tokens of a mint of `program`.
pub fn associated_token(program: Address, owner: Address, mint: Address) -> Address {
    let seeds = [owner.as_ref(), program.as_ref(), mint.as_ref()];
    Address::find_program_address(&seeds, &ASSOCIATED_TOKEN).0
}

/// Associated Token Account 0, Create; or, if it may exist already, 1, CreateIdempotent.
pub fn create_associated_token(
    payer: Address,
    program: Address,
    owner: Address,
    mint: Address,
    idempotent: bool,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(payer, true),
        AccountMeta::new(associated_token(program, owner, mint), false),
        AccountMeta::new_readonly(owner, false),
        AccountMeta::new_readonly(mint, false),
        AccountMeta::new_readonly(SYSTEM, false),
        AccountMeta::new_readonly(program, false),
    ];
    Instruction { program_id: ASSOCIATED_TOKEN, accounts, data: vec![u8::from(idempotent)] }
}
