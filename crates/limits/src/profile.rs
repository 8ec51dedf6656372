//! What providers are known to allow: one table, as data.
//!
//! Each row says where its numbers come from and when they were read. A number that is not known is absent; the
//! row's `unknown` says which ones, and responses (`x-ratelimit-*`, 429) teach the rest. config.toml overrides
//! any of them.

use crate::{ByteRate, Limits, Method, Rate};

mod table;

use table::TABLE;

/// One provider's plan.
#[derive(Debug)]
pub struct Profile {
    /// Name in config.toml (`rpc.profile`) and on the command line.
    pub name: &'static str,
    /// Hosts this provider serves: exact, or a suffix when it begins with `*.`.
    pub hosts: &'static [&'static str],
    /// Where the numbers come from.
    pub source: &'static str,
    /// When they were read, `YYYY-MM` or `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// Which numbers are not known or not expressed.
    pub unknown: &'static str,
    requests: Option<Rate>,
    per_method: Option<Rate>,
    methods: &'static [(&'static str, Rate)],
    credits: Option<Rate>,
    monthly_credits: Option<u64>,
    costs: &'static [(&'static str, u32)],
    default_cost: u32,
    bytes: Option<ByteRate>,
    connects: Option<Rate>,
    connection_cap: Option<u32>,
    subscriptions: Option<u32>,
    pubsub_connections: Option<u32>,
    batch_calls: Option<u32>,
}

/// The host that stands for the simulated cluster inside a process. No name of the public DNS ends in `.invalid`.
pub const SIMNET_HOST: &str = "simnet.invalid";

/// The profile for an endpoint's host: the provider's smallest plan, since the host does not tell which plan was
/// bought; a loopback host is a local validator; an unknown host gets the public endpoint's limits.
pub fn by_host(host: &str) -> &'static Profile {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if is_loopback(&host) {
        return &table::LOCAL;
    }
    TABLE.iter().copied().find(|row| row.serves(&host)).unwrap_or(&table::MAINNET_BETA)
}

/// The profile of a name.
pub fn by_name(name: &str) -> Option<&'static Profile> {
    TABLE.iter().copied().find(|row| row.name == name)
}

/// Every profile's name, in the table's order.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.name)
}

// === impl Profile ===

impl Profile {
    /// The row as limits, with eda's own defaults for what no provider decides.
    pub fn limits(&self) -> Limits {
        let defaults = Limits::default();
        Limits {
            requests: self.requests,
            per_method: self.per_method,
            methods: self.methods.iter().map(|(name, rate)| (Method::new(name), *rate)).collect(),
            credits: self.credits,
            monthly_credits: self.monthly_credits,
            costs: self.costs.iter().map(|(name, cost)| (Method::new(name), *cost)).collect(),
            default_cost: self.default_cost,
            bytes: self.bytes,
            connects: self.connects,
            connection_cap: self.connection_cap,
            subscriptions: self.subscriptions,
            pubsub_connections: self.pubsub_connections,
            batch_calls: self.batch_calls.unwrap_or(defaults.batch_calls),
            ..defaults
        }
    }

    fn serves(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => host == *pattern,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_its_own_name_a_source_and_a_date() {
        let mut seen = BTreeSet::new();
        for row in TABLE {
            assert!(seen.insert(row.name), "{} stands twice", row.name);
            assert!(row.source.len() > 10, "{} has no source", row.name);
            let date: Vec<_> = row.as_of.split('-').collect();
            assert!(
                (2..=3).contains(&date.len()) && date.iter().all(|part| part.parse::<u16>().is_ok()),
                "{} has no date: {}",
                row.name,
                row.as_of
            );
            assert!(row.default_cost > 0, "{}: an unlisted method would be free", row.name);
            assert_eq!(by_name(row.name).map(|found| found.name), Some(row.name));
        }
        assert_eq!(names().count(), TABLE.len());
        assert!(by_name("no-such-plan").is_none());
    }

    #[test]
    fn a_host_finds_the_smallest_plan_of_its_provider() {
        let found = |host| by_host(host).name;
        assert_eq!(found("api.mainnet-beta.solana.com"), "public-mainnet-beta");
        assert_eq!(found("API.Devnet.Solana.com."), "public-devnet");
        assert_eq!(found("api.testnet.solana.com"), "public-testnet");
        assert_eq!(found("mainnet.helius-rpc.com"), "helius-free");
        assert_eq!(found("my-node.mainnet.rpcpool.com"), "triton-shared");
        assert_eq!(found("a-b-c.solana-mainnet.quiknode.pro"), "quicknode-free");
        assert_eq!(found("solana-mainnet.g.alchemy.com"), "alchemy-free");
        assert_eq!(found("solana-mainnet.core.chainstack.com"), "chainstack-developer");
        assert_eq!(found("rpc.example.org"), "public-mainnet-beta");
        assert_eq!(found("evil-helius-rpc.com"), "public-mainnet-beta", "a suffix needs its dot");
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "LOCALHOST"] {
            assert_eq!(found(host), "local");
        }
        assert_eq!(by_host("localhost").limits(), Limits::default());
    }

    #[test]
    fn the_public_endpoint_has_the_captured_numbers() {
        let limits = by_host("api.mainnet-beta.solana.com").limits();
        let per_ten = |name| limits.method(&Method::new(name)).unwrap();
        assert_eq!(limits.requests, Some(Rate::per_seconds(100, 10)));
        assert_eq!(per_ten("getBlock"), Rate::per_seconds(5, 10));
        assert_eq!(per_ten("getTransaction"), Rate::per_seconds(2, 10));
        assert_eq!(per_ten("getMultipleAccounts"), Rate::per_seconds(30, 10));
        assert_eq!(per_ten("getSlot"), Rate::per_seconds(40, 10));
        assert_eq!(limits.bytes.unwrap().to_string(), "100MB/30s");
        assert_eq!(by_name("helius-free").unwrap().limits().cost(&Method::new("getBlock")), 10);
    }
}
