//! Where in a transaction something happened.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};

/// The place of an instruction in a transaction, with the indexes as the RPC gives them: a top-level instruction,
/// or one that it called. Reads `3` or `3.1`; travels as `[3]` or `[3,1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// Index of the top-level instruction.
    pub instruction: u16,
    /// Index in the flat list of instructions called under it; absent for the top-level instruction itself.
    pub inner: Option<u16>,
}

/// The text or the array names no place in a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instruction path such as `3` or `3.1`")]
pub struct BadPath(String);

// === impl Path ===

impl Path {
    /// A top-level instruction.
    pub const fn top(instruction: u16) -> Self {
        Self { instruction, inner: None }
    }

    /// An instruction called by the top-level instruction `instruction`.
    pub const fn inner(instruction: u16, inner: u16) -> Self {
        Self { instruction, inner: Some(inner) }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner {
            None => write!(f, "{}", self.instruction),
            Some(inner) => write!(f, "{}.{inner}", self.instruction),
        }
    }
}

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let (instruction, inner) = match text.split_once('.') {
            None => (index(text), None),
            Some((instruction, inner)) => (index(instruction), Some(index(inner))),
        };
        match (instruction, inner) {
            (Some(instruction), None) => Ok(Self::top(instruction)),
            (Some(instruction), Some(Some(inner))) => Ok(Self::inner(instruction, inner)),
            (None, _) | (_, Some(None)) => Err(BadPath(text.to_owned())),
        }
    }
}

/// An index in its one spelling: digits, no sign, no leading zero, so that a path has exactly one text.
pub(crate) fn index(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(None)?;
        array.serialize_element(&self.instruction)?;
        if let Some(inner) = self.inner {
            array.serialize_element(&inner)?;
        }
        array.end()
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::<u16>::deserialize(deserializer)?.as_slice() {
            [instruction] => Ok(Self::top(*instruction)),
            [instruction, inner] => Ok(Self::inner(*instruction, *inner)),
            other => Err(serde::de::Error::custom(BadPath(format!("{other:?}")))),
        }
    }
}
