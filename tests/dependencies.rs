//! Who may know whom: the rule of the house, held against what cargo says.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

const WORKERS: [&str; 5] = [
    "eda-burn-detector",
    "eda-liquidity-monitor",
    "eda-market-detector",
    "eda-price-aggregator",
    "eda-trading-bot",
];

/// Whom each package of the workspace may depend on outside tests. A package that is not listed has no rule yet, and
/// fails the test.
fn allowed(package: &str) -> Option<Vec<&'static str>> {
    let allowed: &[&str] = match package {
        "eda-events" | "eda-limits" => &[],
        "eda-simnet" => &["eda-limits"],
        "eda-chain" | "eda-store" | "eda-worker" => &["eda-events"],
        "eda-connection" => &["eda-events", "eda-chain", "eda-limits"],
        worker if WORKERS.contains(&worker) => &["eda-events", "eda-chain", "eda-connection", "eda-worker"],
        "eda" => {
            return Some(
                [
                    &[
                        "eda-events",
                        "eda-chain",
                        "eda-limits",
                        "eda-connection",
                        "eda-store",
                        "eda-worker",
                        "eda-simnet",
                    ][..],
                    &WORKERS,
                ]
                .concat(),
            );
        }
        // Only tests use it.
        "eda-test-support" => &["eda-simnet"],
        _ => return None,
    };
    Some(allowed.to_vec())
}

/// Only what is built on this platform, since the rest need not be on this disk.
fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let options = ["--offline", "--locked", "--filter-platform", "host-tuple"].map(str::to_owned);
    MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap()
}

/// The names of everything a package is built with, itself left out, dev-dependencies left out.
fn built_with(metadata: &Metadata, package: &PackageId) -> BTreeSet<String> {
    let nodes: BTreeMap<_, _> =
        metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::from([package]);
    let mut next = VecDeque::from([package]);
    while let Some(id) = next.pop_front() {
        for dependency in &nodes[id].deps {
            let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(&dependency.pkg) {
                next.push_back(&dependency.pkg);
            }
        }
    }
    seen.remove(package);
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

#[test]
fn each_room_knows_only_those_below_it() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let allowed =
            allowed(name).unwrap_or_else(|| panic!("{name} is new: say in this test whom it may know"));
        for dependency in &package.dependencies {
            if dependency.kind != DependencyKind::Development && dependency.name.starts_with("eda") {
                let known = dependency.name.as_str();
                assert!(allowed.contains(&known), "{name} depends on {known}");
            }
        }
    }
    let names: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    assert!(WORKERS.iter().all(|worker| names.contains(worker)), "{names:?}");
}

#[test]
fn only_the_binary_and_tests_meet_the_simulated_cluster() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let built = built_with(&metadata, &package.id);
        let name = package.name.as_str();
        assert!(name == "eda-test-support" || !built.contains("eda-test-support"), "{name}");
        let may = ["eda", "eda-simnet", "eda-test-support"].contains(&name);
        assert!(may || !built.contains("eda-simnet"), "{name}");
        // The measure shares nothing with what it measures but the table of limits.
        let own = ["eda-events", "eda-chain", "eda-connection", "eda-worker"];
        assert!(name != "eda-simnet" || own.iter().all(|one| !built.contains(*one)), "{built:?}");
    }
}

#[test]
fn what_only_reads_bytes_or_holds_numbers_does_no_io() {
    const IO: [&str; 10] = [
        "tokio",
        "tokio-util",
        "reqwest",
        "hyper",
        "hyper-util",
        "h2",
        "tokio-tungstenite",
        "mio",
        "rustls",
        "tracing",
    ];
    const FAR_IO: [&str; 5] = ["reqwest", "hyper", "h2", "tokio-tungstenite", "rustls"];
    let metadata = metadata();
    for name in ["eda-chain", "eda-limits"] {
        let package = metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap();
        for dependency in &package.dependencies {
            let normal = dependency.kind != DependencyKind::Development;
            assert!(
                !(normal && IO.contains(&dependency.name.as_str())),
                "{name} depends on {}",
                dependency.name
            );
        }
        let built = built_with(&metadata, &package.id);
        for io in FAR_IO {
            assert!(!built.contains(io), "{name} is built with {io}");
        }
    }
}

#[test]
fn the_large_solana_crates_stay_outside() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let built = built_with(&metadata, &package.id);
        for large in [
            "solana-sdk",
            "solana-client",
            "solana-rpc-client",
            "solana-pubsub-client",
            "solana-program",
            "spl-token",
        ] {
            assert!(!built.contains(large), "{} is built with {large}", package.name);
        }
    }
    let binary = metadata.workspace_packages().into_iter().find(|package| package.name == "eda").unwrap();
    assert!(
        built_with(&metadata, &binary.id).contains("solana-transaction"),
        "the walk reaches what is far away"
    );
}
