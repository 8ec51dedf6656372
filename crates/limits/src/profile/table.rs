//! The rows. Plans of one provider stand from small to large: a host finds the first.

use std::time::Duration;

use super::{Profile, SIMNET_HOST};
use crate::{ByteRate, Rate};

pub(super) const TABLE: &[&Profile] = &[
    &MAINNET_BETA,
    &DEVNET,
    &TESTNET,
    &HELIUS_FREE,
    &HELIUS_DEVELOPER,
    &HELIUS_BUSINESS,
    &HELIUS_PROFESSIONAL,
    &TRITON_SHARED,
    &QUICKNODE_FREE,
    &QUICKNODE_BUILD,
    &QUICKNODE_SCALE,
    &QUICKNODE_BUSINESS,
    &ALCHEMY_FREE,
    &CHAINSTACK_DEVELOPER,
    &CHAINSTACK_GROWTH,
    &LOCAL,
    &SIMNET,
];

const fn ten(count: u32) -> Rate {
    Rate::per_seconds(count, 10)
}

const fn second(count: u32) -> Rate {
    Rate::per_seconds(count, 1)
}

const NOTHING: Profile = Profile {
    name: "",
    hosts: &[],
    source: "",
    as_of: "",
    unknown: "",
    requests: None,
    per_method: None,
    methods: &[],
    credits: None,
    monthly_credits: None,
    costs: &[],
    default_cost: 1,
    bytes: None,
    connects: None,
    connection_cap: None,
    subscriptions: None,
    pubsub_connections: None,
    batch_calls: None,
};

pub(super) const LOCAL: Profile = Profile {
    name: "local",
    source: "a validator on this machine limits nothing (Agave 3.1.8 sources)",
    as_of: "2026-11",
    unknown: "nothing",
    ..NOTHING
};

const SIMNET: Profile = Profile {
    name: "simnet",
    hosts: &[SIMNET_HOST],
    source: "the limits that the simulated cluster's provider enforces unless told otherwise: those that the docs of \
             the public endpoint state (solana.com/docs/references/clusters)",
    as_of: "2026-11",
    unknown: "nothing",
    requests: Some(ten(100)),
    per_method: Some(ten(40)),
    bytes: Some(ByteRate { bytes: 100_000_000, window: Duration::from_secs(30) }),
    connects: Some(ten(40)),
    connection_cap: Some(40),
    subscriptions: Some(100),
    pubsub_connections: Some(5),
    ..NOTHING
};

pub(super) const MAINNET_BETA: Profile = Profile {
    name: "public-mainnet-beta",
    hosts: &["api.mainnet-beta.solana.com", "api.mainnet.solana.com"],
    source: "x-ratelimit-* headers captured at api.mainnet-beta.solana.com (tier free); \
             windows, bytes and the limit of other methods: solana.com/docs/references/clusters",
    as_of: "2026-04-01",
    unknown: "whether bytes count before or after compression; what pubsub 5 counts, taken as WebSockets",
    requests: Some(ten(100)),
    per_method: Some(ten(40)),
    methods: &[
        ("getBlock", ten(5)),
        ("getTransaction", ten(2)),
        ("getSignaturesForAddress", ten(2)),
        ("getTokenAccountsByOwner", ten(2)),
        ("getProgramAccounts", ten(2)),
        ("getAccountInfo", ten(30)),
        ("getMultipleAccounts", ten(30)),
        ("getHealth", ten(40)),
    ],
    bytes: Some(ByteRate { bytes: 100_000_000, window: Duration::from_secs(30) }),
    connects: Some(ten(40)),
    connection_cap: Some(40),
    subscriptions: Some(100),
    pubsub_connections: Some(5),
    ..NOTHING
};

const DEVNET: Profile = Profile {
    name: "public-devnet",
    hosts: &["api.devnet.solana.com"],
    source: "x-ratelimit-* headers captured at api.devnet.solana.com; methods: probes published by a project; \
             bytes: solana.com/docs/references/clusters",
    as_of: "2026-08-31",
    unknown: "methods not probed: the docs' 40 per 10 s is taken",
    requests: Some(ten(250)),
    per_method: Some(ten(40)),
    methods: &[
        ("getBlock", ten(6)),
        ("getProgramAccounts", ten(10)),
        ("getTransaction", ten(10)),
        ("getSignaturesForAddress", ten(10)),
        ("getSignatureStatuses", ten(10)),
        ("sendTransaction", ten(20)),
        ("getHealth", ten(150)),
        ("requestAirdrop", Rate::per_seconds(1, 86_400)),
    ],
    pubsub_connections: Some(10),
    ..MAINNET_BETA
};

const TESTNET: Profile = Profile {
    name: "public-testnet",
    hosts: &["api.testnet.solana.com"],
    source: "solana.com/docs/references/clusters; no capture exists, connection limits as on mainnet-beta",
    as_of: "2026-11",
    unknown: "limits of single methods; what the testnet's headers say",
    methods: &[],
    ..MAINNET_BETA
};

