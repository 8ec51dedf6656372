//! What is asked, in one spelling.

use std::sync::Arc;

use serde_json::Value;

use crate::request::Method;

/// A method and its parameters. Equal questions have equal answers when they are asked at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    method: Method,
    /// As JSON with the keys of every object in order.
    params: Arc<str>,
}

// === impl Question ===

impl Question {
    /// The question that a call asks; `None` for what is not known to be a read. Names say what is one: in Solana's
    /// RPC reads begin with `get` or `is`. What a simulation is for, only its caller knows.
    pub(super) fn of(method: &Method, params: &Value) -> Option<Self> {
        let reads = ["get", "is"].into_iter().any(|word| {
            let rest = method.as_str().strip_prefix(word);
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        });
        if !reads || method.is_unsafe_to_repeat() {
            return None;
        }
        // `serde_json` keeps the keys of an object in order.
        Some(Self { method: method.clone(), params: params.to_string().into() })
    }

    /// Bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.method.as_str().len() + self.params.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(method: &'static str, params: &str) -> Option<Question> {
        Question::of(&Method::new(method), &serde_json::from_str(params).unwrap())
    }

    #[test]
    fn the_order_of_keys_makes_no_difference_and_everything_else_does() {
        let one = question("getAccountInfo", r#"["a", {"encoding": "base64", "commitment": "confirmed"}]"#);
        let other = question("getAccountInfo", r#"["a",{"commitment":"confirmed","encoding":"base64"}]"#);
        assert_eq!(one, other);
        assert_eq!(one.unwrap().params.as_ref(), r#"["a",{"commitment":"confirmed","encoding":"base64"}]"#);
        for params in [
            r#"["a", {"encoding": "base64", "commitment": "finalized"}]"#,
            r#"["a", {"encoding": "base64", "commitment": "confirmed", "minContextSlot": 5}]"#,
            r#"["b", {"encoding": "base64", "commitment": "confirmed"}]"#,
            r#"["a"]"#,
        ] {
            assert_ne!(question("getAccountInfo", params), other, "{params}");
        }
        assert_ne!(question("getBalance", r#"["a"]"#), question("getAccountInfo", r#"["a"]"#));
    }

    #[test]
    fn only_reads_are_questions() {
        for method in ["getSlot", "isBlockhashValid"] {
            assert!(question(method, "[]").is_some(), "{method}");
        }
        for method in [
            "sendTransaction",
            "requestAirdrop",
            "sendBundle",
            "simulateTransaction",
            "getaway",
            "issue",
            "get",
        ] {
            assert!(question(method, "[]").is_none(), "{method}");
        }
    }
}
