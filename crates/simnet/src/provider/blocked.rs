//! Who gets 403, whatever the limits say.

use std::net::IpAddr;

use http::{HeaderMap, Uri, Version};

/// Somebody a provider has blocked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    /// Everyone at this address.
    Address(IpAddr),
    /// Everyone who shows this key: as a part of the path, as a value in the query, or as a header, with or without
    /// `Bearer` before it.
    Key(String),
}

/// What is known of who asks, beside the address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials<'a> {
    pub(crate) version: Version,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

// === impl Blocked ===

impl Blocked {
    pub(super) fn is(&self, peer: IpAddr, from: Credentials<'_>) -> bool {
        match self {
            Self::Address(address) => *address == peer,
            Self::Key(key) => {
                let query = from.uri.query().unwrap_or_default().split(['&', '=']);
                let mut shown = from.headers.values().filter_map(|value| value.to_str().ok());
                from.uri.path().split('/').chain(query).any(|part| part == key)
                    || shown.any(|value| value.strip_prefix("Bearer ").unwrap_or(value) == key)
            }
        }
    }
}
