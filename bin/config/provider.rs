//! Who is asked: a provider at a URL, or the simulated cluster inside the process.

use eda_connection::endpoint::{Endpoint, EndpointError};

use super::sections::Rpc;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The simulated cluster, which begins and ends with the process.
    Simnet,
    /// A node or a provider.
    At(Endpoint),
}

/// Why the settings name nobody who can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoProvider {
    /// The URLs are wrong.
    #[error(transparent)]
    Url(#[from] EndpointError),
    /// A WebSocket URL beside a cluster that brings its own.
    #[error("simnet brings its own WebSocket; leave rpc.ws_url out, or name a provider in rpc.url")]
    WsOfSimnet,
}

// === impl Provider ===

impl Provider {
    /// Whom `[rpc]` names.
    pub(super) fn of(rpc: &Rpc) -> Result<Self, NoProvider> {
        match (rpc.url.is_simnet(), &rpc.ws_url) {
            (true, Some(_)) => Err(NoProvider::WsOfSimnet),
            (true, None) => Ok(Self::Simnet),
            (false, ws) => Ok(Self::At(rpc.url.endpoint(ws.as_ref())?)),
        }
    }

    /// Whether reading its whole chain is cheap, since it is on this machine.
    pub(crate) fn is_own_cluster(&self) -> bool {
        match self {
            Self::Simnet => true,
            Self::At(endpoint) => endpoint.is_loopback(),
        }
    }

    /// The profile of its limits when nothing else is said.
    pub(super) fn profile(&self) -> &'static eda_limits::profile::Profile {
        let host = match self {
            Self::Simnet => eda_limits::profile::SIMNET_HOST,
            Self::At(endpoint) => endpoint.host(),
        };
        eda_limits::profile::by_host(host)
    }

    /// Its two URLs without keys.
    pub(super) fn shown(&self) -> (String, String) {
        match self {
            Self::Simnet => ("simnet (simulated)".to_owned(), "its own".to_owned()),
            Self::At(endpoint) => (endpoint.redacted(), endpoint.redacted_ws()),
        }
    }
}
