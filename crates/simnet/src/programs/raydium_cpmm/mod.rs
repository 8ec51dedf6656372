//! Raydium CPMM: pools of two tokens whose product of reserves never falls.
//!
//! Source: `raydium-cp-swap`, `programs/cp-swap/src/{instructions,states,curve}`. Fees of creators, and transfer fees of
//! Token-2022 mints, are not taken: no pool here has any.

mod state;

use solana_address::Address;
use solana_instruction_error::InstructionError;

use self::state::Pool;
use super::{
    ASSOCIATED_TOKEN, TOKEN,
    anchor::{self, Fields, OVERFLOW, UNKNOWN},
};
use crate::{
    chain::Account,
    instructions::{
        self, ACCOUNT_BYTES, BurnAccounts, MINT_BYTES,
        raydium_cpmm::{AUTHORITY_SEED, DEPOSIT, INITIALIZE, SWAP_BASE_INPUT, WITHDRAW},
    },
    runtime::{Context, What},
};

/// The program.
pub const ADDRESS: Address = Address::from_str_const("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C");

const AMM_CONFIG: [u8; 8] = [0xda, 0xf4, 0x21, 0x68, 0xcb, 0xcb, 0x2b, 0x6f];
/// sha256("account:ObservationState").
const OBSERVATION: [u8; 8] = [0x7a, 0xae, 0xc5, 0x35, 0x81, 0x09, 0xa5, 0x84];
const SWAP_EVENT: [u8; 8] = [0x40, 0xc6, 0xcd, 0xe8, 0x26, 0x08, 0x71, 0xe2];
const LP_CHANGE_EVENT: [u8; 8] = [0x79, 0xa3, 0xcd, 0xc9, 0x39, 0xda, 0x75, 0x3c];

const CONFIG_BYTES: usize = 236;
const OBSERVATION_BYTES: u64 = 4_075;
/// Liquidity tokens that are counted and never minted, so that no pool can be emptied.
const LOCKED: u64 = 100;
const LP_DECIMALS: u8 = 9;

/// Fees are so many of a million.
const MILLION: u128 = 1_000_000;
const TRADE_FEE: u64 = 2_500;
/// Of the trade fee.
const PROTOCOL_FEE: u64 = 120_000;
/// Of the trade fee.
const FUND_FEE: u64 = 40_000;

/// The program's own errors (`error.rs`), which Anchor counts from 6000.
const NOT_APPROVED: InstructionError = InstructionError::Custom(6_000);
const INVALID_INPUT: InstructionError = InstructionError::Custom(6_003);
const SLIPPAGE: InstructionError = InstructionError::Custom(6_005);
const NOTHING: InstructionError = InstructionError::Custom(6_006);
const INVALID_VAULT: InstructionError = InstructionError::Custom(6_008);

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let mut arguments = Fields::of(context.data());
    let discriminator = arguments.take().map_err(|_| UNKNOWN)?;
    context.consume(25_000)?;
    match discriminator {
        INITIALIZE => {
            context.log("Instruction: Initialize");
            let (amounts, open_time) = ([arguments.u64()?, arguments.u64()?], arguments.u64()?);
            initialize(context, amounts, open_time)
        }
        DEPOSIT => {
            context.log("Instruction: Deposit");
            let (lp, most) = (arguments.u64()?, [arguments.u64()?, arguments.u64()?]);
            deposit(context, lp, most)
        }
        WITHDRAW => {
            context.log("Instruction: Withdraw");
            let (lp, least) = (arguments.u64()?, [arguments.u64()?, arguments.u64()?]);
            withdraw(context, lp, least)
        }
        SWAP_BASE_INPUT => {
            context.log("Instruction: SwapBaseInput");
            let (amount, least) = (arguments.u64()?, arguments.u64()?);
            swap(context, amount, least)
        }
        _ => Err(UNKNOWN),
    }
}

