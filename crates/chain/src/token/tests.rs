use eda_events::{Address, Decimals, Path, RawAmount};
use proptest::prelude::*;
use serde_json::{Value, json};
use solana_instruction::Instruction;

use super::*;
use crate::{
    place::Place,
    programs::{TOKEN, TOKEN_2022},
    testing::{Sample, address, decode, instruction},
};

const ACCOUNT: u16 = 1;
const MINT: u16 = 2;
const OWNER: u16 = 3;
const PERMISSION: u16 = 4;

fn data(start: &[u8], amount: u64, end: &[u8]) -> Vec<u8> {
    [start, &amount.to_le_bytes(), end].concat()
}

fn token(program: Address, accounts: &[u16], data: &[u8]) -> Instruction {
    let accounts: Vec<_> = accounts.iter().map(|number| address(*number)).collect();
    instruction(program, &accounts, data)
}

fn burn(amount: u64) -> Instruction {
    token(TOKEN, &[ACCOUNT, MINT, OWNER], &data(&[8], amount, &[]))
}

fn batch(program: Address, entries: &[Instruction]) -> Instruction {
    let mut all = vec![255];
    let mut accounts = Vec::new();
    for entry in entries {
        all.push(u8::try_from(entry.accounts.len()).unwrap());
        all.push(u8::try_from(entry.data.len()).unwrap());
        all.extend(&entry.data);
        accounts.extend(entry.accounts.iter().map(|meta| meta.pubkey));
    }
    instruction(program, &accounts, &all)
}

fn facts_of(instructions: &[Instruction]) -> (Vec<Burn>, Vec<Undecodable>) {
    let transaction = Sample::legacy(instructions).decode();
    let facts = transaction.token_facts();
    (facts.burns.clone(), facts.undecodable.clone())
}

fn undecodable(instruction: Instruction) -> Vec<UndecodableReason> {
    let (burns, undecodable) = facts_of(&[instruction]);
    assert_eq!(burns, []);
    undecodable.into_iter().map(|u| u.reason).collect()
}

/// Finding T1: burns were looked for beside the message instead of in it, so that none was ever found.
#[test]
fn t1_a_burn_in_the_result_of_get_transaction_is_found() {
    let sample = Sample::legacy(&[burn(1_000)]);
    for result in [sample.result(), sample.spelled(), sample.parsed(&[])] {
        let found = burns(&decode(&result));
        assert_eq!(found.len(), 1, "{result}");
        assert_eq!(found[0].amount, RawAmount(1_000));
        assert_eq!(found[0].mint, address(MINT));
    }
}

/// Finding T2: 18 was taken for `BurnChecked`, which is 15.
#[test]
fn t2_burn_checked_is_15_and_18_is_no_burn() {
    let accounts = [ACCOUNT, MINT, OWNER];
    let (burns, _) = facts_of(&[
        token(TOKEN, &accounts, &data(&[15], 7, &[6])),
        token(TOKEN, &accounts, &data(&[18], 7, &[6])),
    ]);
    assert_eq!(burns.len(), 1);
    assert_eq!((burns[0].path, burns[0].kind), (Path::top(0), BurnKind::BurnChecked));
    assert_eq!(burns[0].decimals, Some(Decimals(6)));
}

/// Finding T6: the supply was read at 33, as if option tags had one byte.
#[test]
fn t6_a_mint_has_its_supply_at_36_behind_a_four_byte_option() {
    let mut mint = vec![0; Mint::LENGTH];
    mint[0] = 1;
    mint[4..36].copy_from_slice(address(9).as_ref());
    mint[36..44].copy_from_slice(&123_456_789_u64.to_le_bytes());
    mint[44] = 6;
    mint[45] = 1;
    let decoded = Mint::decode(TokenProgram::Token, &mint).unwrap();
    assert_eq!(decoded.supply, RawAmount(123_456_789));
    assert_eq!(decoded.mint_authority, Some(address(9)));
    assert_eq!(decoded.decimals, Decimals(6));
    assert_eq!(decoded.freeze_authority, None);
}

