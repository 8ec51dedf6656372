//! How many decimals tokens have, which never changes, so that amounts can be shown without reading the mint again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use eda_chain::{ExtensionType, Mint, TokenProgram};
use eda_events::Address;
use serde_json::{Value, json};

use super::lru::Lru;

/// Mints remembered.
const REMEMBERED: usize = 16_384;

/// The mints seen lately.
#[derive(Debug)]
pub(super) struct Mints(Mutex<Lru<Address, Unit>>);

/// How amounts of a token are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// With so many decimals, for ever.
    Fixed(u8),
    /// In a way that changes, with time or by somebody's will.
    Moving,
}

// === impl Mints ===

impl Mints {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Lru::new(REMEMBERED)))
    }

    pub(super) fn unit(&self, mint: &Address) -> Option<Unit> {
        self.lock().get(mint).copied()
    }

    /// Learns from an account, if it is a mint.
    pub(super) fn learn(&self, address: Address, owner: &Address, data: &[u8]) {
        if let Some(unit) = Unit::of(owner, data) {
            self.lock().insert(address, unit, 1);
        }
    }

    /// Nothing panics under this lock; were it to happen, the worst is a mint read again.
    fn lock(&self) -> MutexGuard<'_, Lru<Address, Unit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Unit ===

impl Unit {
    /// The unit of a mint; `None` if the account is none.
    fn of(owner: &Address, data: &[u8]) -> Option<Self> {
        let mint = Mint::decode(TokenProgram::from_address(owner)?, data).ok()?;
        // A mint that can be closed can be made anew with other decimals, and what extensions to come may do to
        // amounts is not known.
        let moves = mint.extensions.iter().any(|extension| {
            matches!(
                extension,
                ExtensionType::InterestBearingConfig
                    | ExtensionType::ScaledUiAmount
                    | ExtensionType::MintCloseAuthority
                    | ExtensionType::Unknown(_)
            )
        });
        Some(if moves { Self::Moving } else { Self::Fixed(mint.decimals.0) })
    }
}

/// An amount as nodes show it (`account-decoder`, `token_amount_to_ui_amount_v3`, Agave 4.2.2).
pub(super) fn shown(amount: u64, decimals: u8) -> Value {
    let unit = 10_usize.checked_pow(u32::from(decimals));
    json!({
        "uiAmount": unit.map(|unit| amount as f64 / unit as f64),
        "decimals": decimals,
        "amount": amount.to_string(),
        "uiAmountString": exact(amount, usize::from(decimals)),
    })
}

/// All digits that matter of an amount in a unit of so many decimals.
fn exact(amount: u64, decimals: usize) -> String {
    if decimals == 0 {
        return amount.to_string();
    }
    let mut digits = format!("{amount:0>width$}", width = decimals + 1);
    digits.insert(digits.len() - decimals, '.');
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINT: Address = Address::new_from_array([7; 32]);

    fn mint(decimals: u8, extension: Option<u16>) -> Vec<u8> {
        let mut data = vec![0; Mint::LENGTH];
        data[44] = decimals;
        data[45] = 1;
        if let Some(extension) = extension {
            data.resize(165, 0);
            data.push(1);
            data.extend(extension.to_le_bytes());
            data.extend([0, 0]);
        }
        data
    }

    #[test]
    fn decimals_are_remembered_unless_they_may_change() {
        let mints = Mints::new();
        let (token, token_2022) = (TokenProgram::Token.address(), TokenProgram::Token2022.address());
        for (owner, data, unit) in [
            (token, mint(6, None), Some(Unit::Fixed(6))),
            (token_2022, mint(9, None), Some(Unit::Fixed(9))),
            (token_2022, mint(2, Some(ExtensionType::TransferHook.number())), Some(Unit::Fixed(2))),
            (token_2022, mint(2, Some(ExtensionType::InterestBearingConfig.number())), Some(Unit::Moving)),
            (token_2022, mint(2, Some(ExtensionType::ScaledUiAmount.number())), Some(Unit::Moving)),
            (token_2022, mint(2, Some(ExtensionType::MintCloseAuthority.number())), Some(Unit::Moving)),
            (token_2022, mint(2, Some(999)), Some(Unit::Moving)),
        ] {
            mints.learn(MINT, &owner, &data);
            assert_eq!(mints.unit(&MINT), unit);
        }
        for (owner, data) in [(MINT, mint(6, None)), (token, vec![0; 165]), (token, Vec::new())] {
            let mints = Mints::new();
            mints.learn(MINT, &owner, &data);
            assert_eq!(mints.unit(&MINT), None);
        }
    }

    #[test]
    fn amounts_are_shown_as_nodes_show_them() {
        for (amount, decimals, number, text) in [
            (5_000_000, 6, json!(5.0), "5"),
            (4_999_999, 6, json!(4.999999), "4.999999"),
            (0, 6, json!(0.0), "0"),
            (0, 0, json!(0.0), "0"),
            (10, 0, json!(10.0), "10"),
            (u64::MAX, 6, json!(18_446_744_073_709.55), "18446744073709.551615"),
            (1_234_567, 25, Value::Null, "0.0000000000000000001234567"),
        ] {
            let shown = shown(amount, decimals);
            assert_eq!((&shown["uiAmount"], shown["uiAmountString"].as_str()), (&number, Some(text)));
        }
    }
}
