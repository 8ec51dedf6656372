use eda_test_support::instructions::{self as ix, BurnAccounts, extended_bytes};
use solana_address::Address;
use solana_instruction::Instruction;

use super::{Scene, only, unsigned, with_data};

const PROGRAM: Address = ix::TOKEN_2022;

pub(crate) fn all() -> Vec<Scene> {
    vec![
        fees(),
        closing_mints(),
        permanent_delegates(),
        non_transferable(),
        default_frozen(),
        immutable_owners(),
        metadata(),
        pausable(),
        layouts(),
    ]
}

/// A mint with extensions, and two accounts of it.
struct Extended {
    mint: Address,
    minter: Address,
    alice: Address,
    bob: Address,
    a: Address,
    b: Address,
}

impl Scene {
    /// Creates a mint whose extensions `begin` and whose values have these lengths; accounts have theirs.
    fn extended(
        &mut self,
        mint_values: &[u64],
        account_values: &[u64],
        begin: impl FnOnce(Address, Address) -> Vec<Instruction>,
    ) -> Extended {
        let [minter, alice, bob] = ["minter", "alice", "bob"].map(|name| self.key(name));
        let (mint, create) = self.create("mint", extended_bytes(mint_values), PROGRAM);
        let begin = begin(mint, minter);
        let initialize = ix::initialize_freezable_mint(PROGRAM, mint, 6, minter, minter);
        self.step("a mint", [vec![create], begin, vec![initialize]].concat());
        let bytes = if account_values.is_empty() { 165 } else { extended_bytes(account_values) };
        let (a, first) = self.create("a", bytes, PROGRAM);
        let (b, second) = self.create("b", bytes, PROGRAM);
        self.step(
            "accounts",
            [
                first,
                second,
                ix::initialize_account(PROGRAM, a, mint, alice),
                ix::initialize_account(PROGRAM, b, mint, bob),
            ],
        );
        self.step("mint", [ix::mint_to(PROGRAM, mint, a, minter, 1_000_000)]);
        Extended { mint, minter, alice, bob, a, b }
    }
}

impl Extended {
    fn transfer(&self, amount: u64) -> Instruction {
        ix::transfer_checked(PROGRAM, [self.a, self.mint, self.b, self.alice], amount, 6)
    }

    fn burn(&self, authority: Address, amount: u64) -> Instruction {
        let burn = BurnAccounts { program: PROGRAM, account: self.a, mint: self.mint, authority };
        ix::burn(burn, amount)
    }
}

