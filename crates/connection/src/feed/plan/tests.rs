use super::*;
use eda_limits::{Rate, profile};

fn address(kind: u8, number: usize) -> Address {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
    Address::new_from_array(bytes)
}

fn demand(accounts: usize, selected: usize, whole_chain: usize) -> Demand {
    let some = |kind, count| (0..count).map(|number| address(kind, number)).collect();
    Demand {
        accounts: some(1, accounts),
        selected: some(2, selected),
        whole_chain: some(3, whole_chain),
        aside: Vec::new(),
    }
}

fn measures() -> Measures {
    Measures { slot_time: Duration::from_millis(200), ..Measures::default() }
}

fn terms() -> Terms {
    Terms {
        choice: Choice::Auto,
        sweep_interval: Duration::from_secs(5),
        compare_every: Duration::from_secs(60),
    }
}

/// With nothing measured but the slot time.
fn planned(demand: &Demand, limits: &Limits) -> Result<Plan, Unaffordable> {
    plan(demand, &measures(), limits, &terms()).affordable()
}

fn limits(name: &str) -> Limits {
    profile::by_name(name).expect("the profile stands in the table").limits()
}

#[test]
fn the_whole_chain_is_refused_with_the_arithmetic_where_the_plan_is_too_small() {
    let refused = planned(&demand(0, 0, 2), &limits("public-mainnet-beta")).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("51 getBlock calls per 10 s"), "{text}");
    let refused = planned(&demand(0, 0, 2), &limits("helius-free")).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("131,625,004 credits a month, and the plan has 1,000,000"), "{text}");
}

#[test]
fn the_whole_chain_is_read_by_blocks_where_the_plan_carries_it() {
    for name in ["local", "helius-professional"] {
        let plan = planned(&demand(3, 4, 2), &limits(name)).unwrap();
        assert_eq!(plan.transactions, Some(Mode::Blocks), "{name}");
    }
}

#[test]
fn a_few_addresses_are_followed_by_their_logs() {
    let plan = planned(&demand(2, 2, 0), &limits("public-mainnet-beta")).unwrap();
    assert_eq!(plan.transactions, Some(Mode::Logs));
    assert!(plan.lines[0].contains("at most 2/10s"), "{:?}", plan.lines);
    assert!(plan.lines[1].contains("1 getMultipleAccounts"), "{:?}", plan.lines);
}

#[test]
fn accounts_without_room_are_swept_and_what_that_costs_is_said() {
    let limits = Limits { subscriptions: Some(10), ..limits("helius-developer") };
    let plan = planned(&demand(209, 1, 0), &limits).unwrap();
    assert_eq!(room(&demand(209, 1, 0), Some(Mode::Logs), &limits), 7);
    assert!(plan.lines[1].starts_with("accounts: 7 subscription(s), and 1 getMultiple"), "{plan:?}");
    assert_eq!((plan.swept, plan.sampled.len()), (202, 0));
    let sweep = plan.lines.iter().find(|line| line.starts_with("sweep")).unwrap();
    assert_eq!(
        sweep,
        "sweep: a sweep of 202 account(s) every 5 s: 2,160 getMultipleAccounts an hour, 1,555,200 credits a month of \
         the plan's 10,000,000"
    );
}

#[test]
fn a_sweep_is_refused_only_where_the_plan_cannot_carry_it() {
    let refused = |limits: &Limits, accounts, whole_chain| {
        planned(&demand(accounts, 0, whole_chain), limits).unwrap_err().to_string()
    };
    let small = Limits { subscriptions: Some(10), ..limits("helius-free") };
    assert!(planned(&demand(108, 0, 0), &small).is_ok());
    // Every ten seconds is what it can have.
    assert_eq!(planned(&demand(208, 0, 0), &small).unwrap().stretch, 2);
    let text = refused(&small, 4_008, 0);
    assert!(text.contains("20,779,204 credits a month"), "{text}");
    let narrow =
        Limits { requests: Some(Rate::per_seconds(60, 10)), subscriptions: Some(10), ..Limits::default() };
    assert!(planned(&demand(8, 0, 1), &narrow).is_ok());
    assert!(planned(&demand(108, 0, 1), &narrow).unwrap().stretch > 1);
    let text = refused(&narrow, 4_008, 1);
    let all = "a slot every 200 ms and 8 subscribed account(s), read again every 60 s and a sweep of 4000 account(s) \
               every 5 s need 131 requests per 10 s";
    assert!(text.contains(all), "{text}");
}

