//! The budget's owner task, and the handle everyone holds.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eda_limits::Limits;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Ask, Note, Permit, Refused, Snapshot, Ticket,
    core::{Core, Step},
};
use crate::request::Caller;

/// Commands on their way to the owner task, which does nothing but take them: more than this only wait a little.
const COMMANDS: usize = 256;

/// Commands and notes taken in before the queue is looked at again, so that a flood of either cannot hold up an
/// exit.
const AT_ONCE: usize = 256;

/// How long to sleep when nothing is due: a wake-up that finds nothing to do costs nothing.
const NOTHING_DUE: Duration = Duration::from_secs(3_600);

/// The one request budget. Cloned freely; every clone speaks to the same owner task.
#[derive(Clone, Debug)]
pub struct Budget {
    commands: mpsc::Sender<Command>,
    notes: mpsc::UnboundedSender<Note>,
    tickets: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Command {
    Acquire { ticket: Ticket, ask: Ask, reply: oneshot::Sender<Result<Offer, Refused>> },
    Connect { ticket: Ticket, reply: oneshot::Sender<Result<(), Refused>> },
    SpentBefore { credits: u64 },
    Snapshot { reply: oneshot::Sender<Snapshot> },
}

/// A permit nobody has taken yet: if its caller is gone, nothing was sent.
#[derive(Debug)]
struct Offer(Option<Permit>);

/// Tells the owner task when a caller stops waiting.
#[derive(Debug)]
struct Withdrawal<'a> {
    ticket: Option<Ticket>,
    notes: &'a mpsc::UnboundedSender<Note>,
}

struct Owner {
    core: Core,
    acquiring: HashMap<Ticket, oneshot::Sender<Result<Offer, Refused>>>,
    connecting: HashMap<Ticket, oneshot::Sender<Result<(), Refused>>>,
    notes: mpsc::UnboundedSender<Note>,
}

// === impl Budget ===

impl Budget {
    /// Starts the owner task on `tasks`; it ends when `stop` is cancelled, which refuses everyone who waits.
    /// `weights` are shares within a class; a caller that is not named has weight 1.
    pub fn start(
        limits: Limits,
        weights: BTreeMap<Caller, u32>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        // Unbounded, because a permit speaks from `drop` and cannot wait: at most three notes per granted permit
        // and one per waiting caller.
        let (notes, noted) = mpsc::unbounded_channel();
        let owner = Owner {
            core: Core::new(Instant::now(), limits, weights),
            acquiring: HashMap::new(),
            connecting: HashMap::new(),
            notes: notes.clone(),
        };
        tasks.spawn(owner.run(inbox, noted, stop));
        Self { commands, notes, tickets: Arc::new(AtomicU64::new(1)) }
    }

    /// Waits for the right to send one request. Dropping the future gives the place in the queue back.
    ///
    /// # Errors
    /// Whatever keeps the request from being sent before its deadline; see [`Refused`].
    pub async fn acquire(&self, ask: Ask) -> Result<Permit, Refused> {
        let ticket = self.ticket();
        // Declared before the channel, so that the channel is closed when the withdrawal is read.
        let waiting = Withdrawal { ticket: Some(ticket), notes: &self.notes };
        let (reply, answer) = oneshot::channel();
        let command = Command::Acquire { ticket, ask, reply };
        self.commands.send(command).await.map_err(|_| Refused::Closed)?;
        let offer = answer.await;
        waiting.over();
        offer.map_err(|_| Refused::Closed)?.and_then(|offer| offer.take().ok_or(Refused::Closed))
    }

