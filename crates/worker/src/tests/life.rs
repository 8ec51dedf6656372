use std::collections::BTreeMap;

use eda_events::Refusal;

use super::*;
use crate::{AlreadyRunning, Exit, NotRunning, Stopped};

use WorkerName::{BurnDetector, LiquidityMonitor, MarketDetector};

#[tokio::test(start_paused = true)]
async fn quiet_waiting_and_lacking_workers_are_healthy_for_hours() {
    let rig = Rig::new(lenient());
    let quiet = rig.add(BurnDetector);
    rig.script(MarketDetector, |context| {
        Box::pin(async move {
            loop {
                context.wait("request budget", sleep(HOUR)).await;
                context.processed()?;
            }
        })
    });
    rig.script(LiquidityMonitor, |context| {
        Box::pin(async move {
            context.need("endpoint: connection refused", sleep(HOUR * 100)).await;
            Ok(())
        })
    });
    sleep(HOUR * 5 + SECOND).await;

    for (name, state, what) in [
        (BurnDetector, WorkerState::Running, "items"),
        (MarketDetector, WorkerState::Running, "request budget"),
        (LiquidityMonitor, WorkerState::Waiting, "endpoint: connection refused"),
    ] {
        let metrics = rig.metrics(name);
        assert_eq!((metrics.state, metrics.waiting_for.as_deref()), (state, Some(what)));
        assert_eq!((metrics.restarts, metrics.errors), (0, 0), "{name}");
        assert_eq!(metrics.uptime, 5 * 3_600_000 + 1_000);
    }
    assert_eq!(rig.metrics(MarketDetector).events_processed, 5);
    assert_eq!(quiet.trace.begun(), 1);

    let published = rig.published();
    let of_one = published.iter().filter(|(_, status)| status.worker_name == BurnDetector);
    let ids: Vec<&String> = of_one.map(|(id, _)| id).collect();
    // One at the start, one when it began to wait, and two a minute.
    assert_eq!(ids.len(), 2 + 600);
    for (n, id) in (1..).zip(ids) {
        assert_eq!(*id, format!("status:burn-detector:42:{n}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_works_for_long_with_signs_of_progress_is_healthy() {
    let rig = Rig::new(lenient());
    rig.script(BurnDetector, |context| {
        Box::pin(async move {
            loop {
                sleep(SECOND * 9).await;
                context.progressed();
            }
        })
    });
    sleep(HOUR).await;
    assert_eq!(rig.metrics(BurnDetector).restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_restart_budget_is_spent_is_given_up_and_the_others_go_on() {
    let rig = Rig::new(Policy { restart_budget: 5, budget_window: SECOND * 60, ..lenient() });
    let other = rig.add(MarketDetector);
    let victim = rig.add(BurnDetector);
    // Three items of poison fail it six times.
    for number in 1..=3 {
        victim.post.post(Item::bad(number, Fault::Error, usize::MAX));
    }
    victim.post([4]);
    assert_eq!(rig.leases(), 2);
    until(|| rig.state(BurnDetector) == WorkerState::Failed).await;

    assert_eq!(victim.trace.begun(), 6);
    assert!(victim.trace.counted().is_empty());
    assert_eq!(rig.leases(), 1, "the lease of a worker that was given up");
    assert!(victim.post.is_closed(), "its mailbox has no reader any more");
    let (_, last) =
        rig.published().into_iter().rfind(|(_, status)| status.worker_name == BurnDetector).unwrap();
    assert_eq!(last.status, eda_events::data::Status::Error);
    assert_eq!(last.metrics.last_error.as_deref(), Some("failed: item 3 is bad"));
    assert_eq!(last.metrics.shared_connection.unwrap().ref_count, 1);
    assert_eq!(rig.supervisor.restart(BurnDetector).await, Err(NotRunning(BurnDetector)));

    other.post([1, 2]);
    other.has_counted(2).await;
    assert_eq!(other.trace.begun(), 1);
    let stopped = rig.supervisor.stop_all(SECOND).await;
    assert_eq!(stopped, [Stopped { worker: MarketDetector, exit: Exit::Cancelled }]);
}

#[tokio::test(start_paused = true)]
async fn one_worker_stops_returns_its_lease_and_may_come_back() {
    let rig = Rig::new(lenient());
    let first = rig.add(BurnDetector);
    let other = rig.add(MarketDetector);
    first.post([1, 2, 3]);
    assert_eq!(rig.supervisor.stop(BurnDetector, SECOND).await, Ok(Exit::Cancelled));

    assert_eq!(first.trace.counted(), [1, 2, 3], "what was queued is drained");
    assert_eq!(rig.leases(), 1);
    let published = rig.published();
    let (id, last) = published.iter().rfind(|(_, status)| status.worker_name == BurnDetector).unwrap();
    assert_eq!(id, "status:burn-detector:42:3");
    assert_eq!((last.status, last.metrics.state), (eda_events::data::Status::Stopped, WorkerState::Stopped));
    assert_eq!(last.metrics.shared_connection.as_ref().unwrap().ref_count, 1);
    assert_eq!((last.metrics.inputs[0].delivered, last.metrics.uptime), (3, 0));
    assert_eq!(rig.supervisor.stop(BurnDetector, SECOND).await, Err(NotRunning(BurnDetector)));

    let second = rig.add(BurnDetector);
    second.post([4]);
    second.has_counted(1).await;
    assert_eq!((rig.leases(), rig.metrics(BurnDetector).events_processed), (2, 4));
    assert_eq!(rig.published()[0].0, "status:burn-detector:42:4");
    other.post([1]);
    other.has_counted(1).await;
    assert_eq!(other.trace.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_cannot_be_added_twice() {
    let rig = Rig::new(lenient());
    let _probe = rig.add(BurnDetector);
    let again = Scripted { name: BurnDetector, body: |_context: Context| async { Ok(()) }.boxed() };
    assert_eq!(rig.supervisor.add(Box::new(again)), Err(AlreadyRunning(BurnDetector)));
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_lease_and_the_queue() {
    let rig = Rig::new(lenient());
    let worker = rig.add(BurnDetector);
    worker.post([1]);
    worker.has_counted(1).await;
    assert_eq!(rig.supervisor.restart(BurnDetector).await, Ok(Exit::Cancelled));
    worker.post([2]);
    worker.has_counted(2).await;

    assert_eq!(rig.leases(), 1);
    assert_eq!((worker.trace.begun(), worker.trace.most_alive()), (2, 1));
    let metrics = rig.metrics(BurnDetector);
    assert_eq!((metrics.restarts, metrics.errors), (1, 0));
    sleep(SECOND * 5).await;
    use WorkerState::{Running, Starting, Stopping};
    assert_eq!(rig.story(BurnDetector), [Starting, Stopping, Starting, Running]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_cuts_the_backoff_short_and_a_stop_ends_it() {
    let rig = Rig::new(Policy { backoff: Backoff::try_new(HOUR, HOUR, HOUR).unwrap(), ..lenient() });
    let worker = rig.add(BurnDetector);
    worker.post.post(Item::bad(1, Fault::Error, 2));
    until(|| rig.state(BurnDetector) == WorkerState::Restarting).await;
    assert_eq!(rig.supervisor.restart(BurnDetector).await, Ok(Exit::Cancelled));
    until(|| worker.trace.begun() == 2 && rig.state(BurnDetector) == WorkerState::Restarting).await;
    assert_eq!(rig.supervisor.stop(BurnDetector, SECOND).await, Ok(Exit::Cancelled));
    assert_eq!(rig.leases(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clean_shutdown_drains_what_is_queued() {
    let rig = Rig::new(lenient());
    let workers = [rig.add(BurnDetector), rig.add(MarketDetector)];
    for worker in &workers {
        worker.post(1..=100);
    }
    let stopped = rig.supervisor.stop_all(SECOND * 10).await;
    let expected = [BurnDetector, MarketDetector].map(|worker| Stopped { worker, exit: Exit::Cancelled });
    assert_eq!(stopped, expected);
    for worker in &workers {
        assert_eq!(worker.trace.counted(), (1..=100).collect::<Vec<_>>());
    }
    assert_eq!(rig.leases(), 0);
    timeout(SECOND, rig.supervisor.ended()).await.expect("nothing is left running");
    assert_eq!(rig.supervisor.stop_all(SECOND).await, []);
}

#[tokio::test(start_paused = true)]
async fn who_is_still_running_at_the_deadline_is_named_and_aborted() {
    let rig = Rig::new(lenient());
    let stuck = rig.add(BurnDetector);
    let _idle = rig.add(MarketDetector);
    stuck.post.post(Item::bad(1, Fault::Hang, 1));
    sleep(Duration::from_millis(1)).await;
    let started = tokio::time::Instant::now();
    let stopped = rig.supervisor.stop_all(SECOND * 3).await;
    assert!(started.elapsed() <= SECOND * 3 + Duration::from_millis(100), "{:?}", started.elapsed());
    assert_eq!(
        stopped,
        [
            Stopped { worker: BurnDetector, exit: Exit::Stuck },
            Stopped { worker: MarketDetector, exit: Exit::Cancelled },
        ]
    );
    assert_eq!(rig.leases(), 0);
    assert_eq!(rig.state(BurnDetector), WorkerState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_fails_while_it_stops_is_not_restarted() {
    let rig = Rig::new(lenient());
    let worker = rig.add(BurnDetector);
    worker.post.post(Item::bad(1, Fault::Panic, 1));
    let stopped = rig.supervisor.stop_all(SECOND).await;
    assert_eq!(stopped[0].exit, Exit::Panicked("item 1 is bad".to_owned()));
    sleep(HOUR).await;
    assert_eq!((worker.trace.begun(), rig.leases()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_nothing_left_to_do_is_not_restarted() {
    let rig = Rig::new(lenient());
    let closed = rig.add(BurnDetector);
    closed.post([1]);
    closed.post.close();
    rig.script(MarketDetector, |context| {
        Box::pin(async move {
            context.wait("nothing", sleep(SECOND)).await;
            Ok(())
        })
    });
    timeout(SECOND * 2, rig.supervisor.ended()).await.expect("both end by themselves");
    assert_eq!((closed.trace.counted(), closed.trace.begun()), (vec![1], 1));
    for name in [BurnDetector, MarketDetector] {
        let metrics = rig.metrics(name);
        assert_eq!((metrics.state, metrics.restarts, metrics.errors), (WorkerState::Stopped, 0, 0));
    }
}

/// On real threads, since the order must arrive while the keeper is at its last steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_crosses_the_end_of_its_worker_is_answered() {
    let rig = Rig::new(lenient());
    for round in 0..4_000_u32 {
        let (end, ended) = tokio::sync::watch::channel(false);
        rig.script(BurnDetector, move |context| {
            let mut ended = ended.clone();
            Box::pin(async move {
                drop(context.wait("the end", ended.wait_for(|ended| *ended)).await);
                Ok(())
            })
        });
        end.send_replace(true);
        for _ in 0..round % 400 {
            std::hint::spin_loop();
        }
        let stopped = timeout(SECOND * 20, rig.supervisor.stop(BurnDetector, SECOND * 5)).await;
        let exit = stopped.expect("the order is answered");
        assert!(exit != Ok(Exit::Stuck), "round {round}: {exit:?}");
        until(|| rig.state(BurnDetector) == WorkerState::Stopped).await;
        rig.published();
    }
}

/// Its keeper is at a standstill until the value has been dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_drop_blocks_does_not_hold_up_who_stops_it() {
    struct Clinging(mpsc::Receiver<()>);
    impl Drop for Clinging {
        fn drop(&mut self) {
            assert!(self.0.recv().is_err());
        }
    }
    let rig = Rig::new(lenient());
    let (release, released) = mpsc::channel::<()>();
    let clinging = Mutex::new(Clinging(released));
    rig.script(BurnDetector, move |context| {
        assert!(clinging.lock().is_ok());
        Box::pin(async move {
            context.wait("its end", context.stopping().cancelled()).await;
            Ok(())
        })
    });
    until(|| rig.state(BurnDetector) == WorkerState::Running).await;
    let stopped = rig.supervisor.stop_all(Duration::from_millis(10)).await;
    assert_eq!(stopped, [Stopped { worker: BurnDetector, exit: Exit::Stuck }]);
    drop(release);
    timeout(SECOND * 20, rig.supervisor.ended()).await.expect("it ends when it is released");
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_await_is_a_failure_like_any_other() {
    let rig = Rig::new(Policy { restart_budget: 1, ..lenient() });
    rig.script(BurnDetector, |_context| panic!("no config"));
    until(|| rig.state(BurnDetector) == WorkerState::Failed).await;
    assert_eq!(rig.metrics(BurnDetector).last_error.as_deref(), Some("panicked: no config"));
}

#[tokio::test(start_paused = true)]
async fn workers_end_when_their_supervisor_is_dropped() {
    let Rig { supervisor, leases, kept, .. } = Rig::new(lenient());
    let (_post, mailbox) = Mailbox::new("items", 10);
    let trace = Arc::new(Trace::default());
    let lease = Arc::clone(&leases);
    let counter = Counter { name: BurnDetector, mailbox, trace: Arc::clone(&trace), _lease: lease };
    supervisor.add(Box::new(counter)).unwrap();
    sleep(SECOND).await;
    drop(supervisor);
    // The closure that shows the leases goes with the surroundings, and they with the last keeper.
    until(|| Arc::strong_count(&leases) == 1).await;
    assert_eq!(trace.alive.load(Ordering::SeqCst), 0);
    assert_eq!(kept.events().len(), 3, "starting, stopping, stopped");
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_says_about_its_work_is_in_its_status() {
    let rig = Rig::new(lenient());
    rig.script(BurnDetector, |context| {
        Box::pin(async move {
            context.seen("burn")?;
            context.seen("burn")?;
            context.missed(7)?;
            context.erred("could not decode account")?;
            context
                .refuse(Refusal {
                    worker: context.worker(),
                    subject: "burn:1".to_owned(),
                    rule: "below-threshold".into(),
                    seen: "5".to_owned(),
                    bound: "at least 1000000".to_owned(),
                    slot: None,
                    at: Timestamp::UNIX_EPOCH,
                })
                .await?;
            context.wait("stop", context.stopping().cancelled()).await;
            Ok(())
        })
    });
    until(|| rig.state(BurnDetector) == WorkerState::Running).await;
    let metrics = rig.metrics(BurnDetector);
    assert_eq!((metrics.seen["burn"], metrics.gaps, metrics.errors), (2, 7, 1));
    assert_eq!(metrics.last_error.as_deref(), Some("could not decode account"));
    assert_eq!(metrics.refused, BTreeMap::from([("below-threshold".to_owned(), 1)]));
    assert_eq!(metrics.waiting_for.as_deref(), Some("stop"));
}

/// It waits for its next item as always, which cannot come.
#[tokio::test(start_paused = true)]
async fn a_worker_that_lacks_something_does_not_claim_to_work_and_says_why() {
    let rig = Rig::new(lenient());
    rig.lacking.lock().unwrap().replace("the endpoint: nobody answers".to_owned());
    let probe = rig.add(WorkerName::BurnDetector);
    until(|| rig.metrics(probe.name).waiting_for.is_some()).await;
    assert_eq!(rig.story(probe.name), [WorkerState::Waiting]);
    let why = |rig: &Rig| rig.metrics(WorkerName::BurnDetector).waiting_for;
    assert_eq!(why(&rig).as_deref(), Some("the endpoint: nobody answers"));

    rig.lacking.lock().unwrap().replace("the endpoint: it refuses us".to_owned());
    sleep(SECOND * 2).await;
    let published = rig.published();
    assert_eq!(published.len(), 1, "a new reason is announced, and once: {published:?}");
    assert_eq!(published[0].1.metrics.waiting_for.as_deref(), Some("the endpoint: it refuses us"));

    rig.lacking.lock().unwrap().take();
    sleep(SECOND * 2).await;
    assert_eq!(rig.story(probe.name), [WorkerState::Running]);
}
