use std::{sync::Arc, time::Duration};

use eda_events::{Input, Verdict};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{
    Context, Exit, Failure, Policy, Worker,
    phase::{Life, Phase, Then},
    policy::{Decision, Restarts},
    status::{Record, Situation, Standing},
    supervisor::Surroundings,
};

/// How long an aborted task may take to be gone. One that waits is gone at once; one that blocks its thread is not
/// gone before it stops blocking.
const ABORT_PATIENCE: Duration = Duration::from_millis(100);

/// Hangs are looked for this many times per [`Policy::hang_after`].
const HANG_CHECKS: u32 = 4;

/// And at least this often, since a change of a worker's state is announced when it is seen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the supervisor wants of one worker.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) what: Wish,
    /// Told how the incarnation ended; [`Exit::Stuck`] if it has not.
    pub(crate) reply: oneshot::Sender<Exit>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// Stop for good until this moment, then abort.
    Stop(Instant),
    /// End and begin again.
    Restart,
}

/// Leads one worker through its life, from its first incarnation until its value is dropped.
///
/// All of a worker's state changes happen in this one task, so that two incarnations at a time cannot be: the next
/// one begins only when the `JoinSet` is empty.
pub(crate) struct Keeper {
    worker: Arc<dyn Worker>,
    inputs: Vec<Arc<dyn Input>>,
    record: Arc<Record>,
    surroundings: Arc<Surroundings>,
    policy: Policy,
    restarts: Restarts,
    /// `None` when the supervisor is gone.
    orders: Option<mpsc::Receiver<Order>>,
    incarnation: JoinSet<Result<(), Failure>>,
    status_due: Interval,
    /// What the last status event showed.
    announced: Option<Standing>,
    /// Who waits to be told how the incarnation ends.
    replies: Vec<oneshot::Sender<Exit>>,
}

enum Happening {
    Ended(Result<Result<(), Failure>, JoinError>),
    Ordered(Order),
    SupervisorGone,
    DeadlinePassed,
    StatusDue,
}

// === impl Keeper ===

impl Keeper {
    pub(crate) fn new(
        worker: Arc<dyn Worker>,
        record: Arc<Record>,
        orders: mpsc::Receiver<Order>,
        policy: Policy,
        surroundings: Arc<Surroundings>,
    ) -> Self {
        let inputs = worker.inputs();
        record.open(inputs.clone());
        let every = policy.status_every.max(Duration::from_millis(1));
        let mut status_due = interval_at(Instant::now() + every, every);
        status_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let restarts = Restarts::new(&policy, fastrand::Rng::new());
        Self {
            worker,
            inputs,
            record,
            surroundings,
            policy,
            restarts,
            orders: Some(orders),
            incarnation: JoinSet::new(),
            status_due,
            announced: None,
            replies: Vec::new(),
        }
    }

    /// The worker's life. Resolves when the worker value was dropped.
    pub(crate) async fn keep(mut self) {
        let mut phase = self.begin();
        loop {
            phase = match phase {
                Phase::Over { exit, given_up } => return self.end(&exit, given_up).await,
                Phase::Running { .. }
                | Phase::Ending { .. }
                | Phase::Aborted { .. }
                | Phase::BackingOff { .. } => {
                    let happening = self.happening(phase.deadline()).await;
                    self.step(phase, happening)
                }
            };
        }
    }

