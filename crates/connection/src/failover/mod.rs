//! Which endpoint is asked, where several are configured.
//!
//! Responsible for: one endpoint in use at a time, and nothing open at any other; a budget for each of them that
//! outlives its use; leaving an endpoint that is ill for one that is not, and coming back.
//! Not responsible for: what was not seen during the change, which is an interruption like any other.

mod switch;
mod upstream;

pub use upstream::Site;

pub(crate) use self::{
    switch::Switch,
    upstream::{Shared, Upstream},
};