const HELIUS_COSTS: &[(&str, u32)] = &[
    ("getProgramAccounts", 10),
    ("getTransaction", 10),
    ("getBlock", 10),
    ("getBlocks", 10),
    ("getBlocksWithLimit", 10),
    ("getBlockTime", 10),
    ("getSignaturesForAddress", 10),
    ("getInflationReward", 10),
    ("getSignatureStatuses", 10),
    ("sendTransaction", 10),
    ("getTransactionsForAddress", 100),
];

const HELIUS_FREE: Profile = Profile {
    name: "helius-free",
    hosts: &["*.helius-rpc.com", "rpc.helius.xyz"],
    source: "helius.dev/docs/billing/rate-limits and /billing/credits",
    as_of: "2026-11",
    unknown: "sendTransaction (1 or 10 credits by page age) and getSignatureStatuses (1 without history search) \
              are taken at their dearer price; WebSocket data is billed too (2 credits per 0.1 MB on newer pages) \
              and not counted here; DAS limits (2 per s) are not expressed; subscriptions per WebSocket",
    requests: Some(second(10)),
    methods: &[("sendTransaction", second(1)), ("getProgramAccounts", second(5))],
    monthly_credits: Some(1_000_000),
    costs: HELIUS_COSTS,
    pubsub_connections: Some(5),
    // 10 is the limit for historical methods other than getTransaction (100).
    batch_calls: Some(10),
    ..NOTHING
};

const HELIUS_DEVELOPER: Profile = Profile {
    name: "helius-developer",
    requests: Some(second(50)),
    methods: &[("sendTransaction", second(5)), ("getProgramAccounts", second(25))],
    monthly_credits: Some(10_000_000),
    pubsub_connections: Some(150),
    ..HELIUS_FREE
};

const HELIUS_BUSINESS: Profile = Profile {
    name: "helius-business",
    requests: Some(second(200)),
    methods: &[("sendTransaction", second(50)), ("getProgramAccounts", second(50))],
    monthly_credits: Some(100_000_000),
    pubsub_connections: Some(250),
    ..HELIUS_FREE
};

const HELIUS_PROFESSIONAL: Profile = Profile {
    name: "helius-professional",
    requests: Some(second(500)),
    methods: &[("sendTransaction", second(100)), ("getProgramAccounts", second(75))],
    monthly_credits: Some(200_000_000),
    pubsub_connections: Some(250),
    ..HELIUS_FREE
};

const TRITON_SHARED: Profile = Profile {
    name: "triton-shared",
    hosts: &["*.rpcpool.com", "*.triton.one"],
    source: "docs.triton.one/core-features/ratelimits; your endpoint's own values are at its /ratelimits",
    as_of: "2026-11",
    unknown: "limits of single methods (getProgramAccounts is far lower), connection rate, subscriptions",
    requests: Some(ten(1_200)),
    ..NOTHING
};

const QUICKNODE_FREE: Profile = Profile {
    name: "quicknode-free",
    hosts: &["*.quiknode.pro"],
    source: "published plan list (api-evangelist), to be checked against the provider's pricing page",
    as_of: "2026-11",
    unknown: "credits per method and per month; WebSocket notifications count toward the limit as well",
    requests: Some(second(15)),
    ..NOTHING
};

const QUICKNODE_BUILD: Profile =
    Profile { name: "quicknode-build", requests: Some(second(50)), ..QUICKNODE_FREE };

const QUICKNODE_SCALE: Profile =
    Profile { name: "quicknode-scale", requests: Some(second(200)), ..QUICKNODE_FREE };

const QUICKNODE_BUSINESS: Profile =
    Profile { name: "quicknode-business", requests: Some(second(800)), ..QUICKNODE_FREE };

const ALCHEMY_FREE: Profile = Profile {
    name: "alchemy-free",
    hosts: &["*.g.alchemy.com"],
    source: "alchemy.com/docs/reference/throughput; costs: third-party price lists",
    as_of: "2026-11",
    unknown: "costs of methods other than getAccountInfo and getBalance (10): 10 is taken for all, set \
              rpc.limits.costs from your account's page; credits per month; subscriptions",
    // 500 per second with a bucket over 10 seconds.
    credits: Some(ten(5_000)),
    costs: &[("getAccountInfo", 10), ("getBalance", 10)],
    default_cost: 10,
    // The provider takes 1,000 and recommends fewer than 50.
    batch_calls: Some(49),
    ..NOTHING
};

const CHAINSTACK_DEVELOPER: Profile = Profile {
    name: "chainstack-developer",
    hosts: &["*.core.chainstack.com", "*.p2pify.com"],
    source: "docs.chainstack.com/docs/limits and /docs/request-units",
    as_of: "2026-11",
    unknown: "request units per month; archive calls cost 2 units: taken for every historical read",
    requests: Some(second(5)),
    costs: &[("getTransaction", 2), ("getBlock", 2), ("getSignaturesForAddress", 2)],
    pubsub_connections: Some(250),
    ..NOTHING
};

const CHAINSTACK_GROWTH: Profile =
    Profile { name: "chainstack-growth", requests: Some(second(50)), ..CHAINSTACK_DEVELOPER };