#[test]
fn more_logs_than_the_socket_carries_are_refused_by_count() {
    let limits = Limits { subscriptions: Some(10), ..Limits::default() };
    assert!(planned(&demand(9, 9, 0), &limits).is_ok());
    let refused = planned(&demand(0, 10, 0), &limits).unwrap_err();
    assert!(refused.to_string().contains("11 subscriptions"), "{refused}");
}

#[test]
fn nothing_wanted_costs_nothing_but_finding_out_who_is_there() {
    let terms = Terms { choice: Choice::Always(Mode::Blocks), ..terms() };
    let plan = plan(&demand(0, 0, 0), &measures(), &limits("public-mainnet-beta"), &terms);
    assert_eq!((plan.transactions, plan.lines.len(), plan.over.len()), (None, 0, 0));
    assert!((plan.requests(MONTH) - 3.0).abs() < 1e-9, "{plan:?}");
}

#[test]
fn slots_without_a_block_are_not_read_and_abandoned_ones_are_asked_for_in_vain() {
    let hour = Duration::from_secs(3_600);
    let per_hour = |measures: &Measures| {
        let plan = plan(&demand(0, 0, 1), measures, &Limits::default(), &terms());
        plan.costs.iter().find(|cost| cost.part == Part::Blocks).unwrap().requests(hour)
    };
    let close = |number: f64, to: f64| assert!((number - to).abs() < 1.0, "{number} is not {to}");
    close(per_hour(&measures()), 18_000.0 * (1.0 + 1.0 / 64.0));
    let measured = Measures { with_block: Some(0.9), ..measures() };
    close(per_hour(&measured), 18_000.0 * 0.9 * (1.0 + 1.0 / 64.0));
    let forks = Measures { abandoned: Some(0.01), ..measured };
    close(per_hour(&forks), 18_000.0 * (0.9 * (1.0 + 1.0 / 64.0) + 0.02));
}

/// Measures in which the selected addresses have this traffic.
fn busy(addresses: usize, per_second: f64, fetched: f64) -> Measures {
    let mentioned = Mentioned { per_second, fetched };
    let mentions = (0..addresses).map(|number| (address(2, number), mentioned)).collect();
    Measures { mentions, ..measures() }
}

#[test]
fn each_address_is_listed_at_its_intervals_and_what_logs_do_not_rule_out_is_fetched() {
    let plan = plan(&demand(0, 3, 0), &busy(3, 2.0, 0.5), &Limits::default(), &terms());
    let hour = Duration::from_secs(3_600);
    let cost = |part, method| {
        let method = Method::new(method);
        plan.costs.iter().find(|cost| cost.part == part && cost.method == method).unwrap().requests(hour)
    };
    assert!((cost(Part::Transactions, "getTransaction") - 3.0 * 3_600.0).abs() < 1e-6);
    // Sixty intervals, and two listings at the start, between which less than one interval lies.
    let listings = cost(Part::Listings, "getSignaturesForAddress");
    assert!((listings - 3.0 * (60.0 + 2.0 - 6.6 / 60.0)).abs() < 1e-6, "{listings}");
    assert!((cost(Part::Listings, "getSlot") - listings).abs() < 1e-6);
}

