//! Pump.fun: coins that are sold along a curve, and graduate to a pool once it is sold out.
//!
//! Source: `pump-public-docs`, `idl/pump.json` and its README; the program itself is not public. Names and pictures of
//! coins (Metaplex) are not kept.

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;

use super::{
    NATIVE_MINT, TOKEN, TOKEN_2022,
    anchor::{self, EVENT, Fields, OVERFLOW, UNKNOWN},
    pump_swap,
};
use crate::{
    chain::rent_exempt_minimum,
    instructions::{
        self, BurnAccounts, MINT_BYTES,
        pump::{BUY, CREATE, CREATE_POOL, MIGRATE},
    },
    runtime::Context,
};

/// The program.
pub const ADDRESS: Address = Address::from_str_const("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P");

const CURVE: [u8; 8] = [0x17, 0xb7, 0xf8, 0x37, 0x60, 0xd8, 0xac, 0x60];
const CREATE_EVENT: [u8; 8] = [0x1b, 0x72, 0xa9, 0x4d, 0xde, 0xeb, 0x63, 0x76];
const TRADE_EVENT: [u8; 8] = [0xbd, 0xdb, 0x7f, 0xd3, 0x4e, 0xe6, 0x61, 0xee];
const COMPLETE_EVENT: [u8; 8] = [0x5f, 0x72, 0x61, 0x9c, 0xd4, 0x2e, 0x98, 0x08];
const MIGRATION_EVENT: [u8; 8] = [0xbd, 0xe9, 0x5d, 0xb9, 0x5c, 0x94, 0xea, 0x94];

/// The number of the authority that mints, for the token programs.
const MINT_TOKENS: u8 = 0;
/// Bytes of a curve's account with everything up to its quote mint.
const CURVE_BYTES: u64 = 115;
const DECIMALS: u8 = 6;
/// Tokens of a coin.
const SUPPLY: u64 = 1_000_000_000_000_000;
/// What a curve begins with.
const VIRTUAL_TOKENS: u64 = 1_073_000_000_000_000;
const VIRTUAL_LAMPORTS: u64 = 30_000_000_000;
/// Tokens that a curve sells; the rest goes into the pool.
pub(crate) const FOR_SALE: u64 = 793_100_000_000_000;
/// Fees of a purchase in hundredths of a percent.
const PROTOCOL_FEE: u64 = 95;
const CREATOR_FEE: u64 = 30;
/// Lamports that the pool's authority gets out of the curve, to pay for the pool's accounts.
const MIGRATION_FEE: u64 = 20_000_000;

/// The program's own errors (`idl/pump.json`), which Anchor counts from 6000.
const TOO_DEAR: InstructionError = InstructionError::Custom(6_002);
const COMPLETE: InstructionError = InstructionError::Custom(6_005);
const NOT_COMPLETE: InstructionError = InstructionError::Custom(6_006);

/// A bonding curve, as its account holds it behind the discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Curve {
    virtual_tokens: u64,
    virtual_lamports: u64,
    real_tokens: u64,
    real_lamports: u64,
    supply: u64,
    complete: bool,
    creator: Address,
}

// === impl Curve ===

impl Curve {
    fn read(context: &Context<'_, '_>, at: usize) -> Result<Self, InstructionError> {
        let mut fields = anchor::state(context, at, CURVE)?;
        Ok(Self {
            virtual_tokens: fields.u64()?,
            virtual_lamports: fields.u64()?,
            real_tokens: fields.u64()?,
            real_lamports: fields.u64()?,
            supply: fields.u64()?,
            complete: fields.u8()? == 1,
            creator: fields.address()?,
        })
    }

    fn write(&self, context: &mut Context<'_, '_>, at: usize) -> Result<(), InstructionError> {
        let numbers = self.reserves();
        let supply = self.supply.to_le_bytes();
        let complete = [u8::from(self.complete)];
        anchor::write(context, at, &[&CURVE, &numbers, &supply, &complete, self.creator.as_ref()])
    }

    /// The four reserves, tokens before lamports, as the account has them.
    fn reserves(&self) -> Vec<u8> {
        [self.virtual_tokens, self.virtual_lamports, self.real_tokens, self.real_lamports]
            .map(u64::to_le_bytes)
            .concat()
    }
}

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let mut arguments = Fields::of(context.data());
    let discriminator = arguments.take().map_err(|_| UNKNOWN)?;
    context.consume(15_000)?;
    match discriminator {
        CREATE => {
            context.log("Instruction: Create");
            let texts = [arguments.text()?, arguments.text()?, arguments.text()?];
            let creator = arguments.address()?;
            create(context, &texts.concat(), creator)
        }
        BUY => {
            context.log("Instruction: Buy");
            let (tokens, most) = (arguments.u64()?, arguments.u64()?);
            buy(context, tokens, most)
        }
        MIGRATE => {
            context.log("Instruction: Migrate");
            migrate(context)
        }
        EVENT => anchor::hear(context),
        _ => Err(UNKNOWN),
    }
}

