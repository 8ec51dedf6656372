//! The trading-bot worker.
