//! Leading watches that fell behind up to where the chain is being followed: one that was added late, or whose reader
//! was so slow that its queue filled up. The others do not wait for it.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{blocks, shared::Shared};

/// So often is looked for somebody who is behind.
const LOOK: Duration = Duration::from_millis(50);

/// Leads whoever is behind; ends only by being dropped.
pub(super) async fn lead(shared: &Arc<Shared>) {
    loop {
        if let Some(from) = shared.furthest_behind() {
            shared.vitals.until_trusted().await;
            blocks::lead(shared, from).await;
        }
        sleep(LOOK).await;
    }
}