#[test]
fn every_form_of_burn_is_read() {
    let plain = [ACCOUNT, MINT, OWNER];
    let permissioned = [ACCOUNT, MINT, PERMISSION, OWNER];
    let (burns, undecodable) = facts_of(&[
        burn(1),
        token(TOKEN_2022, &plain, &data(&[8], 2, &[])),
        token(TOKEN_2022, &plain, &data(&[15], 3, &[9])),
        token(TOKEN_2022, &permissioned, &data(&[46, 1], 4, &[])),
        token(TOKEN_2022, &permissioned, &data(&[46, 2], 5, &[9])),
        // Not burns: setting the authority up, a burn of hidden balances, and a tag that SPL Token does not have.
        token(TOKEN_2022, &[MINT], &[46, 0]),
        token(TOKEN_2022, &permissioned, &[46, 3]),
        token(TOKEN, &permissioned, &data(&[46, 1], 6, &[])),
    ]);
    assert_eq!(undecodable, []);
    let told: Vec<_> =
        burns.iter().map(|b| (b.program, b.kind, b.amount.0, b.decimals.map(|d| d.0))).collect();
    assert_eq!(
        told,
        [
            (TokenProgram::Token, BurnKind::Burn, 1, None),
            (TokenProgram::Token2022, BurnKind::Burn, 2, None),
            (TokenProgram::Token2022, BurnKind::BurnChecked, 3, Some(9)),
            (TokenProgram::Token2022, BurnKind::PermissionedBurn, 4, None),
            (TokenProgram::Token2022, BurnKind::PermissionedBurnChecked, 5, Some(9)),
        ]
    );
    for burn in burns {
        assert_eq!(
            (burn.account, burn.mint, burn.authority),
            (address(ACCOUNT), address(MINT), address(OWNER))
        );
        assert_eq!(burn.signers, []);
    }
}

#[test]
fn burns_inside_batches_are_found_by_entry() {
    let transfer = token(TOKEN, &[ACCOUNT, 8, OWNER], &data(&[3], 5, &[]));
    let other = token(TOKEN, &[11, 12, 13], &data(&[15], 20, &[2]));
    let mut sample = Sample::legacy(&[
        batch(TOKEN, &[transfer.clone(), burn(10), other.clone()]),
        batch(TOKEN_2022, &[burn(30)]),
        instruction(address(40), &[TOKEN], &[]),
    ]);
    sample.invokes(2, &[batch(TOKEN, &[burn(40), transfer])]);
    let found: Vec<_> =
        burns(&sample.decode()).iter().map(|b| (b.place().to_string(), b.amount.0, b.mint)).collect();
    assert_eq!(
        found,
        [
            ("0#1".to_owned(), 10, address(MINT)),
            ("0#2".to_owned(), 20, address(12)),
            ("1#0".to_owned(), 30, address(MINT)),
            ("2.0#0".to_owned(), 40, address(MINT)),
        ]
    );
}

#[test]
fn who_signed_for_a_multisig_is_told() {
    let (burns, _) = facts_of(&[token(TOKEN, &[ACCOUNT, MINT, OWNER, 21, 22], &data(&[8], 1, &[]))]);
    assert_eq!(burns[0].authority, address(OWNER));
    assert_eq!(burns[0].signers, [address(21), address(22)]);
}

#[test]
fn a_delegates_burn_names_the_owner_and_the_decimals_from_the_balances() {
    let delegate = 30;
    let mut sample = Sample::legacy(&[
        token(TOKEN, &[ACCOUNT, MINT, delegate], &data(&[8], 1, &[])),
        token(TOKEN, &[31, MINT, delegate], &data(&[8], 1, &[])),
    ]);
    sample.held(address(ACCOUNT), address(MINT), address(OWNER), 5);
    let found = burns(&sample.decode());
    assert_eq!(found[0].authority, address(delegate));
    assert_eq!(found[0].owner, Some(address(OWNER)));
    assert_eq!(found[0].decimals, Some(Decimals(5)));
    assert_eq!(found[1].owner, None, "an account that is in no balance has an unknown owner");
    assert_eq!(found[1].decimals, Some(Decimals(5)), "its mint's decimals are known all the same");
}

