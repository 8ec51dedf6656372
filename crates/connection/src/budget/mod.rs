//! Who may send what, when.

mod permit;

pub use permit::{Answer, Note, Permit, Ticket};
