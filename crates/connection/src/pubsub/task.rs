//! The task that owns the socket: it connects while somebody wants something, serves, and connects again.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    State, Trouble,
    config::Config,
    frame::{Incoming, Odd},
    life::Life,
    notice::DownReason,
    shared::{Ending, Shared, Target},
    socket::{self, ConnectError, Heard, Reader, Writer},
    table::Received,
    watchdog::{Action, Watchdog},
};
use crate::{backoff::Backoff, dial::Dialer};

/// A server's wish to be left alone is honoured up to this.
const LONGEST_HINT: Duration = Duration::from_secs(300);
/// How long the server may take to answer the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// Frames that are looked through before a silent socket is given up, in case they waited for this task.
const LAST_LOOK: usize = 1_000;

#[derive(Debug)]
pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    pub(super) dialer: Dialer,
    pub(super) config: Config,
    pub(super) shutdown: CancellationToken,
}

/// How waiting for something ended while the table was kept an eye on.
enum Waited<T> {
    Done(T),
    Unwanted,
    Moved,
    Stopped,
}

/// How serving a socket ended.
enum End {
    Lost(DownReason),
    Unwanted,
    Moved,
    Stopped,
}

/// A socket that is being served.
struct Service {
    dog: Watchdog,
    opened: Instant,
    /// When the socket last proved useful: a new slot, or without slots any frame.
    useful: Instant,
    has_slots: bool,
    /// Where the socket leads.
    target: Arc<Target>,
    /// The next request is not sent before this.
    send_at: Instant,
    ping_due: bool,
    /// When the linger ends, while nobody is subscribed.
    leave_at: Option<Instant>,
}

enum Step {
    WaitUntil(Instant),
    Leave,
    Move,
    GiveUp(DownReason),
}

enum LastLook {
    Nothing,
    Frames,
    End(DownReason),
}

enum Event {
    Stop,
    Changed,
    Time,
    Written(Result<(), DownReason>),
    Heard(Heard),
}

// === impl Task ===

impl Task {
    pub(super) async fn run(self) {
        let _ending = Ending(Arc::clone(&self.shared));
        let mut life = Life::new(Backoff::new(self.config.retry_base, self.config.retry_cap));
        loop {
            if !self.shared.core().table.has_subscribers() {
                life.trouble = None;
                self.shared.show(State::Idle);
                tokio::select! {
                    () = self.shutdown.cancelled() => return,
                    () = self.shared.changed.notified() => continue,
                }
            }
            self.shared.show(life.connecting());
            let (not_before, target) = (life.not_before, self.target());
            let opening = async {
                sleep_until(not_before).await;
                target.gate.pass().await;
                socket::connect(&self.dialer, &target.url, &self.config, &self.shared.sockets).await
            };
            match self.attend(opening, &target).await {
                Waited::Stopped => return,
                Waited::Unwanted => {}
                Waited::Moved => life.moved(),
                Waited::Done(Err(error)) => self.failed(&mut life, &target, error),
                Waited::Done(Ok((writer, reader))) => {
                    match self.serve(writer, reader, Arc::clone(&target), &mut life).await {
                        End::Stopped => return,
                        End::Unwanted => {}
                        End::Moved => {
                            self.count_lost(DownReason::Moved);
                            life.moved();
                        }
                        End::Lost(reason) => self.lost(&mut life, &target, reason),
                    }
                }
            }
        }
    }

    fn target(&self) -> Arc<Target> {
        Arc::clone(&self.shared.core().target)
    }

