//! `eda`: five Solana workers over one shared connection.
fn main() {}
