//! Amounts of tokens as nodes show them: exact, and in the display unit of their mint.

use serde_json::{Value, json};

use super::{extension, reader::Reader};
use crate::{chain::Account, programs::token::Mint};

/// Seconds of a year, by which interest grows (`token-2022`, `interest_bearing_mint`, `SECONDS_PER_YEAR`).
const YEAR: f64 = 60.0 * 60.0 * 24.0 * 365.24;
/// Hundredths of a percent in one.
const BASIS_POINTS: f64 = 10_000.0;

/// The display unit of a mint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    decimals: u8,
    scale: Scale,
}

/// What an amount is multiplied by before it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// Nothing.
    Plain,
    /// Interest since the mint began: times in seconds, rates in basis points a year.
    Interest { began: i64, average: i16, updated: i64, rate: i16 },
    /// A number, and from a time on another.
    Scaled { now: f64, from: i64, then: f64 },
}

// === impl Unit ===

impl Unit {
    /// A unit of so many decimals and no more to it.
    pub(crate) const fn plain(decimals: u8) -> Self {
        Self { decimals, scale: Scale::Plain }
    }

    /// The unit of a mint, if the account is one.
    pub(crate) fn of(mint: &Account) -> Option<Self> {
        let decimals = Mint::read(mint)?.decimals;
        let mut scales = extension::entries(&mint.data).into_iter().flatten();
        let scale = scales.find_map(|(kind, data)| match kind {
            extension::INTEREST_BEARING => interest(data),
            extension::SCALED_UI_AMOUNT => scaled(data),
            _ => None,
        });
        Some(Self { decimals, scale: scale.unwrap_or(Scale::Plain) })
    }

    /// An amount at a unix time.
    pub(crate) fn show(self, amount: u64, now: i64) -> Value {
        let (number, text) = match self.scale.apply(amount, now) {
            None => {
                let unit = 10_u64.checked_pow(u32::from(self.decimals));
                (unit.map(|unit| amount as f64 / unit as f64), exact(amount, self.decimals))
            }
            Some(scaled) => {
                let scaled = scaled / 10_f64.powi(i32::from(self.decimals));
                let text = trim(format!("{scaled:.*}", usize::from(self.decimals)));
                (text.parse().ok(), text)
            }
        };
        json!({
            "amount": amount.to_string(),
            "decimals": self.decimals,
            "uiAmount": number,
            "uiAmountString": text,
        })
    }

    /// An amount as it comes back from a node's ledger, in which a zero is no number.
    pub(super) fn show_stored(self, amount: u64) -> Value {
        let mut shown = Self::plain(self.decimals).show(amount, 0);
        if let (0, Some(fields)) = (amount, shown.as_object_mut()) {
            fields.insert("uiAmount".to_owned(), Value::Null);
        }
        shown
    }
}

// === impl Scale ===

impl Scale {
    /// The amount to show instead, if it is another. Only a multiplier leaves whole units.
    fn apply(self, amount: u64, now: i64) -> Option<f64> {
        let amount = amount as f64;
        match self {
            Self::Plain => None,
            Self::Interest { began, average, updated, rate } => {
                let grown =
                    |rate: i16, seconds: i64| (f64::from(rate) * seconds as f64 / YEAR / BASIS_POINTS).exp();
                let before = grown(average, updated.saturating_sub(began));
                Some(amount * before * grown(rate, now.saturating_sub(updated)))
            }
            Self::Scaled { now: current, from, then } => {
                let factor = if now >= from { then } else { current };
                Some((amount * factor).trunc())
            }
        }
    }
}

/// InterestBearingConfig: authority, initialized i64, average rate i16, updated i64, rate i16.
fn interest(data: &[u8]) -> Option<Scale> {
    let mut data = Reader(data);
    data.address()?;
    Some(Scale::Interest {
        began: data.i64()?,
        average: data.i16()?,
        updated: data.i64()?,
        rate: data.i16()?,
    })
}

/// ScaledUiAmountConfig: authority, multiplier f64, time i64, multiplier from then on f64.
fn scaled(data: &[u8]) -> Option<Scale> {
    let mut data = Reader(data);
    data.address()?;
    Some(Scale::Scaled { now: data.f64()?, from: data.i64()?, then: data.f64()? })
}

/// All digits that matter of an amount in a unit of so many decimals.
fn exact(amount: u64, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let mut digits = format!("{amount:0>width$}", width = decimals.saturating_add(1));
    digits.insert(digits.len().saturating_sub(decimals), '.');
    trim(digits)
}

/// Without the zeros after the point, nor the point before nothing.
fn trim(number: String) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_owned() } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_a_validator_shows_them() {
        for (amount, decimals, number, text) in [
            (5_000_000, 6, json!(5.0), "5"),
            (4_999_999, 6, json!(4.999999), "4.999999"),
            (0, 6, json!(0.0), "0"),
            (0, 0, json!(0.0), "0"),
            (10, 0, json!(10.0), "10"),
            (u64::MAX, 6, json!(18_446_744_073_709.55), "18446744073709.551615"),
            (1_234_567, 25, Value::Null, "0.0000000000000000001234567"),
            (2_039_280, 9, json!(0.00203928), "0.00203928"),
        ] {
            let shown = Unit::plain(decimals).show(amount, 0);
            assert_eq!(shown["uiAmount"], number, "{amount} of {decimals}");
            assert_eq!(shown["uiAmountString"], text);
            assert_eq!(shown["amount"], amount.to_string());
        }
        assert_eq!(Unit::plain(6).show_stored(0)["uiAmount"], Value::Null);
        assert_eq!(Unit::plain(6).show_stored(1)["uiAmount"], json!(0.000001));
    }

    #[test]
    fn interest_and_scale_multiply_what_is_shown() {
        // What a validator showed of such mints at that time.
        let now = 1_795_755_594;
        let scale =
            Scale::Interest { began: 1_700_000_000, average: 500, updated: 1_700_000_100, rate: -200 };
        let interest = Unit { decimals: 6, scale };
        assert_eq!(interest.show(1_500_000, now)["uiAmountString"], "1.411676");
        assert_eq!(interest.show(1_234_567, now)["uiAmount"], json!(1.161872));
        let scaled = |from| Unit { decimals: 6, scale: Scale::Scaled { now: 1.5, from, then: 2.0 } };
        assert_eq!(scaled(1_700_000_000).show(1_234_567, now)["uiAmountString"], "2.469134");
        assert_eq!(scaled(5_700_000_000).show(1_500_000, now)["uiAmount"], json!(2.25));
        let scale = Scale::Scaled { now: 1.1, from: 5_700_000_000, then: 2.0 };
        let cut = Unit { decimals: 6, scale }.show(1_234_567, now);
        assert_eq!(cut["uiAmountString"], "1.358023", "a part of the smallest unit is not shown");
    }
}
