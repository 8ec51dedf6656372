use eda_simnet::{
    chain::rent_exempt_minimum,
    programs::{MEMO_V1, NATIVE_MINT},
};
use eda_test_support::instructions as ix;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use super::{Scene, Town, only, readonly, unsigned, with_data};

/// The address that a base, a seed and an owner make.
fn with_seed(base: Address, seed: &str, owner: Address) -> Address {
    Address::create_with_seed(&base, seed, &owner).unwrap()
}

pub(crate) fn associated(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} associated"));
    let Town { mint, alice, bob, a, .. } = scene.town(program);
    let payer = scene.payer();
    let create = |owner, idempotent| ix::create_associated_token(payer, program, owner, mint, idempotent);
    scene.step("create", [create(alice, false)]);
    scene.step("create again", [create(alice, false)]);
    scene.step("create if it is not there", [create(alice, true)]);
    scene.step("create another if it is not there", [create(bob, true)]);
    scene.step("create without data", [with_data(create(bob, true), &[])]);
    scene.step("an unknown instruction", [with_data(create(bob, true), &[9])]);
    let mut wrong = create(bob, true);
    wrong.accounts[1].pubkey = a;
    scene.step("at another address", [wrong]);
    scene.step("with too few accounts", [only(create(bob, true), 5)]);
    let carol = scene.key("carol");
    let address = ix::associated_token(program, carol, mint);
    let gift = ix::transfer_lamports(payer, address, 1_000_000);
    scene.step("where lamports are already", [gift, create(carol, false)]);
    let rich = scene.key("rich");
    let address = ix::associated_token(program, rich, mint);
    let gift = ix::transfer_lamports(payer, address, 5_000_000);
    scene.step("where enough lamports are already", [gift, create(rich, true)]);
    let poor = scene.key("poor");
    scene.step("poor", [ix::transfer_lamports(payer, poor, 1_500_000)]);
    scene.step("paid by the poor", [ix::create_associated_token(poor, program, poor, mint, false)]);
    let nobody = scene.key("nobody");
    scene.step("of no mint", [ix::create_associated_token(payer, program, nobody, alice, false)]);
    scene.step("of wrapped SOL", [ix::create_associated_token(payer, program, nobody, NATIVE_MINT, false)]);
    scene.step("read-only", [readonly(create(nobody, false), 1)]);
    scene.step("use", [ix::transfer(program, a, ix::associated_token(program, bob, mint), alice, 3)]);
    let theirs = ix::associated_token(program, alice, mint);
    scene.step("a new owner", [ix::set_authority(program, theirs, 2, alice, Some(bob))]);
    scene.step("create what has another owner", [create(alice, true)]);
    scene
}

pub(crate) fn system() -> Scene {
    let mut scene = Scene::new("system");
    let payer = scene.payer();
    let [alice, bob, new] = ["alice", "bob", "new"].map(|name| scene.key(name));
    let rent = rent_exempt_minimum(0);
    scene.step("transfer", [ix::transfer_lamports(payer, alice, 50_000_000)]);
    scene.step("transfer too much", [ix::transfer_lamports(alice, bob, 90_000_000)]);
    scene.step("transfer too little", [ix::transfer_lamports(alice, bob, rent - 1)]);
    scene.step("leave too little", [ix::transfer_lamports(alice, bob, 50_000_000 - rent + 1)]);
    scene.step("transfer nothing", [ix::transfer_lamports(alice, bob, 0)]);
    scene.step("transfer to itself", [ix::transfer_lamports(alice, alice, 5)]);
    scene.step("transfer without a signature", [unsigned(ix::transfer_lamports(alice, bob, 1), 0)]);
    scene.step("transfer with too few accounts", [only(ix::transfer_lamports(alice, bob, 1), 1)]);
    scene.step("transfer to read-only", [readonly(ix::transfer_lamports(alice, bob, rent), 1)]);
    scene.step("transfer without data", [with_data(ix::transfer_lamports(alice, bob, 1), &[2, 0, 0, 0])]);
    scene.step("an unknown instruction", [with_data(ix::transfer_lamports(alice, bob, 1), &[77, 0, 0, 0])]);
    scene.step("no data", [with_data(ix::transfer_lamports(alice, bob, 1), &[])]);
    scene.step(
        "more data",
        [with_data(ix::transfer_lamports(alice, bob, 1), &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])],
    );
    let lamports = rent_exempt_minimum(10);
    let create = |bytes| ix::create_account(payer, new, lamports, bytes, ix::TOKEN);
    scene.step("create without a signature", [unsigned(create(10), 1)]);
    scene.step("create too large", [create(10 * 1024 * 1024 + 1)]);
    scene.step("create poor", [create(11)]);
    scene.step("create too expensive", [ix::create_account(alice, new, 90_000_000, 0, ix::TOKEN)]);
    scene.step("create", [create(10)]);
    scene.step("create again", [create(10)]);
    scene.step("transfer from it", [ix::transfer_lamports(new, bob, 1)]);
    scene.step("allocate it", [ix::allocate(new, 5)]);
    scene.step("assign it", [ix::assign(new, ix::SYSTEM)]);
    let other = scene.key("other");
    scene.step(
        "allocate and assign",
        [
            ix::transfer_lamports(payer, other, lamports),
            ix::allocate(other, 10),
            ix::assign(other, ix::TOKEN_2022),
        ],
    );
    let data = scene.key("data");
    scene.step("allocate", [ix::transfer_lamports(payer, data, lamports), ix::allocate(data, 10)]);
    scene.step("allocate again", [ix::allocate(data, 10)]);
    scene.step("allocate without a signature", [unsigned(ix::allocate(data, 10), 0)]);
    scene.step("transfer from data", [ix::transfer_lamports(data, bob, 1)]);
    scene.step("assign without a signature", [unsigned(ix::assign(data, ix::TOKEN), 0)]);
    scene.step("assign to the same", [unsigned(ix::assign(data, ix::SYSTEM), 0)]);
    scene.step("assign", [ix::assign(data, ix::TOKEN)]);
    scene
}

