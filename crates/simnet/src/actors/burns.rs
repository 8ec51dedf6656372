//! Holders burn, in every way there is.

use std::sync::Arc;

use fastrand::Rng;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{
    Actor, Genesis, Note, Outbox, Stage,
    deck::Deck,
    outbox::Form,
    pace::Pace,
    town::{Coin, Town, create, create_mint, part},
};
use crate::{
    chain::key,
    instructions::{
        self, ACCOUNT_BYTES, BurnAccounts, MULTISIG_BYTES, PERMISSIONED_MINT_BYTES, TOKEN, TOKEN_2022,
        associated_token,
    },
    programs::{INCINERATOR, RELAY},
    truth::Cause,
};

/// How something is burned.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Checked,
    /// Three times in one transaction.
    Several,
    /// With accounts from a lookup table.
    Table,
    /// Two burns and a transfer in one instruction.
    Batch,
    /// By a program that was asked to.
    Called,
    /// The same with a batch.
    CalledBatch,
    /// Of Token-2022.
    Extended,
    /// With the permission that the mint asks for.
    Permissioned,
    /// By a delegate of the holder.
    Delegate,
    /// By two of the three who own the account together.
    Multisig,
    /// In a version 1 transaction.
    One,
    /// All there is.
    Whole,
    /// The only one there is, with its account.
    Unique,
    /// Less than watchers ask for.
    Dust,
    /// What was sent to where nobody can sign.
    Unowned,
}

const WAYS: [Way; 16] = [
    Way::Plain,
    Way::Checked,
    Way::Several,
    Way::Table,
    Way::Batch,
    Way::Called,
    Way::CalledBatch,
    Way::Extended,
    Way::Permissioned,
    Way::Delegate,
    Way::Multisig,
    Way::One,
    Way::Whole,
    Way::Unique,
    Way::Dust,
    Way::Unowned,
];

/// What the special accounts have, in the smallest unit.
const PLENTY: u64 = 1_000_000_000_000_000;
/// What watchers usually overlook is less than this.
const THRESHOLD: u64 = 1_000_000;
const DECIMALS: u8 = 6;

/// Holders, and what only they have.
#[derive(Debug)]
pub(super) struct Burns {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    ways: Deck<Way>,
    /// May burn what the first wallet has.
    delegate: Keypair,
    /// Own an account together, by way of a multisig.
    members: [Keypair; 3],
    multisig: Keypair,
    joint: Keypair,
    /// A mint of Token-2022 that asks for permission.
    guarded: Keypair,
    guard: Keypair,
    /// A mint of which all is burned now and then.
    ash: Keypair,
    /// A mint of which there is never more than one.
    unique: Keypair,
    /// Mints those three.
    issuer: Keypair,
}

// === impl Burns ===

