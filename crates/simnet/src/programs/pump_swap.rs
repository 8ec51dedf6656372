//! PumpSwap: the pools to which Pump.fun coins graduate.
//!
//! Source: `pump-public-docs`, `idl/pump_amm.json`; the program itself is not public.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    TOKEN_2022,
    anchor::{self, EVENT, Fields, OVERFLOW, UNKNOWN},
};
use crate::{
    instructions::{self, MINT_BYTES, pump::CREATE_POOL},
    runtime::{Context, What},
};

/// The program.
pub const ADDRESS: Address = Address::from_str_const("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA");

const POOL: [u8; 8] = [0xf1, 0x9a, 0x6d, 0x04, 0x11, 0xb1, 0x6d, 0xbc];
const CREATE_POOL_EVENT: [u8; 8] = [0xb1, 0x31, 0x0c, 0xd2, 0xa0, 0x76, 0xa7, 0x74];

const POOL_BYTES: u64 = 300;
const LP_DECIMALS: u8 = 9;
/// Liquidity tokens that are counted and never minted.
const LOCKED: u64 = 100;

/// The program's own error for an amount of nothing (`ZeroBaseAmount`), which Anchor counts from 6000.
const ZERO: InstructionError = InstructionError::Custom(6_001);

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let mut arguments = Fields::of(context.data());
    let discriminator = arguments.take().map_err(|_| UNKNOWN)?;
    context.consume(15_000)?;
    match discriminator {
        CREATE_POOL => {
            context.log("Instruction: CreatePool");
            let (index, base, quote) = (arguments.u16()?, arguments.u64()?, arguments.u64()?);
            let coin_creator = arguments.address()?;
            create_pool(context, index, [base, quote], coin_creator)
        }
        EVENT => anchor::hear(context),
        _ => Err(UNKNOWN),
    }
}

fn create_pool(
    context: &mut Context<'_, '_>,
    index: u16,
    amounts: [u64; 2],
    coin_creator: Address,
) -> Result<(), InstructionError> {
    anchor::signed(context, 2)?;
    let (pool, creator, lp_mint) = (context.key(0)?, context.key(2)?, context.key(5)?);
    let (base, quote, lp) = (context.key(3)?, context.key(4)?, context.key(8)?);
    let [base_in, quote_in] = amounts;
    let product = u128::from(base_in).saturating_mul(u128::from(quote_in));
    let lp_supply = u64::try_from(product.isqrt()).map_err(|_| OVERFLOW)?;
    let minted = lp_supply.checked_sub(LOCKED).filter(|minted| *minted > 0).ok_or(ZERO)?;

    let number = index.to_le_bytes();
    let seeds: [&[u8]; 5] = [b"pool", &number, creator.as_ref(), base.as_ref(), quote.as_ref()];
    let bump = [anchor::bump(context, 0, &seeds)?];
    anchor::create(context, 2, 0, POOL_BYTES, ADDRESS, &seeds)?;
    anchor::create(context, 2, 5, MINT_BYTES, TOKEN_2022, &[b"pool_lp_mint", pool.as_ref()])?;
    context.invoke(&instructions::initialize_mint(TOKEN_2022, lp_mint, LP_DECIMALS, pool), &[])?;
    let account = instructions::create_associated_token(creator, TOKEN_2022, creator, lp_mint, false);
    context.invoke(&account, &[])?;
    let base_decimals = fund(context, 3, 6, 9, 13, base_in)?;
    let quote_decimals = fund(context, 4, 7, 10, 14, quote_in)?;
    let seeds = [&seeds[..], &[&bump]].concat();
    context.invoke(&instructions::mint_to(TOKEN_2022, lp_mint, lp, pool, minted), &[&seeds])?;

    let (user_base, user_quote) = (context.key(6)?, context.key(7)?);
    let (base_vault, quote_vault) = (context.key(9)?, context.key(10)?);
    let supply = lp_supply.to_le_bytes();
    let state: [&[u8]; 11] = [
        &POOL,
        &bump,
        &number,
        creator.as_ref(),
        base.as_ref(),
        quote.as_ref(),
        lp_mint.as_ref(),
        base_vault.as_ref(),
        quote_vault.as_ref(),
        &supply,
        coin_creator.as_ref(),
    ];
    anchor::write(context, 0, &state)?;
    context.note(What::PoolCreated { program: ADDRESS, pool, base, quote });

    let time = context.environment().time.to_le_bytes();
    let numbers = [base_in, quote_in, base_in, quote_in, LOCKED, lp_supply, minted];
    let numbers = numbers.map(u64::to_le_bytes).concat();
    let fields: [&[u8]; 13] = [
        &time,
        &number,
        creator.as_ref(),
        base.as_ref(),
        quote.as_ref(),
        &[base_decimals, quote_decimals],
        &numbers,
        &bump,
        pool.as_ref(),
        lp_mint.as_ref(),
        user_base.as_ref(),
        user_quote.as_ref(),
        coin_creator.as_ref(),
    ];
    anchor::emit_by_call(context, CREATE_POOL_EVENT, &fields)
}

/// Creates a vault for the mint at `mint` and moves the creator's tokens into it. Returns the mint's decimals.
fn fund(
    context: &mut Context<'_, '_>,
    mint: usize,
    from: usize,
    vault: usize,
    program: usize,
    amount: u64,
) -> Result<u8, InstructionError> {
    let (pool, creator) = (context.key(0)?, context.key(2)?);
    let (of, program) = (context.key(mint)?, context.key(program)?);
    context.invoke(&instructions::create_associated_token(creator, program, pool, of, false), &[])?;
    anchor::transfer(context, mint, [from, vault], 2, amount, &[])?;
    Ok(anchor::mint(context, mint)?.decimals)
}