pub(crate) fn seeds() -> Scene {
    let mut scene = Scene::new("seeds");
    let payer = scene.payer();
    let [base, bob] = ["base", "bob"].map(|name| scene.key(name));
    let made = with_seed(base, "seed", ix::TOKEN);
    let lamports = rent_exempt_minimum(10);
    let create = |at, seed| ix::create_account_with_seed(payer, at, base, seed, lamports, 10, ix::TOKEN);
    scene.step("at another address", [create(bob, "seed")]);
    scene.step("with a long seed", [create(made, "a seed of more than thirty-two bytes")]);
    scene.step("without a signature", [unsigned(create(made, "seed"), 2)]);
    scene.step("create", [create(made, "seed")]);
    scene.step("create again", [create(made, "seed")]);
    let wallet = with_seed(base, "wallet", ix::SYSTEM);
    let transfer = |seed| ix::transfer_lamports_with_seed(wallet, base, seed, ix::SYSTEM, bob, 1_000_000);
    scene.step("fund", [ix::transfer_lamports(payer, wallet, 20_000_000)]);
    scene.step("transfer", [transfer("wallet")]);
    scene.step("transfer with another seed", [transfer("other")]);
    scene.step("transfer without a signature", [unsigned(transfer("wallet"), 1)]);
    scene.step("transfer with too few accounts", [only(transfer("wallet"), 2)]);
    let allocated = with_seed(base, "allocated", ix::TOKEN);
    scene.step("fund another", [ix::transfer_lamports(payer, allocated, 20_000_000)]);
    scene.step("allocate", [ix::allocate_with_seed(allocated, base, "allocated", 10, ix::TOKEN)]);
    scene.step("allocate again", [ix::allocate_with_seed(allocated, base, "allocated", 10, ix::TOKEN)]);
    let assigned = with_seed(base, "assigned", ix::TOKEN);
    let assign = ix::assign_with_seed(assigned, base, "assigned", ix::TOKEN);
    scene.step(
        "assign without a signature",
        [ix::transfer_lamports(payer, assigned, 20_000_000), unsigned(assign.clone(), 1)],
    );
    scene.step("assign", [ix::transfer_lamports(payer, assigned, 20_000_000), assign]);
    let bytes = [&[3, 0, 0, 0][..], base.as_array(), &[255; 8], b"seed"].concat();
    scene.step("a seed without an end", [with_data(create(made, "seed"), &bytes)]);
    scene
}

pub(crate) fn memos() -> Scene {
    let mut scene = Scene::new("memos");
    let [alice, bob] = ["alice", "bob"].map(|name| scene.key(name));
    scene.step("a memo", [ix::memo("hello", &[])]);
    scene.step("nothing", [ix::memo("", &[])]);
    scene.step("a signed memo", [ix::memo("a \"quoted\"\nline \u{1f406}", &[alice, bob])]);
    scene.step("an unsigned memo", [unsigned(ix::memo("hello", &[alice, bob]), 0)]);
    scene.step("no text", [with_data(ix::memo("hello", &[]), &[104, 0xff])]);
    let first = |data: &[u8]| Instruction { program_id: MEMO_V1, accounts: Vec::new(), data: data.to_vec() };
    scene.step("a memo of the first version", [first(b"hello")]);
    scene.step("no text of the first version", [first(&[0xff])]);
    scene
}