/// The fees of pools, with the rates of index 0 on mainnet; but creating a pool costs nothing.
pub(crate) fn config_account() -> Account {
    let (_, bump) = Address::find_program_address(&[b"amm_config", &[0, 0]], &ADDRESS);
    // Bump u8, disable_create_pool bool, index u16, then the rates (`states/config.rs`).
    let rates = [TRADE_FEE, PROTOCOL_FEE, FUND_FEE].map(u64::to_le_bytes).concat();
    let mut data = [&AMM_CONFIG[..], &[bump, 0, 0, 0], &rates].concat();
    data.resize(CONFIG_BYTES, 0);
    Account::holding(data, ADDRESS)
}

fn initialize(
    context: &mut Context<'_, '_>,
    amounts: [u64; 2],
    open_time: u64,
) -> Result<(), InstructionError> {
    anchor::signed(context, 0)?;
    anchor::state(context, 1, AMM_CONFIG)?;
    anchor::is(context, 17, ASSOCIATED_TOKEN)?;
    let authority_bump = anchor::bump(context, 2, &[AUTHORITY_SEED])?;
    let (creator, config, authority) = (context.key(0)?, context.key(1)?, context.key(2)?);
    let (first, second) = (context.key(4)?, context.key(5)?);
    if first >= second || amounts.contains(&0) {
        return Err(INVALID_INPUT);
    }

    let (address, lp_mint) = (context.key(3)?, context.key(6)?);
    let seeds: &[&[u8]] = &[b"pool", config.as_ref(), first.as_ref(), second.as_ref()];
    anchor::create(context, 0, 3, state::BYTES, ADDRESS, seeds)?;
    let seeds: &[&[u8]] = &[b"pool_lp_mint", address.as_ref()];
    anchor::create(context, 0, 6, MINT_BYTES, TOKEN, seeds)?;
    context.invoke(&instructions::initialize_mint(TOKEN, lp_mint, LP_DECIMALS, authority), &[])?;
    context.invoke(&instructions::create_associated_token(creator, TOKEN, creator, lp_mint, false), &[])?;
    let seeds: &[&[u8]] = &[b"observation", address.as_ref()];
    anchor::create(context, 0, 13, OBSERVATION_BYTES, ADDRESS, seeds)?;
    // `initialized` u8 and `observation_index` u16 stand before the pool (`states/oracle.rs`).
    anchor::write(context, 13, &[&OBSERVATION, &[0; 3], address.as_ref()])?;

    let [amount_0, amount_1] = amounts;
    let decimals = [fund(context, 0, amount_0)?, fund(context, 1, amount_1)?];
    let product = u128::from(amount_0).saturating_mul(u128::from(amount_1));
    let lp_supply = u64::try_from(product.isqrt()).map_err(|_| OVERFLOW)?;
    let minted = lp_supply.checked_sub(LOCKED).filter(|minted| *minted > 0).ok_or(NOTHING)?;
    context.log(&format!(
        "liquidity:{lp_supply}, lock_lp_amount:{LOCKED}, vault_0_amount:{amount_0},vault_1_amount:{amount_1}"
    ));
    let to = context.key(9)?;
    let mint = instructions::mint_to(TOKEN, lp_mint, to, authority, minted);
    context.invoke(&mint, &[&[AUTHORITY_SEED, &[authority_bump]]])?;

    let now = u64::try_from(context.environment().time).unwrap_or_default();
    let pool = Pool {
        config,
        creator,
        vaults: [context.key(10)?, context.key(11)?],
        lp_mint,
        mints: [first, second],
        programs: [context.key(15)?, context.key(16)?],
        observation: context.key(13)?,
        authority_bump,
        status: 0,
        lp_decimals: LP_DECIMALS,
        decimals,
        lp_supply,
        protocol_fees: [0; 2],
        fund_fees: [0; 2],
        // A pool opens a second after it came into being, or later.
        open_time: open_time.max(now.saturating_add(1)),
        recent_epoch: context.environment().epoch,
    };
    pool.write(context, 3)?;
    context.note(What::PoolCreated { program: ADDRESS, pool: address, base: first, quote: second });
    Ok(())
}

