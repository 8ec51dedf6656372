//! `eda plan`: what the workers' interests will cost at this endpoint, and whether its plan carries that.

mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use eda_connection::{
    ConnectionManager, Lease, Site, Vital,
    checkpoints::NoCheckpoints,
    feed::{
        Demand, Interest, Mode, Plan, Sampling,
        plan::{Cost, MONTH, Part, looks},
    },
};
use eda_events::{Address, WorkerName};
use eda_limits::Limits;
use serde::Serialize;
use tracing::{info, warn};

use crate::{
    check,
    config::Settings,
    exit::{Exit, Failure},
    provider, wiring,
};

/// What is looked at beside the time it may take.
const ADDRESSES: usize = 64;
const TRANSACTIONS: usize = 20;
const BLOCKS: usize = 128;

/// Whoever wants to run waits for a glance only.
const GLANCE: Duration = Duration::from_secs(4);
const GLANCED_BLOCKS: usize = 4;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was planned for one endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct Planned {
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot_ms: Option<u64>,
    /// The share of slots that have a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_block: Option<f64>,
    /// `blocks` or `logs`; absent where nobody wants transactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    costs: Vec<Row>,
    total: Amounts,
    interests: Vec<Covered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly_credits: Option<u64>,
    /// After so many days the month's credits are used up; absent where they last or nothing limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_out_after_days: Option<f64>,
    /// How many times longer than set the intervals of comparing and sweeping are, so that everything fits.
    stretch: u32,
    fits: bool,
    /// Which limits do not carry it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    over: Vec<String>,
    /// What would fit instead; each line alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instead: Vec<String>,
    /// What could not be measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
    /// The same of the endpoints that take its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Planned>,
}

/// Requests of one method for one purpose, and for whom they are made: shown once, whoever shares them.
#[derive(Debug, Serialize)]
struct Row {
    part: &'static str,
    method: String,
    why: String,
    workers: Vec<WorkerName>,
    #[serde(flatten)]
    amounts: Amounts,
}

/// How much.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Amounts {
    at_start: f64,
    per_second: f64,
    credits_per_day: f64,
    credits_per_month: f64,
    /// Bytes a second of answers, packed, as far as they are known.
    bytes_per_second: f64,
}

/// How interests of one worker are met.
#[derive(Debug, PartialEq, Serialize)]
struct Covered {
    worker: WorkerName,
    interest: String,
    mode: &'static str,
    coverage: String,
}

/// Plans for the endpoints that the settings name, looking at each for so long.
pub(crate) async fn plan(settings: &Settings, within: Duration) -> Result<(Planned, Exit), Failure> {
    let opened = provider::open(settings).await?;
    let mut planned = Vec::new();
    for site in &opened.sites {
        planned.push(plan_one(settings, site, opened.sites.len(), within).await?);
    }
    opened.stop().await;
    let exit = planned.iter().map(|(_, exit)| *exit).find(|exit| *exit != Exit::Clean).unwrap_or(Exit::Clean);
    let mut planned = planned.into_iter().map(|(planned, _)| planned);
    let first = planned.next().ok_or(eda_connection::OpenError::NoEndpoint)?;
    Ok((Planned { others: planned.collect(), ..first }, exit))
}

/// Looks at the endpoint before workers begin, where its limits are somebody else's; what is seen is planned with. The
/// lease keeps the connection open until they have theirs.
pub(crate) async fn look(
    settings: &Settings,
    manager: &Arc<ConnectionManager>,
    auto_is_all: bool,
) -> Option<Lease> {
    if settings.provider.is_own_cluster() {
        return None;
    }
    let lease = manager.lease(WorkerName::BurnDetector);
    let sampling = Sampling { within: GLANCE, addresses: ADDRESSES, transactions: 0, blocks: GLANCED_BLOCKS };
    let sample = manager.measure(&wiring::interests(settings, auto_is_all), sampling).await;
    for trouble in &sample.troubles {
        info!(trouble, "planning without this");
    }
    manager.expect(wiring::aside(settings, auto_is_all, &sample));
    Some(lease)
}

