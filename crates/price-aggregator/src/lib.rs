//! The price-aggregator worker.