#[test]
fn what_cannot_be_read_is_listed_with_its_reason() {
    let accounts = [ACCOUNT, MINT, OWNER];
    let short = |tag, found| UndecodableReason::ShortData { tag, found };
    assert_eq!(undecodable(token(TOKEN, &accounts, &[])), [UndecodableReason::Empty]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &[8, 0, 0])), [short(8, 3)]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &data(&[15], 1, &[]))), [short(15, 9)]);
    assert_eq!(undecodable(token(TOKEN_2022, &accounts, &[46])), [short(46, 1)]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &[7])), [short(7, 1)]);
    assert_eq!(
        undecodable(token(TOKEN, &accounts[..2], &data(&[8], 1, &[]))),
        [UndecodableReason::FewAccounts { tag: 8, found: 2, needed: 3 }]
    );
    assert_eq!(undecodable(token(TOKEN, &accounts, &[255, 3])), [UndecodableReason::MalformedBatch]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &[255, 4, 1, 3])), [UndecodableReason::MalformedBatch]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &[255, 0, 1, 255])), [UndecodableReason::NestedBatch]);
    assert_eq!(undecodable(token(TOKEN, &accounts, &[255, 0, 0])), [UndecodableReason::Empty]);
}

#[test]
fn a_broken_batch_entry_does_not_hide_the_others() {
    let broken = token(TOKEN, &[ACCOUNT, MINT, OWNER], &[8, 1]);
    let (burns, undecodable) = facts_of(&[batch(TOKEN, &[burn(1), broken, burn(2)])]);
    let places: Vec<_> = burns.iter().map(|burn| burn.place().to_string()).collect();
    assert_eq!(places, ["0#0", "0#2"]);
    assert_eq!(undecodable.len(), 1);
    assert_eq!(undecodable[0].place, Place { path: Path::top(0), batch_entry: Some(1) });
}

#[test]
fn a_failed_transaction_lists_what_it_asked_for_and_nothing_undecodable() {
    let mut sample = Sample::legacy(&[burn(1), token(TOKEN, &[ACCOUNT], &[8])]);
    sample.meta["err"] = json!({"InstructionError": [1, "InvalidInstructionData"]});
    let transaction = sample.decode();
    assert!(transaction.failed());
    assert_eq!(burns(&transaction).len(), 1);
    assert_eq!(transaction.token_facts().undecodable, []);
}

fn reading(kind: &str, info: Value) -> Value {
    let mut all = json!({"account": address(ACCOUNT).to_string(), "mint": address(MINT).to_string()});
    all.as_object_mut().unwrap().extend(info.as_object().unwrap().clone());
    json!({"type": kind, "info": all})
}

