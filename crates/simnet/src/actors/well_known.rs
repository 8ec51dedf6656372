//! The accounts that are there on every simulated chain, whatever its seed, so that settings can name them.

use solana_address::Address;

use super::town::Town;

/// Mints and pools that are always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WellKnown {
    /// Mints that are minted, moved and burned all the time: two of the classic Token program, one of Token-2022, and
    /// dollars (USDC).
    pub mints: Vec<Address>,
    /// Pools in which they are traded.
    pub pools: Vec<WellKnownPool>,
}

/// A pool of Raydium CPMM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WellKnownPool {
    /// Its state.
    pub address: Address,
    /// Its liquidity token, burned by withdrawals.
    pub lp_mint: Address,
    /// The two mints, the smaller address first.
    pub mints: [Address; 2],
    /// The token accounts that hold them, in the same order.
    pub vaults: [Address; 2],
}

/// What is always there.
pub fn well_known() -> WellKnown {
    let town = Town::new();
    let pools = town.pools.iter().map(|listing| {
        let pool = &listing.pool;
        WellKnownPool {
            address: pool.address,
            lp_mint: pool.lp_mint,
            mints: pool.sides.map(|side| side.mint),
            vaults: pool.sides.map(|side| side.vault),
        }
    });
    WellKnown { mints: town.coins.iter().map(|coin| coin.mint).collect(), pools: pools.collect() }
}