fn fees() -> Scene {
    let mut scene = Scene::new("transfer fees");
    let town = scene
        .extended(&[108], &[8], |mint, minter| vec![ix::initialize_transfer_fee(mint, minter, 250, 300)]);
    let payer = scene.payer();
    let Extended { mint, minter, alice, bob, a, b } = town;
    scene.step("transfer", [town.transfer(1_000)]);
    scene.step("transfer little", [town.transfer(1)]);
    scene.step("transfer much", [town.transfer(100_000)]);
    scene.step("transfer nothing", [town.transfer(0)]);
    scene.step("transfer to itself", [ix::transfer_checked(PROGRAM, [a, mint, a, alice], 1_000, 6)]);
    scene.step("transfer without the mint", [ix::transfer(PROGRAM, a, b, alice, 1_000)]);
    let with_fee = |fee| ix::transfer_checked_with_fee([a, mint, b, alice], 1_000, 6, fee);
    scene.step("transfer with the fee", [with_fee(25)]);
    scene.step("transfer with another fee", [with_fee(24)]);
    scene.step("transfer with half a fee", [with_data(with_fee(25), &[26, 1, 1, 0, 0, 0, 0, 0, 0, 0, 6, 1])]);
    scene.step("burn", [town.burn(alice, 1_000)]);
    scene.step(
        "close with fees",
        [
            ix::burn(BurnAccounts { program: PROGRAM, account: b, mint, authority: bob }, 101_650),
            ix::close_account(PROGRAM, b, payer, bob),
        ],
    );
    scene.step("transfer again", [town.transfer(2_000)]);
    scene.step("harvest", [ix::harvest_withheld(mint, &[b, a])]);
    scene.step("harvest what has none", [ix::harvest_withheld(mint, &[alice])]);
    scene.step("withdraw by somebody else", [ix::withdraw_withheld_from_mint(mint, a, alice)]);
    scene.step("withdraw", [ix::withdraw_withheld_from_mint(mint, a, minter)]);
    scene.step("transfer once more", [town.transfer(3_000)]);
    scene.step("withdraw from accounts", [ix::withdraw_withheld_from_accounts(mint, a, minter, &[b])]);
    scene.step(
        "withdraw to itself",
        [town.transfer(3_000), ix::withdraw_withheld_from_accounts(mint, b, minter, &[b, a])],
    );
    scene.step("another fee", [ix::set_transfer_fee(mint, minter, 100, 1_000)]);
    scene.step("too high a fee", [ix::set_transfer_fee(mint, minter, 10_001, 1_000)]);
    scene.step("a fee by somebody else", [ix::set_transfer_fee(mint, alice, 100, 1_000)]);
    scene.step("still the old fee", [town.transfer(1_000)]);
    scene.step("another authority", [ix::set_authority(PROGRAM, mint, 4, minter, Some(alice))]);
    scene.step("no authority", [ix::set_authority(PROGRAM, mint, 5, minter, None)]);
    scene.step("withdraw without one", [ix::withdraw_withheld_from_mint(mint, a, minter)]);
    scene.step("an unknown instruction", [with_data(with_fee(1), &[26, 9])]);
    scene.step("no instruction", [with_data(with_fee(1), &[26])]);
    let (other, create) = scene.create("other", extended_bytes(&[108]), PROGRAM);
    scene.step(
        "too high a fee from the beginning",
        [create, ix::initialize_transfer_fee(other, minter, 10_001, 1)],
    );
    let (short, create) = scene.create("short", 165, PROGRAM);
    scene.step("too short an account", [create, ix::initialize_account(PROGRAM, short, mint, alice)]);
    scene.step("associated", [ix::create_associated_token(payer, PROGRAM, alice, mint, false)]);
    scene
}

fn closing_mints() -> Scene {
    let mut scene = Scene::new("closing mints");
    let town =
        scene.extended(&[32], &[], |mint, minter| vec![ix::initialize_mint_close_authority(mint, minter)]);
    let payer = scene.payer();
    let Extended { mint, minter, alice, bob, .. } = town;
    scene.step("close with a supply", [ix::close_account(PROGRAM, mint, payer, minter)]);
    scene.step("burn", [town.burn(alice, 1_000_000)]);
    scene.step("close by somebody else", [ix::close_account(PROGRAM, mint, payer, alice)]);
    scene.step("another authority", [ix::set_authority(PROGRAM, mint, 6, minter, Some(bob))]);
    scene.step("close", [ix::close_account(PROGRAM, mint, payer, bob)]);
    scene.step("burn of no mint", [town.burn(alice, 0)]);
    let (other, create) = scene.create("other", extended_bytes(&[32]), PROGRAM);
    let nobody = with_data(ix::initialize_mint_close_authority(other, minter), &[25, 0]);
    scene.step("closed by nobody", [create, nobody, ix::initialize_mint(PROGRAM, other, 0, minter)]);
    scene.step("close what nobody may", [ix::close_account(PROGRAM, other, payer, minter)]);
    scene.step("who may close again", [ix::set_authority(PROGRAM, other, 6, minter, Some(bob))]);
    scene
}

