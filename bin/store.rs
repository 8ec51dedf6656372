//! The store of this process: opened by the settings, and asked by the connection how far earlier runs came.

use std::{fmt, path::PathBuf, time::Duration};

use eda_connection::checkpoints::{Checkpoints, Reached, Unreadable};
use eda_events::{Genesis, Slot, WorkerName, log::Interest};
use eda_store::{Bound, OpenError, Retention, Store};
use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::config::Config;

/// Where the settings put the store.
pub(crate) fn path(config: &Config) -> PathBuf {
    config.store.path(&config.run.data_dir)
}

/// Opens it.
///
/// # Errors
/// When the file cannot be used, with what to do about it.
pub(crate) fn open(config: &Config) -> Result<Store, OpenError> {
    let store = &config.store;
    let bound = |age: Duration, rows| Bound { age, rows };
    let retention = Retention {
        events: bound(store.events_age.get(), store.events_max),
        refusals: bound(store.refusals_age.get(), store.refusals_max),
        statuses: store.statuses_age.get(),
    };
    Store::open(&path(config), eda_store::Settings { retention })
}

/// What the store knows of earlier runs.
pub(crate) struct Earlier(pub(crate) Store);

impl Checkpoints for Earlier {
    fn reached(
        &self,
        genesis: &Genesis,
        worker: WorkerName,
        interest: &Interest,
    ) -> BoxFuture<'_, Result<Option<Reached>, Unreadable>> {
        let reached = self.0.progress(genesis, worker, interest);
        ready(Ok(reached.map(|reached| Reached { begins_after: reached.begins_after, to: reached.to })))
            .boxed()
    }

    fn holes(
        &self,
        genesis: &Genesis,
        worker: WorkerName,
        interest: &Interest,
    ) -> BoxFuture<'_, Result<Vec<(Slot, Slot)>, Unreadable>> {
        let (genesis, interest) = (genesis.clone(), interest.clone());
        async move {
            let holes = self.0.holes(&genesis, Some(worker)).await;
            let holes = holes.map_err(|trouble| Unreadable(trouble.to_string()))?;
            Ok(holes
                .into_iter()
                .filter(|hole| hole.interest == interest)
                .map(|hole| (hole.from, hole.to))
                .collect())
        }
        .boxed()
    }
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Earlier")
    }
}