    /// Waits for `work` as long as somebody wants the socket, and wants it there.
    async fn attend<T>(&self, work: impl Future<Output = T>, target: &Arc<Target>) -> Waited<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Waited::Stopped,
                output = &mut work => return Waited::Done(output),
                () = self.shared.changed.notified() => {}
            }
            let core = self.shared.core();
            if !core.table.has_subscribers() {
                return Waited::Unwanted;
            }
            if !Arc::ptr_eq(&core.target, target) {
                return Waited::Moved;
            }
        }
    }

    fn failed(&self, life: &mut Life, target: &Target, error: ConnectError) {
        let mut core = self.shared.core();
        core.failed_attempts = core.failed_attempts.saturating_add(1);
        drop(core);
        let pause = match &error {
            ConnectError::Refused { .. } => {
                let wait = life.backoff.pause();
                wait.saturating_add(self.config.refused_retry)
            }
            ConnectError::Unreachable(_)
            | ConnectError::Answered { .. }
            | ConnectError::Handshake(_)
            | ConnectError::Timeout(_) => life.backoff.fail(error.retry_after(), LONGEST_HINT),
        };
        let trouble = Trouble::Connect(error);
        // The same trouble again and again is told once; the state shows it as long as it lasts.
        if life.trouble.as_ref() != Some(&trouble) {
            tracing::warn!(url = target.shown, %trouble, ?pause, "WebSocket cannot be opened");
        }
        life.trouble = Some(trouble);
        life.not_before = Instant::now() + pause;
    }

    fn lost(&self, life: &mut Life, target: &Target, reason: DownReason) {
        self.shared.core().table.lost(reason);
        self.count_lost(reason);
        life.stalled |= reason == DownReason::Stalled;
        life.trouble = Some(Trouble::Lost(reason));
        let pause = life.backoff.pause();
        life.not_before = Instant::now() + pause;
        tracing::warn!(url = target.shown, reason = reason.as_str(), ?pause, "WebSocket lost");
    }

    fn count_lost(&self, reason: DownReason) {
        let mut core = self.shared.core();
        let count = core.lost.entry(reason.as_str()).or_default();
        *count = count.saturating_add(1);
    }

    async fn serve(
        &self,
        mut writer: Writer,
        mut reader: Reader,
        target: Arc<Target>,
        life: &mut Life,
    ) -> End {
        let opened = Instant::now();
        let mut service = Service {
            dog: Watchdog::new(self.config.patience, opened),
            opened,
            useful: opened,
            has_slots: true,
            target,
            send_at: opened,
            ping_due: false,
            leave_at: None,
        };
        {
            let mut core = self.shared.core();
            core.clock.restart();
            core.table.open();
        }
        tracing::info!(url = service.target.shown, "WebSocket open");
        self.shared.show(life.open());
        let end = self.converse(&mut writer, &mut reader, &mut service, life).await;
        // Only a socket that was useful for a while proves that the next one may be opened without delay.
        if service.useful.duration_since(service.opened) >= self.config.retry_cap {
            life.backoff.reset();
        }
        let goodbye = match &end {
            End::Lost(_) => None,
            // What was subscribed ends with the socket. Nobody is left to be told, or is told by the end.
            End::Unwanted | End::Stopped => Some(DownReason::Closed(None)),
            End::Moved => Some(DownReason::Moved),
        };
        if let Some(reason) = goodbye {
            self.shared.core().table.lost(reason);
            life.backoff.reset();
            writer.close(reader, GOODBYE).await;
        }
        end
    }

    async fn converse(
        &self,
        writer: &mut Writer,
        reader: &mut Reader,
        service: &mut Service,
        life: &mut Life,
    ) -> End {
        loop {
            let wake = match self.step(writer, service) {
                Step::WaitUntil(wake) => wake,
                Step::Leave => return End::Unwanted,
                Step::Move => return End::Moved,
                Step::GiveUp(reason) => match self.last_look(reader, service, life) {
                    LastLook::Nothing => return End::Lost(reason),
                    LastLook::Frames => continue,
                    LastLook::End(reason) => return End::Lost(reason),
                },
            };
            match self.event(writer, reader, wake).await {
                Event::Stop => return End::Stopped,
                Event::Changed | Event::Time | Event::Written(Ok(())) => {}
                Event::Written(Err(reason)) => return End::Lost(reason),
                Event::Heard(heard) => {
                    if let Err(reason) = self.hear(heard, service, life) {
                        return End::Lost(reason);
                    }
                }
            }
        }
    }

    /// Does what is due now, and says until when there is nothing else to do.
    fn step(&self, writer: &mut Writer, service: &mut Service) -> Step {
        let now = Instant::now();
        let mut core = self.shared.core();
        if !Arc::ptr_eq(&core.target, &service.target) {
            return Step::Move;
        }
        if core.table.expire(now) {
            service.no_slots();
        }
        if core.table.has_subscribers() {
            service.leave_at = None;
        } else if now >= *service.leave_at.get_or_insert(now + self.config.linger) {
            return Step::Leave;
        }
        let watch = match service.dog.check(core.clock.slot_time(), now) {
            Action::WaitUntil(at) => at,
            Action::Ping => {
                service.ping_due = true;
                service.dog.pinged(now);
                now
            }
            Action::GiveUp(reason) => return Step::GiveUp(reason),
        };
        if writer.has_room() {
            if std::mem::take(&mut service.ping_due) {
                writer.ping();
            } else if now >= service.send_at
                && let Some(frame) = core.table.next_frame(now)
            {
                service.send_at = now + Duration::from_secs(1) / self.config.frames_per_second.get();
                writer.text(frame);
            }
        }
        let send = (service.send_at > now).then_some(service.send_at);
        let alarms = [core.table.next_alarm(now), service.leave_at, send];
        Step::WaitUntil(alarms.into_iter().flatten().fold(watch, Instant::min))
    }

    async fn event(&self, writer: &mut Writer, reader: &mut Reader, wake: Instant) -> Event {
        let is_idle = writer.is_idle();
        let write =
            async { if is_idle { pending().await } else { poll_fn(|cx| writer.poll_write(cx)).await } };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Event::Stop,
            () = self.shared.changed.notified() => Event::Changed,
            () = sleep_until(wake) => Event::Time,
            written = write => Event::Written(written),
            heard = reader.next() => Event::Heard(heard),
        }
    }

    /// Reads what is already there, since it may be this task that was late and not the server.
    fn last_look(&self, reader: &mut Reader, service: &mut Service, life: &mut Life) -> LastLook {
        let mut found = LastLook::Nothing;
        for _ in 0..LAST_LOOK {
            let Some(heard) = reader.next().now_or_never() else { break };
            if let Err(reason) = self.hear(heard, service, life) {
                return LastLook::End(reason);
            }
            found = LastLook::Frames;
        }
        found
    }

    fn hear(&self, heard: Heard, service: &mut Service, life: &mut Life) -> Result<(), DownReason> {
        let now = Instant::now();
        match heard {
            Heard::End(reason) => return Err(reason),
            Heard::Pong => {
                if let Some(round_trip) = service.dog.pong(now) {
                    self.shared.core().round_trip = Some(round_trip);
                }
            }
            Heard::Ping => service.heard(now),
            Heard::Binary => {
                service.heard(now);
                self.shared.core().table.odd(Odd::Binary, "");
            }
            Heard::Text(text) => {
                service.heard(now);
                // Read before the lock is taken: a block may be megabytes.
                let incoming = Incoming::parse(&text);
                let mut core = self.shared.core();
                match core.table.receive(&text, incoming, now) {
                    Received::Handled => {}
                    Received::Slot(slot) => {
                        if core.clock.notified(slot, now) {
                            drop(core);
                            service.useful = now;
                            service.dog.slot(now);
                            if std::mem::take(&mut life.stalled) {
                                self.shared.show(life.open());
                            }
                        }
                    }
                    Received::NoSlots => service.no_slots(),
                    Received::SlotsLater(until) => service.dog.slot(until),
                    Received::DuplicateId => return Err(DownReason::DuplicateId),
                }
            }
        }
        Ok(())
    }
}

// === impl Service ===

impl Service {
    fn heard(&mut self, now: Instant) {
        self.dog.heard();
        if !self.has_slots {
            self.useful = now;
        }
    }

    fn no_slots(&mut self) {
        self.has_slots = false;
        self.dog.no_slots();
    }
}
