//! The main promise on a real validator whose network breaks: burns made by a real client are all in the store, each once,
//! however often the network is cut and the process killed.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]
#![expect(clippy::print_stdout, reason = "a seed that is not printed cannot be run again")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use eda_events::{Genesis, WorkerName};
use eda_store::Store;
use eda_test_support::{
    burns::{Burn, generate},
    cable::{Cable, Condition},
    process::{Eda, Launch, Output, Signal},
    sockets::established,
    validator::{self, Validator},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
const PATIENCE: Duration = Duration::from_secs(120);
const ROUNDS: usize = 2;

/// What breaks next, the same for the same seed.
struct Chance(u64);

impl Chance {
    /// xorshift64*: good enough to choose among troubles.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn start(cables: &[Cable; 2], data: &Path) -> Eda {
    let [http, ws] = cables.each_ref().map(Cable::port);
    let config = "[feed]\ncompare_every = \"5s\"\n[workers.burn-detector]\nthreshold = \"1\"\nwatch = \"all\"\n[rpc]\n\
                  stall_timeout = \"2s\"\nconnect_timeout = \"2s\"\n";
    let (url, ws_url) = (format!("http://127.0.0.1:{http}"), format!("ws://127.0.0.1:{ws}"));
    Launch::of(EDA)
        .unwrap()
        .args(["run", "--url", &url, "--ws-url", &ws_url, "--data-dir", data.to_str().unwrap()])
        .file("config.toml", config)
        .unwrap()
        .start()
        .unwrap()
}

fn id(burn: &Burn) -> String {
    let inner = burn.place.inner.map(|inner| format!(".{inner}")).unwrap_or_default();
    let entry = burn.place.batch_entry.map(|entry| format!("#{entry}")).unwrap_or_default();
    format!("burn:{}:{}{inner}{entry}", burn.signature, burn.place.instruction)
}

/// From where on and up to where the store claims to have everything; `None` while it claims nothing.
fn claimed(data: &Path, genesis: &Genesis) -> Option<(u64, u64)> {
    let reader = Store::read(&data.join("eda.db")).ok()?;
    let mut reach: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in reader.spans(genesis, Some(WorkerName::BurnDetector)).ok()? {
        let (from, to) = reach.entry(one.interest.to_string()).or_insert((u64::MAX, 0));
        *from = one.span.from.0.min(*from);
        *to = one.span.to.0.max(*to);
    }
    let missing = !reader.holes(genesis, Some(WorkerName::BurnDetector)).ok()?.is_empty();
    (reach.len() == 2 && !missing).then_some(())?;
    Some((reach.values().map(|(from, _)| *from).max()?, reach.values().map(|(_, to)| *to).min()?))
}

fn kept(data: &Path) -> BTreeMap<String, u32> {
    let reader = Store::read(&data.join("eda.db")).unwrap();
    let (mut kept, mut after): (BTreeMap<String, u32>, u64) = (BTreeMap::new(), 0);
    loop {
        let events = reader.events_after(after, 1_000).unwrap();
        let Some(last) = events.last() else { return kept };
        after = last.sequence;
        for stored in events.iter().filter(|stored| stored.event.id.as_str().starts_with("burn:")) {
            *kept.entry(stored.event.id.to_string()).or_default() += 1;
        }
    }
}

async fn until_claimed(data: &Path, genesis: &Genesis, slot: u64, eda: &Eda) {
    let claims = async {
        while claimed(data, genesis).is_none_or(|(_, to)| to < slot) {
            sleep(Duration::from_millis(200)).await;
        }
    };
    if timeout(PATIENCE, claims).await.is_err() {
        let mut log = eda.output(Output::Stderr);
        log.retain(|line| line.contains("WARN") || line.contains("ERROR"));
        panic!("slot {slot} is not reached: {:?}\n{}", claimed(data, genesis), log.join("\n"));
    }
}

/// Breaks the network until it is told to stop, and kills the process now and then.
async fn break_everything(
    chance: &mut Chance,
    cables: &[Cable; 2],
    data: &Path,
    eda: &mut Eda,
) -> std::convert::Infallible {
    let mut turn = 0_u32;
    loop {
        turn += 1;
        let cable = cables.get(usize::try_from(chance.below(2)).unwrap()).unwrap();
        match chance.below(4) {
            0 => cable.cut(),
            kind => {
                let conditions = [Condition::Stalled, Condition::HalfOpen, Condition::Gone];
                cable.set(*conditions.get(usize::try_from(kind - 1).unwrap()).unwrap());
                sleep(Duration::from_millis(200 + chance.below(2_000))).await;
                cable.set(Condition::Whole);
            }
        }
        if turn.is_multiple_of(5) {
            eda.signal(Signal::Kill).await.unwrap();
            eda.exit(PATIENCE).await.unwrap();
            *eda = start(cables, data);
        }
        for cable in cables {
            let open = established(eda.pid().unwrap(), cable.port()).unwrap_or(0);
            assert!(open <= 1, "{open} sockets open at once");
        }
        sleep(Duration::from_millis(200 + chance.below(600))).await;
    }
}

async fn every_burn(binary: &Path) -> String {
    let seed = (u64::from(std::process::id()) * 7_919) | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let validator = Validator::start_with(binary, &validator::MAINNET_SLOTS).await.unwrap();
    let client = validator.client().unwrap();
    let genesis = client.call("getGenesisHash", json!([])).await.unwrap();
    let genesis = Genesis::from(genesis.as_str().unwrap());
    let cables =
        [Cable::to(validator.rpc_port()).await.unwrap(), Cable::to(validator.rpc_port() + 1).await.unwrap()];
    let data = tempfile::tempdir().unwrap();
    let mut eda = start(&cables, data.path());
    until_claimed(data.path(), &genesis, 1, &eda).await;

    let mut burns: Vec<Burn> = Vec::new();
    for _ in 0..ROUNDS {
        let playing = generate(&client, validator.payer());
        let truth = tokio::select! {
            truth = playing => truth.unwrap(),
            never = break_everything(&mut chance, &cables, data.path(), &mut eda) => match never {},
        };
        burns.extend(truth.burns);
    }
    for cable in &cables {
        cable.set(Condition::Whole);
    }
    // It may have been killed, and the next one not been started, when the last burn landed.
    drop(eda);
    let mut eda = start(&cables, data.path());
    let last = burns.iter().map(|burn| burn.slot).max().unwrap();
    until_claimed(data.path(), &genesis, last, &eda).await;
    let (from, _) = claimed(data.path(), &genesis).unwrap();
    let happened: BTreeSet<String> = burns.iter().filter(|burn| burn.slot >= from).map(id).collect();
    let kept = kept(data.path());
    assert!(kept.values().all(|times| *times == 1), "reported twice: {kept:?}");
    let lost: Vec<_> = happened.iter().filter(|id| !kept.contains_key(*id)).collect();
    assert!(lost.is_empty(), "lost {} of {}: {lost:?}", lost.len(), happened.len());
    let invented: Vec<_> = kept.keys().filter(|id| !happened.contains(*id)).collect();
    assert!(invented.is_empty(), "never happened: {invented:?}");
    assert!(happened.len() >= 500, "only {} burns", happened.len());
    eda.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0));
    format!("{}: {} burns from slot {from} to {last}", validator.version(), happened.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_burn_on_a_validator_is_kept_once_however_the_network_breaks() {
    // One is enough: the network is what is tried here.
    if let Some(binary) = validator::found().first() {
        println!("{}", every_burn(binary).await);
    }
}
