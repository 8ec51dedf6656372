//! Who takes part, and the instructions they send.

use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::{Keypair, Signer};
use solana_pubkey::{Pubkey, pubkey};

/// The classic Token program.
pub(crate) const TOKEN_PROGRAM: Pubkey = pubkey!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const SYSTEM_PROGRAM: Pubkey = Pubkey::new_from_array([0; 32]);
/// Bytes of a mint.
pub(crate) const MINT_SIZE: usize = 82;
/// Bytes of a token account.
pub(crate) const TOKEN_ACCOUNT_SIZE: usize = 165;
/// Of the mint.
pub(crate) const DECIMALS: u8 = 6;

/// The accounts of the steps. The keys are always the same, so that the same steps make the same bytes on every node.
pub(crate) struct Cast {
    pub(crate) payer: Keypair,
    pub(crate) mint: Keypair,
    pub(crate) alice: Keypair,
    pub(crate) alice_tokens: Keypair,
    pub(crate) bob_tokens: Keypair,
    pub(crate) stranger: Keypair,
}

// === impl Cast ===

impl Cast {
    pub(crate) fn new() -> Self {
        let key = |number: u8| Keypair::new_from_array([number; 32]);
        Self {
            payer: key(201),
            mint: key(202),
            alice: key(203),
            alice_tokens: key(204),
            bob_tokens: key(205),
            stranger: key(206),
        }
    }

    /// Each with its role.
    pub(crate) fn names(&self) -> [(Pubkey, &'static str); 6] {
        [
            (self.payer.pubkey(), "payer"),
            (self.mint.pubkey(), "mint"),
            (self.alice.pubkey(), "alice"),
            (self.alice_tokens.pubkey(), "alice tokens"),
            (self.bob_tokens.pubkey(), "bob tokens"),
            (self.stranger.pubkey(), "stranger"),
        ]
    }

    pub(crate) fn create_mint(&self, lamports: u64) -> [Instruction; 2] {
        let mut data = vec![20, DECIMALS];
        data.extend(self.payer.pubkey().to_bytes());
        data.push(0);
        let mint = self.mint.pubkey();
        [self.create(mint, lamports, MINT_SIZE), token(data, vec![AccountMeta::new(mint, false)])]
    }

    pub(crate) fn create_token_account(
        &self,
        account: &Keypair,
        owner: &Keypair,
        lamports: u64,
    ) -> [Instruction; 2] {
        let mut data = vec![18];
        data.extend(owner.pubkey().to_bytes());
        let accounts = vec![
            AccountMeta::new(account.pubkey(), false),
            AccountMeta::new_readonly(self.mint.pubkey(), false),
        ];
        [self.create(account.pubkey(), lamports, TOKEN_ACCOUNT_SIZE), token(data, accounts)]
    }

    /// Into Alice's account.
    pub(crate) fn mint_to(&self, amount: u64) -> Instruction {
        let accounts = vec![
            AccountMeta::new(self.mint.pubkey(), false),
            AccountMeta::new(self.alice_tokens.pubkey(), false),
            AccountMeta::new_readonly(self.payer.pubkey(), true),
        ];
        token(with_amount(7, amount), accounts)
    }

    /// From Alice's account to Bob's.
    pub(crate) fn transfer(&self, amount: u64) -> Instruction {
        let accounts = vec![
            AccountMeta::new(self.alice_tokens.pubkey(), false),
            AccountMeta::new(self.bob_tokens.pubkey(), false),
            AccountMeta::new_readonly(self.alice.pubkey(), true),
        ];
        token(with_amount(3, amount), accounts)
    }

    /// From Alice's account.
    pub(crate) fn burn(&self, amount: u64) -> Instruction {
        token(with_amount(8, amount), self.burned())
    }

    /// From Alice's account.
    pub(crate) fn burn_checked(&self, amount: u64) -> Instruction {
        let mut data = with_amount(15, amount);
        data.push(DECIMALS);
        token(data, self.burned())
    }

    /// From the payer to Alice.
    pub(crate) fn pay(&self, lamports: u64) -> Instruction {
        let mut data = vec![2, 0, 0, 0];
        data.extend(lamports.to_le_bytes());
        let accounts =
            vec![AccountMeta::new(self.payer.pubkey(), true), AccountMeta::new(self.alice.pubkey(), false)];
        Instruction { program_id: SYSTEM_PROGRAM, accounts, data }
    }

    fn burned(&self) -> Vec<AccountMeta> {
        vec![
            AccountMeta::new(self.alice_tokens.pubkey(), false),
            AccountMeta::new(self.mint.pubkey(), false),
            AccountMeta::new_readonly(self.alice.pubkey(), true),
        ]
    }

    fn create(&self, account: Pubkey, lamports: u64, space: usize) -> Instruction {
        let mut data = vec![0; 4];
        data.extend(lamports.to_le_bytes());
        data.extend((space as u64).to_le_bytes());
        data.extend(TOKEN_PROGRAM.to_bytes());
        let accounts = vec![AccountMeta::new(self.payer.pubkey(), true), AccountMeta::new(account, true)];
        Instruction { program_id: SYSTEM_PROGRAM, accounts, data }
    }
}

fn with_amount(instruction: u8, amount: u64) -> Vec<u8> {
    let mut data = vec![instruction];
    data.extend(amount.to_le_bytes());
    data
}

fn token(data: Vec<u8>, accounts: Vec<AccountMeta>) -> Instruction {
    Instruction { program_id: TOKEN_PROGRAM, accounts, data }
}