    /// Waits for the right to open one TCP connection, HTTP or WebSocket. The attempt counts whether or not it
    /// succeeds.
    ///
    /// # Errors
    /// [`Refused::QueueFull`] or [`Refused::Closed`].
    pub async fn connect(&self) -> Result<(), Refused> {
        let ticket = self.ticket();
        let waiting = Withdrawal { ticket: Some(ticket), notes: &self.notes };
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Connect { ticket, reply }).await.map_err(|_| Refused::Closed)?;
        let outcome = answer.await;
        waiting.over();
        outcome.map_err(|_| Refused::Closed)?
    }

    /// Tells the budget how many credits were spent this month before it started.
    ///
    /// # Errors
    /// [`Refused::Closed`].
    pub async fn spent_before(&self, credits: u64) -> Result<(), Refused> {
        self.commands.send(Command::SpentBefore { credits }).await.map_err(|_| Refused::Closed)
    }

    /// What the budget says about itself.
    ///
    /// # Errors
    /// [`Refused::Closed`].
    pub async fn snapshot(&self) -> Result<Snapshot, Refused> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Snapshot { reply }).await.map_err(|_| Refused::Closed)?;
        answer.await.map_err(|_| Refused::Closed)
    }

    fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl Offer ===

impl Offer {
    fn take(mut self) -> Option<Permit> {
        self.0.take()
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.unused();
        }
    }
}

// === impl Withdrawal ===

impl Withdrawal<'_> {
    fn over(mut self) {
        self.ticket = None;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // The owner task is gone only at shutdown, when nobody waits any more.
            drop(self.notes.send(Note::Unused { ticket }));
        }
    }
}

// === impl Owner ===

impl Owner {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut notes: mpsc::UnboundedReceiver<Note>,
        stop: CancellationToken,
    ) {
        let mut wake = Instant::now() + NOTHING_DUE;
        let mut orders = Vec::new();
        let mut news = Vec::new();
        loop {
            // Cancel safe: each branch takes from a channel only when it completes.
            let open = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                _ = notes.recv_many(&mut news, AT_ONCE) => true,
                taken = commands.recv_many(&mut orders, AT_ONCE) => taken > 0,
                () = sleep_until(wake) => true,
            };
            if !open {
                break;
            }
            // Neither channel may keep the other waiting.
            while orders.len() < AT_ONCE
                && let Ok(command) = commands.try_recv()
            {
                orders.push(command);
            }
            for note in news.drain(..) {
                self.note(note);
            }
            for command in orders.drain(..) {
                self.obey(command);
            }
            wake = self.proceed();
        }
        commands.close();
        // A command on its way at this moment would stay in the channel, and its caller wait for an answer.
        while let Some(late) = commands.recv().await {
            drop(late);
        }
    }

    fn note(&mut self, note: Note) {
        if let Note::Unused { ticket } = note {
            self.acquiring.remove(&ticket);
            self.connecting.remove(&ticket);
        }
        self.core.note(Instant::now(), note);
    }

    // A reply that nobody awaits any more needs no answer: its caller's withdrawal is on its way.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Acquire { ticket, ask, reply } => {
                if reply.is_closed() {
                    return;
                }
                match self.core.submit(Instant::now(), ticket, &ask) {
                    Ok(()) => drop(self.acquiring.insert(ticket, reply)),
                    Err(refused) => drop(reply.send(Err(refused))),
                }
            }
            Command::Connect { ticket, reply } => {
                if reply.is_closed() {
                    return;
                }
                match self.core.submit_connect(ticket) {
                    Ok(()) => drop(self.connecting.insert(ticket, reply)),
                    Err(refused) => drop(reply.send(Err(refused))),
                }
            }
            Command::SpentBefore { credits } => self.core.spent_before(credits),
            Command::Snapshot { reply } => drop(reply.send(self.core.snapshot(Instant::now()))),
        }
    }

    /// Does whatever can be done now; returns when to look again.
    fn proceed(&mut self) -> Instant {
        loop {
            let now = Instant::now();
            match self.core.next(now) {
                Step::Grant(ticket) => {
                    let offer = Offer(Some(Permit::new(ticket, self.notes.clone())));
                    if let Some(reply) = self.acquiring.remove(&ticket) {
                        drop(reply.send(Ok(offer)));
                    }
                }
                Step::Connect(ticket) => {
                    if let Some(reply) = self.connecting.remove(&ticket) {
                        drop(reply.send(Ok(())));
                    }
                }
                Step::Refuse(ticket, refused) => {
                    if let Some(reply) = self.acquiring.remove(&ticket) {
                        drop(reply.send(Err(refused)));
                    }
                }
                Step::WaitUntil(at) => return at,
                Step::Idle => return now + NOTHING_DUE,
            }
        }
    }
}