#[test]
fn a_nodes_reading_gives_the_same_facts_as_the_bytes() {
    let accounts = [ACCOUNT, MINT, OWNER];
    let owner = address(OWNER).to_string();
    let checked =
        json!({"amount": "3", "decimals": 9, "uiAmount": 0.000000003, "uiAmountString": "0.000000003"});
    let instructions = [
        (burn(1), reading("burn", json!({"amount": "1", "authority": owner}))),
        (
            token(TOKEN, &accounts, &data(&[15], 3, &[9])),
            reading("burnChecked", json!({"tokenAmount": checked, "authority": owner})),
        ),
        (
            token(TOKEN, &[ACCOUNT, MINT, OWNER, 21, 22], &data(&[8], 4, &[])),
            reading(
                "burn",
                json!({
                    "amount": "4", "multisigAuthority": owner,
                    "signers": [address(21).to_string(), address(22).to_string()],
                }),
            ),
        ),
        (
            token(TOKEN_2022, &[ACCOUNT, MINT, PERMISSION, OWNER], &data(&[46, 1], 5, &[])),
            reading(
                "permissionedBurn",
                json!({
                    "amount": "5", "authority": owner, "permissionedBurnAuthority": address(PERMISSION).to_string(),
                }),
            ),
        ),
        (
            token(TOKEN_2022, &[ACCOUNT, MINT, PERMISSION, OWNER], &data(&[46, 2], 3, &[9])),
            reading("permissionedBurnChecked", json!({"tokenAmount": checked, "authority": owner})),
        ),
        (
            token(TOKEN, &[MINT, ACCOUNT, OWNER], &data(&[7], 6, &[])),
            reading("mintTo", json!({"amount": "6", "mintAuthority": owner})),
        ),
        (
            token(TOKEN, &[MINT, ACCOUNT, OWNER], &data(&[14], 3, &[9])),
            reading("mintToChecked", json!({"tokenAmount": checked, "mintAuthority": owner})),
        ),
        (
            token(TOKEN, &[MINT], &data(&[20, 6], 0, &[])),
            reading("initializeMint2", json!({"decimals": 6, "mintAuthority": owner})),
        ),
        (
            batch(TOKEN, &[token(TOKEN, &accounts, &data(&[3], 5, &[])), burn(7)]),
            json!({"type": "batch", "info": {"instructions": [
                {"type": "transfer", "info": {"amount": "5"}},
                reading("burn", json!({"amount": "7", "authority": owner})),
            ]}}),
        ),
        (token(TOKEN, &accounts, &[17]), json!({"type": "syncNative", "info": {"account": owner}})),
    ];
    let (wire, readings): (Vec<_>, Vec<_>) = instructions.into_iter().unzip();
    let sample = Sample::legacy(&wire);
    let raw = sample.decode();
    let readings: Vec<_> = readings.into_iter().enumerate().collect();
    let parsed = decode(&sample.parsed(&readings));
    assert_eq!(burns(&raw).len(), 6);
    assert_eq!(burns(&parsed), burns(&raw));
    assert_eq!(supply_deltas(&parsed), supply_deltas(&raw));
    assert_eq!(supply_deltas(&raw)[0].steps.len(), 9);
}

#[test]
fn a_reading_without_its_amount_is_an_error() {
    let sample = Sample::legacy(&[burn(1)]);
    let broken = sample.parsed(&[(0, reading("burn", json!({"authority": address(OWNER).to_string()})))]);
    assert!(crate::Transaction::from_get_transaction(&broken.to_string()).is_err());
}

/// Thousands of burns in one transaction: what would be slow if work grew with the square.
#[test]
fn thousands_of_burns_are_read_in_order() {
    let mut sample = Sample::legacy(&[instruction(
        address(40),
        &[TOKEN, address(ACCOUNT), address(MINT), address(OWNER)],
        &[],
    )]);
    let inner: Vec<_> = (0..20_000).map(burn).collect();
    sample.invokes(0, &inner);
    let transaction = sample.decode();
    let found = burns(&transaction);
    assert!(found.iter().map(|burn| burn.amount.0).eq(0..20_000));
    assert_eq!(supply_deltas(&transaction)[0].burned(), (0..20_000).sum::<u128>());
}

#[test]
fn accounts_are_told_apart_by_length_or_type_byte() {
    let extended = |kind: u8, tail: &[u8]| {
        let mut data = vec![0; 165];
        data[45] = 1;
        data[108] = 1;
        data.push(kind);
        data.extend(tail);
        data
    };
    let decode = |data: &[u8]| TokenState::decode(TokenProgram::Token2022, data);
    let pausable = [26, 0, 1, 0, 9];
    assert!(
        matches!(decode(&extended(1, &pausable)), Ok(TokenState::Mint(m)) if m.extensions == [ExtensionType::Pausable])
    );
    assert!(
        matches!(decode(&extended(2, &[7, 0, 0, 0])), Ok(TokenState::Account(a)) if a.extensions == [ExtensionType::ImmutableOwner])
    );
    assert_eq!(decode(&extended(0, &[])), Err(LayoutError::Uninitialized));
    assert_eq!(decode(&extended(3, &[])), Err(LayoutError::BadValue { offset: 165, value: 3 }));
    assert_eq!(decode(&extended(1, &[26, 0, 2, 0, 9])), Err(LayoutError::TruncatedExtension { offset: 166 }));
    assert_eq!(decode(&[0; 355]), Ok(TokenState::Multisig));
    assert_eq!(decode(&[0; 100]), Err(LayoutError::Unrecognized(100)));
    assert_eq!(
        TokenState::decode(TokenProgram::Token, &extended(1, &[])),
        Err(LayoutError::Unrecognized(166))
    );
    assert_eq!(decode(&[0; 82]), Err(LayoutError::Uninitialized));
    assert_eq!(decode(&[0; 165]), Err(LayoutError::Uninitialized));
    let account = extended(2, &[]);
    assert_eq!(Mint::decode(TokenProgram::Token2022, &account), Err(LayoutError::OtherKind("token account")));
    assert_eq!(
        TokenAccount::decode(TokenProgram::Token2022, &extended(1, &[])),
        Err(LayoutError::OtherKind("mint"))
    );
    let mut bad = extended(2, &[]);
    bad[72] = 2;
    assert_eq!(decode(&bad), Err(LayoutError::BadValue { offset: 72, value: 2 }));
}

