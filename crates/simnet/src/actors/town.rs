//! What the actors share: wallets, coins, and the pools in which they are traded. None of it depends on the seed.

use fastrand::Rng;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use solana_signer::Signer;

use super::{genesis::Genesis, several::Several};
use crate::{
    chain::{Account, key, rent_exempt_minimum},
    instructions::{
        self, MINT_BYTES, TOKEN, TOKEN_2022, associated_token,
        raydium_cpmm::{self, Pool},
    },
    programs::{self, NATIVE_MINT},
};

/// Wallets there are.
const WALLETS: u64 = 10;
/// Of them, the first own the pools' liquidity tokens.
pub(super) const PROVIDERS: usize = 3;

/// Lamports of a wallet, besides what it holds wrapped.
const WALLET_LAMPORTS: u64 = 10_000_000_000_000_000;
/// Wrapped SOL of a wallet.
const WRAPPED: u64 = 100_000_000_000_000;
/// Coins of each kind that a wallet holds, in whole ones.
const COINS: u64 = 10_000_000;
/// Where the coin of Token-2022 and the dollars stand among the coins.
const EXTENDED: usize = 2;
const DOLLARS: usize = 3;
/// US dollars, at Circle's address.
const USDC: Address = Address::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");

/// A coin that every wallet holds.
#[derive(Debug)]
pub(super) struct Coin {
    pub(super) mint: Address,
    pub(super) program: Address,
    pub(super) decimals: u8,
    /// Who mints it.
    pub(super) authority: Keypair,
}

/// A pool, and what it begins with.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) pool: Pool,
    /// In the order of the pool's sides.
    pub(super) amounts: [u64; 2],
}

/// Everything there is.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) wallets: Several<Keypair>,
    /// The town's own coins: of 6 and of 9 decimals, and a third of Token-2022; then dollars.
    pub(super) coins: Several<Coin>,
    pub(super) pools: Several<Listing>,
    /// Of accounts that transactions name often.
    pub(super) table: AddressLookupTableAccount,
}

// === impl Town ===

impl Town {
    pub(super) fn new() -> Self {
        let wallet = |number| key("wallet", number);
        let wallets = Several::new(wallet(0), (1..WALLETS).map(wallet));
        let coin = |number, mint, program, decimals| {
            let authority = key("mint authority", number);
            Coin { mint, program, decimals, authority }
        };
        let own = |number, program, decimals| coin(number, mint(number), program, decimals);
        let others = [own(1, TOKEN, 9), own(2, TOKEN_2022, 6), coin(3, USDC, TOKEN, 6)];
        let coins = Several::new(own(0, TOKEN, 6), others);
        let pools = Several::new(
            Listing::new((NATIVE_MINT, 20_000_000_000_000), (USDC, 3_000_000_000_000)),
            [
                Listing::new((mint(0), 5_000_000_000_000), (NATIVE_MINT, 5_000_000_000_000)),
                Listing::new((mint(1), 1_000_000_000_000_000), (USDC, 2_000_000_000_000)),
            ],
        );
        let table = table(&wallets, &coins, &pools);
        Self { wallets, coins, pools, table }
    }

    /// Makes all of it.
    pub(super) fn genesis(&self, genesis: &mut Genesis) {
        let founder = genesis.founder();
        for wallet in self.wallets.iter().map(Keypair::pubkey) {
            genesis.put(wallet, Account::wallet(WALLET_LAMPORTS));
            let wrapped = associated_token(TOKEN, wallet, NATIVE_MINT);
            genesis.run(&[
                instructions::create_associated_token(founder, TOKEN, wallet, NATIVE_MINT, false),
                instructions::transfer_lamports(founder, wrapped, WRAPPED),
                instructions::sync_native(TOKEN, wrapped),
            ]);
        }
        for coin in self.coins.iter() {
            let (mint, program, authority) = (coin.mint, coin.program, coin.authority.pubkey());
            genesis.run(&create_mint(founder, mint, program, coin.decimals, authority));
            for wallet in self.wallets.iter().map(Keypair::pubkey) {
                genesis.run(&[
                    instructions::create_associated_token(founder, program, wallet, mint, false),
                    instructions::mint_to(program, mint, coin.of(wallet), authority, coin.whole(COINS)),
                ]);
            }
        }
        genesis.put(raydium_cpmm::config(), programs::raydium_cpmm::config_account());
        for listing in self.pools.iter() {
            self.list(listing, genesis);
        }
        genesis.put_table(&self.table, key("table", 0).pubkey());
    }

