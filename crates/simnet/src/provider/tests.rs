/// Each limit by itself, without a socket: time is handed in.
mod limits;
/// A client for the modules below. Their clock is virtual and stands still unless a test moves it, since nothing on
/// these connections has a timer.
mod peer;
/// What requests get to see on real sockets.
mod requests;
/// What connections, WebSockets and whoever is blocked get to see on real sockets.
mod sockets;

use eda_limits::{Limits, Method, Rate};

const TEN: u64 = 10_000;

fn per_ten(count: u32) -> Option<Rate> {
    Some(Rate::per_seconds(count, 10))
}

fn of_method(name: &'static str, count: u32) -> Limits {
    Limits { methods: [(Method::new(name), Rate::per_seconds(count, 10))].into(), ..Limits::default() }
}
