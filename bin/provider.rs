//! Who is on the other end: a provider at a URL, or a cluster inside the process.

use eda_connection::Site;

#[cfg(feature = "simnet")]
use crate::simnet::Inside;
use crate::{
    config::{Provider, Settings},
    exit::Failure,
};

/// Where to connect to, and the simulated cluster there, if it is one.
pub(crate) struct Opened {
    /// Where to connect to, the preferred endpoint first.
    pub(crate) sites: Vec<Site>,
    /// The cluster, which ends with this value.
    #[cfg(feature = "simnet")]
    pub(crate) inside: Option<Inside>,
}

/// Finds out whom the settings name, and starts the simulated cluster if it is that.
pub(crate) async fn open(settings: &Settings) -> Result<Opened, Failure> {
    match &settings.provider {
        Provider::At(sites) => Ok(Opened {
            sites: sites.clone(),
            #[cfg(feature = "simnet")]
            inside: None,
        }),
        #[cfg(feature = "simnet")]
        Provider::Simnet(limits) => {
            let (inside, site) = Inside::start(settings, limits).await?;
            Ok(Opened { sites: vec![site], inside: Some(inside) })
        }
        #[cfg(not(feature = "simnet"))]
        Provider::Simnet(_) => Err(Failure::NoSimnet),
    }
}

// === impl Opened ===

impl Opened {
    /// Where to connect to, without keys, the preferred endpoint first.
    pub(crate) fn endpoints(&self) -> String {
        let shown: Vec<_> = self.sites.iter().map(|site| site.endpoint.redacted()).collect();
        shown.join(", else ")
    }

    /// What the provider itself sees of this process, where it can be asked.
    pub(crate) fn sees(&self) -> Option<crate::view::Sees> {
        #[cfg(feature = "simnet")]
        return self.inside.as_ref().map(Inside::sees);
        #[cfg(not(feature = "simnet"))]
        None
    }

    /// Ends the simulated cluster, if there is one.
    pub(crate) async fn stop(self) {
        #[cfg(feature = "simnet")]
        if let Some(inside) = self.inside {
            inside.stop().await;
        }
    }
}
