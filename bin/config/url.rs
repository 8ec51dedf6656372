//! Where the provider is, as a setting: checked when it is read, and never shown with its key.

use std::{borrow::Cow, fmt};

use eda_connection::endpoint::{Endpoint, EndpointError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::redact;

/// `rpc.url`: a URL for requests, or a short name such as `mainnet-beta` or `simnet`. May carry a key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RpcUrl(String);

/// `rpc.ws_url`: a URL for subscriptions. May carry a key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WsUrl(String);

/// The name that stands for the simulated cluster inside the process.
const SIMNET: &str = "simnet";

// === impl RpcUrl ===

impl RpcUrl {
    /// Whether it names the simulated cluster inside the process, which has no URL.
    pub(crate) fn is_simnet(&self) -> bool {
        self.0 == SIMNET
    }

    /// What Solana tools use when nothing is said.
    pub(crate) fn mainnet_beta() -> Self {
        Self("mainnet-beta".to_owned())
    }

    /// The endpoint that this URL and, if there is one, that WebSocket URL make together.
    pub(crate) fn endpoint(&self, ws: Option<&WsUrl>) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(&self.0, ws.map(|ws| ws.0.as_str()))
    }
}

impl<'de> Deserialize<'de> for RpcUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = Self(Cow::<'de, str>::deserialize(deserializer)?.into_owned());
        if url.is_simnet() {
            return Ok(url);
        }
        match url.endpoint(None) {
            // Whether a WebSocket URL can be derived matters only if none is given, which one key cannot tell.
            Ok(_) | Err(EndpointError::NoPortAfter) => Ok(url),
            Err(error) => Err(de::Error::custom(error)),
        }
    }
}

impl Serialize for RpcUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&redact::urls(&self.0))
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::urls(&self.0).fmt(f)
    }
}

// === impl WsUrl ===

impl<'de> Deserialize<'de> for WsUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Endpoint::parse("localhost", Some(&text)).map_err(de::Error::custom)?;
        Ok(Self(text.into_owned()))
    }
}

impl Serialize for WsUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&redact::urls(&self.0))
    }
}

impl fmt::Debug for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::urls(&self.0).fmt(f)
    }
}
