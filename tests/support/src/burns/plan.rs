//! The transactions to make, and what each will do if it succeeds.

use std::sync::Arc;

use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{
    Kind, Place,
    world::{Lane, World},
};
use crate::{
    client::Format,
    instructions::{self as ix, BurnAccounts, TOKEN},
    relay::relayed,
};

/// The default threshold of the burn detector, so that a test may leave it alone.
const LEAST_AMOUNT: u64 = 1_000_000;

/// A change of supply.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Burn { place: Place, burn: BurnAccounts, decimals: u8, checked: bool, amount: u64, kind: Kind },
    Mint { mint: Address, amount: u64 },
}

/// One transaction to make.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) instructions: Vec<Instruction>,
    /// The first pays.
    pub(super) signers: Vec<Arc<Keypair>>,
    pub(super) format: Format,
    pub(super) succeeds: bool,
    /// Burns in a transaction that fails.
    pub(super) attempts: usize,
    /// In the order of execution.
    pub(super) effects: Vec<Effect>,
}

struct Plan<'a> {
    world: &'a World,
    planned: Vec<Planned>,
    amounts: std::ops::RangeFrom<u64>,
}

/// All transactions, in the order to send them: the kinds take turns, so that every block is mixed.
pub(super) fn transactions(world: &World) -> Vec<Planned> {
    let mut plan = Plan { world, planned: Vec::new(), amounts: LEAST_AMOUNT.. };
    for round in 0..10 {
        for lane in &world.classic {
            plan.single(Kind::Plain, lane);
            plan.single(Kind::Checked, lane);
        }
        for lane in &world.token_2022 {
            plan.single(Kind::Token2022, lane);
        }
        let mut turn =
            world.classic.iter().cycle().skip(round).zip(world.token_2022.iter().cycle().skip(round));
        if let (Some((lane, token_2022)), Some((other, _))) = (turn.next(), turn.next()) {
            plan.several(lane);
            plan.by_delegate(lane);
            plan.through_table(lane);
            plan.through_table(lane);
            plan.batch(lane);
            plan.version_one(lane);
            plan.inner(lane, other, token_2022);
            plan.failing(lane);
            plan.harmless(lane);
        }
        plan.by_multisig();
        plan.permissioned(round);
    }
    for lane in &world.zero {
        plan.burn_out(lane);
    }
    plan.planned
}

// === impl Plan ===

