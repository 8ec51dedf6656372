//! Readers for the few textual forms that RPC JSON uses for bytes. They read straight from the JSON text, without
//! a string in between.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// A value that RPC writes as text and that reads itself from it: addresses, signatures, hashes, and the amounts
/// that travel as decimal strings.
#[derive(Clone, Copy)]
pub(crate) struct Text<T>(pub(crate) T);

/// Bytes written in base58.
pub(crate) struct Base58(pub(crate) Vec<u8>);

/// The longest base58 text that is decoded. Instruction data ends at 10 KiB (`MAX_INSTRUCTION_DATA_LEN` of invoked
/// instructions), which is at most 13,988 characters; decoding takes time in the square of the length, so a longer
/// text is refused unread.
const MAX_BASE58: usize = 14_336;

// === impl Text ===

impl<'de, T> Deserialize<'de> for Text<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<T> de::Visitor<'_> for Visitor<T>
        where
            T: FromStr,
            T::Err: fmt::Display,
        {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor(PhantomData))
    }
}

// === impl Base58 ===

impl<'de> Deserialize<'de> for Base58 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Base58;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a base58 string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.len() > MAX_BASE58 {
                    return Err(E::custom(format_args!("{} characters of base58 are too many", text.len())));
                }
                bs58::decode(text).into_vec().map(Base58).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}
