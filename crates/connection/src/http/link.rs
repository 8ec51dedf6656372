use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    batch::{Lane, Limits, Queue},
    body::Bounds,
    client::{Call, Reply},
    error::{CallError, TransportError},
    exchange::{Exchange, Report},
    lent::{Cut, Meter},
    line::{Line, Opener, Sender},
    pending::Pending,
    rpc,
    stats::Version,
};
use crate::{budget::Permit, dial::SETTLE};

/// Calls that wait here at most; more wait in front of the link, in order of arrival.
const WAITING: usize = 4096;

/// What the link is asked to do.
pub(super) enum Order {
    Call(Request),
    /// Close the connection, and say so when its socket is closed.
    Close(oneshot::Sender<()>),
    /// The same, and open none any more.
    Rest(oneshot::Sender<()>),
    /// Connections may be opened again.
    Wake,
}

/// A call with its permit and its caller.
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) permit: Permit,
    pub(super) reply: oneshot::Sender<Result<Reply, CallError>>,
}

/// Owns the connection. It alone opens it, and opens none before the last one's socket is closed.
pub(super) struct Link {
    opener: Opener,
    batches: Limits,
    bounds: Bounds,
    gather: Duration,
    drain: Duration,
    queue: Queue<Pending>,
    /// When the first of the waiting calls has waited long enough for others.
    gathered: Instant,
    /// What is known of a server without TLS.
    cleartext: Option<Version>,
    state: State,
    /// Not before this may the next connection be opened.
    settled: Instant,
    /// Tells this line's results from those of lines before it.
    line: u64,
    next_id: u64,
    work: JoinSet<Done>,
    closing: Vec<oneshot::Sender<()>>,
    /// No connection may be opened: calls are refused unsent.
    resting: bool,
}

enum State {
    /// No socket is open.
    Down,
    Opening(Cut),
    Up(Up),
    /// No more requests; the socket is about to be closed, by force after a while.
    Leaving {
        cut: Cut,
        until: Option<Instant>,
    },
}

struct Up {
    /// Over HTTP/1.1 a request takes it along and brings it back.
    sender: Option<Sender>,
    exchange: Exchange,
    in_flight: usize,
}

/// What the link's own tasks report.
enum Done {
    Opened {
        opened: Result<Line, TransportError>,
        cut: Cut,
    },
    /// The socket is closed.
    Ended {
        line: u64,
        meter: Arc<Meter>,
    },
    Exchanged {
        line: u64,
        report: Report,
        sender: Sender,
    },
}

enum Event {
    Order(Option<Order>),
    Done(Result<Done, JoinError>),
    Time,
    Stop,
}

// === impl Link ===

impl Link {
    pub(super) fn new(
        opener: Opener,
        batches: Limits,
        bounds: Bounds,
        gather: Duration,
        drain: Duration,
    ) -> Self {
        Self {
            opener,
            batches,
            bounds,
            gather,
            drain,
            queue: Queue::default(),
            gathered: Instant::now(),
            cleartext: None,
            state: State::Down,
            settled: Instant::now(),
            line: 0,
            next_id: 1,
            work: JoinSet::new(),
            closing: Vec::new(),
            resting: false,
        }
    }