#[test]
fn transactions_of_addresses_that_nobody_looked_at_are_taken_to_be_like_the_others_or_not_measured() {
    let cost = |measures: &Measures| {
        let plan = plan(&demand(0, 4, 0), measures, &Limits::default(), &terms());
        plan.costs.into_iter().find(|cost| cost.part == Part::Transactions).unwrap()
    };
    let half = cost(&busy(2, 3.0, 1.0));
    assert!((half.per_second - 12.0).abs() < 1e-9 && half.why.ends_with("2 of them measured"), "{half:?}");
    assert!(cost(&measures()).why.ends_with("not measured"));
    let twice = cost(&Measures { distinct: Some(0.5), ..busy(4, 3.0, 1.0) });
    assert!((twice.per_second - 6.0).abs() < 1e-9, "{twice:?}");
}

#[test]
fn an_address_with_more_than_eight_pages_between_two_listings_is_compared_in_samples() {
    let planned = |per_second| {
        let plan = plan(&demand(0, 1, 0), &busy(1, per_second, 0.0), &Limits::default(), &terms());
        let pages = plan.costs.iter().find(|cost| cost.method == Method::new("getSignaturesForAddress"));
        (pages.unwrap().per_second * 60.0, plan.sampled.get(&address(2, 0)).copied())
    };
    let (pages, share) = planned(10.0);
    assert!((pages - 1.0).abs() < 1e-9 && share.is_none());
    let (pages, share) = planned(100.0);
    assert!((pages - 8.0).abs() < 1e-9 && share.is_none(), "{pages} {share:?}");
    let (pages, share) = planned(200.0);
    assert!((pages - 8.0).abs() < 1e-9, "{pages}");
    assert!((share.unwrap() - 8_000.0 / (200.0 * 72.8)).abs() < 1e-9, "{share:?}");
}

#[test]
fn what_can_wait_is_done_as_seldom_as_it_takes_to_fit() {
    // Seven addresses need a listing every 8.6 s, and the plan leaves one in 10 s.
    let limits = limits("public-mainnet-beta");
    let stretch = |addresses| planned(&demand(0, addresses, 0), &limits).unwrap().stretch;
    assert_eq!([6, 7, 12, 13, 90].map(stretch), [1, 2, 2, 4, 16]);
    let plan = planned(&demand(0, 7, 0), &limits).unwrap();
    assert!(plan.lines.iter().any(|line| line.contains("2 times as long as set")), "{plan:?}");
    let refused = planned(&demand(0, 97, 0), &limits).unwrap_err().to_string();
    assert!(
        refused.contains("97 address(es) every 60 s needs 17 getSignaturesForAddress calls per 10 s"),
        "{refused}"
    );
}

#[test]
fn what_would_fit_instead_is_named_and_really_fits() {
    let (demand, measures) = (demand(0, 3, 0), busy(3, 2.0, 1.0));
    let refused = plan(&demand, &measures, &limits("public-mainnet-beta"), &terms());
    assert!(refused.over[0].contains("60 getTransaction calls per 10 s"), "{refused:?}");
    let lines = instead(&demand, &measures, &limits("public-mainnet-beta"), &terms(), 100);
    assert!(!lines.iter().any(|line| line.contains("public-")), "{lines:?}");
    let name = |line: &String| line.split('"').nth(1).map(str::to_owned);
    let named: Vec<String> = lines.iter().filter_map(name).collect();
    assert!(named.contains(&"helius-professional".to_owned()), "{lines:?}");
    for name in named {
        assert_eq!(plan(&demand, &measures, &limits(&name), &terms()).over, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_day_on_which_the_credits_run_out_is_that_of_the_rate() {
    let limits = Limits { monthly_credits: Some(1_003), ..Limits::default() };
    let aside = Cost::repeated(Part::Supplies, Method::new("getAccountInfo"), 0.001, "supplies");
    let plan = plan(&Demand { aside: vec![aside], ..demand(0, 0, 0) }, &measures(), &limits, &terms());
    assert_eq!(plan.runs_out(&limits), Some(Duration::from_secs(1_000_000)));
    assert!(
        plan.over[0].contains("supplies needs 2,595 credits a month, and the plan has 1,003"),
        "{plan:?}"
    );
    assert_eq!(plan.runs_out(&Limits::default()), None);
    assert_eq!(plan.runs_out(&Limits { monthly_credits: Some(2_595), ..limits }), None);
}