fn permanent_delegates() -> Scene {
    let mut scene = Scene::new("permanent delegates");
    let town =
        scene.extended(&[32], &[], |mint, minter| vec![ix::initialize_permanent_delegate(mint, minter)]);
    let Extended { mint, minter, alice, a, b, .. } = town;
    scene.step("transfer by it", [ix::transfer_checked(PROGRAM, [a, mint, b, minter], 100, 6)]);
    scene.step("transfer by it without the mint", [ix::transfer(PROGRAM, a, b, minter, 100)]);
    scene.step("burn by it", [town.burn(minter, 100)]);
    scene.step("without a signature", [unsigned(town.burn(minter, 100), 2)]);
    scene.step("transfer by the owner", [town.transfer(100)]);
    scene.step("another one", [ix::set_authority(PROGRAM, mint, 8, minter, Some(alice))]);
    scene.step("burn by the one before", [town.burn(minter, 100)]);
    let burn = BurnAccounts { program: PROGRAM, account: b, mint, authority: alice };
    scene.step("burn by the new one", [ix::burn_checked(burn, 100, 6)]);
    scene.step("none", [ix::set_authority(PROGRAM, mint, 8, alice, None)]);
    scene.step("one again", [ix::set_authority(PROGRAM, mint, 8, alice, Some(alice))]);
    scene
}

fn non_transferable() -> Scene {
    let mut scene = Scene::new("non-transferable");
    let town = scene.extended(&[0], &[0, 0], |mint, _| vec![ix::initialize_non_transferable(mint)]);
    let Extended { mint, minter, alice, a, b, .. } = town;
    scene.step("transfer", [town.transfer(1)]);
    scene.step("transfer without the mint", [ix::transfer(PROGRAM, a, b, alice, 1)]);
    scene.step("burn", [town.burn(alice, 10)]);
    scene.step("another owner", [ix::set_authority(PROGRAM, a, 2, alice, Some(minter))]);
    let (plain, create) = scene.create("plain", 165, PROGRAM);
    scene.step("a plain account", [create, ix::initialize_account(PROGRAM, plain, mint, alice)]);
    scene
}

fn default_frozen() -> Scene {
    let mut scene = Scene::new("default frozen");
    let town = scene.extended(&[1], &[], |mint, _| vec![ix::initialize_default_frozen(mint)]);
    let Extended { mint, minter, alice, a, b, .. } = town;
    scene.step("thaw", [ix::thaw_account(PROGRAM, a, mint, minter)]);
    scene.step("mint now", [ix::mint_to(PROGRAM, mint, a, minter, 100)]);
    scene.step("transfer to a frozen one", [town.transfer(1)]);
    scene.step("by somebody else", [ix::update_default_frozen(mint, alice, false)]);
    scene.step("no longer", [ix::update_default_frozen(mint, minter, false)]);
    scene.step("strangely", [with_data(ix::update_default_frozen(mint, minter, false), &[28, 1, 3])]);
    scene.step("uninitialized", [with_data(ix::update_default_frozen(mint, minter, false), &[28, 1, 0])]);
    scene.step("half", [with_data(ix::update_default_frozen(mint, minter, false), &[28, 1])]);
    let (c, account) = scene.holding("c", PROGRAM, mint, alice);
    let mint_to = ix::mint_to(PROGRAM, mint, c, minter, 5);
    scene.step("another account", [account, vec![mint_to]].concat());
    scene.step("the old one is frozen still", [ix::mint_to(PROGRAM, mint, b, minter, 5)]);
    let (other, create) = scene.create("other", extended_bytes(&[1]), PROGRAM);
    let begin = ix::initialize_default_frozen(other);
    scene.step("without freezer", [create, begin, ix::initialize_mint(PROGRAM, other, 0, minter)]);
    scene
}