/// Shows what running will cost.
///
/// # Errors
/// When the provider's plan does not carry it, unless it is wanted all the same.
pub(crate) fn judge(
    settings: &Settings,
    manager: &ConnectionManager,
    auto_is_all: bool,
    over_plan: bool,
) -> Result<(), Failure> {
    let demand = Demand::of(&wiring::interests(settings, auto_is_all));
    let plan = manager.plan(&demand);
    plan.lines.iter().for_each(|line| info!("{line}"));
    match plan.affordable() {
        Ok(_) => Ok(()),
        Err(unaffordable) if over_plan => {
            warn!("{unaffordable}; it is run all the same, as --over-plan says");
            Ok(())
        }
        Err(unaffordable) => {
            Err(Failure::OverPlan(unaffordable, manager.instead(&demand, wiring::SUBSCRIPTIONS)))
        }
    }
}

async fn plan_one(
    settings: &Settings,
    site: &Site,
    endpoints: usize,
    within: Duration,
) -> Result<(Planned, Exit), Failure> {
    let manager = ConnectionManager::open(wiring::connection(
        settings,
        std::slice::from_ref(site),
        Arc::new(NoCheckpoints),
        false,
    )?)?;
    // The lease opens the connection; any worker's name will do.
    let lease = manager.lease(WorkerName::BurnDetector);
    let stats = check::observe(&manager).await;
    let auto_is_all = wiring::auto_is_all(settings, &manager);
    let by_worker = wiring::interests_by_worker(settings, auto_is_all);
    let interests: Vec<Interest> = by_worker.iter().flat_map(|(_, interests)| interests.clone()).collect();
    let identity = match &stats.vital {
        Vital::Known(identity) => Some(identity),
        Vital::Unknown(_) | Vital::Conflict(_) => None,
    };
    let mut troubles: Vec<String> = stats.refused_access.clone().into_iter().collect();
    if let Vital::Unknown(why) | Vital::Conflict(why) = &stats.vital {
        troubles.push(why.clone());
    }
    let mut with_block = None;
    if identity.is_some() {
        let sampling = Sampling { within, addresses: ADDRESSES, transactions: TRANSACTIONS, blocks: BLOCKS };
        let sample = manager.measure(&interests, sampling).await;
        let aside = wiring::aside(settings, auto_is_all, &sample);
        manager.expect(aside.into_iter().chain(looks(endpoints)).collect());
        with_block = sample.measures.with_block;
        troubles.extend(sample.troubles);
    }
    let demand = Demand::of(&interests);
    let plan = manager.plan(&demand);
    let instead =
        if plan.over.is_empty() { Vec::new() } else { manager.instead(&demand, wiring::SUBSCRIPTIONS) };
    let limits = manager.limits();
    let slot_time = manager.stats().pubsub.slot_time;
    drop(lease);
    manager.shut_down().await;
    let exit = match (identity, plan.over.is_empty()) {
        (None, _) => Exit::Unavailable,
        (Some(_), false) => Exit::BadConfig,
        (Some(_), true) => Exit::Clean,
    };
    let costs: Vec<Row> = plan.costs.iter().map(|cost| Row::of(cost, &plan, &by_worker, &limits)).collect();
    let planned = Planned {
        endpoint: site.endpoint.redacted(),
        cluster: identity.map(|identity| identity.cluster.to_string()),
        version: identity.map(|identity| identity.version.clone()),
        slot_ms: slot_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        with_block,
        mode: plan.transactions.map(|mode| mode.to_string()),
        total: costs.iter().fold(Amounts::default(), |sum, row| sum.and(row.amounts)),
        costs,
        interests: covered(&plan, &by_worker),
        monthly_credits: limits.monthly_credits,
        runs_out_after_days: plan.runs_out(&limits).map(|after| after.as_secs_f64() / DAY.as_secs_f64()),
        stretch: plan.stretch,
        fits: plan.over.is_empty(),
        over: plan.over,
        instead,
        troubles,
        others: Vec::new(),
    };
    Ok((planned, exit))
}

