//! Mints, accounts and keys the traffic moves between.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use solana_signer::Signer;

use super::Support;
use crate::{
    Error, Fallible,
    client::{Client, Format, sign},
    instructions::{self as ix, BurnAccounts, TOKEN, TOKEN_2022},
};

/// Lamports of every account made: more than any of these sizes needs to be exempt from rent.
const ACCOUNT_LAMPORTS: u64 = 10_000_000;
/// Tokens in the account that burns, in the smallest unit.
const BURNING_BALANCE: u64 = 1_000_000_000_000_000;
/// Tokens in the account that receives, in the smallest unit.
const SPARE_BALANCE: u64 = 7_000_000;
/// Mints of the classic program, and of Token-2022, whose burns alternate.
const LANES: u8 = 4;
/// Mints whose whole supply is burned.
const ZERO_LANES: u64 = 6;

/// A mint with two accounts of the holder.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) burn: BurnAccounts,
    pub(super) decimals: u8,
    pub(super) spare: Address,
    /// Tokens in the burning account at first, in the smallest unit.
    pub(super) balance: u64,
    /// Tokens in both accounts at first.
    supply: u64,
}

/// Everything set up before the traffic starts.
#[derive(Debug)]
pub(super) struct World {
    pub(super) payer: Arc<Keypair>,
    pub(super) holder: Arc<Keypair>,
    pub(super) delegate: Arc<Keypair>,
    pub(super) stranger: Arc<Keypair>,
    pub(super) burn_authority: Arc<Keypair>,
    pub(super) members: [Arc<Keypair>; 3],
    pub(super) classic: Vec<Lane>,
    pub(super) token_2022: Vec<Lane>,
    pub(super) zero: Vec<Lane>,
    pub(super) permissioned: Option<Lane>,
    pub(super) multisig: Lane,
    pub(super) table: AddressLookupTableAccount,
    pub(super) supplies: BTreeMap<Address, u64>,
    pub(super) support: Support,
}

/// Instructions with the new accounts that sign them.
struct Setup {
    instructions: Vec<Instruction>,
    signers: Vec<Keypair>,
}

/// Who owns and mints.
struct Owners<'a> {
    payer: &'a Keypair,
    holder: Address,
}

// === impl World ===

impl World {
    pub(super) async fn create(client: &Client, payer: &Keypair) -> Fallible<Self> {
        let key = || Arc::new(Keypair::new());
        let (holder, delegate, burn_authority) = (key(), key(), key());
        let members = [key(), key(), key()];
        let owners = Owners { payer, holder: holder.pubkey() };

        let mut setups = Vec::new();
        let mut lane = |(setup, lane): (Setup, Lane)| {
            setups.push(setup);
            lane
        };
        let classic: Vec<Lane> =
            (0..LANES).map(|n| lane(owners.lane(TOKEN, 6 + n % 4, BURNING_BALANCE))).collect();
        let token_2022: Vec<Lane> =
            (0..LANES).map(|n| lane(owners.lane(TOKEN_2022, 6 + n % 4, BURNING_BALANCE))).collect();
        let zero: Vec<Lane> = (0..ZERO_LANES).map(|n| lane(owners.lane(TOKEN, 6, 500_000_000 + n))).collect();
        let first = classic.first().ok_or_else(|| Error::Transaction("no lanes".to_owned()))?;
        let (members_setup, multisig) = owners.multisig(&members.each_ref().map(|member| member.pubkey()));
        setups.push(members_setup);
        let recent_slot = client.slot().await?;
        let (create_table, table) = ix::create_lookup_table(payer.pubkey(), recent_slot);
        let addresses: Vec<Address> =
            classic.iter().flat_map(|lane| [lane.burn.account, lane.burn.mint, lane.spare]).collect();
        let extend_table = ix::extend_lookup_table(table, payer.pubkey(), &addresses);
        setups.push(Setup { instructions: vec![create_table, extend_table], signers: Vec::new() });

        let (permissioned_setup, permissioned) = owners.permissioned(burn_authority.pubkey());
        let permissioned_burn = simulates(client, payer, &permissioned_setup).await?;
        if permissioned_burn {
            setups.push(permissioned_setup);
        }
        land(client, payer, &setups).await?;

        let (mut second, multisig) = owners.account_of(first, multisig);
        for lane in &classic {
            let approval =
                ix::approve(TOKEN, lane.burn.account, delegate.pubkey(), holder.pubkey(), u64::MAX);
            second.instructions.push(approval);
        }
        second.signers.push(holder.insecure_clone());
        land(client, payer, &[second]).await?;

        let mut supplies = BTreeMap::new();
        for lane in
            classic.iter().chain(&token_2022).chain(&zero).chain(permissioned_burn.then_some(&permissioned))
        {
            supplies.insert(lane.burn.mint, lane.supply);
        }
        supplies
            .entry(multisig.burn.mint)
            .and_modify(|supply| *supply = supply.saturating_add(multisig.balance));

        let support = probe(client, payer, &holder, first, permissioned_burn).await?;
        // A leader drops transactions whose table it does not find in its root (agave
        // `core/src/banking_stage/transaction_scheduler/receive_and_buffer.rs`).
        let extended = client.slot().await?;
        while client.root().await? <= extended {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(Self {
            payer: Arc::new(payer.insecure_clone()),
            holder,
            delegate,
            stranger: key(),
            burn_authority,
            members,
            classic,
            token_2022,
            zero,
            permissioned: permissioned_burn.then_some(permissioned),
            multisig,
            table: AddressLookupTableAccount { key: table, addresses },
            supplies,
            support,
        })
    }
}

async fn land(client: &Client, payer: &Keypair, setups: &[Setup]) -> Fallible<()> {
    let blockhash = client.blockhash().await?;
    let mut transactions = Vec::with_capacity(setups.len());
    for setup in setups {
        let signers: Vec<&Keypair> = std::iter::once(payer).chain(&setup.signers).collect();
        transactions.push(sign(&setup.instructions, &signers, blockhash, &Format::Legacy)?);
    }
    for (setup, landing) in setups.iter().zip(client.land(&transactions).await?) {
        if !landing.err.is_null() {
            return Err(Error::Transaction(format!("{}: {:?}", landing.err, setup.instructions)));
        }
    }
    Ok(())
}

async fn simulates(client: &Client, payer: &Keypair, setup: &Setup) -> Fallible<bool> {
    let signers: Vec<&Keypair> = std::iter::once(payer).chain(&setup.signers).collect();
    let transaction = sign(&setup.instructions, &signers, client.blockhash().await?, &Format::Legacy)?;
    Ok(client.simulate(&transaction).await?.is_null())
}

/// Finds out by simulation what the validator executes.
async fn probe(
    client: &Client,
    payer: &Keypair,
    holder: &Keypair,
    lane: &Lane,
    permissioned_burn: bool,
) -> Fallible<Support> {
    let burn = ix::burn(lane.burn, 1);
    let batch = ix::batch(TOKEN, std::slice::from_ref(&burn));
    let blockhash = client.blockhash().await?;
    let batch = sign(&[batch], &[payer, holder], blockhash, &Format::Legacy)?;
    let version_one = sign(&[burn], &[payer, holder], blockhash, &Format::V1)?;
    let version_one = match client.simulate(&version_one).await {
        Ok(err) => err.is_null(),
        // A node that does not know the version cannot read the transaction, and says so as a JSON-RPC error.
        Err(Error::Rpc { .. }) => false,
        Err(error) => return Err(error),
    };
    Ok(Support { batch: client.simulate(&batch).await?.is_null(), version_one, permissioned_burn })
}

// === impl Owners ===

impl Owners<'_> {
    fn create(&self, setup: &mut Setup, bytes: u64, owner: Address) -> Address {
        let new = Keypair::new();
        let address = new.pubkey();
        let instruction = ix::create_account(self.payer.pubkey(), address, ACCOUNT_LAMPORTS, bytes, owner);
        setup.instructions.push(instruction);
        setup.signers.push(new);
        address
    }