impl Burns {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self {
            pace: Pace::new(per_hundred, 0),
            town,
            chance,
            ways: Deck::new(&WAYS),
            delegate: key("delegate", 0),
            members: [0, 1, 2].map(|number| key("member", number)),
            multisig: key("multisig", 0),
            joint: key("joint account", 0),
            guarded: key("guarded mint", 0),
            guard: key("guard", 0),
            ash: key("ash mint", 0),
            unique: key("unique mint", 0),
            issuer: key("issuer", 0),
        }
    }

    fn burn(&mut self, way: Way, stage: &Stage<'_>, outbox: &mut Outbox) {
        let (town, chance) = (Arc::clone(&self.town), &mut self.chance);
        let (holder, coin) = (town.wallets.pick(chance), town.classic(chance));
        let from = accounts(coin, holder.pubkey());
        let some = part(chance, stage.balance(&from.account));
        let mut send = |what, form, signers: &[&Keypair], instructions: &[Instruction]| {
            outbox.send_noted(Note::burns(what, Cause::Holder), form, signers, instructions);
        };
        let (legacy, by_holder) = (Form::Legacy, [holder]);
        match way {
            Way::Plain => send("burn", legacy, &by_holder, &[instructions::burn(from, some)]),
            Way::Checked => {
                let burn = instructions::burn_checked(from, some, coin.decimals);
                send("burn checked", legacy, &by_holder, &[burn]);
            }
            Way::Several => {
                let third = (some / 3).max(1);
                let burns = [
                    instructions::burn(from, third),
                    instructions::burn_checked(from, third, coin.decimals),
                    instructions::burn(from, some),
                ];
                send("several burns", legacy, &by_holder, &burns);
            }
            Way::Table => {
                let form = Form::Table(&town.table);
                send("burn through a table", form, &by_holder, &[instructions::burn(from, some)]);
            }
            Way::Batch => send("burns in a batch", legacy, &by_holder, &[batch(coin, from, &town, some)]),
            Way::Called => {
                let burn = if chance.bool() {
                    instructions::burn(from, some)
                } else {
                    instructions::burn_checked(from, some, coin.decimals)
                };
                send("called burn", legacy, &by_holder, &[relayed(burn)]);
            }
            Way::CalledBatch => {
                let batch = relayed(batch(coin, from, &town, some));
                send("called batch", legacy, &by_holder, &[batch]);
            }
            Way::Extended => {
                let coin = town.extended();
                let from = accounts(coin, holder.pubkey());
                let some = part(chance, stage.balance(&from.account));
                let burn = if chance.bool() {
                    instructions::burn(from, some)
                } else {
                    instructions::burn_checked(from, some, coin.decimals)
                };
                send("burn of Token-2022", legacy, &by_holder, &[burn]);
            }
            Way::Permissioned => {
                let from = guarded(&self.guarded, holder.pubkey());
                let some = part(chance, stage.balance(&from.account));
                let decimals = chance.bool().then_some(DECIMALS);
                let burn = instructions::permissioned_burn(from, self.guard.pubkey(), some, decimals);
                send("permissioned burn", legacy, &[holder, &self.guard], &[burn]);
            }
            Way::Delegate => {
                let coin = town.coins.first();
                let from = accounts(coin, town.wallets.first().pubkey());
                let some = part(chance, stage.balance(&from.account));
                let from = BurnAccounts { authority: self.delegate.pubkey(), ..from };
                let burn = instructions::burn(from, some);
                send("burn by a delegate", legacy, &[holder, &self.delegate], &[burn]);
            }
            Way::Multisig => {
                let (coin, account) = (town.coins.first(), self.joint.pubkey());
                let some = part(chance, stage.balance(&account));
                let authority = self.multisig.pubkey();
                let from = BurnAccounts { program: coin.program, account, mint: coin.mint, authority };
                let [one, two, three] = &self.members;
                let pair = match chance.u8(0..3) {
                    0 => [one, two],
                    1 => [one, three],
                    _ => [two, three],
                };
                let [left, right] = pair;
                let burn = instructions::burn_by_multisig(from, &pair.map(Keypair::pubkey), some);
                send("burn by a multisig", legacy, &[holder, left, right], &[burn]);
            }
            Way::One => {
                let form = Form::One(chance.u64(0..10_000));
                send("burn in version 1", form, &by_holder, &[instructions::burn(from, some)]);
            }
            Way::Whole => {
                let (mint, issuer) = (self.ash.pubkey(), self.issuer.pubkey());
                let from = BurnAccounts {
                    program: TOKEN,
                    account: associated_token(TOKEN, holder.pubkey(), mint),
                    mint,
                    authority: holder.pubkey(),
                };
                let amount = chance.u64(THRESHOLD..PLENTY);
                let account = instructions::create_associated_token(
                    holder.pubkey(),
                    TOKEN,
                    holder.pubkey(),
                    mint,
                    true,
                );
                let minted = instructions::mint_to(TOKEN, mint, from.account, issuer, amount);
                let has = stage.balance(&from.account);
                outbox.send(&[holder, &self.issuer], &[account, minted]);
                let burn = instructions::burn(from, has.saturating_add(amount));
                let note = Note::burns("burn of everything", Cause::Holder);
                outbox.send_noted(note, legacy, &by_holder, &[burn]);
            }
            Way::Unique => {
                let (mint, issuer) = (self.unique.pubkey(), self.issuer.pubkey());
                let account = associated_token(TOKEN, holder.pubkey(), mint);
                if stage.balance(&account) == 0 {
                    let owner = holder.pubkey();
                    let create = instructions::create_associated_token(owner, TOKEN, owner, mint, true);
                    let minted = instructions::mint_to(TOKEN, mint, account, issuer, 1);
                    outbox.send(&[holder, &self.issuer], &[create, minted]);
                }
                let from = BurnAccounts { program: TOKEN, account, mint, authority: holder.pubkey() };
                let close = instructions::close_account(TOKEN, account, holder.pubkey(), holder.pubkey());
                let note = Note::burns("burn of one", Cause::Holder);
                outbox.send_noted(note, legacy, &by_holder, &[instructions::burn(from, 1), close]);
            }
            Way::Dust => {
                let burn = instructions::burn(from, chance.u64(1..THRESHOLD));
                send("burn of little", legacy, &by_holder, &[burn]);
            }
            Way::Unowned => {
                let coin = town.coins.first();
                let from = accounts(coin, INCINERATOR);
                let some = part(chance, stage.balance(&from.account));
                // Whoever pays is named as the authority, which nobody looks at.
                let from = BurnAccounts { authority: holder.pubkey(), ..from };
                send("burn of what nobody owns", legacy, &by_holder, &[instructions::burn(from, some)]);
            }
        }
    }
}

