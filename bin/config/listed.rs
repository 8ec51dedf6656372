//! `rpc.endpoints`: what is asked when the endpoint of `rpc.url` is ill.

use serde::{Deserialize, Serialize};

use super::{
    limits::Limits,
    sections::Profile,
    url::{RpcUrl, WsUrl},
};

/// One endpoint of the list, with the same keys that `[rpc]` has for its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// URL for requests, or a short name.
    pub(super) url: RpcUrl,
    /// URL for subscriptions; derived from `url` when absent.
    #[serde(default)]
    pub(super) ws_url: Option<WsUrl>,
    /// Whose limits to keep.
    #[serde(default)]
    pub(super) profile: Profile,
    /// Lower ones are preferred; `rpc.url` has 0.
    #[serde(default = "after_the_first")]
    pub(super) priority: u32,
    /// Bounds of use that replace the profile's.
    #[serde(default)]
    pub(super) limits: Limits,
}

fn after_the_first() -> u32 {
    1
}