fn create(context: &mut Context<'_, '_>, texts: &[u8], creator: Address) -> Result<(), InstructionError> {
    anchor::signed(context, 0)?;
    anchor::signed(context, 7)?;
    let (mint, user) = (context.key(0)?, context.key(7)?);
    let (authority, curve, tokens) = (context.key(1)?, context.key(2)?, context.key(3)?);
    let authority_bump = [anchor::bump(context, 1, &[b"mint-authority"])?];
    let authority_seeds: &[&[&[u8]]] = &[&[b"mint-authority", &authority_bump]];

    let lamports = rent_exempt_minimum(usize::try_from(MINT_BYTES).map_err(|_| OVERFLOW)?);
    context.invoke(&instructions::create_account(user, mint, lamports, MINT_BYTES, TOKEN), &[])?;
    context.invoke(&instructions::initialize_mint(TOKEN, mint, DECIMALS, authority), &[])?;
    anchor::create(context, 7, 2, CURVE_BYTES, ADDRESS, &[b"bonding-curve", mint.as_ref()])?;
    context.invoke(&instructions::create_associated_token(user, TOKEN, curve, mint, false), &[])?;
    context.invoke(&instructions::mint_to(TOKEN, mint, tokens, authority, SUPPLY), authority_seeds)?;
    let renounced = instructions::set_authority(TOKEN, mint, MINT_TOKENS, authority, None);
    context.invoke(&renounced, authority_seeds)?;

    let state = Curve {
        virtual_tokens: VIRTUAL_TOKENS,
        virtual_lamports: VIRTUAL_LAMPORTS,
        real_tokens: FOR_SALE,
        real_lamports: 0,
        supply: SUPPLY,
        complete: false,
        creator,
    };
    state.write(context, 2)?;
    let time = context.environment().time.to_le_bytes();
    let numbers = [VIRTUAL_TOKENS, VIRTUAL_LAMPORTS, FOR_SALE, SUPPLY].map(u64::to_le_bytes).concat();
    // Behind the token program: neither mayhem nor cashback, quoted in SOL.
    let fields: [&[u8]; 9] = [
        texts,
        mint.as_ref(),
        curve.as_ref(),
        user.as_ref(),
        creator.as_ref(),
        &time,
        &numbers,
        TOKEN.as_ref(),
        &[0; 2 + 32],
    ];
    anchor::emit_by_call(context, CREATE_EVENT, &fields)
}

fn buy(context: &mut Context<'_, '_>, tokens: u64, most: u64) -> Result<(), InstructionError> {
    anchor::signed(context, 6)?;
    let (recipient, mint, curve_key) = (context.key(1)?, context.key(2)?, context.key(3)?);
    let (from, to, user) = (context.key(4)?, context.key(5)?, context.key(6)?);
    let bump = [anchor::bump(context, 3, &[b"bonding-curve", mint.as_ref()])?];
    let mut curve = Curve::read(context, 3)?;
    if curve.complete {
        return Err(COMPLETE);
    }
    let creator_vault = context.key(9)?;
    anchor::is(context, 9, instructions::pump::creator_vault(curve.creator))?;

    let tokens = tokens.min(curve.real_tokens);
    let left = curve.virtual_tokens.checked_sub(tokens).ok_or(OVERFLOW)?;
    let product = u128::from(tokens).saturating_mul(u128::from(curve.virtual_lamports));
    let cost = product.checked_div(u128::from(left)).ok_or(OVERFLOW)?.saturating_add(1);
    let cost = u64::try_from(cost).map_err(|_| OVERFLOW)?;
    let fee = |rate: u64| {
        let fee = u128::from(cost).saturating_mul(u128::from(rate)).div_ceil(10_000);
        u64::try_from(fee).map_err(|_| OVERFLOW)
    };
    let (protocol_fee, creator_fee) = (fee(PROTOCOL_FEE)?, fee(CREATOR_FEE)?);
    let paid = cost.checked_add(protocol_fee).and_then(|paid| paid.checked_add(creator_fee));
    if paid.ok_or(OVERFLOW)? > most {
        return Err(TOO_DEAR);
    }
    for (receiver, lamports) in [(curve_key, cost), (recipient, protocol_fee), (creator_vault, creator_fee)] {
        context.invoke(&instructions::transfer_lamports(user, receiver, lamports), &[])?;
    }
    context.invoke(
        &instructions::transfer(TOKEN, from, to, curve_key, tokens),
        &[&[b"bonding-curve", mint.as_ref(), &bump]],
    )?;

    curve.virtual_tokens = left;
    curve.virtual_lamports = curve.virtual_lamports.checked_add(cost).ok_or(OVERFLOW)?;
    curve.real_tokens = curve.real_tokens.checked_sub(tokens).ok_or(OVERFLOW)?;
    curve.real_lamports = curve.real_lamports.checked_add(cost).ok_or(OVERFLOW)?;
    curve.complete = curve.real_tokens == 0;
    curve.write(context, 3)?;

    let time = context.environment().time.to_le_bytes();
    let amounts = [cost, tokens].map(u64::to_le_bytes).concat();
    let after = [curve.virtual_lamports, curve.virtual_tokens, curve.real_lamports, curve.real_tokens];
    let after = after.map(u64::to_le_bytes).concat();
    let protocol = [PROTOCOL_FEE, protocol_fee].map(u64::to_le_bytes).concat();
    let creator = [CREATOR_FEE, creator_fee].map(u64::to_le_bytes).concat();
    // Volume is not tracked: a flag, and three amounts and a time that belong to it.
    let untracked = [0; 1 + 4 * 8];
    let name = [&3_u32.to_le_bytes()[..], b"buy"].concat();
    let fields: [&[u8]; 12] = [
        mint.as_ref(),
        &amounts,
        &[1],
        user.as_ref(),
        &time,
        &after,
        recipient.as_ref(),
        &protocol,
        curve.creator.as_ref(),
        &creator,
        &untracked,
        &name,
    ];
    anchor::emit_by_call(context, TRADE_EVENT, &fields)?;
    if curve.complete {
        let fields: [&[u8]; 5] = [user.as_ref(), mint.as_ref(), curve_key.as_ref(), &time, &[0; 32]];
        anchor::emit_by_call(context, COMPLETE_EVENT, &fields)?;
    }
    Ok(())
}

