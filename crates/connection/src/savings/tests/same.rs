//! Whatever is merged, every asker is told what its own call would have been told, by a simulated node.

use std::sync::OnceLock;

use eda_simnet::{
    Call, Reply as Said,
    chain::{Account, Chain, Config as ChainConfig},
    node::Node,
    well_known,
};
use proptest::prelude::*;

use super::*;

const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const TOKEN_2022: &str = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";

/// One question of a mix: a method, an account, and how it is asked.
type Asked = (&'static str, usize, Value);

fn address(number: u8) -> eda_events::Address {
    eda_events::Address::new_from_array([number; 32])
}

/// A mint of Token-2022 with one extension, or a plain one.
fn mint(extension: Option<(u16, Vec<u8>)>) -> Account {
    let mut data = vec![0; 82];
    (data[36], data[44], data[45]) = (77, 6, 1);
    if let Some((kind, value)) = extension {
        data.resize(165, 0);
        data.push(1);
        data.extend(kind.to_le_bytes());
        data.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        data.extend(value);
    }
    Account::holding(data, TOKEN_2022.parse().unwrap())
}

fn holding(mint: u8, state: u8, program: &str) -> Account {
    let mut data = vec![0; 165];
    data[..32].copy_from_slice(&[mint; 32]);
    data[64..72].copy_from_slice(&123_456_789_u64.to_le_bytes());
    data[108] = state;
    Account::holding(data, program.parse().unwrap())
}

/// Accounts beside those that every simulated chain has: tokens whose amounts are shown in every way there is, and
/// accounts that are not quite what they seem.
fn planted() -> Vec<(eda_events::Address, Account)> {
    let mut interest = vec![0; 52];
    interest[40..42].copy_from_slice(&500_i16.to_le_bytes());
    interest[50..52].copy_from_slice(&500_i16.to_le_bytes());
    let mut scaled = vec![0; 56];
    scaled[32..40].copy_from_slice(&1.5_f64.to_le_bytes());
    scaled[48..56].copy_from_slice(&1.5_f64.to_le_bytes());
    let mut large = vec![7; 300];
    large[..4].copy_from_slice(b"data");
    [
        (1, mint(None)),
        (2, mint(Some((10, interest)))),
        (3, mint(Some((25, scaled)))),
        (4, mint(Some((3, vec![0; 32])))),
        (11, holding(1, 1, TOKEN_2022)),
        (12, holding(2, 1, TOKEN_2022)),
        (13, holding(3, 1, TOKEN_2022)),
        (14, holding(4, 2, TOKEN_2022)),
        // Not initialized; of a mint that is none; of no mint at all; in the other program.
        (15, holding(1, 0, TOKEN_2022)),
        (16, holding(11, 1, TOKEN_2022)),
        (17, holding(99, 1, TOKEN_2022)),
        (18, holding(1, 1, TOKEN)),
        (21, Account::holding(large, address(250))),
        (22, Account::holding(vec![0; 355], TOKEN.parse().unwrap())),
        (23, Account::wallet(u64::MAX)),
    ]
    .map(|(number, account)| (address(number), account))
    .into()
}

/// A chain that stands still.
fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut chain = Chain::new(ChainConfig { genesis: planted(), ..ChainConfig::seeded(5) });
        for _ in 0..60 {
            chain.produce();
        }
        Node::new(Arc::new(Mutex::new(chain)))
    })
}

fn addresses() -> &'static Vec<String> {
    static ADDRESSES: OnceLock<Vec<String>> = OnceLock::new();
    ADDRESSES.get_or_init(|| {
        let town = well_known();
        let mut addresses: Vec<_> = planted().into_iter().map(|(address, _)| address).collect();
        addresses.extend(&town.mints);
        for pool in &town.pools {
            addresses.extend([pool.address, pool.lp_mint]);
            addresses.extend(pool.vaults);
        }
        // What the last slots wrote: wallets, holdings, sysvars.
        let chain = node().chain();
        let slot = chain.tips().processed;
        addresses.extend((slot - 5..=slot).flat_map(|slot| chain.accounts().written(slot).to_vec()));
        addresses.extend([address(77), TOKEN.parse().unwrap()]);
        addresses.sort();
        addresses.dedup();
        addresses.into_iter().map(|address| address.to_string()).chain(["no address".to_owned()]).collect()
    })
}

