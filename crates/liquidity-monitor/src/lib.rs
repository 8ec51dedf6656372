//! The liquidity-monitor worker.
