//! A traffic generator that knows the truth: it makes burns of every kind on a validator, between failing burns and
//! harmless traffic, and returns what happened in chain order.
//!
//! It decodes nothing. The truth is what it signed, the slots it landed in, and the order within each block; supplies
//! follow by replaying its own mints and burns in that order.

/// The transactions to make.
mod plan;
/// From landed transactions to the truth.
mod replay;
/// Mints, accounts and keys.
mod world;

use std::collections::BTreeMap;

use solana_address::Address;
use solana_keypair::Keypair;
use solana_signature::Signature;

use crate::{Error, Fallible, client::Client, client::sign};

/// Transactions sent together. The next ones follow when they have landed, so that burns are in many slots.
const WAVE: usize = 30;

/// What is special about a burn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `Burn`, alone in its transaction.
    Plain,
    /// `BurnChecked`, alone in its transaction.
    Checked,
    /// One of three burns in a transaction.
    Several,
    /// In a version 0 transaction, its account and mint loaded through a lookup table.
    LookupTable,
    /// An entry of a `Batch` instruction.
    Batch,
    /// By a 2 of 3 multisig.
    Multisig,
    /// `Burn` or `BurnChecked` of Token-2022.
    Token2022,
    /// Of a Token-2022 mint with the PermissionedBurn extension.
    Permissioned,
    /// By the account's delegate.
    Delegate,
    /// Of the whole supply.
    ToZero,
    /// In a version 1 transaction.
    VersionOne,
    /// Called by another program, alone or in a `Batch`.
    Inner,
}

/// Where in its transaction a burn is, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The top-level instruction.
    pub instruction: usize,
    /// The instruction called by that one, if it is not the burn itself.
    pub inner: Option<usize>,
    /// The entry of the `Batch`, if it is one.
    pub batch_entry: Option<usize>,
}

/// One burn that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burn {
    /// Its transaction.
    pub signature: Signature,
    /// The slot it landed in.
    pub slot: u64,
    /// The transaction's position in its block.
    pub transaction_index: usize,
    /// Where in the transaction it is.
    pub place: Place,
    /// Token or Token-2022.
    pub program: Address,
    /// The mint.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The token account that lost tokens.
    pub account: Address,
    /// Owner, delegate or multisig.
    pub authority: Address,
    /// Whether the instruction states the mint's decimals: `BurnChecked` and its kin.
    pub checked: bool,
    /// In the mint's smallest unit; unlike that of any other burn of the same run, and at least 1,000,000.
    pub amount: u64,
    /// What is special about it.
    pub kind: Kind,
    /// The mint's supply just before it, in the smallest unit.
    pub supply_before: u64,
    /// The mint's supply just after it, in the smallest unit.
    pub supply_after: u64,
}

/// Where a transaction without burns landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// Its signature.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// How many burns it would have made, had it not failed.
    pub attempts: usize,
}

/// What this validator executes beyond the basics. What it does not is left out of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// `Batch` of the classic Token program.
    pub batch: bool,
    /// Version 1 transactions.
    pub version_one: bool,
    /// The PermissionedBurn extension of Token-2022.
    pub permissioned_burn: bool,
}

/// Everything that was done.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Every burn, in chain order.
    pub burns: Vec<Burn>,
    /// Transactions that hold burns and failed: nothing of them may be reported.
    pub failed: Vec<Landed>,
    /// Transactions that hold no burn: transfers, mints, approvals, closed accounts.
    pub noise: Vec<Landed>,
    /// The supply of every mint at the end, in its smallest unit.
    pub supplies: BTreeMap<Address, u64>,
    /// What the validator executes.
    pub support: Support,
}

/// Mints and accounts that exist, and of which nothing has been burned yet: the moment to begin watching one of them.
#[derive(Debug)]
pub struct Stage {
    world: world::World,
}

/// Makes at least 200 burns of every kind the validator supports, with failing and harmless transactions between them.
///
/// # Errors
/// When a transaction cannot be made, does not land, or does something other than planned.
pub async fn generate(client: &Client, payer: &Keypair) -> Fallible<Truth> {
    Stage::set(client, payer).await?.play(client).await
}

async fn make(client: &Client, world: &world::World) -> Fallible<Truth> {
    let planned = plan::transactions(world);
    let (mut transactions, mut landings) = (Vec::new(), Vec::new());
    for wave in planned.chunks(WAVE) {
        let blockhash = client.blockhash().await?;
        let mut signed = Vec::with_capacity(wave.len());
        for one in wave {
            let signers: Vec<&Keypair> = one.signers.iter().map(AsRef::as_ref).collect();
            signed.push(sign(&one.instructions, &signers, blockhash, &one.format)?);
        }
        landings.append(&mut client.land(&signed).await?);
        transactions.append(&mut signed);
    }
    for (one, landing) in planned.iter().zip(&landings) {
        if landing.err.is_null() != one.succeeds {
            let planned = if one.succeeds { "success" } else { "failure" };
            return Err(Error::Transaction(format!("{planned} was planned, came {}: {one:?}", landing.err)));
        }
    }
    replay::truth(client, world, planned, &transactions, &landings).await
}

// === impl Stage ===

impl Stage {
    /// Makes the mints and accounts.
    ///
    /// # Errors
    /// As [`generate`].
    pub async fn set(client: &Client, payer: &Keypair) -> Fallible<Self> {
        Ok(Self { world: world::World::create(client, payer).await? })
    }

    /// The mints of Token or Token-2022 of which most kinds of burns will be made; the first has the most kinds.
    pub fn mints(&self, program: Address) -> Vec<Address> {
        let lanes = self.world.classic.iter().chain(&self.world.token_2022);
        lanes.filter(|lane| lane.burn.program == program).map(|lane| lane.burn.mint).collect()
    }

    /// Makes the burns and everything between them.
    ///
    /// # Errors
    /// As [`generate`].
    pub async fn play(self, client: &Client) -> Fallible<Truth> {
        make(client, &self.world).await
    }
}

// === impl Truth ===

impl Truth {
    /// The number of burns of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.burns.iter().filter(|burn| burn.kind == kind).count()
    }
}
