//! Everything that is derived from the seed: hashes, keys and chances.

use fastrand::Rng;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_sha256_hasher::hashv;

/// What every simulated genesis hash begins with in base58.
const NAME: &[u8] = b"Simnet";
/// Base58 digits of a number that fits into 32 bytes, whatever its first digit.
const DIGITS: usize = 43;
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The genesis hash of a seed: `Simnet` and 37 digits of chance.
pub(super) fn genesis(seed: u64) -> Hash {
    let mut digits = chance(seed, "genesis");
    let rest = std::iter::repeat_with(|| digits.choice(ALPHABET).copied().unwrap_or(b'1'));
    let text: Vec<u8> = NAME.iter().copied().chain(rest).take(DIGITS).collect();
    let mut bytes = [0; 32];
    match bs58::decode(&text).onto(&mut bytes) {
        Ok(32) => Hash::new_from_array(bytes),
        // Fewer bytes stand at the front; 43 digits beginning with `S` always fill 32.
        Ok(_) | Err(_) => Hash::default(),
    }
}

/// The hash of a slot's block. A slot has one block at most, so the slot names it.
pub(super) fn block(seed: u64, slot: u64) -> Hash {
    hashv(&[b"block", &seed.to_le_bytes(), &slot.to_le_bytes()])
}

/// A source of chance of its own for each purpose, so that what is drawn for one does not move the others.
pub(crate) fn chance(seed: u64, purpose: &str) -> Rng {
    let hash = hashv(&[b"chance", &seed.to_le_bytes(), purpose.as_bytes()]);
    let (first, _) = hash.as_bytes().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    Rng::with_seed(u64::from_le_bytes(*first))
}

/// The key pair of a name. Keys do not depend on the seed, so that settings can name accounts.
pub(crate) fn key(name: &str, number: u64) -> Keypair {
    Keypair::new_from_array(hashv(&[b"simnet key", name.as_bytes(), &number.to_le_bytes()]).to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_genesis_hash_says_that_it_is_simulated() {
        let hashes: std::collections::BTreeSet<String> =
            (0..1_000).map(|seed| genesis(seed).to_string()).collect();
        assert_eq!(hashes.len(), 1_000);
        assert!(hashes.iter().all(|hash| hash.starts_with("Simnet") && hash.len() == DIGITS));
    }
}
