//! Who is asked: providers at URLs, or the simulated cluster inside the process.

use std::collections::BTreeSet;

use eda_connection::{
    Site,
    endpoint::{Endpoint, EndpointError},
};

use super::{
    limits::Limits,
    sections::{Profile, Rpc},
    url::{RpcUrl, WsUrl},
};

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Provider {
    /// The simulated cluster, which begins and ends with the process, and what its provider allows.
    Simnet(
        #[cfg_attr(
            not(feature = "simnet"),
            expect(dead_code, reason = "this build has no simulated cluster")
        )]
        Box<eda_limits::Limits>,
    ),
    /// Nodes or providers, the preferred one first. Never empty.
    At(Vec<Site>),
}

/// Why the settings name nobody who can be asked, and the key that is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct NoProvider {
    pub(super) key: &'static str,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Url(EndpointError),
    #[error("simnet brings its own WebSocket; leave rpc.ws_url out, or name a provider in rpc.url")]
    WsOfSimnet,
    #[error("simnet is a cluster of its own, which no other endpoint serves")]
    SimnetAmongOthers,
    #[error("belongs to rpc.url, which is not set; move it into the entry of rpc.endpoints it is meant for")]
    NobodysOwn,
    #[error("{0} is named twice")]
    Twice(String),
}

// === impl Provider ===

impl Provider {
    /// Whom `[rpc]` names. The endpoint of `rpc.url` comes first, unless only a list is given: `url_is_set` tells the
    /// default from a wish.
    pub(super) fn of(rpc: &Rpc, url_is_set: bool) -> Result<Self, NoProvider> {
        let listed = "rpc.endpoints";
        let mut sites = Vec::new();
        if url_is_set || rpc.endpoints.is_empty() {
            if rpc.url.is_simnet() {
                return simulated(rpc);
            }
            sites.push(site("rpc.url", &rpc.url, rpc.ws_url.as_ref(), &rpc.profile, &rpc.limits, 0)?);
        } else {
            nobodys_own(rpc)?;
        }
        for one in &rpc.endpoints {
            if one.url.is_simnet() {
                return Err(Why::SimnetAmongOthers.at(listed));
            }
            let ws = one.ws_url.as_ref();
            sites.push(site(listed, &one.url, ws, &one.profile, &one.limits, one.priority)?);
        }
        let mut known = BTreeSet::new();
        if let Some(again) = sites.iter().find(|site| !known.insert(site.endpoint.http().clone())) {
            return Err(Why::Twice(again.endpoint.redacted()).at(listed));
        }
        sites.sort_by_key(|site| site.priority);
        Ok(Self::At(sites))
    }

    /// Whether reading its whole chain is cheap, since it is on this machine.
    pub(crate) fn is_own_cluster(&self) -> bool {
        match self {
            Self::Simnet(_) => true,
            Self::At(sites) => sites.iter().all(|site| site.endpoint.is_loopback()),
        }
    }

    /// The two URLs of each endpoint without keys.
    pub(super) fn shown(&self) -> Vec<(String, String)> {
        match self {
            Self::Simnet(_) => vec![("simnet (simulated)".to_owned(), "its own".to_owned())],
            Self::At(sites) => {
                sites.iter().map(|site| (site.endpoint.redacted(), site.endpoint.redacted_ws())).collect()
            }
        }
    }
}

fn simulated(rpc: &Rpc) -> Result<Provider, NoProvider> {
    if rpc.ws_url.is_some() {
        return Err(Why::WsOfSimnet.at("rpc.url"));
    }
    if !rpc.endpoints.is_empty() {
        return Err(Why::SimnetAmongOthers.at("rpc.endpoints"));
    }
    Ok(Provider::Simnet(Box::new(rpc.limits.over(&rpc.profile, eda_limits::profile::SIMNET_HOST))))
}

fn site(
    key: &'static str,
    url: &RpcUrl,
    ws: Option<&WsUrl>,
    profile: &Profile,
    limits: &Limits,
    priority: u32,
) -> Result<Site, NoProvider> {
    let endpoint: Endpoint = url.endpoint(ws).map_err(|error| Why::Url(error).at(key))?;
    Ok(Site { limits: limits.over(profile, endpoint.host()), endpoint, priority })
}

/// Without a URL there is no endpoint that the other keys of `[rpc]` could describe.
fn nobodys_own(rpc: &Rpc) -> Result<(), NoProvider> {
    if rpc.ws_url.is_some() {
        return Err(Why::NobodysOwn.at("rpc.ws_url"));
    }
    match rpc.profile {
        Profile::Auto => {}
        Profile::Custom | Profile::Named(_) => return Err(Why::NobodysOwn.at("rpc.profile")),
    }
    if rpc.limits != Limits::default() {
        return Err(Why::NobodysOwn.at("rpc.limits"));
    }
    Ok(())
}

// === impl Why ===

impl Why {
    fn at(self, key: &'static str) -> NoProvider {
        NoProvider { key, why: self }
    }
}
