//! Faults of every kind, one after the other, each for a while.

use std::time::Duration;

use eda_simnet::endpoint::Endpoint;
use serde_json::{Value, json};

/// The turn in which the address is refused.
const REFUSED: usize = 10;

/// A source of trouble that makes the same trouble for the same seed.
pub(crate) struct Storm {
    state: u64,
}

impl Storm {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    /// How long to wait before the next fault.
    pub(crate) fn pause(&mut self) -> Duration {
        Duration::from_millis(100 + self.below(500))
    }

    /// Starts the next fault: each kind has its turn.
    pub(crate) fn strike(&mut self, endpoint: &Endpoint, turn: usize) {
        let kinds = kinds();
        let mut fault = kinds[turn % kinds.len()].clone();
        if turn == REFUSED {
            // Whoever is refused as such is silent for half a minute: once is enough.
            fault = json!({"kind": "http-403", "count": 1});
        }
        if fault["for"] == "?" {
            fault["for"] = json!(format!("{}ms", 200 + self.below(2_500)));
        }
        let answer = endpoint.faults().control("simnetFault", &json!([fault]));
        assert!(matches!(answer, Some(Ok(_))), "{fault}: {answer:?}");
    }

    /// xorshift64*: good enough to choose among troubles.
    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// Every kind there is but one; `?` stands for a length of time that differs each time.
fn kinds() -> Vec<Value> {
    vec![
        json!({"kind": "websocket-drop"}),
        json!({"kind": "http-kill", "chance": "40%", "for": "?"}),
        json!({"kind": "notification-drop", "chance": "30%", "for": "?"}),
        json!({"kind": "http-429", "retry_after": "1s", "for": "?"}),
        json!({"kind": "websocket-close", "code": 1011}),
        json!({"kind": "http-goaway"}),
        json!({"kind": "notification-duplicate", "chance": "50%", "for": "?"}),
        json!({"kind": "http-5xx", "chance": "50%", "for": "?"}),
        json!({"kind": "websocket-stall", "for": "?"}),
        json!({"kind": "http-slow", "over": "1s", "chance": "50%", "for": "?"}),
        json!({"kind": "notification-reorder", "within": "500ms", "chance": "50%", "for": "?"}),
        json!({"kind": "http-stall", "chance": "20%", "for": "?"}),
        json!({"kind": "notification-delay", "delay": "400ms", "chance": "30%", "for": "?"}),
        json!({"kind": "http-silence", "chance": "20%", "for": "?"}),
        json!({"kind": "subscription-forget", "chance": "20%", "count": 2}),
        json!({"kind": "http-delay", "delay": "500ms", "chance": "50%", "for": "?"}),
        json!({"kind": "json-truncated", "chance": "30%", "for": "?"}),
        json!({"kind": "json-html", "chance": "30%", "for": "?"}),
        json!({"kind": "wrong-id", "chance": "20%", "for": "?"}),
        json!({"kind": "transaction-null", "slots": 4, "for": "?"}),
        json!({"kind": "refuse-connections", "port": "both", "for": "?"}),
        json!({"kind": "endpoint-lag", "slots": 8, "for": "?"}),
        json!({"kind": "history-pruned", "keep": 3000}),
        json!({"kind": "block-abandon"}),
        json!({"kind": "slots-skip", "slots": 3}),
        json!({"kind": "confirmations-pause", "for": "?"}),
        json!({"kind": "node-restart", "for": "?"}),
    ]
}
