//! The endpoint in use, and the change to another.

use std::sync::Arc;

use tokio::sync::watch;

use super::upstream::Upstream;
use crate::http::HttpStats;

/// All endpoints, of which one is in use. Clones are the same switch.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    upstreams: Arc<[Arc<Upstream>]>,
    place: Arc<watch::Sender<Place>>,
}

/// Where calls go.
#[derive(Clone, Debug)]
enum Place {
    At(Arc<Upstream>),
    /// Nowhere, until every connection to this one is closed.
    Leaving(Arc<Upstream>),
}

// === impl Switch ===

impl Switch {
    /// Begins at the first of `upstreams`; `None` if there is none.
    pub(crate) fn new(upstreams: Vec<Upstream>) -> Option<Self> {
        let upstreams: Arc<[Arc<Upstream>]> = upstreams.into_iter().map(Arc::new).collect();
        let first = Arc::clone(upstreams.first()?);
        Some(Self { upstreams, place: Arc::new(watch::Sender::new(Place::At(first))) })
    }

    /// The one in use, or the one that is just being left.
    pub(crate) fn here(&self) -> Arc<Upstream> {
        Arc::clone(self.place.borrow().upstream())
    }

    /// The one in use; waits for the end of a change.
    pub(crate) async fn settled(&self) -> Arc<Upstream> {
        let mut place = self.place.subscribe();
        loop {
            if let Place::At(upstream) = &*place.borrow_and_update() {
                return Arc::clone(upstream);
            }
            changed(&mut place).await;
        }
    }

    /// Whether calls go to this one.
    pub(crate) fn is_at(&self, upstream: &Arc<Upstream>) -> bool {
        self.place.borrow().is_at(upstream)
    }

    /// Waits until calls no longer go to this one.
    pub(crate) async fn left(&self, upstream: &Arc<Upstream>) {
        let mut place = self.place.subscribe();
        while place.borrow_and_update().is_at(upstream) {
            changed(&mut place).await;
        }
    }

    /// Sends calls to another one from now on; returns when they go there. Those that wait are asked for there, those
    /// under way end, and nothing is opened before everything that was open is closed. To be run to its end.
    pub(crate) async fn move_to(&self, to: &Arc<Upstream>) {
        let from = self.here();
        self.place.send_replace(Place::Leaving(Arc::clone(&from)));
        from.rest().await;
        to.wake().await;
        self.place.send_replace(Place::At(Arc::clone(to)));
    }

    /// Every endpoint, in the order in which they were given.
    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// What happened on the HTTP side at all endpoints together; protocol and limits are of the one in use.
    pub(crate) fn http_stats(&self) -> HttpStats {
        let here = self.here();
        let others = self.upstreams.iter().filter(|upstream| !Arc::ptr_eq(upstream, &here));
        others.fold(here.http_stats(), |sum, other| {
            sum.with(HttpStats { version: None, limits: Default::default(), ..other.http_stats() })
        })
    }
}

// === impl Place ===

impl Place {
    fn upstream(&self) -> &Arc<Upstream> {
        match self {
            Self::At(upstream) | Self::Leaving(upstream) => upstream,
        }
    }

    fn is_at(&self, upstream: &Arc<Upstream>) -> bool {
        match self {
            Self::At(here) => Arc::ptr_eq(here, upstream),
            Self::Leaving(_) => false,
        }
    }
}

async fn changed(place: &mut watch::Receiver<Place>) {
    // The sender lives in the switch that is asked.
    if place.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