pub(crate) fn tables(slot: u64) -> Scene {
    let mut scene = Scene::new("lookup tables");
    let payer = scene.payer();
    let [alice, bob] = ["alice", "bob"].map(|name| scene.key(name));
    scene.step("fund", [alice, bob].map(|to| ix::transfer_lamports(payer, to, 100_000_000)));
    let (create, table) = ix::create_lookup_table(alice, slot);
    let extend = |addresses: &[Address]| ix::extend_lookup_table(table, alice, addresses);
    scene.step("without a signature", [unsigned(create.clone(), 2)]);
    let (old, _) = ix::create_lookup_table(alice, 1_000_000);
    scene.step("of an unknown slot", [old]);
    let mut elsewhere = create.clone();
    elsewhere.accounts[0].pubkey = bob;
    scene.step("at another address", [elsewhere]);
    scene.step("create", [create.clone()]);
    scene.step("create again", [create]);
    scene.step("freeze it empty", [ix::freeze_lookup_table(table, alice)]);
    scene.step("extend by nothing", [extend(&[])]);
    scene.step("extend", [extend(&[bob, payer])]);
    scene.step("extend twice", [extend(&[alice]), extend(&[table])]);
    scene.step("extend by somebody else", [ix::extend_lookup_table(table, bob, &[bob])]);
    let mut unpaid = extend(&[bob]);
    unpaid.accounts.truncate(2);
    scene.step("extend without a payer", [unpaid]);
    scene.step("extend by too many", [with_data(extend(&[]), &[2, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0])]);
    scene.step("extend a wallet", [ix::extend_lookup_table(bob, alice, &[bob])]);
    scene.step("close while in use", [ix::close_lookup_table(table, alice, bob)]);
    scene.step("deactivate by somebody else", [ix::deactivate_lookup_table(table, bob)]);
    scene.step("deactivate", [ix::deactivate_lookup_table(table, alice)]);
    scene.step("deactivate again", [ix::deactivate_lookup_table(table, alice)]);
    scene.step("extend what is deactivated", [extend(&[bob])]);
    scene.step("freeze what is deactivated", [ix::freeze_lookup_table(table, alice)]);
    scene.step("close too early", [ix::close_lookup_table(table, alice, bob)]);
    scene.step("close to itself", [ix::close_lookup_table(table, alice, table)]);
    let (create, other) = ix::create_lookup_table(bob, slot);
    scene.step("another", [create, ix::extend_lookup_table(other, bob, &[alice])]);
    scene.step("freeze", [ix::freeze_lookup_table(other, bob)]);
    scene.step("freeze again", [ix::freeze_lookup_table(other, bob)]);
    scene.step("extend what is frozen", [ix::extend_lookup_table(other, bob, &[alice])]);
    scene.step("deactivate what is frozen", [ix::deactivate_lookup_table(other, bob)]);
    scene.step("an unknown instruction", [with_data(ix::freeze_lookup_table(other, bob), &[9, 0, 0, 0])]);
    scene
}

pub(crate) fn runtime() -> Scene {
    let mut scene = Scene::new("runtime");
    let payer = scene.payer();
    let [alice, nowhere] = ["alice", "nowhere"].map(|name| scene.key(name));
    let call = |program_id| Instruction {
        program_id,
        accounts: vec![AccountMeta::new_readonly(payer, true)],
        data: vec![1],
    };
    scene.step("fund", [ix::transfer_lamports(payer, alice, 50_000_000)]);
    scene
        .step("a program that is not there", [ix::transfer_lamports(payer, alice, 1_000_000), call(nowhere)]);
    scene.step("a wallet as program", [call(alice)]);
    scene.step(
        "a price",
        [ix::set_compute_unit_price(1_000_000), ix::set_compute_unit_limit(100_000), ix::memo("paid", &[])],
    );
    scene
        .step("too few units", [ix::set_compute_unit_limit(1_000), ix::memo("too many units for this", &[])]);
    scene.step("an unknown program's sysvar", [ix::transfer_lamports(alice, payer, 1_000_000)]);
    let Town { program, mint, minter, alice, bob, a, .. } = scene.town(ix::TOKEN);
    // Everything of a transaction that fails is undone.
    scene.step(
        "undone",
        [
            ix::mint_to(program, mint, a, minter, 5),
            ix::transfer_lamports(payer, bob, 10_000_000),
            ix::transfer(program, a, a, bob, 1),
        ],
    );
    scene.step(
        "too few units after an instruction",
        [
            ix::set_compute_unit_limit(3_000),
            ix::mint_to(program, mint, a, minter, 5),
            ix::memo("again too many units", &[alice]),
        ],
    );
    scene
}
