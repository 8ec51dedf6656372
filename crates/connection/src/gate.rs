//! The gate in front of every new connection, HTTP's and the WebSocket's alike.

use std::{fmt, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};

/// Asked before each attempt to connect; it is ready when the attempt may be made.
#[derive(Clone)]
pub struct Gate(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

// === impl Gate ===

impl Gate {
    /// Opens when the future that `opening` gives is ready.
    pub fn new<F>(opening: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move || opening().boxed()))
    }

    /// Always open.
    pub fn open() -> Self {
        Self::new(|| std::future::ready(()))
    }

    pub(crate) async fn pass(&self) {
        (self.0)().await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}