/// Creates one side's vault and moves the creator's tokens into it. Returns the mint's decimals.
fn fund(context: &mut Context<'_, '_>, side: usize, amount: u64) -> Result<u8, InstructionError> {
    let at = |first: usize| first.saturating_add(side);
    let (authority, pool) = (context.key(2)?, context.key(3)?);
    let (mint, vault, program) = (context.key(at(4))?, context.key(at(10))?, context.key(at(15))?);
    let seeds: &[&[u8]] = &[b"pool_vault", pool.as_ref(), mint.as_ref()];
    anchor::create(context, 0, at(10), ACCOUNT_BYTES, program, seeds)?;
    context.invoke(&instructions::initialize_account(program, vault, mint, authority), &[])?;
    anchor::transfer(context, at(4), [at(7), at(10)], 0, amount, &[])?;
    Ok(anchor::mint(context, at(4))?.decimals)
}

/// One pool with an owner's accounts, as deposits and withdrawals name them.
struct Share {
    pool: Pool,
    /// Without fees.
    reserves: [u64; 2],
    /// What the liquidity tokens stand for; a fraction is rounded up when it comes in.
    amounts: [u64; 2],
}

fn share(context: &Context<'_, '_>, lp: u64, disabled: u8, up: bool) -> Result<Share, InstructionError> {
    anchor::signed(context, 0)?;
    let pool = Pool::read(context, 2)?;
    if pool.status & disabled != 0 {
        return Err(NOT_APPROVED);
    }
    let [vault_0, vault_1] = pool.vaults;
    let [mint_0, mint_1] = pool.mints;
    for (at, address) in [(6, vault_0), (7, vault_1), (10, mint_0), (11, mint_1), (12, pool.lp_mint)] {
        anchor::is(context, at, address)?;
    }
    let reserves =
        pool.reserves([anchor::holding(context, 6)?.amount, anchor::holding(context, 7)?.amount])?;
    let part = |reserve: u64| {
        let whole = u128::from(reserve).saturating_mul(u128::from(lp));
        let supply = u128::from(pool.lp_supply);
        let rest = whole.checked_rem(supply).ok_or(NOTHING)?;
        let part = whole.checked_div(supply).ok_or(NOTHING)?.saturating_add(u128::from(up && rest > 0));
        u64::try_from(part).map_err(|_| OVERFLOW)
    };
    let [reserve_0, reserve_1] = reserves;
    let amounts = [part(reserve_0)?, part(reserve_1)?];
    if lp == 0 || amounts.contains(&0) {
        return Err(NOTHING);
    }
    Ok(Share { pool, reserves, amounts })
}

fn deposit(context: &mut Context<'_, '_>, lp: u64, most: [u64; 2]) -> Result<(), InstructionError> {
    let Share { mut pool, reserves, amounts } = share(context, lp, 1, true)?;
    let ([amount_0, amount_1], [most_0, most_1]) = (amounts, most);
    if amount_0 > most_0 || amount_1 > most_1 {
        return Err(SLIPPAGE);
    }
    let before = pool.lp_supply;
    pool.lp_supply = before.checked_add(lp).ok_or(OVERFLOW)?;
    pool.recent_epoch = context.environment().epoch;
    pool.write(context, 2)?;
    anchor::transfer(context, 10, [4, 6], 0, amount_0, &[])?;
    anchor::transfer(context, 11, [5, 7], 0, amount_1, &[])?;
    let (account, authority) = (context.key(3)?, context.key(1)?);
    let mint = instructions::mint_to(TOKEN, pool.lp_mint, account, authority, lp);
    context.invoke(&mint, &[&[AUTHORITY_SEED, &[pool.authority_bump]]])?;
    lp_changed(context, before, reserves, amounts, 0)
}