impl Actor for Burns {
    fn genesis(&self, genesis: &mut Genesis) {
        let (founder, issuer, town) = (genesis.founder(), self.issuer.pubkey(), &self.town);
        let coin = town.coins.first();
        let authority = coin.authority.pubkey();
        let (multisig, joint) = (self.multisig.pubkey(), self.joint.pubkey());
        let members = self.members.each_ref().map(Keypair::pubkey);
        let first = town.wallets.first().pubkey();
        genesis.run(&[
            instructions::approve(TOKEN, coin.of(first), self.delegate.pubkey(), first, u64::MAX),
            create(founder, multisig, MULTISIG_BYTES, TOKEN),
            instructions::initialize_multisig(TOKEN, multisig, 2, &members),
            create(founder, joint, ACCOUNT_BYTES, TOKEN),
            instructions::initialize_account(TOKEN, joint, coin.mint, multisig),
            instructions::mint_to(TOKEN, coin.mint, joint, authority, PLENTY),
            instructions::create_associated_token(founder, TOKEN, INCINERATOR, coin.mint, false),
            instructions::mint_to(TOKEN, coin.mint, coin.of(INCINERATOR), authority, PLENTY),
        ]);
        for (mint, decimals) in [(&self.ash, DECIMALS), (&self.unique, 0)] {
            genesis.run(&create_mint(founder, mint.pubkey(), TOKEN, decimals, issuer));
        }
        let mint = self.guarded.pubkey();
        genesis.run(&[
            create(founder, mint, PERMISSIONED_MINT_BYTES, TOKEN_2022),
            instructions::initialize_permissioned_burn(mint, self.guard.pubkey()),
            instructions::initialize_mint(TOKEN_2022, mint, DECIMALS, issuer),
        ]);
        for wallet in town.wallets.iter().map(Keypair::pubkey) {
            let account = associated_token(TOKEN_2022, wallet, mint);
            genesis.run(&[
                instructions::create_associated_token(founder, TOKEN_2022, wallet, mint, false),
                instructions::mint_to(TOKEN_2022, mint, account, issuer, PLENTY),
            ]);
        }
    }

    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            if let Some(way) = self.ways.deal(&mut self.chance) {
                self.burn(way, stage, outbox);
            }
        }
    }
}

/// A burn of an owner's coins.
fn accounts(coin: &Coin, owner: Address) -> BurnAccounts {
    BurnAccounts { program: coin.program, account: coin.of(owner), mint: coin.mint, authority: owner }
}

/// A burn of an owner's coins that ask for permission.
fn guarded(mint: &Keypair, owner: Address) -> BurnAccounts {
    let (program, mint) = (TOKEN_2022, mint.pubkey());
    BurnAccounts { program, account: associated_token(program, owner, mint), mint, authority: owner }
}

/// Two burns with a transfer between them, in one instruction.
fn batch(coin: &Coin, from: BurnAccounts, town: &Town, amount: u64) -> Instruction {
    let half = (amount / 2).max(1);
    let to = coin.of(town.wallets.first().pubkey());
    let entries = [
        instructions::burn(from, half),
        instructions::transfer(coin.program, from.account, to, from.authority, half),
        instructions::burn_checked(from, half, coin.decimals),
    ];
    instructions::batch(coin.program, &entries)
}

/// The instruction as Relay is asked to call it.
pub(super) fn relayed(call: Instruction) -> Instruction {
    let mut accounts = vec![AccountMeta::new_readonly(call.program_id, false)];
    accounts.extend(call.accounts);
    Instruction { program_id: RELAY, accounts, data: call.data }
}
