//! The burn-detector worker.
