//! A pool's state (`states/pool.rs`): packed, in this order, behind 8 bytes of discriminator.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{FUND_FEE, INVALID_VAULT, MILLION, OVERFLOW, PROTOCOL_FEE, TRADE_FEE};
use crate::{
    programs::anchor::{self, Fields},
    runtime::Context,
};

const DISCRIMINATOR: [u8; 8] = [0xf7, 0xed, 0xe3, 0xf5, 0xd7, 0xc3, 0xde, 0x46];
/// Bytes of the account; those behind the fields are zero, and say among other things that creators take no fee.
pub(super) const BYTES: u64 = 637;

/// A pool. What there is two of belongs to the first and the second mint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pool {
    pub(super) config: Address,
    pub(super) creator: Address,
    pub(super) vaults: [Address; 2],
    pub(super) lp_mint: Address,
    pub(super) mints: [Address; 2],
    pub(super) programs: [Address; 2],
    pub(super) observation: Address,
    pub(super) authority_bump: u8,
    /// Bits of what is disabled: 0 deposits, 1 withdrawals, 2 swaps.
    pub(super) status: u8,
    pub(super) lp_decimals: u8,
    pub(super) decimals: [u8; 2],
    /// Liquidity tokens, the locked ones among them.
    pub(super) lp_supply: u64,
    pub(super) protocol_fees: [u64; 2],
    pub(super) fund_fees: [u64; 2],
    pub(super) open_time: u64,
    pub(super) recent_epoch: u64,
}

// === impl Pool ===

impl Pool {
    pub(super) fn read(context: &Context<'_, '_>, at: usize) -> Result<Self, InstructionError> {
        let mut fields = anchor::state(context, at, DISCRIMINATOR)?;
        let two = |fields: &mut Fields| -> Result<_, InstructionError> {
            Ok([fields.address()?, fields.address()?])
        };
        let two_numbers =
            |fields: &mut Fields| -> Result<_, InstructionError> { Ok([fields.u64()?, fields.u64()?]) };
        Ok(Self {
            config: fields.address()?,
            creator: fields.address()?,
            vaults: two(&mut fields)?,
            lp_mint: fields.address()?,
            mints: two(&mut fields)?,
            programs: two(&mut fields)?,
            observation: fields.address()?,
            authority_bump: fields.u8()?,
            status: fields.u8()?,
            lp_decimals: fields.u8()?,
            decimals: fields.take()?,
            lp_supply: fields.u64()?,
            protocol_fees: two_numbers(&mut fields)?,
            fund_fees: two_numbers(&mut fields)?,
            open_time: fields.u64()?,
            recent_epoch: fields.u64()?,
        })
    }

    pub(super) fn write(&self, context: &mut Context<'_, '_>, at: usize) -> Result<(), InstructionError> {
        let addresses = [
            &[self.config, self.creator][..],
            &self.vaults,
            &[self.lp_mint],
            &self.mints,
            &self.programs,
            &[self.observation],
        ];
        let addresses: Vec<u8> = addresses.concat().iter().flat_map(Address::to_bytes).collect();
        let small = [self.authority_bump, self.status, self.lp_decimals];
        let numbers = [
            &[self.lp_supply][..],
            &self.protocol_fees,
            &self.fund_fees,
            &[self.open_time, self.recent_epoch],
        ];
        let numbers: Vec<u8> = numbers.concat().iter().flat_map(|number| number.to_le_bytes()).collect();
        anchor::write(context, at, &[&DISCRIMINATOR, &addresses, &small, &self.decimals, &numbers])
    }

    /// What vaults hold of the liquidity providers: fees are taken out when somebody comes for them.
    pub(super) fn reserves(&self, vaults: [u64; 2]) -> Result<[u64; 2], InstructionError> {
        let ([vault_0, vault_1], [protocol_0, protocol_1]) = (vaults, self.protocol_fees);
        let [fund_0, fund_1] = self.fund_fees;
        let left = |vault: u64, protocol, fund| {
            vault.checked_sub(protocol).and_then(|left| left.checked_sub(fund)).ok_or(OVERFLOW)
        };
        Ok([left(vault_0, protocol_0, fund_0)?, left(vault_1, protocol_1, fund_1)?])
    }

    /// Whether tokens come in by the first mint's vault, given the vaults they come in and go out by.
    pub(super) fn is_straight(&self, vaults: [Address; 2]) -> Result<bool, InstructionError> {
        let [first, second] = self.vaults;
        if vaults == [first, second] {
            Ok(true)
        } else if vaults == [second, first] {
            Ok(false)
        } else {
            Err(INVALID_VAULT)
        }
    }

    /// What comes out for `amount` of the first mint or the second, and the trade fee in that. Books the fee.
    pub(super) fn trade(
        &mut self,
        from_first: bool,
        amount: u64,
        reserves: [u64; 2],
    ) -> Result<(u64, u64), InstructionError> {
        let [first, second] = reserves;
        let (from, to) = if from_first { (first, second) } else { (second, first) };
        let share = |amount: u64, rate: u64| u128::from(amount).saturating_mul(u128::from(rate));
        let fee = u64::try_from(share(amount, TRADE_FEE).div_ceil(MILLION)).map_err(|_| OVERFLOW)?;
        let traded = u128::from(amount.checked_sub(fee).ok_or(OVERFLOW)?);
        let after = u128::from(from).saturating_add(traded);
        let out = traded.saturating_mul(u128::from(to)).checked_div(after).ok_or(OVERFLOW)?;
        let out = u64::try_from(out).map_err(|_| OVERFLOW)?;
        let [protocol, fund] = [PROTOCOL_FEE, FUND_FEE].map(|rate| share(fee, rate) / MILLION);
        let side = usize::from(!from_first);
        for (fees, booked) in [(&mut self.protocol_fees, protocol), (&mut self.fund_fees, fund)] {
            let fees = fees.get_mut(side).ok_or(OVERFLOW)?;
            let booked = u64::try_from(booked).map_err(|_| OVERFLOW)?;
            *fees = fees.checked_add(booked).ok_or(OVERFLOW)?;
        }
        Ok((out, fee))
    }
}