    /// The dollars among the coins.
    pub(super) fn dollars(&self) -> &Coin {
        self.coins.at(DOLLARS)
    }

    /// One of the two coins of the classic Token program that are the town's own.
    pub(super) fn classic(&self, chance: &mut Rng) -> &Coin {
        self.coins.pick_among(EXTENDED, chance)
    }

    /// The coin of Token-2022.
    pub(super) fn extended(&self) -> &Coin {
        self.coins.at(EXTENDED)
    }

    fn list(&self, listing: &Listing, genesis: &mut Genesis) {
        let pool = &listing.pool;
        let (founder, first) = (genesis.founder(), self.wallets.first().pubkey());
        genesis.run(&[pool.initialize(first, listing.amounts, 0)]);
        let share = listing.liquidity() / 4;
        for provider in self.wallets.iter().take(PROVIDERS).skip(1).map(Keypair::pubkey) {
            genesis.run(&[
                instructions::create_associated_token(founder, TOKEN, provider, pool.lp_mint, false),
                instructions::transfer(TOKEN, pool.lp_of(first), pool.lp_of(provider), first, share),
            ]);
        }
    }
}

// === impl Coin ===

impl Coin {
    /// An owner's associated account.
    pub(super) fn of(&self, owner: Address) -> Address {
        associated_token(self.program, owner, self.mint)
    }

    /// So many whole coins in the smallest unit.
    pub(super) fn whole(&self, coins: u64) -> u64 {
        coins.saturating_mul(10_u64.saturating_pow(u32::from(self.decimals)))
    }
}

// === impl Listing ===

impl Listing {
    /// The pool of two mints of the classic Token program, with so much of each.
    fn new(base: (Address, u64), quote: (Address, u64)) -> Self {
        let pool = Pool::of((base.0, TOKEN), (quote.0, TOKEN));
        let amounts = if base.0 < quote.0 { [base.1, quote.1] } else { [quote.1, base.1] };
        Self { pool, amounts }
    }

    /// Its first liquidity tokens.
    pub(super) fn liquidity(&self) -> u64 {
        let [first, second] = self.amounts;
        let product = u128::from(first).saturating_mul(u128::from(second));
        u64::try_from(product.isqrt()).unwrap_or(u64::MAX)
    }
}

/// The address of one of the town's own mints.
fn mint(number: u64) -> Address {
    key("mint", number).pubkey()
}

/// A part that leaves much more than it takes: at most a five-hundredth, at least 1.
pub(super) fn part(chance: &mut Rng, whole: u64) -> u64 {
    (whole / chance.u64(500..50_000)).max(1)
}

/// Creates a mint without freeze authority.
pub(super) fn create_mint(
    payer: Address,
    mint: Address,
    program: Address,
    decimals: u8,
    authority: Address,
) -> [Instruction; 2] {
    [
        create(payer, mint, MINT_BYTES, program),
        instructions::initialize_mint(program, mint, decimals, authority),
    ]
}

/// Creates an account, exempt from rent.
pub(super) fn create(payer: Address, new: Address, bytes: u64, owner: Address) -> Instruction {
    let lamports = rent_exempt_minimum(usize::try_from(bytes).unwrap_or(usize::MAX));
    instructions::create_account(payer, new, lamports, bytes, owner)
}

/// The town's lookup table.
fn table(
    wallets: &Several<Keypair>,
    coins: &Several<Coin>,
    pools: &Several<Listing>,
) -> AddressLookupTableAccount {
    let mut addresses: Vec<Address> = wallets.iter().map(Keypair::pubkey).collect();
    addresses.push(NATIVE_MINT);
    addresses.extend(coins.iter().map(|coin| coin.mint));
    for wallet in wallets.iter().map(Keypair::pubkey) {
        addresses.push(associated_token(TOKEN, wallet, NATIVE_MINT));
        addresses.extend(coins.iter().map(|coin| coin.of(wallet)));
    }
    for Listing { pool, .. } in pools.iter() {
        addresses.extend([pool.address, pool.lp_mint, pool.observation]);
        addresses.extend(pool.sides.iter().map(|side| side.vault));
    }
    addresses.extend([raydium_cpmm::authority(), raydium_cpmm::config(), TOKEN, TOKEN_2022]);
    let (_, key) = instructions::create_lookup_table(key("table", 0).pubkey(), 0);
    AddressLookupTableAccount { key, addresses }
}
