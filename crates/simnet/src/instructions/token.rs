use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

/// Bytes of a mint without extensions.
pub const MINT_BYTES: u64 = 82;
/// Bytes of a token account without extensions.
pub const ACCOUNT_BYTES: u64 = 165;
/// Bytes of a multisig.
pub const MULTISIG_BYTES: u64 = 355;
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

/// Token 20, InitializeMint2, without freeze authority.
pub fn initialize_mint(program: Address, mint: Address, decimals: u8, authority: Address) -> Instruction {
    let mut data = vec![20, decimals];
    data.extend(authority.as_array());
    data.push(0);
    Instruction { program_id: program, accounts: vec![AccountMeta::new(mint, false)], data }
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

/// Token 20, InitializeMint2, with a freeze authority.
pub fn initialize_freezable_mint(
    program: Address,
    mint: Address,
    decimals: u8,
    authority: Address,
    freeze_authority: Address,
) -> Instruction {
    let mut instruction = initialize_mint(program, mint, decimals, authority);
    instruction.data.pop();
    instruction.data.push(1);
    instruction.data.extend(freeze_authority.as_array());
    instruction
}

/// Token 12, TransferChecked.
pub fn transfer_checked(
    program: Address,
    [from, mint, to, owner]: [Address; 4],
    amount: u64,
    decimals: u8,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(from, false),
        AccountMeta::new_readonly(mint, false),
        AccountMeta::new(to, false),
        AccountMeta::new_readonly(owner, true),
    ];
    Instruction { program_id: program, accounts, data: checked(&[12], amount, decimals) }
}

/// Token 13, ApproveChecked.
pub fn approve_checked(
    program: Address,
    [account, mint, delegate, owner]: [Address; 4],
    amount: u64,
    decimals: u8,
) -> Instruction {
    let accounts = vec![
        AccountMeta::new(account, false),
        AccountMeta::new_readonly(mint, false),
        AccountMeta::new_readonly(delegate, false),
        AccountMeta::new_readonly(owner, true),
    ];
    Instruction { program_id: program, accounts, data: checked(&[13], amount, decimals) }
}

/// Token 14, MintToChecked.
pub fn mint_to_checked(
    program: Address,
    [mint, account, authority]: [Address; 3],
    amount: u64,
    decimals: u8,
) -> Instruction {
    let minted = mint_to(program, mint, account, authority, amount);
    Instruction { data: checked(&[14], amount, decimals), ..minted }
}

/// Token 5, Revoke.
pub fn revoke(program: Address, account: Address, owner: Address) -> Instruction {
    let accounts = vec![AccountMeta::new(account, false), AccountMeta::new_readonly(owner, true)];
    Instruction { program_id: program, accounts, data: vec![5] }
}

/// Token 6, SetAuthority: hands the authority of this number over, or gives it up. Both programs know 0 to mint, 1 to
/// freeze, 2 the owner and 3 to close.
pub fn set_authority(
    program: Address,
    account: Address,
    kind: u8,
    authority: Address,
    to: Option<Address>,
) -> Instruction {
    let mut data = vec![6, kind, u8::from(to.is_some())];
    data.extend(to.iter().flat_map(|to| to.as_array()));
    let accounts = vec![AccountMeta::new(account, false), AccountMeta::new_readonly(authority, true)];
    Instruction { program_id: program, accounts, data }
}

/// Token 10, FreezeAccount.
pub fn freeze_account(program: Address, account: Address, mint: Address, authority: Address) -> Instruction {
    let accounts = vec![
        AccountMeta::new(account, false),
        AccountMeta::new_readonly(mint, false),
        AccountMeta::new_readonly(authority, true),
    ];
    Instruction { program_id: program, accounts, data: vec![10] }
}

/// Token 11, ThawAccount.
pub fn thaw_account(program: Address, account: Address, mint: Address, authority: Address) -> Instruction {
    Instruction { data: vec![11], ..freeze_account(program, account, mint, authority) }
}

/// Token 17, SyncNative.
pub fn sync_native(program: Address, account: Address) -> Instruction {
    Instruction { program_id: program, accounts: vec![AccountMeta::new(account, false)], data: vec![17] }
}

/// Token 22, InitializeImmutableOwner.
pub fn initialize_immutable_owner(program: Address, account: Address) -> Instruction {
    Instruction { data: vec![22], ..sync_native(program, account) }
}

/// Token 21, GetAccountDataSize.
pub fn get_account_data_size(program: Address, mint: Address) -> Instruction {
    of_mint(program, mint, vec![21])
}

/// Token 23, AmountToUiAmount.
pub fn amount_to_ui_amount(program: Address, mint: Address, amount: u64) -> Instruction {
    of_mint(program, mint, with_amount(&[23], amount))
}

/// Token 24, UiAmountToAmount.
pub fn ui_amount_to_amount(program: Address, mint: Address, text: &str) -> Instruction {
    of_mint(program, mint, [&[24], text.as_bytes()].concat())
}

/// Token 38, WithdrawExcessLamports.
pub fn withdraw_excess_lamports(
    program: Address,
    account: Address,
    destination: Address,
    authority: Address,
) -> Instruction {
    Instruction { data: vec![38], ..close_account(program, account, destination, authority) }
}

/// Token 45, UnwrapLamports: of an amount, or all.
pub fn unwrap_lamports(
    program: Address,
    account: Address,
    destination: Address,
    owner: Address,
    amount: Option<u64>,
) -> Instruction {
    let mut data = vec![45, u8::from(amount.is_some())];
    data.extend(amount.iter().flat_map(|amount| amount.to_le_bytes()));
    Instruction { data, ..close_account(program, account, destination, owner) }
}

/// Lets a multisig be the authority, which is the last account, and `signers` sign for it.
pub fn by_multisig(mut instruction: Instruction, signers: &[Address]) -> Instruction {
    if let Some(authority) = instruction.accounts.last_mut() {
        authority.is_signer = false;
    }
    instruction.accounts.extend(signers.iter().map(|signer| AccountMeta::new_readonly(*signer, true)));
    instruction
}

fn of_mint(program: Address, mint: Address, data: Vec<u8>) -> Instruction {
    Instruction { program_id: program, accounts: vec![AccountMeta::new_readonly(mint, false)], data }
}

fn checked(tags: &[u8], amount: u64, decimals: u8) -> Vec<u8> {
    let mut data = with_amount(tags, amount);
    data.push(decimals);
    data
}

pub(super) fn with_amount(tags: &[u8], amount: u64) -> Vec<u8> {
    let mut data = tags.to_vec();
    data.extend(amount.to_le_bytes());
    data
}

// === impl BurnAccounts ===

impl BurnAccounts {
    /// With multisig `signers` the authority itself does not sign.
    pub(super) fn metas(self, signers: &[Address]) -> Vec<AccountMeta> {
        let mut metas = vec![
            AccountMeta::new(self.account, false),
            AccountMeta::new(self.mint, false),
            AccountMeta::new_readonly(self.authority, signers.is_empty()),
        ];
        metas.extend(signers.iter().map(|signer| AccountMeta::new_readonly(*signer, true)));
        metas
    }
}