fn withdraw(context: &mut Context<'_, '_>, lp: u64, least: [u64; 2]) -> Result<(), InstructionError> {
    let Share { mut pool, reserves, amounts } = share(context, lp, 2, false)?;
    let ([amount_0, amount_1], [least_0, least_1]) = (amounts, least);
    if amount_0 < least_0 || amount_1 < least_1 {
        return Err(SLIPPAGE);
    }
    let before = pool.lp_supply;
    pool.lp_supply = before.checked_sub(lp).ok_or(OVERFLOW)?;
    pool.recent_epoch = context.environment().epoch;
    pool.write(context, 2)?;
    let (authority, account) = (context.key(0)?, context.key(3)?);
    let burn = BurnAccounts { program: TOKEN, account, mint: pool.lp_mint, authority };
    context.invoke(&instructions::burn(burn, lp), &[])?;
    let signs: &[&[&[u8]]] = &[&[AUTHORITY_SEED, &[pool.authority_bump]]];
    anchor::transfer(context, 10, [6, 4], 1, amount_0, signs)?;
    anchor::transfer(context, 11, [7, 5], 1, amount_1, signs)?;
    lp_changed(context, before, reserves, amounts, 1)
}

/// `LpChangeEvent`; `kind` is 0 for a deposit, 1 for a withdrawal.
fn lp_changed(
    context: &mut Context<'_, '_>,
    before: u64,
    [reserve_0, reserve_1]: [u64; 2],
    [amount_0, amount_1]: [u64; 2],
    kind: u8,
) -> Result<(), InstructionError> {
    let pool = context.key(2)?;
    let numbers = [before, reserve_0, reserve_1, amount_0, amount_1, 0, 0].map(u64::to_le_bytes).concat();
    anchor::emit(context, LP_CHANGE_EVENT, &[pool.as_ref(), &numbers, &[kind]]);
    Ok(())
}

fn swap(context: &mut Context<'_, '_>, amount: u64, least: u64) -> Result<(), InstructionError> {
    anchor::signed(context, 0)?;
    let mut pool = Pool::read(context, 3)?;
    let now = u64::try_from(context.environment().time).unwrap_or_default();
    if pool.status & 4 != 0 || now < pool.open_time {
        return Err(NOT_APPROVED);
    }
    let from_first = pool.is_straight([context.key(6)?, context.key(7)?])?;
    let (into, out_of) = (anchor::holding(context, 6)?, anchor::holding(context, 7)?);
    let vaults = if from_first { [into.amount, out_of.amount] } else { [out_of.amount, into.amount] };
    let reserves = pool.reserves(vaults)?;
    let (out, fee) = pool.trade(from_first, amount, reserves)?;
    if out == 0 {
        return Err(NOTHING);
    }
    if out < least {
        return Err(SLIPPAGE);
    }
    pool.recent_epoch = context.environment().epoch;

    pool.write(context, 3)?;
    anchor::transfer(context, 10, [4, 6], 0, amount, &[])?;
    anchor::transfer(context, 11, [7, 5], 1, out, &[&[AUTHORITY_SEED, &[pool.authority_bump]]])?;

    let [first, second] = reserves;
    let (before_in, before_out) = if from_first { (first, second) } else { (second, first) };
    let numbers = [before_in, before_out, amount, out, 0, 0].map(u64::to_le_bytes).concat();
    let fees = [fee, 0].map(u64::to_le_bytes).concat();
    let address = context.key(3)?;
    // Base input, and that creators' fees would be taken from it.
    let (base_input, creator_fee_on_input) = ([1], [1]);
    let fields: [&[u8]; 7] = [
        address.as_ref(),
        &numbers,
        &base_input,
        into.mint.as_ref(),
        out_of.mint.as_ref(),
        &fees,
        &creator_fee_on_input,
    ];
    anchor::emit(context, SWAP_EVENT, &fields);
    Ok(())
}

#[cfg(test)]
mod tests;
