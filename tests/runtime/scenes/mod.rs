//! What is tried: scenes of transactions that build upon each other, each with keys of its own.

/// Extensions of Token-2022.
mod extensions;
/// Programs that are no token programs, and the runtime itself.
mod others;
/// What both token programs have.
mod tokens;
/// Wrapped SOL, batches, and accounts without an owner.
mod wrapped;

use std::collections::BTreeMap;

use eda_simnet::chain::rent_exempt_minimum;
use eda_test_support::instructions as ix;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Transactions one after the other.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) payer: Keypair,
    pub(crate) keys: BTreeMap<String, Keypair>,
    pub(crate) steps: Vec<(String, Vec<Instruction>)>,
}

/// A mint, and two people with an account each.
pub(crate) struct Town {
    pub(crate) program: Address,
    pub(crate) mint: Address,
    pub(crate) minter: Address,
    pub(crate) freezer: Address,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    /// Alice's account.
    pub(crate) a: Address,
    /// Bob's account.
    pub(crate) b: Address,
}

/// Every scene; tables of addresses are made from a recent slot.
pub(crate) fn all(slot: u64) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (program, name) in [(ix::TOKEN, "token"), (ix::TOKEN_2022, "token-2022")] {
        scenes.push(tokens::supply(program, name));
        scenes.push(tokens::transfers(program, name));
        scenes.push(tokens::delegates(program, name));
        scenes.push(tokens::authorities(program, name));
        scenes.push(tokens::multisigs(program, name));
        scenes.push(tokens::lifecycle(program, name));
        scenes.push(tokens::freezing(program, name));
        scenes.push(tokens::sizes_and_texts(program, name));
        scenes.push(wrapped::unowned(program, name));
        scenes.push(wrapped::excess(program, name));
        scenes.push(others::associated(program, name));
    }
    scenes.push(wrapped::wrapped_sol());
    scenes.push(wrapped::batches());
    scenes.push(wrapped::foreign());
    scenes.push(others::system());
    scenes.push(others::seeds());
    scenes.push(others::memos());
    scenes.push(others::tables(slot));
    scenes.push(others::runtime());
    scenes.extend(extensions::all());
    scenes
}

/// A key pair of a name.
fn key(scene: &str, name: &str) -> Keypair {
    let mut seed = [7_u8; 32];
    let bytes = scene.bytes().chain([b'/']).chain(name.bytes());
    for (number, byte) in bytes.enumerate() {
        seed[number % 32] = seed[number % 32].wrapping_mul(31).wrapping_add(byte);
    }
    Keypair::new_from_array(seed)
}

// === impl Scene ===

impl Scene {
    pub(crate) fn new(name: &str) -> Self {
        let payer = key(name, "payer");
        Self { name: name.to_owned(), payer, keys: BTreeMap::new(), steps: Vec::new() }
    }

    /// Somebody of this scene, who signs whatever needs it.
    pub(crate) fn key(&mut self, name: &str) -> Address {
        let scene = &self.name;
        self.keys.entry(name.to_owned()).or_insert_with(|| key(scene, name)).pubkey()
    }

    pub(crate) fn payer(&self) -> Address {
        self.payer.pubkey()
    }

    /// One transaction.
    pub(crate) fn step(&mut self, what: &str, instructions: impl IntoIterator<Item = Instruction>) {
        self.steps.push((what.to_owned(), instructions.into_iter().collect()));
    }

    /// What an address is called in this scene.
    pub(crate) fn name_of(&self, address: &str) -> String {
        let named = self.keys.iter().find(|(_, key)| key.pubkey().to_string() == address);
        named.map_or(address.to_owned(), |(name, _)| format!("{name} ({address})"))
    }

    /// Creates an account that is exempt from rent.
    pub(crate) fn create(&mut self, name: &str, bytes: u64, owner: Address) -> (Address, Instruction) {
        let new = self.key(name);
        let lamports = rent_exempt_minimum(usize::try_from(bytes).unwrap());
        (new, ix::create_account(self.payer(), new, lamports, bytes, owner))
    }

    /// Creates and initializes a token account.
    pub(crate) fn holding(
        &mut self,
        name: &str,
        program: Address,
        mint: Address,
        owner: Address,
    ) -> (Address, Vec<Instruction>) {
        let (account, create) = self.create(name, ix::ACCOUNT_BYTES, program);
        (account, vec![create, ix::initialize_account(program, account, mint, owner)])
    }

    /// A mint with six decimals, a thousand tokens for Alice, and none for Bob.
    pub(crate) fn town(&mut self, program: Address) -> Town {
        let [minter, freezer, alice, bob] = ["minter", "freezer", "alice", "bob"].map(|name| self.key(name));
        let (mint, create) = self.create("mint", ix::MINT_BYTES, program);
        let (a, first) = self.holding("a", program, mint, alice);
        let (b, second) = self.holding("b", program, mint, bob);
        self.step(
            "a town",
            [
                vec![create, ix::initialize_freezable_mint(program, mint, 6, minter, freezer)],
                first,
                second,
                vec![ix::mint_to(program, mint, a, minter, 1_000)],
            ]
            .concat(),
        );
        Town { program, mint, minter, freezer, alice, bob, a, b }
    }
}

/// The instruction without a signature of its account at `at`.
pub(crate) fn unsigned(mut instruction: Instruction, at: usize) -> Instruction {
    instruction.accounts[at].is_signer = false;
    instruction
}

/// The instruction with a read-only account at `at`.
pub(crate) fn readonly(mut instruction: Instruction, at: usize) -> Instruction {
    instruction.accounts[at].is_writable = false;
    instruction
}

/// The instruction with only so many accounts.
pub(crate) fn only(mut instruction: Instruction, accounts: usize) -> Instruction {
    instruction.accounts.truncate(accounts);
    instruction
}

/// The instruction with other data.
pub(crate) fn with_data(instruction: Instruction, data: &[u8]) -> Instruction {
    Instruction { data: data.to_vec(), ..instruction }
}
