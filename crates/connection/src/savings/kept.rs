//! Answers that never change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::{lru::Lru, question::Question};
use crate::{http::Reply, request::Method};

/// What an answer takes in memory beside its own text and its question's, about: the maps' entries and pointers.
const OVERHEAD: usize = 256;
/// An answer that would take more than this part of the room is not kept: it would drive out a hundred smaller ones
/// and be asked for no more often than each of them.
const LARGEST_PART: usize = 16;

/// Immutable answers, within a bound of bytes.
#[derive(Debug)]
pub(super) struct Kept {
    answers: Mutex<Lru<Question, Reply>>,
    largest: usize,
}

// === impl Kept ===

impl Kept {
    /// Keeps up to `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { answers: Mutex::new(Lru::new(bytes)), largest: bytes / LARGEST_PART }
    }

    /// The answer, if it is kept. No byte travelled for it.
    pub(super) fn get(&self, question: &Question) -> Option<Reply> {
        let mut answers = self.lock();
        answers.get(question).map(|reply| Reply { bytes: 0, ..reply.clone() })
    }

    /// Keeps an answer that [`is_immutable`], if it is not too large.
    pub(super) fn keep(&self, question: Question, reply: &Reply) {
        let bytes = reply.result.get().len() + question.bytes() + OVERHEAD;
        if bytes <= self.largest {
            self.lock().insert(question, reply.clone(), bytes);
        }
    }

    /// Answers kept, and the bytes they take.
    pub(super) fn holds(&self) -> (usize, usize) {
        let answers = self.lock();
        (answers.len(), answers.weight())
    }

    /// Nothing panics under this lock; were it to happen, the cache would hold less than it could.
    fn lock(&self) -> MutexGuard<'_, Lru<Question, Reply>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the same question will have the same answer for ever: the genesis hash, and finalized transactions and
/// blocks. `getBlockTime` is not among them, since nodes also answer it for blocks that may still be abandoned.
pub(super) fn is_immutable(method: &Method, params: &Value, result: &str) -> bool {
    match method.as_str() {
        "getGenesisHash" => result != "null",
        // A block's time is written after the block.
        "getTransaction" | "getBlock" => {
            is_finalized(params) && result != "null" && !result.contains("\"blockTime\":null")
        }
        _ => false,
    }
}

/// Whether the call asks for what is finalized: by name, or by saying nothing, which nodes take for that.
fn is_finalized(params: &Value) -> bool {
    match params.get(1) {
        // An encoding alone, as older clients send it.
        None | Some(Value::Null | Value::String(_)) => true,
        Some(Value::Object(config)) => match config.get("commitment") {
            None | Some(Value::Null) => true,
            Some(commitment) => commitment == "finalized",
        },
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{json, value::RawValue};

    use super::*;
    use crate::http::Version;

    fn immutable(method: &'static str, params: Value, result: &str) -> bool {
        is_immutable(&Method::new(method), &params, result)
    }

    fn question(number: u32) -> Question {
        Question::of(&Method::new("getBlock"), &json!([number])).unwrap()
    }

    fn reply(text: String) -> Reply {
        Reply { result: RawValue::from_string(text).unwrap(), bytes: 9, version: Version::Http2 }
    }

    #[test]
    fn only_what_is_finalized_and_there_is_immutable() {
        let found = r#"{"slot":5,"blockTime":1700000000}"#;
        for params in [
            json!(["s"]),
            json!(["s", null]),
            json!(["s", "base64"]),
            json!(["s", {"encoding": "base64"}]),
            json!(["s", {"commitment": "finalized"}]),
        ] {
            assert!(immutable("getTransaction", params.clone(), found), "{params}");
            assert!(!immutable("getTransaction", params.clone(), "null"), "{params}");
            assert!(!immutable("getTransaction", params, r#"{"slot":5,"blockTime":null}"#));
        }
        for commitment in ["confirmed", "processed", "recent"] {
            assert!(!immutable("getTransaction", json!(["s", {"commitment": commitment}]), found));
            assert!(!immutable("getBlock", json!([5, {"commitment": commitment}]), found));
        }
        assert!(immutable("getBlock", json!([5, {"commitment": "finalized"}]), found));
        assert!(immutable("getGenesisHash", json!([]), "\"hash\""));
        for method in ["getAccountInfo", "getSlot", "getBlockTime", "getSignatureStatuses", "getBlocks"] {
            assert!(!immutable(method, json!([5, {"commitment": "finalized"}]), found), "{method}");
        }
    }

    #[test]
    fn a_kept_answer_is_the_same_and_costs_nothing_to_carry() {
        let kept = Kept::new(100_000);
        kept.keep(question(1), &reply("[1]".to_owned()));
        let again = kept.get(&question(1)).unwrap();
        assert_eq!((again.result.get(), again.bytes), ("[1]", 0));
        assert!(kept.get(&question(2)).is_none());
        kept.keep(question(2), &reply(format!("\"{}\"", "x".repeat(100_000 / LARGEST_PART))));
        assert!(kept.get(&question(2)).is_none(), "too large a part of the room");
    }

    proptest! {
        #[test]
        fn memory_stays_within_the_bound(answers in proptest::collection::vec((0_u32..500, 0_usize..9_000), 0..400)) {
            let kept = Kept::new(100_000);
            for (number, length) in answers {
                kept.keep(question(number), &reply(format!("\"{}\"", "x".repeat(length))));
                let (count, bytes) = kept.holds();
                prop_assert!(bytes <= 100_000 && bytes >= count * OVERHEAD);
            }
        }
    }
}