fn answer(method: &str, params: &Value) -> Outcome {
    let call = Call {
        method: method.to_owned(),
        params: params.clone(),
        id: json!(1),
        headers: http::HeaderMap::new(),
        path: "/".to_owned(),
        version: http::Version::HTTP_2,
        connection: 1,
        batch: 1,
        at: Instant::now(),
    };
    let said = node().answer(&call);
    if let Said::Error { code, message, .. } = &said {
        return error(*code, message);
    }
    let Said::Result(value) = said else { panic!("{said:?}") };
    ok(&value)
}

/// The second parameter, or none.
fn config(kind: usize, commitment: usize, more: usize) -> Value {
    let mut config = match kind {
        0 => json!({"encoding": "base64"}),
        1 => json!({"encoding": "jsonParsed"}),
        2 => json!({"encoding": "base64+zstd"}),
        3 => json!({"encoding": "base58"}),
        4 => json!({"encoding": "base64", "dataSlice": {"offset": 3, "length": 70}}),
        5 => json!({"encoding": "base64", "dataSlice": {"offset": 0, "length": 0}}),
        6 => json!({}),
        _ => return Value::Null,
    };
    if let Some(commitment) = ["processed", "confirmed", "finalized"].get(commitment) {
        config["commitment"] = json!(commitment);
    }
    match more {
        0 => config["minContextSlot"] = json!(3),
        1 => config["minContextSlot"] = json!(1_000_000),
        _ => {}
    }
    config
}

fn questions() -> impl Strategy<Value = Vec<Asked>> {
    let methods = prop_oneof![
        Just("getAccountInfo"),
        Just("getBalance"),
        Just("getTokenAccountBalance"),
        Just("getTokenAccountBalance")
    ];
    let config = (0_usize..8, 0_usize..4, 0_usize..8)
        .prop_map(|(kind, commitment, more)| config(kind, commitment, more));
    proptest::collection::vec((methods, any::<prop::sample::Index>(), config), 1..60).prop_map(|asked| {
        asked
            .into_iter()
            .map(|(method, address, config)| (method, address.index(addresses().len()), config))
            .collect()
    })
}

fn params(asked: &Asked) -> Value {
    let address = &addresses()[asked.1];
    if asked.2.is_null() { json!([address]) } else { json!([address, asked.2]) }
}

/// Asks everything at once, twice, and returns what was told and how many requests that took.
async fn merged(asked: &[Asked]) -> (Vec<Vec<Value>>, usize) {
    let world = World::new(answer);
    let mut rounds = Vec::new();
    for _ in 0..2 {
        let asking: Vec<_> = asked
            .iter()
            .zip([BURNS, PRICES, TRADES].into_iter().cycle())
            .map(|(asked, caller)| world.ask(caller, Class::Poll, asked.0, params(asked), None))
            .collect();
        let mut round = Vec::new();
        for asking in asking {
            round.push(told(&asking.await.unwrap()));
        }
        rounds.push(round);
    }
    let saved = world.savings.saved();
    let asked = 2 * u64::try_from(asked.len()).unwrap();
    let saved_in_all: u64 = saved.requests.values().sum();
    let sent = world.methods().len();
    assert_eq!(
        asked + saved.extra.values().sum::<u64>() - saved_in_all,
        u64::try_from(sent).unwrap(),
        "{saved:?}"
    );
    (rounds, sent)
}

fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

proptest! {
    #[test]
    fn merging_changes_nothing_that_an_asker_sees(asked in questions()) {
        let alone: Vec<_> = asked.iter().map(|asked| told(&answer(asked.0, &params(asked)))).collect();
        let (rounds, _) = in_virtual_time(merged(&asked));
        for round in rounds {
            for (number, (merged, alone)) in round.iter().zip(&alone).enumerate() {
                prop_assert_eq!(merged, alone, "{} {}", asked[number].0, params(&asked[number]));
            }
        }
    }
}

/// The property would hold as well if nothing were ever merged.
#[test]
fn reads_of_the_property_are_merged() {
    let asked: Vec<Asked> =
        (0..50).map(|number| ("getAccountInfo", number, json!({"encoding": "base64"}))).collect();
    let (_, sent) = in_virtual_time(merged(&asked));
    assert_eq!(sent, 2);
}
