//! Lists of addresses in settings.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use solana_address::Address;

/// Addresses as config.toml lists them, none of them twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Addresses(Vec<Address>);

/// The list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddresses {
    /// One of the texts is no address.
    #[error("`{0}` is not an address")]
    NotAnAddress(String),
    /// One of them is listed again.
    #[error("the address `{0}` stands twice")]
    Twice(String),
}

// === impl Addresses ===

impl Addresses {
    /// The addresses in the order they were written.
    pub fn as_slice(&self) -> &[Address] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Addresses {
    type Error = BadAddresses;

    fn try_from(texts: Vec<String>) -> Result<Self, BadAddresses> {
        let mut addresses = Vec::with_capacity(texts.len());
        for text in texts {
            let Ok(address) = Address::from_str(&text) else { return Err(BadAddresses::NotAnAddress(text)) };
            if addresses.contains(&address) {
                return Err(BadAddresses::Twice(text));
            }
            addresses.push(address);
        }
        Ok(Self(addresses))
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        addresses.0.iter().map(Address::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "So11111111111111111111111111111111111111112";

    fn read(addresses: &[&str]) -> Result<Addresses, String> {
        serde_json::from_value(serde_json::json!(addresses)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_reads_back_as_it_is_written() {
        let addresses = read(&[ADDRESS]).unwrap();
        assert_eq!(addresses.as_slice(), [ADDRESS.parse().unwrap()]);
        assert_eq!(serde_json::to_value(&addresses).unwrap(), serde_json::json!([ADDRESS]));
    }

    #[test]
    fn a_wrong_or_repeated_address_is_named() {
        assert!(read(&["nonsense"]).unwrap_err().contains("`nonsense` is not an address"));
        assert!(read(&[ADDRESS, ADDRESS]).unwrap_err().contains("stands twice"));
    }
}
