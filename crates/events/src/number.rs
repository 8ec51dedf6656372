//! Numbers that travel as JSON numbers: percentages and fractions. They are computed from integers and decimals
//! and become floating point only when they are written.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::primitives::RawAmount;

/// A percentage: 12.5 is an eighth. May be negative, or above 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub Decimal);

/// A part of one, for confidences, slippage and fee rates: 0.03 is three percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fraction(pub Decimal);

// === impl Percent ===

impl Percent {
    /// How much `part` is of `whole`; `None` if the whole is nothing.
    pub fn of(part: RawAmount, whole: RawAmount) -> Option<Self> {
        Decimal::from(part.0).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(Decimal::from(whole.0)).map(Self)
    }

    /// The change from `old` to `new`, in percent of `old`; `None` if the old value is nothing, or if the result
    /// does not fit 96 bits.
    pub fn change(old: Decimal, new: Decimal) -> Option<Self> {
        new.checked_sub(old)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(old).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.normalize())
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_number(deserializer).map(Self)
    }
}

// === impl Fraction ===

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_number(deserializer).map(Self)
    }
}

// === both ===

/// By way of the decimal text, which is parsed to the nearest floating point number; `Decimal::to_f64` may be off
/// by one in the last place.
fn write_number<S: Serializer>(value: Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let nearest: f64 = value.to_string().parse().map_err(serde::ser::Error::custom)?;
    serializer.serialize_f64(nearest)
}

/// The shortest decimal text of the number is what its writer meant.
fn read_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    f64::deserialize(deserializer)?.to_string().parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(percent: Percent) -> String {
        serde_json::to_string(&percent).unwrap()
    }

    #[test]
    fn percentages_are_exact_until_they_are_written() {
        assert_eq!(json(Percent::of(RawAmount(1), RawAmount(8)).unwrap()), "12.5");
        assert_eq!(json(Percent::of(RawAmount(1), RawAmount(3)).unwrap()), "33.333333333333336");
        assert_eq!(json(Percent::of(RawAmount(u64::MAX), RawAmount(u64::MAX)).unwrap()), "100.0");
        assert_eq!(json(Percent::of(RawAmount(1), RawAmount(10_000_000_000)).unwrap()), "1e-8");
        assert_eq!(Percent::of(RawAmount(1), RawAmount(0)), None);
        assert_eq!(Percent::change(Decimal::from(8), Decimal::from(6)), Some(Percent(Decimal::from(-25))));
        assert_eq!(Percent::change(Decimal::ZERO, Decimal::from(6)), None);
        assert_eq!(Percent::change(Decimal::ONE, Decimal::MAX), None);
    }

    proptest! {
        #[test]
        fn a_percentage_survives_the_wire_to_fifteen_digits(part: u64, whole in 1_u64..) {
            let percent = Percent::of(RawAmount(part), RawAmount(whole)).unwrap();
            let read: Percent = serde_json::from_str(&json(percent)).unwrap();
            let error = (read.0 - percent.0).abs();
            let tolerance = percent.0 / Decimal::from(100_000_000_000_000_u64) + Decimal::new(1, 27);
            prop_assert!(error <= tolerance, "{percent} read as {read}");
        }
    }
}