fn immutable_owners() -> Scene {
    let mut scene = Scene::new("immutable owners");
    let town = scene.town(PROGRAM);
    let payer = scene.payer();
    let (c, create) = scene.create("c", extended_bytes(&[0]), PROGRAM);
    let begin = ix::initialize_immutable_owner(PROGRAM, c);
    let initialize = ix::initialize_account(PROGRAM, c, town.mint, town.alice);
    scene.step("an account", [create, begin.clone(), begin, initialize]);
    scene.step("another owner", [ix::set_authority(PROGRAM, c, 2, town.alice, Some(town.bob))]);
    scene.step("who may close", [ix::set_authority(PROGRAM, c, 3, town.alice, Some(town.bob))]);
    scene.step("too late", [ix::initialize_immutable_owner(PROGRAM, c)]);
    scene.step("close", [ix::close_account(PROGRAM, c, payer, town.bob)]);
    scene
}

fn metadata() -> Scene {
    let mut scene = Scene::new("metadata");
    let payer = scene.payer();
    let town =
        scene.extended(&[64], &[], |mint, minter| vec![ix::initialize_metadata_pointer(mint, minter, mint)]);
    let Extended { mint, minter, alice, a, .. } = town;
    let rent = ix::transfer_lamports(payer, mint, 3_000_000);
    let texts = ["A coin", "COIN", "https://example.org/coin.json"];
    let metadata = ix::initialize_metadata(mint, minter, texts);
    scene.step("without rent", [metadata.clone()]);
    scene.step("by somebody else", [rent.clone(), ix::initialize_metadata(mint, alice, texts)]);
    scene.step("without a signature", [rent.clone(), unsigned(metadata.clone(), 3)]);
    let mut elsewhere = metadata.clone();
    elsewhere.accounts[0].pubkey = a;
    scene.step("elsewhere", [rent.clone(), elsewhere]);
    scene.step("with too few accounts", [rent.clone(), only(metadata.clone(), 3)]);
    scene.step("broken", [rent.clone(), with_data(metadata.clone(), &metadata.data[..20])]);
    scene.step("initialize", [rent, metadata.clone()]);
    scene.step("again", [metadata.clone()]);
    scene.step("mint after that", [ix::mint_to(PROGRAM, mint, a, minter, 5)]);
    scene.step("burn after that", [town.burn(alice, 5)]);
    let field = |field: &[u8], value: &str| {
        let mut update = only(ix::initialize_metadata(mint, minter, texts), 2);
        update.accounts[1].is_signer = true;
        update.data = vec![221, 233, 49, 45, 181, 202, 220, 200];
        update.data.extend(field);
        update.data.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        update.data.extend(value.as_bytes());
        update
    };
    scene.step("a shorter name", [field(&[0], "Coin")]);
    scene.step("a longer symbol", [field(&[1], "COINS")]);
    scene.step("a pair", [field(&[3, 3, 0, 0, 0, b'k', b'e', b'y'], "value")]);
    scene.step("by nobody", [unsigned(field(&[0], "Other"), 1)]);
    let mut remove = field(&[], "key");
    remove.data.splice(..8, [234, 18, 32, 56, 89, 141, 37, 181, 0]);
    scene.step("remove the pair", [remove.clone()]);
    scene.step("remove it again", [remove]);
    let mut give_up = field(&[], "");
    give_up.data = [&[215, 228, 166, 228, 84, 100, 86, 123][..], &[0; 32]].concat();
    scene.step("no authority", [give_up]);
    scene.step("a name after that", [field(&[0], "No")]);
    scene.step("another pointer authority", [ix::set_authority(PROGRAM, mint, 12, minter, Some(alice))]);
    let pointer = |by: Address| {
        let mut pointer = ix::pause(mint, by, true);
        pointer.data = [&[39, 1][..], alice.as_array()].concat();
        pointer
    };
    scene.step("another address", [pointer(alice)]);
    scene.step("another address by somebody else", [pointer(minter)]);
    let (plain, create) = scene.create("plain", ix::MINT_BYTES, PROGRAM);
    scene.step(
        "of a mint without a pointer",
        [
            create,
            ix::initialize_mint(PROGRAM, plain, 0, minter),
            ix::initialize_metadata(plain, minter, texts),
        ],
    );
    let (none, create) = scene.create("none", extended_bytes(&[64]), PROGRAM);
    let nothing = Address::default();
    scene.step("a pointer to nothing", [create, ix::initialize_metadata_pointer(none, nothing, nothing)]);
    scene
}