#[test]
fn a_token_account_is_read_field_by_field() {
    let mut data = vec![0; 165];
    data[..32].copy_from_slice(address(MINT).as_ref());
    data[32..64].copy_from_slice(address(OWNER).as_ref());
    data[64..72].copy_from_slice(&77_u64.to_le_bytes());
    data[72] = 1;
    data[76..108].copy_from_slice(address(8).as_ref());
    data[108] = 2;
    data[109] = 1;
    data[113..121].copy_from_slice(&2_039_280_u64.to_le_bytes());
    data[121..129].copy_from_slice(&5_u64.to_le_bytes());
    data[129] = 1;
    data[133..165].copy_from_slice(address(9).as_ref());
    let account = TokenAccount::decode(TokenProgram::Token, &data).unwrap();
    let expected = TokenAccount {
        mint: address(MINT),
        owner: address(OWNER),
        amount: RawAmount(77),
        delegate: Some(address(8)),
        delegated_amount: RawAmount(5),
        state: AccountState::Frozen,
        native_reserve: Some(2_039_280),
        close_authority: Some(address(9)),
        extensions: Vec::new(),
    };
    assert_eq!(account, expected);
}

proptest! {
    #[test]
    fn random_accounts_never_panic(data in prop::collection::vec(any::<u8>(), 0..500), kind in 0u8..4) {
        let mut typed = data.clone();
        if let Some(byte) = typed.get_mut(165) {
            *byte = kind;
        }
        for data in [data, typed] {
            for program in [TokenProgram::Token, TokenProgram::Token2022] {
                prop_assert!(TokenState::decode(program, &data).is_ok() || Mint::decode(program, &data).is_err());
            }
            prop_assert!(Extensions::of(&data).count() <= data.len());
        }
    }

    /// Whatever the data, a batch is read to its end or reported.
    #[test]
    fn random_token_instructions_never_panic(
        tag in prop::sample::select(vec![0u8, 7, 8, 14, 15, 20, 46, 255]),
        rest in prop::collection::vec(prop_oneof![0u8..16, any::<u8>()], 0..120),
        accounts in prop::collection::vec(0u16..20, 0..20),
    ) {
        let data = [&[tag][..], &rest].concat();
        for program in [TOKEN, TOKEN_2022] {
            let (_, undecodable) = facts_of(&[token(program, &accounts, &data)]);
            prop_assert!(undecodable.len() <= data.len());
        }
    }

    #[test]
    fn batches_say_what_their_entries_say_alone(amounts in prop::collection::vec(any::<u64>(), 1..20)) {
        let entries: Vec<_> = amounts.iter().map(|amount| burn(*amount)).collect();
        let (alone, _) = facts_of(&entries);
        let (together, undecodable) = facts_of(&[batch(TOKEN, &entries)]);
        prop_assert_eq!(undecodable, []);
        prop_assert_eq!(together.len(), alone.len());
        for (index, (a, b)) in alone.into_iter().zip(together).enumerate() {
            prop_assert_eq!(b.batch_entry, Some(u16::try_from(index).unwrap()));
            prop_assert_eq!(Burn { path: b.path, batch_entry: b.batch_entry, ..a }, b);
        }
    }
}
