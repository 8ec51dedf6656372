//! What a tick does to an endpoint: strokes fall, and conditions turn on and off.

use super::{
    Kind,
    engine::{Conditions, Turn},
    fault::{Condition, Effect, Stroke},
    journal::Hit,
};
use crate::{front::Front, node::Node};

/// Carries a turn out on an endpoint that was last `told` other conditions, and notes what really happened.
pub(super) fn carry_out(
    turn: &Turn,
    told: Conditions,
    node: &Node,
    front: &Front,
    mut note: impl FnMut(Kind, u64, Hit),
) {
    // Conditions first: a node that restarts refuses before it resets, so that nobody slips in between.
    tell(turn.conditions, told, node, front);
    for (fault, condition) in &turn.began {
        note(Effect::from(*condition).kind(), *fault, begin(*condition, node, front));
    }
    for (fault, stroke, methods) in &turn.strokes {
        if let Some(hit) = strike(*stroke, methods, node, front) {
            note(Effect::from(*stroke).kind(), *fault, hit);
        }
    }
}

/// Switches what is different from before, and leaves alone what somebody else has switched.
fn tell(now: Conditions, told: Conditions, node: &Node, front: &Front) {
    if now.stalled != told.stalled {
        front.pubsub().stall(now.stalled);
    }
    if now.refusing_http != told.refusing_http {
        front.http().refuse(now.refusing_http);
    }
    if now.refusing_ws != told.refusing_ws {
        front.ws().refuse(now.refusing_ws);
    }
    if now.lag != told.lag {
        node.fall_behind(now.lag);
    }
    if now.paused != told.paused {
        node.chain().confirm(!now.paused);
    }
}

/// What a condition meets that has just turned on.
fn begin(condition: Condition, node: &Node, front: &Front) -> Hit {
    match condition {
        Condition::WebsocketStall => Hit::Sockets { http: 0, ws: open(front.ws()) },
        Condition::RefuseConnections(_) => Hit::Sockets { http: open(front.http()), ws: open(front.ws()) },
        Condition::EndpointLag(slots) => Hit::Slots { count: slots },
        Condition::ConfirmationsPause => Hit::After { slot: node.chain().tips().confirmed },
        Condition::NodeRestart => {
            front.pubsub().forget_subscriptions(&[]);
            Hit::Sockets { http: front.http().kill_connections(), ws: front.ws().kill_connections() }
        }
    }
}

/// What a stroke hit; `None` if there was nothing to hit.
fn strike(stroke: Stroke, methods: &[String], node: &Node, front: &Front) -> Option<Hit> {
    match stroke {
        Stroke::WebsocketDrop => sockets(0, front.ws().kill_connections()),
        Stroke::WebsocketClose(code) => sockets(0, front.pubsub().close(code, "")),
        Stroke::HttpGoaway => sockets(front.http().drain_connections(), 0),
        Stroke::SubscriptionForget => {
            let count = front.pubsub().forget_subscriptions(methods);
            (count > 0).then_some(Hit::Subscriptions { count })
        }
        Stroke::HistoryPruned(keep) => {
            let mut chain = node.chain();
            let before = chain.history().first();
            let oldest = chain.tips().processed.saturating_sub(keep).saturating_add(1);
            let first = chain.forget_before(oldest);
            (first > before).then_some(Hit::History { first })
        }
        Stroke::BlockAbandon => {
            let mut chain = node.chain();
            let slot = chain.tips().processed;
            chain.abandon_next().then_some(Hit::After { slot })
        }
        Stroke::SlotsSkip(count) => {
            node.chain().skip(count);
            Some(Hit::Slots { count })
        }
    }
}

fn sockets(http: usize, ws: usize) -> Option<Hit> {
    (http + ws > 0).then_some(Hit::Sockets { http, ws })
}

fn open(listener: &crate::Listener) -> usize {
    usize::try_from(listener.tally().open()).unwrap_or(usize::MAX)
}
