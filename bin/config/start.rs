//! `feed.start`: where what no earlier run followed begins.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A slot, or now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StartAt {
    /// With what happens from now on.
    #[default]
    Now,
    /// With the slot after this one.
    After(u64),
}

impl Serialize for StartAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Now => serializer.serialize_str("now"),
            Self::After(slot) => serializer.serialize_u64(*slot),
        }
    }
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = StartAt;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"now\" or the number of a slot")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StartAt, E> {
                match text.parse() {
                    _ if text == "now" => Ok(StartAt::Now),
                    // As the environment and the command line give it.
                    Ok(slot) => Ok(StartAt::After(slot)),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, slot: u64) -> Result<StartAt, E> {
                Ok(StartAt::After(slot))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