impl Plan<'_> {
    fn amount(&mut self) -> u64 {
        self.amounts.next().unwrap_or(u64::MAX)
    }

    fn transaction(&self, signers: &[&Arc<Keypair>]) -> Planned {
        let signers = std::iter::once(&self.world.payer).chain(signers.iter().copied()).cloned().collect();
        Planned {
            instructions: Vec::new(),
            signers,
            format: Format::Legacy,
            succeeds: true,
            attempts: 0,
            effects: Vec::new(),
        }
    }

    fn single(&mut self, kind: Kind, lane: &Lane) {
        let amount = self.amount();
        let mut planned = self.transaction(&[&self.world.holder]);
        let checked = kind == Kind::Checked || (kind == Kind::Token2022 && amount.is_multiple_of(2));
        planned.burn(kind, lane, lane.burn, amount, checked);
        self.planned.push(planned);
    }

    fn several(&mut self, lane: &Lane) {
        let mut planned = self.transaction(&[&self.world.holder]);
        for checked in [false, true, false] {
            planned.burn(Kind::Several, lane, lane.burn, self.amount(), checked);
        }
        self.planned.push(planned);
    }

    fn by_delegate(&mut self, lane: &Lane) {
        let mut planned = self.transaction(&[&self.world.delegate]);
        let burn = BurnAccounts { authority: self.world.delegate.pubkey(), ..lane.burn };
        planned.burn(Kind::Delegate, lane, burn, self.amount(), false);
        self.planned.push(planned);
    }

    fn through_table(&mut self, lane: &Lane) {
        let mut planned = self.transaction(&[&self.world.holder]);
        planned.format = Format::V0(vec![self.world.table.clone()]);
        let amount = self.amount();
        planned.burn(Kind::LookupTable, lane, lane.burn, amount, amount.is_multiple_of(2));
        self.planned.push(planned);
    }

    fn batch(&mut self, lane: &Lane) {
        if !self.world.support.batch {
            return;
        }
        let (first, moved, second) = (self.amount(), self.amount(), self.amount());
        let mut planned = self.transaction(&[&self.world.holder]);
        planned.instructions.push(ix::batch(
            TOKEN,
            &[
                ix::burn(lane.burn, first),
                ix::transfer(TOKEN, lane.burn.account, lane.spare, lane.burn.authority, moved),
                ix::burn_checked(lane.burn, second, lane.decimals),
            ],
        ));
        for (entry, amount, checked) in [(0, first, false), (2, second, true)] {
            let place = Place { instruction: 0, inner: None, batch_entry: Some(entry) };
            planned.expect(Kind::Batch, place, lane, lane.burn, amount, checked);
        }
        self.planned.push(planned);
    }

    /// Two burns by two calls of another program, one of Token-2022, and a batch that is called.
    fn inner(&mut self, lane: &Lane, other: &Lane, token_2022: &Lane) {
        let called = |instruction| Place { instruction, inner: Some(0), batch_entry: None };
        let (first, second, third) = (self.amount(), self.amount(), self.amount());
        let mut planned = self.transaction(&[&self.world.holder]);
        planned.instructions.push(relayed(ix::burn(lane.burn, first)));
        planned.instructions.push(relayed(ix::burn_checked(lane.burn, second, lane.decimals)));
        planned.expect(Kind::Inner, called(0), lane, lane.burn, first, false);
        planned.expect(Kind::Inner, called(1), lane, lane.burn, second, true);
        self.planned.push(planned);

        let mut planned = self.transaction(&[&self.world.holder]);
        planned.instructions.push(relayed(ix::burn(token_2022.burn, third)));
        planned.expect(Kind::Inner, called(0), token_2022, token_2022.burn, third, false);
        self.planned.push(planned);

        if self.world.support.batch {
            // All accounts differ, as the relay needs: two mints, by the owner and by the delegate.
            let by_delegate = BurnAccounts { authority: self.world.delegate.pubkey(), ..other.burn };
            let (first, second) = (self.amount(), self.amount());
            let mut planned = self.transaction(&[&self.world.holder, &self.world.delegate]);
            let entries = [ix::burn(lane.burn, first), ix::burn(by_delegate, second)];
            planned.instructions.push(relayed(ix::batch(TOKEN, &entries)));
            for (entry, lane, burn, amount) in [(0, lane, lane.burn, first), (1, other, by_delegate, second)]
            {
                let place = Place { batch_entry: Some(entry), ..called(0) };
                planned.expect(Kind::Inner, place, lane, burn, amount, false);
            }
            self.planned.push(planned);
        }
    }

    fn version_one(&mut self, lane: &Lane) {
        if self.world.support.version_one {
            let amount = self.amount();
            let mut planned = self.transaction(&[&self.world.holder]);
            planned.format = Format::V1;
            planned.burn(Kind::VersionOne, lane, lane.burn, amount, false);
            self.planned.push(planned);
        }
    }

    fn by_multisig(&mut self) {
        let (lane, amount) = (&self.world.multisig, self.amount());
        let [one, two, three] = &self.world.members;
        let signing = if amount.is_multiple_of(2) { [one, two] } else { [one, three] };
        let mut planned = self.transaction(&signing);
        let instruction = ix::burn_by_multisig(lane.burn, &signing.map(|member| member.pubkey()), amount);
        planned.push_burn(instruction, Kind::Multisig, lane, lane.burn, amount, false);
        self.planned.push(planned);
    }

    fn permissioned(&mut self, round: usize) {
        if let Some(lane) = &self.world.permissioned {
            let amount = self.amount();
            let authority = &self.world.burn_authority;
            let mut planned = self.transaction(&[&self.world.holder, authority]);
            let decimals = (round.is_multiple_of(2)).then_some(lane.decimals);
            let instruction = ix::permissioned_burn(lane.burn, authority.pubkey(), amount, decimals);
            planned.push_burn(instruction, Kind::Permissioned, lane, lane.burn, amount, decimals.is_some());
            self.planned.push(planned);
        }
    }

    fn burn_out(&mut self, lane: &Lane) {
        let mut planned = self.transaction(&[&self.world.holder]);
        planned.burn(Kind::ToZero, lane, lane.burn, lane.balance, false);
        self.planned.push(planned);
    }

    /// A burn of too much after a good one, in both formats and called by a program, and a burn by someone with no
    /// right to it.
    fn failing(&mut self, lane: &Lane) {
        for format in [Format::Legacy, Format::V0(vec![self.world.table.clone()])] {
            let mut planned = self.transaction(&[&self.world.holder]);
            planned.format = format;
            planned.burn(Kind::Several, lane, lane.burn, self.amount(), false);
            planned.burn(Kind::Several, lane, lane.burn, u64::MAX, true);
            self.fails(planned);
        }
        let mut planned = self.transaction(&[&self.world.holder]);
        for amount in [self.amount(), u64::MAX] {
            planned.instructions.push(relayed(ix::burn(lane.burn, amount)));
        }
        self.fails(planned);

        let mut planned = self.transaction(&[&self.world.stranger]);
        let burn = BurnAccounts { authority: self.world.stranger.pubkey(), ..lane.burn };
        planned.burn(Kind::Plain, lane, burn, self.amount(), false);
        self.fails(planned);
    }

    /// Every instruction of it is a burn.
    fn fails(&mut self, planned: Planned) {
        let attempts = planned.instructions.len();
        self.planned.push(Planned { succeeds: false, attempts, effects: Vec::new(), ..planned });
    }

    /// A transfer, a mint, and an account opened and closed.
    fn harmless(&mut self, lane: &Lane) {
        let (payer, holder) = (self.world.payer.pubkey(), self.world.holder.pubkey());
        let mut moved = self.transaction(&[&self.world.holder]);
        moved.instructions.push(ix::transfer(TOKEN, lane.burn.account, lane.spare, holder, self.amount()));
        self.planned.push(moved);

        let (mint, amount) = (lane.burn.mint, self.amount());
        let mut minted = self.transaction(&[]);
        minted.instructions.push(ix::mint_to(TOKEN, mint, lane.spare, payer, amount));
        minted.effects.push(Effect::Mint { mint, amount });
        self.planned.push(minted);

        let opened = Arc::new(Keypair::new());
        let account = opened.pubkey();
        let mut closed = self.transaction(&[&self.world.holder, &opened]);
        closed.instructions.extend([
            ix::create_account(payer, account, 10_000_000, ix::ACCOUNT_BYTES, TOKEN),
            ix::initialize_account(TOKEN, account, mint, holder),
            ix::close_account(TOKEN, account, payer, holder),
        ]);
        self.planned.push(closed);
    }
}

// === impl Planned ===

impl Planned {
    fn burn(&mut self, kind: Kind, lane: &Lane, burn: BurnAccounts, amount: u64, checked: bool) {
        let instruction =
            if checked { ix::burn_checked(burn, amount, lane.decimals) } else { ix::burn(burn, amount) };
        self.push_burn(instruction, kind, lane, burn, amount, checked);
    }

    fn push_burn(
        &mut self,
        instruction: Instruction,
        kind: Kind,
        lane: &Lane,
        burn: BurnAccounts,
        amount: u64,
        checked: bool,
    ) {
        let place = Place { instruction: self.instructions.len(), inner: None, batch_entry: None };
        self.expect(kind, place, lane, burn, amount, checked);
        self.instructions.push(instruction);
    }

    fn expect(
        &mut self,
        kind: Kind,
        place: Place,
        lane: &Lane,
        burn: BurnAccounts,
        amount: u64,
        checked: bool,
    ) {
        self.effects.push(Effect::Burn { place, burn, decimals: lane.decimals, checked, amount, kind });
    }
}