/// Which workers a part is paid for.
fn sharers(part: Part, plan: &Plan, by_worker: &[(WorkerName, Vec<Interest>)]) -> Vec<WorkerName> {
    let wants = |interests: &[Interest]| match part {
        Part::Start | Part::Endpoints => true,
        Part::Blocks | Part::Transactions | Part::Listings => {
            plan.transactions.is_some() && interests.iter().any(|interest| interest.mention().is_some())
        }
        Part::Accounts | Part::Sweep => {
            interests.iter().any(|interest| matches!(interest, Interest::Account(_)))
        }
        Part::Supplies | Part::Finality => false,
    };
    let burns = matches!(part, Part::Supplies | Part::Finality);
    let shared = by_worker
        .iter()
        .filter(|(name, interests)| wants(interests) || (burns && *name == WorkerName::BurnDetector));
    shared.map(|(name, _)| *name).collect()
}

/// How each worker's interests are met; equal ones in one line.
fn covered(plan: &Plan, by_worker: &[(WorkerName, Vec<Interest>)]) -> Vec<Covered> {
    let mut covered = Vec::new();
    for (worker, interests) in by_worker {
        let mut kinds: BTreeMap<(&'static str, &'static str, String), usize> = BTreeMap::new();
        let mut seen: BTreeSet<(bool, Address)> = BTreeSet::new();
        for interest in interests {
            let (what, address, (mode, coverage)) = match interest {
                Interest::Account(address) => ("account(s)", (false, *address), of_account(plan)),
                Interest::Transactions { mention, .. } => {
                    ("address(es)", (true, *mention), of_transactions(plan, mention))
                }
            };
            if seen.insert(address) {
                *kinds.entry((what, mode, coverage)).or_default() += 1;
            }
        }
        if kinds.is_empty() {
            covered.push(Covered {
                worker: *worker,
                interest: "nothing".to_owned(),
                mode: "-",
                coverage: "asks the chain for nothing with these settings".to_owned(),
            });
        }
        covered.extend(kinds.into_iter().map(|((what, mode, coverage), count)| Covered {
            worker: *worker,
            interest: format!("{count} {what}"),
            mode,
            coverage,
        }));
    }
    covered
}

fn of_transactions(plan: &Plan, mention: &Address) -> (&'static str, String) {
    match (plan.transactions, plan.sampled.get(mention)) {
        (Some(Mode::Blocks), _) => ("blocks", "complete: every block, each proven by the next".to_owned()),
        (Some(Mode::Logs), None) => {
            ("logs", "complete: what is notified is compared with what the node lists".to_owned())
        }
        (Some(Mode::Logs), Some(share)) => (
            "logs",
            format!(
                "in samples: {:.0} % of what is notified is compared with what the node lists; a notification lost \
                 beyond that is not found",
                share * 100.0
            ),
        ),
        (None, _) => ("-", "not at all".to_owned()),
    }
}

fn of_account(plan: &Plan) -> (&'static str, String) {
    if plan.swept == 0 {
        (
            "subscription",
            "every state that lasts, notified; read again in case a notification was lost".to_owned(),
        )
    } else {
        (
            "subscription or sweep",
            format!(
                "in samples for {} account(s) that are read in turn: what changes twice between two reads is seen once",
                plan.swept
            ),
        )
    }
}

// === impl Row ===

impl Row {
    fn of(cost: &Cost, plan: &Plan, by_worker: &[(WorkerName, Vec<Interest>)], limits: &Limits) -> Self {
        Self {
            part: cost.part.as_str(),
            method: cost.method.to_string(),
            why: cost.why.clone(),
            workers: sharers(cost.part, plan, by_worker),
            amounts: Amounts {
                at_start: cost.at_start,
                per_second: cost.per_second,
                credits_per_day: cost.credits_per_second(limits) * DAY.as_secs_f64(),
                credits_per_month: cost.credits(MONTH, limits),
                bytes_per_second: cost.bytes_per_second(),
            },
        }
    }
}

// === impl Amounts ===

impl Amounts {
    fn and(self, other: Self) -> Self {
        Self {
            at_start: self.at_start + other.at_start,
            per_second: self.per_second + other.per_second,
            credits_per_day: self.credits_per_day + other.credits_per_day,
            credits_per_month: self.credits_per_month + other.credits_per_month,
            bytes_per_second: self.bytes_per_second + other.bytes_per_second,
        }
    }
}
