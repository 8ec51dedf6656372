//! Looking at an endpoint: what it sees of the chain at two moments, and which chain that is.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    bounds::Bounds,
    upstream::Upstream,
    view::{Sight, Tip, View},
};
use crate::{
    budget::Ask,
    calls::RequestError,
    http::{Call, CallError, Reply},
    request::{Caller, Class, Method},
};

const GET_GENESIS_HASH: Method = Method::new("getGenesisHash");
const GET_SLOT: Method = Method::new("getSlot");

/// Looks at an endpoint: three calls of its own budget, five where confirmations are in doubt. Takes
/// [`Bounds::compare_for`] and the time of two answers.
pub(super) async fn look(upstream: &Upstream, bounds: &Bounds, confirmations: bool) -> View {
    match sight(upstream, bounds, confirmations).await {
        Ok(sight) => View::Seen(sight),
        Err(view) => view,
    }
}

/// The error is what came of the look instead.
async fn sight(upstream: &Upstream, bounds: &Bounds, confirmations: bool) -> Result<Sight, View> {
    let within = bounds.answer_within;
    let slots = async || {
        let confirmed =
            async { Ok(if confirmations { Some(slot(upstream, "confirmed", within).await?) } else { None }) };
        tokio::try_join!(slot(upstream, "processed", within), confirmed)
    };
    let genesis = ask(upstream, GET_GENESIS_HASH, json!([]), within);
    let (genesis, first) = tokio::try_join!(genesis, slots())?;
    sleep(bounds.compare_for).await;
    let last = slots().await?;
    let confirmed = first.1.zip(last.1).map(|(first, last)| Tip { first, last });
    Ok(Sight { genesis, processed: Tip { first: first.0, last: last.0 }, confirmed })
}

async fn slot(upstream: &Upstream, commitment: &str, within: Duration) -> Result<u64, View> {
    ask(upstream, GET_SLOT, json!([{ "commitment": commitment }]), within).await
}

/// Asks once; a failure is shown as it is, and whoever looks again asks again.
async fn ask<T: serde::de::DeserializeOwned>(
    upstream: &Upstream,
    method: Method,
    params: Value,
    within: Duration,
) -> Result<T, View> {
    let deadline = Instant::now() + within;
    let asking = send(upstream, &method, &params, deadline);
    let reply = timeout_at(deadline, asking)
        .await
        .map_err(|_| View::Failed(format!("no answer to {method} within {within:?}")))?
        .map_err(|error| view(&error))?;
    serde_json::from_str(reply.result.get())
        .map_err(|error| View::Failed(RequestError::unexpected(&method, &error).to_string()))
}

async fn send(
    upstream: &Upstream,
    method: &Method,
    params: &Value,
    deadline: Instant,
) -> Result<Reply, RequestError> {
    let call = Call::new(method.clone(), Class::Guard, params)
        .map_err(|error| RequestError::Parameters { method: method.clone(), reason: error.to_string() })?;
    let ask =
        Ask { caller: Caller::Shared, method: method.clone(), class: Class::Guard, deadline: Some(deadline) };
    let permit = upstream.budget().acquire(ask).await?;
    let answer = upstream.line(method).call(call, permit).await;
    upstream.note(method, &answer);
    Ok(answer?)
}

fn view(error: &RequestError) -> View {
    match error {
        RequestError::Budget(_) | RequestError::Call(CallError::RateLimited { .. } | CallError::Closed) => {
            View::Untold(error.to_string())
        }
        RequestError::Call(_)
        | RequestError::Deadline(_)
        | RequestError::Unexpected { .. }
        | RequestError::Parameters { .. } => View::Failed(error.to_string()),
    }
}
