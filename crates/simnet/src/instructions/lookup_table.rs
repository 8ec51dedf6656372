use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::programs::{LOOKUP_TABLE, SYSTEM};

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

/// Address Lookup Table: lets nobody change the table any more.
pub fn freeze_lookup_table(table: Address, authority: Address) -> Instruction {
    of_authority(1, table, authority)
}

/// Address Lookup Table: begins to end the table.
pub fn deactivate_lookup_table(table: Address, authority: Address) -> Instruction {
    of_authority(3, table, authority)
}

/// Address Lookup Table: ends a table that was deactivated long enough ago.
pub fn close_lookup_table(table: Address, authority: Address, receiver: Address) -> Instruction {
    let mut close = of_authority(4, table, authority);
    close.accounts.push(AccountMeta::new(receiver, false));
    close
}

fn of_authority(tag: u32, table: Address, authority: Address) -> Instruction {
    let accounts = vec![AccountMeta::new(table, false), AccountMeta::new_readonly(authority, true)];
    Instruction { program_id: LOOKUP_TABLE, accounts, data: tag.to_le_bytes().to_vec() }
}

fn table_accounts(table: Address, authority: Address) -> Vec<AccountMeta> {
    vec![
        AccountMeta::new(table, false),
        AccountMeta::new_readonly(authority, true),
        AccountMeta::new(authority, true),
        AccountMeta::new_readonly(SYSTEM, false),
    ]
}
