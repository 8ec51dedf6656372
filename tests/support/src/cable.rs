//! A network cable between a process and a server, which a test can cut in the ways that networks break.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

use crate::Fallible;

/// The cable to one port. Dropping it ends every connection through it.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

/// How a cable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Whole,
    /// Nothing travels, in either direction; what was under way comes later.
    Stalled,
    /// Nothing comes back from the server, and never will on the connections there are now.
    HalfOpen,
    /// New connections are reset at once, and so are those there are now.
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct State {
    condition: Condition,
    /// Counts the times that every connection was reset.
    resets: u64,
}

// === impl Cable ===

impl Cable {
    /// A cable to this port of the loopback address.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(port: u16) -> Fallible<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State { condition: Condition::Whole, resets: 0 });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, state.subscribe()));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// The port at this end.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on the cable is like this.
    pub fn set(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.condition = condition;
            state.resets += u64::from(condition == Condition::Gone);
        });
    }

    /// Resets every connection there is.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }
}

async fn accept(listener: TcpListener, port: u16, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let State { condition, resets } = *state.borrow();
        let far = TcpStream::connect(("127.0.0.1", port)).await;
        match far {
            Ok(far) if condition != Condition::Gone => {
                connections.spawn(carry(near, far, state.clone(), resets));
            }
            Ok(_) | Err(_) => reset(&near),
        }
    }
}

/// The peer is told by a reset, not by a goodbye.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    drop(stream.set_zero_linger());
}

/// Ends with the first direction that ends, or with the next reset.
async fn carry(near: TcpStream, far: TcpStream, mut state: watch::Receiver<State>, born: u64) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let up = copy(near_read, far_write, state.clone(), false);
    let down = copy(far_read, near_write, state.clone(), true);
    tokio::select! {
        _ = state.wait_for(|state| state.resets != born) => {}
        () = up => {}
        () = down => {}
    }
}

/// Carries bytes until an end is gone.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    back: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut dead = false;
    loop {
        let flows = |state: &State| state.condition != Condition::Stalled;
        if state.wait_for(flows).await.is_err() {
            return;
        }
        let Ok(count) = from.read(&mut buffer).await else { return };
        if state.wait_for(flows).await.is_err() {
            return;
        }
        dead |= back && state.borrow().condition == Condition::HalfOpen;
        if dead {
            // What is swallowed once breaks the stream for good: nothing of it may come any more, not even its end.
            if count == 0 {
                std::future::pending::<()>().await;
            }
            continue;
        }
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