    /// Waits for the next thing that matters. Each branch is cancel-safe.
    async fn happening(&mut self, deadline: Option<Instant>) -> Happening {
        let Self { incarnation, orders, status_due, .. } = self;
        let order = async {
            match orders {
                Some(orders) => orders.recv().await,
                None => std::future::pending().await,
            }
        };
        let deadline = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // An end that is known outranks a deadline that passes at the same moment.
            biased;
            Some(result) = incarnation.join_next() => Happening::Ended(result),
            order = order => order.map_or(Happening::SupervisorGone, Happening::Ordered),
            () = deadline => Happening::DeadlinePassed,
            _ = status_due.tick() => Happening::StatusDue,
        }
    }

    fn step(&mut self, phase: Phase, happening: Happening) -> Phase {
        match happening {
            Happening::Ended(result) => self.ended(phase, result),
            Happening::Ordered(Order { what, reply }) => {
                self.replies.push(reply);
                self.ordered(phase, what)
            }
            Happening::SupervisorGone => {
                self.orders = None;
                self.ordered(phase, Wish::Stop(Instant::now() + self.policy.grace))
            }
            Happening::DeadlinePassed => self.deadline_passed(phase),
            Happening::StatusDue => {
                self.announce();
                phase
            }
        }
    }

    // --- what can happen ---

    fn ended(&mut self, phase: Phase, result: Result<Result<(), Failure>, JoinError>) -> Phase {
        // Tasks it may have left behind have nothing to say any more.
        self.record.fence.close();
        let exit = Exit::of(result);
        let (life, exit, then) = match phase {
            Phase::Running { life, .. } => {
                let then = if exit.is_clean() { Then::Stop } else { Then::Recover };
                (life, exit, then)
            }
            Phase::Ending { life, then, .. } => {
                let exit = match (then, exit) {
                    (Then::Recover, _late) => Exit::Stuck,
                    (Then::Restart | Then::Stop, Exit::Finished) => Exit::Cancelled,
                    (Then::Restart | Then::Stop, exit) => exit,
                };
                (life, exit, then)
            }
            Phase::Aborted { life, then, .. } => (life, Exit::Stuck, then),
            // Unreachable: without an incarnation none can end.
            phase @ (Phase::BackingOff { .. } | Phase::Over { .. }) => return phase,
        };
        if !exit.is_clean() {
            self.blame(&exit);
        }
        match then {
            Then::Stop => Phase::Over { exit, given_up: false },
            Then::Restart => {
                answer(&mut self.replies, &exit);
                self.record.restarted();
                self.begin()
            }
            Then::Recover => self.recover(exit, life.since.elapsed()),
        }
    }

    fn ordered(&mut self, phase: Phase, wish: Wish) -> Phase {
        let then = match wish {
            Wish::Stop(_) => Then::Stop,
            Wish::Restart => Then::Restart,
        };
        let until = match wish {
            Wish::Stop(until) => until,
            Wish::Restart => Instant::now() + self.policy.grace,
        };
        match phase {
            Phase::Running { life, .. } => {
                life.stopping.cancel();
                self.moved_to(life.is_stopping());
                Phase::Ending { life, then, until }
            }
            Phase::Ending { life, then: was, until: was_until } => {
                let (then, until) = match (was, wish) {
                    (Then::Stop, Wish::Stop(until)) => (Then::Stop, until.min(was_until)),
                    (Then::Stop, Wish::Restart) => (Then::Stop, was_until),
                    (Then::Recover | Then::Restart, Wish::Stop(until)) => (Then::Stop, until),
                    (Then::Recover | Then::Restart, Wish::Restart) => (was, was_until),
                };
                Phase::Ending { life, then, until }
            }
            Phase::Aborted { life, then: was, .. } => {
                let then = match (was, wish) {
                    (Then::Stop, Wish::Stop(_) | Wish::Restart) => Then::Stop,
                    (Then::Recover | Then::Restart, Wish::Stop(_)) => Then::Stop,
                    (Then::Recover | Then::Restart, Wish::Restart) => was,
                };
                Phase::Aborted { life, then, patience: Some(until) }
            }
            Phase::BackingOff { .. } => match wish {
                Wish::Stop(_) => Phase::Over { exit: Exit::Cancelled, given_up: false },
                Wish::Restart => {
                    answer(&mut self.replies, &Exit::Cancelled);
                    self.record.restarted();
                    self.begin()
                }
            },
            Phase::Over { .. } => phase,
        }
    }

    fn deadline_passed(&mut self, phase: Phase) -> Phase {
        match phase {
            Phase::Running { life, .. } => match life.heartbeat.busy_for() {
                Some(busy) if busy >= self.policy.hang_after => {
                    self.record.failed(format!("made no progress for {busy:.1?}"));
                    error!(busy = ?busy, "worker is stuck");
                    life.stopping.cancel();
                    self.moved_to(life.is_stuck());
                    Phase::Ending { life, then: Then::Recover, until: Instant::now() + self.policy.grace }
                }
                Some(_) | None => {
                    self.announce_if_changed();
                    Phase::Running { life, check: self.next_check() }
                }
            },
            Phase::Ending { life, then, .. } => {
                match then {
                    Then::Recover => {}
                    Then::Restart | Then::Stop => {
                        self.record.failed("was still running when its deadline to end passed".to_owned());
                    }
                }
                self.record.fence.close();
                self.incarnation.abort_all();
                Phase::Aborted { life, then, patience: Some(Instant::now() + ABORT_PATIENCE) }
            }
            Phase::Aborted { life, then, .. } => {
                error!("worker has not ended although it was aborted; no new one begins before it has");
                self.moved_to(life.is_stuck());
                answer(&mut self.replies, &Exit::Stuck);
                Phase::Aborted { life, then, patience: None }
            }
            Phase::BackingOff { .. } => {
                self.record.restarted();
                self.begin()
            }
            Phase::Over { .. } => phase,
        }
    }

    // --- what is done about it ---

    fn begin(&mut self) -> Phase {
        let epoch = self.record.fence.begin();
        let life = Life::begin();
        let context = Context {
            record: Arc::clone(&self.record),
            epoch,
            heartbeat: Arc::clone(&life.heartbeat),
            stopping: life.stopping.clone(),
            surroundings: Arc::clone(&self.surroundings),
        };
        let worker = Arc::clone(&self.worker);
        // `run` is called inside the task, so that a panic in it is the incarnation's and not the keeper's.
        let incarnation = Box::pin(async move {
            let run = worker.run(context);
            drop(worker);
            run.await
        });
        let span = info_span!("worker", name = %self.record.worker(), incarnation = epoch.0);
        self.incarnation.spawn(Arc::clone(&life.heartbeat).watch(incarnation).instrument(span));
        self.moved_to(life.is_alive());
        Phase::Running { life, check: self.next_check() }
    }

    fn recover(&mut self, exit: Exit, ran: Duration) -> Phase {
        match self.restarts.failed(Instant::now(), ran) {
            Decision::RestartAfter(delay) => {
                warn!(reason = %exit, delay = ?delay, "worker is restarted");
                self.moved_to(Situation::BackingOff);
                answer(&mut self.replies, &exit);
                Phase::BackingOff { until: Instant::now() + delay }
            }
            Decision::GiveUp => {
                error!(reason = %exit, "worker is given up: its restart budget is spent");
                Phase::Over { exit, given_up: true }
            }
        }
    }

    /// Tells every input, since which of the items in hand did it cannot be known.
    fn blame(&self, exit: &Exit) {
        let reason = exit.to_string();
        // A hang was counted when it was found.
        if *exit != Exit::Stuck {
            self.record.failed(reason.clone());
        }
        for input in &self.inputs {
            match input.blame(&reason) {
                Verdict::Nothing | Verdict::WillRedeliver => {}
                Verdict::Quarantined { item } => {
                    let input = input.stats().name;
                    error!(input, item, reason, "item is quarantined: it failed its worker twice");
                }
            }
        }
    }

    /// The worker value is dropped before its last status is published, so that the status shows that its lease
    /// is returned, and before anyone is told.
    async fn end(self, exit: &Exit, given_up: bool) {
        let Self { worker, inputs, record, surroundings, orders, mut replies, .. } = self;
        info!(worker = %record.worker(), %exit, "worker has ended");
        drop(inputs);
        record.close();
        drop(worker);
        record.moved_to(if given_up { Situation::Failed } else { Situation::Stopped });
        surroundings.announce(&record);
        if let Some(mut orders) = orders {
            // Before the answer, so that who is told may add the worker again at once.
            orders.close();
            // An order that is on its way at this moment would stay in the channel, and its sender waiting, for
            // as long as the supervisor keeps its end: tokio's channel drops late messages with the last of both.
            while let Some(late) = orders.recv().await {
                drop(late);
            }
        }
        answer(&mut replies, exit);
    }

    fn moved_to(&mut self, situation: Situation) {
        self.record.moved_to(situation);
        self.announce();
    }

    fn announce(&mut self) {
        self.announced = Some(self.surroundings.standing(&self.record));
        self.surroundings.announce(&self.record);
    }

    /// A worker passes by itself from starting to running, and from either to waiting for something it lacks.
    fn announce_if_changed(&mut self) {
        if self.announced != Some(self.surroundings.standing(&self.record)) {
            self.announce();
        }
    }

    fn next_check(&self) -> Instant {
        Instant::now() + (self.policy.hang_after / HANG_CHECKS).min(LOOK_EVERY)
    }
}

fn answer(replies: &mut Vec<oneshot::Sender<Exit>>, exit: &Exit) {
    for reply in replies.drain(..) {
        // Whoever asked may have stopped waiting.
        drop(reply.send(exit.clone()));
    }
}
