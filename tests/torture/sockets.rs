//! The sockets the process really has, as the system sees them: a server that stalls does not notice what was closed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eda_test_support::{process::Eda, sockets::established};
use tokio::{task::JoinSet, time::sleep};

/// Looks again and again how many sockets lead to each port.
pub(crate) struct Sockets {
    state: Arc<Mutex<State>>,
    _looking: JoinSet<()>,
}

#[derive(Default)]
struct State {
    pid: Option<u32>,
    most: [usize; 2],
}

impl Sockets {
    pub(crate) fn watch(urls: [String; 2]) -> Self {
        let ports = urls.map(|url| url.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let mut looking = JoinSet::new();
        let seen = Arc::clone(&state);
        looking.spawn(async move {
            loop {
                sleep(Duration::from_millis(20)).await;
                let pid = seen.lock().unwrap().pid;
                let Some(pid) = pid else { continue };
                // A process that has just been killed has none.
                let open = ports.map(|port| established(pid, port).unwrap_or(0));
                let mut state = seen.lock().unwrap();
                for (most, open) in state.most.iter_mut().zip(open) {
                    *most = open.max(*most);
                }
            }
        });
        Self { state, _looking: looking }
    }

    /// From now on it is this process that is looked at.
    pub(crate) fn of(&self, eda: &Eda) {
        self.state.lock().unwrap().pid = eda.pid();
    }

    /// The most that were ever open at once, by port.
    pub(crate) fn most(&self) -> [usize; 2] {
        self.state.lock().unwrap().most
    }
}
