//! The market-detector worker.