fn pausable() -> Scene {
    let mut scene = Scene::new("pausable");
    let town = scene.extended(&[33], &[0], |mint, minter| vec![ix::initialize_pausable(mint, minter)]);
    let Extended { mint, minter, alice, a, b, .. } = town;
    scene.step("transfer", [town.transfer(10)]);
    scene.step("transfer without the mint", [ix::transfer(PROGRAM, a, b, alice, 10)]);
    scene.step("pause by somebody else", [ix::pause(mint, alice, true)]);
    scene.step("pause", [ix::pause(mint, minter, true)]);
    scene.step("transfer while paused", [town.transfer(10)]);
    scene.step("mint while paused", [ix::mint_to(PROGRAM, mint, a, minter, 10)]);
    scene.step("burn while paused", [town.burn(alice, 10)]);
    scene.step("resume", [ix::pause(mint, minter, false)]);
    scene.step("burn", [town.burn(alice, 10)]);
    scene.step("another authority", [ix::set_authority(PROGRAM, mint, 16, minter, Some(alice))]);
    scene.step("strangely", [with_data(ix::pause(mint, alice, true), &[44, 7])]);
    scene.step("without a number", [with_data(ix::pause(mint, alice, true), &[44])]);
    scene
}

fn layouts() -> Scene {
    let mut scene = Scene::new("layouts");
    let minter = scene.key("minter");
    let (mint, create) = scene.create("mint", extended_bytes(&[32]), PROGRAM);
    let begin = ix::initialize_mint(PROGRAM, mint, 0, minter);
    let closing = ix::initialize_mint_close_authority(mint, minter);
    scene.step("room without an extension", [create.clone(), begin.clone()]);
    scene
        .step("an extension without room", [create.clone(), ix::initialize_transfer_fee(mint, minter, 1, 1)]);
    scene.step(
        "two extensions with room for one",
        [create.clone(), closing.clone(), ix::initialize_non_transferable(mint)],
    );
    scene.step("twice the same", [create.clone(), closing.clone(), closing.clone(), begin.clone()]);
    scene.step("an extension too late", [closing]);
    let (other, create) = scene.create("other", extended_bytes(&[32, 0]), PROGRAM);
    let begin = ix::initialize_mint(PROGRAM, other, 0, minter);
    scene.step(
        "an account's extension",
        [create.clone(), ix::initialize_immutable_owner(PROGRAM, other), begin.clone()],
    );
    scene.step(
        "a mint's, then an account's",
        [
            create.clone(),
            ix::initialize_non_transferable(other),
            ix::initialize_immutable_owner(PROGRAM, other),
        ],
    );
    scene.step(
        "two extensions",
        [
            create,
            ix::initialize_non_transferable(other),
            ix::initialize_permanent_delegate(other, minter),
            begin,
        ],
    );
    let (plain, create) = scene.create("plain", 82, PROGRAM);
    scene.step("an extension of a plain mint", [create, ix::initialize_non_transferable(plain)]);
    let (odd, create) = scene.create("odd", 100, PROGRAM);
    scene.step("an odd length", [create, ix::initialize_mint(PROGRAM, odd, 0, minter)]);
    let (multisig, create) = scene.create("multisig", 355, PROGRAM);
    scene.step("a multisig's length", [create, ix::initialize_mint(PROGRAM, multisig, 0, minter)]);
    let (none, create) = scene.create("none", extended_bytes(&[32]), PROGRAM);
    let nobody = ix::initialize_permanent_delegate(none, Address::default());
    scene.step("a delegate of zeros", [create, nobody]);
    scene
}
