use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::task::TaskTracker;

/// How long timers and sockets may stand still at most when a worker blocks the thread that served them.
const EVERY: Duration = Duration::from_millis(250);

/// Keeps the runtime's timers and sockets served while a worker blocks a thread.
///
/// In a multi-thread runtime one parked thread waits for timers and sockets on behalf of all. When it wakes up with
/// a single task to run, it runs the task itself and wakes no other thread; if that task blocks, nobody waits for
/// timers and sockets any more, although other threads are free, and every worker stands still. A task that arrives
/// from outside of the runtime wakes a free thread, which then takes the waiting over. (Tokio's own cure,
/// `enable_eager_driver_handoff`, needs its unstable build.)
///
/// A runtime with a single thread cannot be rescued.
#[derive(Debug)]
pub(crate) struct Rescue {
    thread: Option<thread::JoinHandle<()>>,
    stop: Option<Sender<()>>,
}

// === impl Rescue ===

impl Rescue {
    /// Starts the rescue of the current runtime.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Handle::current();
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Ok(Self { thread: None, stop: None });
        }
        let (stop, stopped) = channel();
        let thread =
            thread::Builder::new().name("eda-rescue".to_owned()).spawn(move || knock(&runtime, &stopped))?;
        Ok(Self { thread: Some(thread), stop: Some(stop) })
    }
}

fn knock(runtime: &Handle, stopped: &Receiver<()>) {
    let tasks = TaskTracker::new();
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        drop(tasks.spawn_on(async {}, runtime));
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the rescue thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{runtime::Builder, time::sleep};

    use super::*;

    /// The blocked task is woken by the thread that serves the timers, and waits for a task that needs a timer.
    #[test]
    fn timers_go_on_while_a_task_blocks_the_thread_that_served_them() {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let rescue = Rescue::start().unwrap();
        drop(guard);
        let tasks = TaskTracker::new();
        for _round in 0..3 {
            let (release, released) = channel::<()>();
            let (report, reported) = channel();
            let blocking = async move {
                sleep(Duration::from_millis(5)).await;
                report.send(released.recv_timeout(Duration::from_secs(10))).unwrap();
            };
            let releasing = async move {
                sleep(Duration::from_millis(20)).await;
                release.send(()).unwrap();
            };
            tasks.spawn_on(blocking, runtime.handle());
            tasks.spawn_on(releasing, runtime.handle());
            assert_eq!(reported.recv().unwrap(), Ok(()));
        }
        drop(rescue);
    }
}
