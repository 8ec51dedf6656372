//! The feed.

mod walk;