fn migrate(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    anchor::signed(context, 5)?;
    anchor::is(context, 8, pump_swap::ADDRESS)?;
    anchor::is(context, 14, NATIVE_MINT)?;
    let (mint, curve_key, from) = (context.key(2)?, context.key(3)?, context.key(4)?);
    let (user, pool, authority) = (context.key(5)?, context.key(9)?, context.key(10)?);
    let (base, quote) = (context.key(11)?, context.key(12)?);
    let (lp_mint, lp) = (context.key(15)?, context.key(16)?);
    let curve_bump = [anchor::bump(context, 3, &[b"bonding-curve", mint.as_ref()])?];
    let bump = [anchor::bump(context, 10, &[b"pool-authority", mint.as_ref()])?];
    let signs: &[&[&[u8]]] = &[&[b"pool-authority", mint.as_ref(), &bump]];
    let mut curve = Curve::read(context, 3)?;
    if !curve.complete || curve.real_lamports <= MIGRATION_FEE {
        return Err(NOT_COMPLETE);
    }

    // What the curve has goes to the pool's authority, which creates the pool as anybody would.
    let lamports = curve.real_lamports.checked_sub(MIGRATION_FEE).ok_or(OVERFLOW)?;
    let tokens = anchor::holding(context, 4)?.amount;
    context.debit(3, curve.real_lamports)?;
    context.credit(10, curve.real_lamports)?;
    for of in [mint, NATIVE_MINT] {
        let account = instructions::create_associated_token(authority, TOKEN, authority, of, false);
        context.invoke(&account, signs)?;
    }
    context.invoke(
        &instructions::transfer(TOKEN, from, base, curve_key, tokens),
        &[&[b"bonding-curve", mint.as_ref(), &curve_bump]],
    )?;
    context.invoke(&instructions::transfer_lamports(authority, quote, lamports), signs)?;
    context.invoke(&instructions::sync_native(TOKEN, quote), &[])?;

    let roles = [
        (9, true, false),
        (13, false, false),
        (10, true, true),
        (2, false, false),
        (14, false, false),
        (15, true, false),
        (11, true, false),
        (12, true, false),
        (16, true, false),
        (17, true, false),
        (18, true, false),
        (6, false, false),
        (19, false, false),
        (7, false, false),
        (7, false, false),
        (20, false, false),
        (21, false, false),
        (8, false, false),
    ];
    let accounts = roles.map(|(at, is_writable, is_signer)| {
        Ok(AccountMeta { pubkey: context.key(at)?, is_signer, is_writable })
    });
    let accounts = accounts.into_iter().collect::<Result<_, InstructionError>>()?;
    let amounts = [tokens, lamports].map(u64::to_le_bytes).concat();
    let data = [&CREATE_POOL[..], &[0, 0], &amounts, curve.creator.as_ref()].concat();
    context.invoke(&Instruction { program_id: pump_swap::ADDRESS, accounts, data }, signs)?;

    // Nobody shall ever withdraw: the liquidity tokens are burned.
    let minted = anchor::holding(context, 16)?.amount;
    let burn = BurnAccounts { program: TOKEN_2022, account: lp, mint: lp_mint, authority };
    context.invoke(&instructions::burn(burn, minted), signs)?;
    curve.real_lamports = 0;
    curve.write(context, 3)?;

    let time = context.environment().time.to_le_bytes();
    let amounts = [tokens, lamports, MIGRATION_FEE].map(u64::to_le_bytes).concat();
    let fields: [&[u8]; 7] = [
        user.as_ref(),
        mint.as_ref(),
        &amounts,
        curve_key.as_ref(),
        &time,
        pool.as_ref(),
        NATIVE_MINT.as_ref(),
    ];
    anchor::emit_by_call(context, MIGRATION_EVENT, &fields)
}

#[cfg(test)]
mod tests;