    /// Runs until `stop`, or until nobody can give orders any more, and leaves no socket behind.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        let mut stopping = false;
        loop {
            self.advance();
            if stopping && self.work.is_empty() {
                return;
            }
            let wake = self.wake();
            // Nothing is lost when a branch is dropped: all of these are cancel safe.
            let event = tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => Event::Stop,
                Some(done) = self.work.join_next() => Event::Done(done),
                order = orders.recv(), if !stopping && self.queue.len() < WAITING => Event::Order(order),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Event::Time,
            };
            match event {
                Event::Order(Some(order)) => self.order(order),
                Event::Order(None) | Event::Stop => {
                    stopping = true;
                    orders.close();
                    // To the end, since a call on its way at this moment would stay in the channel and its caller wait.
                    while let Some(order) = orders.recv().await {
                        self.order(order);
                    }
                    self.close();
                }
                Event::Done(Ok(done)) => self.done(done),
                Event::Done(Err(error)) => self.broken(&error),
                Event::Time => self.time(),
            }
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Close(closed) => {
                self.closing.push(closed);
                self.close();
            }
            Order::Rest(closed) => {
                self.resting = true;
                self.closing.push(closed);
                self.close();
            }
            Order::Wake => self.resting = false,
            Order::Call(Request { call, permit, reply }) => {
                let id = self.next_id;
                self.next_id = self.next_id.wrapping_add(1);
                let body = rpc::encode(id, &call.method, &call.params);
                let Call { method, class, .. } = call;
                self.wait(Pending {
                    id,
                    method,
                    class,
                    body,
                    permit,
                    reply,
                    returns: 0,
                    resent: false,
                    told: false,
                });
            }
        }
    }

    fn wait(&mut self, call: Pending) {
        if self.queue.is_empty() {
            self.gathered = Instant::now() + self.gather;
        }
        self.queue.push(Lane::of(&call.method, call.class), call.class, call.body.len(), call);
    }

    /// Does what can be done now.
    fn advance(&mut self) {
        if self.resting {
            // Those that came meanwhile, and those that came back unsent from the connection that was closed.
            self.refuse(&CallError::Closed);
        }
        match &self.state {
            State::Down => {
                for closed in self.closing.drain(..) {
                    // Whoever asked may have stopped waiting.
                    closed.send(()).unwrap_or_default();
                }
                if !self.queue.is_empty() {
                    self.open();
                }
            }
            State::Up(_) => while self.send() {},
            State::Opening(_) | State::Leaving { .. } => {}
        }
    }

    fn open(&mut self) {
        self.line = self.line.saturating_add(1);
        let cut = Cut::default();
        self.state = State::Opening(cut.clone());
        let (opener, cleartext, settled) = (self.opener.clone(), self.cleartext, self.settled);
        self.work.spawn(async move {
            let opening = async {
                sleep_until(settled).await;
                opener.open(cleartext, &cut).await
            };
            let opened = tokio::select! {
                opened = opening => opened,
                () = cut.cancelled() => Err(TransportError::NotSent { reason: "closed".to_owned() }),
            };
            Done::Opened { opened, cut }
        });
    }

    /// Sends what is to be sent next; `false` if nothing can be sent now.
    fn send(&mut self) -> bool {
        let State::Up(up) = &mut self.state else { return false };
        if self.queue.is_empty() || !up.has_room() {
            return false;
        }
        let limits = match up.exchange.version {
            Version::Http11 => self.batches,
            Version::Http2 | Version::H2c => Limits { calls: 1, bytes: usize::MAX },
        };
        if self.queue.may_gather(limits) && Instant::now() < self.gathered {
            return false;
        }
        let (calls, given_up): (Vec<_>, Vec<_>) =
            self.queue.next_group(limits).into_iter().partition(|call| !call.reply.is_closed());
        let abandoned = u64::try_from(given_up.len()).unwrap_or(u64::MAX);
        self.opener.counts.change(|stats| stats.abandoned = stats.abandoned.saturating_add(abandoned));
        given_up.into_iter().for_each(Pending::abandoned);
        if calls.is_empty() {
            return true;
        }
        let Some(mut sender) = up.lend() else { return false };
        let exchange = Exchange { undisturbed: up.in_flight == 0, ..up.exchange.clone() };
        up.in_flight = up.in_flight.saturating_add(1);
        let line = self.line;
        self.work.spawn(async move {
            let report = exchange.run(&mut sender, calls).await;
            Done::Exchanged { line, report, sender }
        });
        true
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Opened { opened, cut } => self.opened(opened, cut),
            Done::Ended { line, meter } => {
                if line == self.line {
                    if !meter.answered() {
                        // The server may have learned or forgotten HTTP/2 since it was asked.
                        self.cleartext = None;
                    }
                    self.settled = Instant::now() + SETTLE;
                    self.state = State::Down;
                }
            }
            Done::Exchanged { line, report, sender } => self.exchanged(line, report, sender),
        }
    }

    fn opened(&mut self, opened: Result<Line, TransportError>, cut: Cut) {
        let Line { version, sender, meter, ended, driver } = match opened {
            Ok(line) => line,
            Err(error) => {
                self.state = State::Down;
                if !cut.is_on_purpose() {
                    self.cleartext = None;
                    self.refuse(&CallError::Transport(error));
                }
                return;
            }
        };
        self.opener.counts.change(|stats| stats.version = Some(version));
        self.cleartext = Some(version);
        let (line, seen) = (self.line, Arc::clone(&meter));
        self.work.spawn(async move {
            driver.await;
            Done::Ended { line, meter: seen }
        });
        self.state = if cut.is_on_purpose() {
            State::Leaving { cut, until: None }
        } else {
            let exchange = Exchange {
                target: Arc::clone(&self.opener.target),
                counts: Arc::clone(&self.opener.counts),
                bounds: self.bounds,
                version,
                meter,
                ended,
                cut,
                undisturbed: true,
            };
            State::Up(Up { sender: Some(sender), exchange, in_flight: 0 })
        };
    }

    fn exchanged(&mut self, line: u64, report: Report, sender: Sender) {
        if report.batch_refused {
            self.batches.calls = 1;
        }
        for call in report.again {
            self.wait(call);
        }
        if line != self.line {
            return;
        }
        let State::Up(up) = &mut self.state else { return };
        up.in_flight = up.in_flight.saturating_sub(1);
        if report.finished {
            let (cut, until) = (up.exchange.cut.clone(), Some(Instant::now() + self.drain));
            self.state = State::Leaving { cut, until };
        } else if up.sender.is_none() {
            up.sender = Some(sender);
        }
    }

    /// A task of the link panicked. Its calls have lost their callers; whatever connection there is, is of no use.
    fn broken(&mut self, error: &JoinError) {
        tracing::error!(%error, "a task of the HTTP connection failed");
        if let Some(cut) = self.cut() {
            cut.cut();
        }
        self.line = self.line.saturating_add(1);
        self.state = State::Down;
    }

    /// Ends everything under way; what was not sent is told so.
    fn close(&mut self) {
        self.refuse(&CallError::Closed);
        if let Some(cut) = self.cut() {
            cut.close();
            if !matches!(self.state, State::Opening(_)) {
                self.state = State::Leaving { cut, until: None };
            }
        }
    }

    fn refuse(&mut self, error: &CallError) {
        for call in self.queue.drain() {
            call.unsent(error.clone(), &self.opener.counts);
        }
    }

    fn cut(&self) -> Option<Cut> {
        match &self.state {
            State::Down => None,
            State::Opening(cut) | State::Leaving { cut, .. } => Some(cut.clone()),
            State::Up(up) => Some(up.exchange.cut.clone()),
        }
    }

    /// When something has to be done though nothing happens.
    fn wake(&self) -> Option<Instant> {
        match &self.state {
            State::Down | State::Opening(_) => None,
            State::Up(up) => (!self.queue.is_empty() && up.has_room()).then_some(self.gathered),
            State::Leaving { until, .. } => *until,
        }
    }

    fn time(&mut self) {
        if let State::Leaving { cut, until } = &mut self.state {
            cut.cut();
            *until = None;
        }
    }
}

// === impl Up ===

impl Up {
    fn has_room(&self) -> bool {
        match &self.sender {
            None => false,
            Some(Sender::Http1(_)) => true,
            // The rest would wait in the library, where an urgent call cannot overtake it.
            Some(Sender::Http2(_, streams)) => self.in_flight < streams.load(Ordering::Acquire).max(1),
        }
    }

    fn lend(&mut self) -> Option<Sender> {
        match &self.sender {
            Some(Sender::Http2(sender, streams)) => Some(Sender::Http2(sender.clone(), Arc::clone(streams))),
            Some(Sender::Http1(_)) | None => self.sender.take(),
        }
    }
}
