//! How requests leave.

use serde_json::Value;

use super::{
    Outcome,
    crowd::{Asker, Part},
};
use crate::{calls::Calls, request::Method};

/// Makes requests for those who wait for them.
pub(crate) trait Wire: Send + Sync + 'static {
    /// Makes one request. Dropping the future gives it up.
    fn make(&self, method: &Method, params: &Value, askers: Part) -> impl Future<Output = Outcome> + Send;

    /// Makes one request that is shared with nobody.
    fn alone(&self, asker: Asker, method: Method, params: Value) -> impl Future<Output = Outcome> + Send;

    /// What a call of a method costs at present, in credits.
    fn cost(&self, method: &Method) -> u32;
}

impl Wire for Calls {
    async fn make(&self, method: &Method, params: &Value, askers: Part) -> Outcome {
        self.call_for(&askers, method.clone(), params).await
    }

    async fn alone(&self, asker: Asker, method: Method, params: Value) -> Outcome {
        let Asker { caller, class, deadline } = asker;
        self.call(caller, class, method, params, deadline).await
    }

    fn cost(&self, method: &Method) -> u32 {
        self.switch().here().site().limits.cost(method)
    }
}