    fn account(
        &self,
        setup: &mut Setup,
        program: Address,
        mint: Address,
        owner: Address,
        balance: u64,
    ) -> Address {
        let account = self.create(setup, ix::ACCOUNT_BYTES, program);
        setup.instructions.push(ix::initialize_account(program, account, mint, owner));
        if balance > 0 {
            setup.instructions.push(ix::mint_to(program, mint, account, self.payer.pubkey(), balance));
        }
        account
    }

    /// The two accounts of a mint that the setup has just made. A lane to be emptied has nothing in its spare account.
    fn furnish(
        &self,
        mut setup: Setup,
        program: Address,
        mint: Address,
        decimals: u8,
        balance: u64,
    ) -> (Setup, Lane) {
        let account = self.account(&mut setup, program, mint, self.holder, balance);
        let spare_balance = if balance == BURNING_BALANCE { SPARE_BALANCE } else { 0 };
        let spare = self.account(&mut setup, program, mint, self.holder, spare_balance);
        let burn = BurnAccounts { program, account, mint, authority: self.holder };
        (setup, Lane { burn, decimals, spare, balance, supply: balance.saturating_add(spare_balance) })
    }

    fn lane(&self, program: Address, decimals: u8, balance: u64) -> (Setup, Lane) {
        let mut setup = Setup { instructions: Vec::new(), signers: Vec::new() };
        let mint = self.create(&mut setup, ix::MINT_BYTES, program);
        setup.instructions.push(ix::initialize_mint(program, mint, decimals, self.payer.pubkey()));
        self.furnish(setup, program, mint, decimals, balance)
    }

    fn permissioned(&self, burn_authority: Address) -> (Setup, Lane) {
        let (program, decimals) = (TOKEN_2022, 6);
        let mut setup = Setup { instructions: Vec::new(), signers: Vec::new() };
        let mint = self.create(&mut setup, ix::PERMISSIONED_MINT_BYTES, program);
        setup.instructions.push(ix::initialize_permissioned_burn(mint, burn_authority));
        setup.instructions.push(ix::initialize_mint(program, mint, decimals, self.payer.pubkey()));
        self.furnish(setup, program, mint, decimals, BURNING_BALANCE)
    }

    fn multisig(&self, members: &[Address]) -> (Setup, Address) {
        let mut setup = Setup { instructions: Vec::new(), signers: Vec::new() };
        let multisig = self.create(&mut setup, ix::MULTISIG_BYTES, TOKEN);
        setup.instructions.push(ix::initialize_multisig(TOKEN, multisig, 2, members));
        (setup, multisig)
    }

    /// Another account of a lane's mint, owned by `owner`.
    fn account_of(&self, lane: &Lane, owner: Address) -> (Setup, Lane) {
        let mut setup = Setup { instructions: Vec::new(), signers: Vec::new() };
        let account = self.account(&mut setup, TOKEN, lane.burn.mint, owner, BURNING_BALANCE);
        let burn = BurnAccounts { account, authority: owner, ..lane.burn };
        (setup, Lane { burn, ..lane.clone() })
    }
}
