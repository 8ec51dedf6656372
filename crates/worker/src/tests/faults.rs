use super::*;
use crate::Exit;

use WorkerName::{BurnDetector, LiquidityMonitor, MarketDetector};

#[tokio::test(start_paused = true)]
async fn whichever_way_a_worker_fails_the_others_go_on_and_it_loses_nothing() {
    use WorkerState::{Restarting, Running, Starting, Stuck};
    let failed: &[WorkerState] = &[Starting, Restarting, Starting, Running];
    let hung: &[WorkerState] = &[Starting, Running, Stuck, Restarting, Starting, Running];
    let cases = [
        (Fault::Panic, failed, "panicked: item 3 is bad"),
        (Fault::Error, failed, "failed: item 3 is bad"),
        (Fault::Hang, hung, "made no progress for 10.0s"),
    ];
    for (fault, story, reason) in cases {
        let rig = Rig::new(lenient());
        let victim = rig.add(BurnDetector);
        let others = [rig.add(MarketDetector), rig.add(LiquidityMonitor)];
        let mut posted = 0;

        victim.post([1, 2]);
        victim.post.post(Item::bad(3, fault, 1));
        victim.post([4]);
        let mut late = 5;
        while victim.trace.begun() < 2 {
            // While it is broken: its own items wait for it, those of the others do not.
            if victim.trace.counted().len() == 2 && late < 8 {
                victim.post([late]);
                late += 1;
            }
            posted += 1;
            for other in &others {
                other.post([posted]);
            }
            sleep(Duration::from_millis(10)).await;
            for other in &others {
                assert_eq!(other.trace.counted().len(), posted as usize, "{reason}: {} waits", other.name);
            }
        }
        victim.post([late]);
        victim.has_counted(8).await;
        sleep(SECOND * 5).await;

        assert_eq!(victim.trace.counted(), [1, 2, 3, 4, 5, 6, 7, 8], "{reason}");
        assert_eq!((victim.trace.begun(), victim.trace.most_alive()), (2, 1), "{reason}");
        let metrics = rig.metrics(BurnDetector);
        assert_eq!((metrics.restarts, metrics.errors, metrics.events_processed), (1, 1, 8));
        assert_eq!(metrics.last_error.as_deref(), Some(reason));
        assert_eq!(metrics.inputs[0].quarantined, 0);
        for other in &others {
            assert_eq!(other.trace.begun(), 1, "{reason}: {} was restarted", other.name);
            assert_eq!(rig.metrics(other.name).errors, 0);
        }
        assert_eq!(rig.story(BurnDetector), story, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn poison_is_delivered_twice_and_then_quarantined_with_its_reason() {
    for (fault, reason) in [
        (Fault::Panic, "panicked: item 2 is bad"),
        (Fault::Error, "failed: item 2 is bad"),
        (Fault::Hang, "stuck"),
    ] {
        let rig = Rig::new(lenient());
        let (post, mailbox) = Mailbox::new("items", 10);
        let trace = Arc::new(Trace::default());
        let (input, lease) = (mailbox.clone(), Arc::clone(&rig.leases));
        let counter = Counter { name: BurnDetector, mailbox, trace: Arc::clone(&trace), _lease: lease };
        rig.supervisor.add(Box::new(counter)).unwrap();

        post.post(Item::good(1));
        let poison = Item::bad(2, fault, usize::MAX);
        post.post(poison.clone());
        post.post(Item::good(3));
        until(|| trace.counted().len() == 2).await;

        assert_eq!(trace.counted(), [1, 3]);
        assert_eq!(usize::MAX - poison.strikes.load(Ordering::SeqCst), 2, "deliveries");
        assert_eq!(trace.begun(), 3);
        let quarantine = input.quarantine();
        assert_eq!(quarantine.len(), 1);
        assert_eq!((quarantine[0].item.as_str(), quarantine[0].reason.as_str()), ("item 2", reason));
        let queue = &rig.metrics(BurnDetector).inputs[0];
        assert_eq!((queue.delivered, queue.quarantined, queue.queued), (2, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_worker_that_ends_in_its_grace_is_not_aborted() {
    let rig = Rig::new(lenient());
    let trace = Arc::new(Trace::default());
    let seen = Arc::clone(&trace);
    rig.script(BurnDetector, move |context| {
        let trace = Arc::clone(&seen);
        Box::pin(async move {
            trace.enter();
            if context.incarnation() == 1 {
                // A wait that was not declared.
                context.stopping().cancelled().await;
                sleep(SECOND).await;
                trace.counted.lock().unwrap().push(1);
                return Ok(());
            }
            context.wait("stop", context.stopping().cancelled()).await;
            Ok(())
        })
    });
    until(|| trace.begun() == 2).await;
    assert_eq!(trace.counted(), [1]);
    assert_eq!(rig.metrics(BurnDetector).restarts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_worker_that_blocks_its_thread_is_fenced_and_never_doubled() {
    let rig = Rig::new(impatient());
    let victim = rig.add(BurnDetector);
    let others = [rig.add(MarketDetector), rig.add(LiquidityMonitor)];
    let (release, released) = mpsc::channel();

    victim.post([1]);
    victim.post.post(Item::bad(2, Fault::Block(Arc::new(Mutex::new(released))), 1));
    victim.post([3]);
    until(|| rig.state(BurnDetector) == WorkerState::Stuck).await;
    for other in &others {
        other.post([1, 2, 3]);
        other.has_counted(3).await;
    }
    assert_eq!(rig.supervisor.restart(BurnDetector).await, Ok(Exit::Stuck));
    assert_eq!(victim.trace.begun(), 1, "a second incarnation beside the blocked one");
    assert_eq!(rig.state(BurnDetector), WorkerState::Stuck);
    assert_eq!(rig.leases(), 3, "a blocked worker still uses its lease");

    drop(release);
    victim.has_counted(3).await;
    assert_eq!(victim.trace.counted(), [1, 2, 3]);
    assert_eq!(victim.trace.fenced.load(Ordering::SeqCst), 1, "the fenced incarnation was not refused");
    assert_eq!(victim.trace.most_alive(), 1);
    let events = rig.kept.events();
    let published: Vec<_> =
        events.iter().filter_map(|event| event.id.as_str().strip_prefix("burn-detector/")).collect();
    assert_eq!(published, ["1", "2", "3"]);
    let metrics = rig.metrics(BurnDetector);
    assert_eq!((metrics.published, metrics.events_processed), (3, 3));
    for other in &others {
        assert_eq!(other.trace.counted(), [1, 2, 3]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_blocked_worker_is_named_at_the_deadline_and_dropped_when_it_ends() {
    let rig = Rig::new(Policy { hang_after: HOUR, ..impatient() });
    let victim = rig.add(BurnDetector);
    let _idle = rig.add(MarketDetector);
    let (release, released) = mpsc::channel();
    victim.post.post(Item::bad(1, Fault::Block(Arc::new(Mutex::new(released))), 1));
    until(|| victim.trace.alive.load(Ordering::SeqCst) == 1).await;

    let stopped = rig.supervisor.stop_all(Duration::from_millis(250)).await;
    let exits: Vec<(WorkerName, Exit)> = stopped.into_iter().map(|end| (end.worker, end.exit)).collect();
    assert_eq!(exits, [(BurnDetector, Exit::Stuck), (MarketDetector, Exit::Cancelled)]);
    assert_eq!(rig.leases(), 1);

    drop(release);
    rig.supervisor.ended().await;
    assert_eq!(rig.leases(), 0);
    assert_eq!(victim.trace.begun(), 1);
    assert_eq!(rig.story(BurnDetector).last(), Some(&WorkerState::Stopped));
}
