use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    error::{CallError, RpcError},
    excerpt::Scrub,
};
use crate::request::Method;

/// JSON-RPC codes that some provider uses for its limits beside its HTTP status: Alchemy and QuickNode put 429 into
/// an error object, Alchemy also into the body of a 200 (connection.md 2.4, 2.5), Helius -32429.
const RATE_LIMIT_CODES: [i64; 2] = [429, -32429];

/// The codes that JSON-RPC leaves to servers. Providers reuse them for limits (-32005, -32007, -32029), Agave uses
/// the same numbers for other things (-32005 is "node is behind"), so that only the words decide.
const SERVER_CODES: std::ops::RangeInclusive<i64> = -32099..=-32000;
const RATE_LIMIT_WORDS: [&str; 6] = [
    "rate limit",
    "too many requests",
    "limit reached",
    "limit exceeded",
    "requests per second",
    "per second capacity",
];

/// What a batch was answered.
pub(super) enum BatchAnswer {
    /// Responses by id, and how many belonged to no id or to one already answered.
    Each { answers: HashMap<u64, Result<Box<RawValue>, CallError>>, strays: u64 },
    /// One answer for the whole batch: an error object, or something that is no JSON-RPC.
    Whole(CallError),
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a RawValue,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Value,
    /// Present though null: `"result": null` is a result.
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    // Providers that refuse before JSON-RPC begins put these two at the top.
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: Value,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// One call as it travels.
pub(super) fn encode(id: u64, method: &Method, params: &RawValue) -> Bytes {
    let request = Request { jsonrpc: "2.0", id, method: method.as_str(), params };
    #[expect(clippy::expect_used, reason = "a number, two texts and valid JSON always serialize into memory")]
    let bytes = serde_json::to_vec(&request).expect("serializable");
    bytes.into()
}

/// The answer to the call `id`.
pub(super) fn decode(body: &[u8], id: u64, scrub: &Scrub) -> Result<Box<RawValue>, CallError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|_| CallError::NotJson { excerpt: scrub.excerpt(body) })?;
    // A server that could not read the id answers null, and then it can only mean the one call it was sent.
    if envelope.id.as_u64() != Some(id) && !(envelope.id.is_null() && envelope.result.is_none()) {
        return Err(CallError::WrongId);
    }
    outcome(&envelope, scrub).unwrap_or_else(|| Err(CallError::NotJson { excerpt: scrub.excerpt(body) }))
}

/// The answers to a batch.
pub(super) fn decode_batch(body: &[u8], scrub: &Scrub) -> BatchAnswer {
    let not_json = || CallError::NotJson { excerpt: scrub.excerpt(body) };
    let Ok(envelopes) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        let whole = serde_json::from_slice::<Envelope<'_>>(body).ok();
        let error = whole.and_then(|envelope| outcome(&envelope, scrub)).and_then(Result::err);
        return BatchAnswer::Whole(error.unwrap_or_else(not_json));
    };
    let mut answers = HashMap::with_capacity(envelopes.len());
    let mut strays = 0_u64;
    for envelope in envelopes {
        let answer = serde_json::from_str::<Envelope<'_>>(envelope.get())
            .ok()
            .and_then(|envelope| Some((envelope.id.as_u64()?, outcome(&envelope, scrub)?)));
        match answer {
            Some((id, outcome)) if !answers.contains_key(&id) => {
                answers.insert(id, outcome);
            }
            Some(_) | None => strays = strays.saturating_add(1),
        }
    }
    BatchAnswer::Each { answers, strays }
}

/// The error in a body whose HTTP status is not a success, if it is a JSON-RPC error.
pub(super) fn decode_error(body: &[u8], scrub: &Scrub) -> Option<CallError> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    outcome(&envelope, scrub)?.err()
}

/// The provider's words in the body of a refusal: the message of an error object or of the top level, else how the
/// body begins.
pub(super) fn refusal_message(body: &[u8], scrub: &Scrub) -> String {
    let envelope = serde_json::from_slice::<Envelope<'_>>(body).ok();
    let message = envelope.and_then(|envelope| {
        let error = envelope.error.and_then(|error| serde_json::from_str::<ErrorObject>(error.get()).ok());
        error.map(|error| error.message).or_else(|| envelope.message.as_str().map(str::to_owned))
    });
    message.map_or_else(|| scrub.excerpt(body), |message| scrub.quote(&message))
}

/// `None` for what is JSON but no JSON-RPC answer.
fn outcome(envelope: &Envelope<'_>, scrub: &Scrub) -> Option<Result<Box<RawValue>, CallError>> {
    if let Some(error) = envelope.error {
        let error: ErrorObject = serde_json::from_str(error.get()).ok()?;
        return Some(Err(classify(error, scrub)));
    }
    if let Some(result) = envelope.result {
        return Some(Ok(result.to_owned()));
    }
    let code = envelope.code.as_i64().filter(|code| RATE_LIMIT_CODES.contains(code))?;
    let message = envelope.message.as_str().unwrap_or_default().to_owned();
    Some(Err(classify(ErrorObject { code, message, data: None }, scrub)))
}

fn classify(error: ErrorObject, scrub: &Scrub) -> CallError {
    let ErrorObject { code, message, data } = error;
    let lower = message.to_lowercase();
    let limited = RATE_LIMIT_CODES.contains(&code)
        || (SERVER_CODES.contains(&code) && RATE_LIMIT_WORDS.iter().any(|words| lower.contains(words)));
    let message = scrub.quote(&message);
    if limited {
        CallError::RateLimited { retry_after: None, message }
    } else {
        CallError::Rpc(RpcError { code, message, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(body: &str) -> Result<String, CallError> {
        decode(body.as_bytes(), 7, &Scrub::default()).map(|result| result.get().to_owned())
    }

    #[test]
    fn a_call_is_written_as_json_rpc() {
        let params = RawValue::from_string("[1]".to_owned()).unwrap();
        let bytes = encode(7, &Method::new("getBlock"), &params);
        assert_eq!(bytes, r#"{"jsonrpc":"2.0","id":7,"method":"getBlock","params":[1]}"#.as_bytes());
    }

    #[test]
    fn results_are_handed_on_as_they_came() {
        assert_eq!(one(r#"{"jsonrpc":"2.0","result":{"a": [1 ]},"id":7}"#).unwrap(), r#"{"a": [1 ]}"#);
        assert_eq!(one(r#"{"result":null,"id":7,"unknown":{}}"#).unwrap(), "null");
    }

    #[test]
    fn errors_keep_code_message_and_data() {
        let error =
            one(r#"{"id":7,"error":{"code":-32005,"message":"Node is behind by 5 slots","data":{"n":5}}}"#);
        let Err(CallError::Rpc(error)) = error else { panic!("{error:?}") };
        assert_eq!((error.code, error.message.as_str()), (-32005, "Node is behind by 5 slots"));
        assert_eq!(error.data.unwrap().get(), r#"{"n":5}"#);
    }

    #[test]
    fn limits_are_recognised_in_every_providers_shape() {
        for body in [
            r#"{"jsonrpc":"2.0","error":{"code":429,"message":"Your app has exceeded its compute units per second capacity."},"id":7}"#,
            r#"{"code":429,"message":"Too many requests for a specific RPC call"}"#,
            r#"{"error":{"code":-32007,"message":"50/second request limit reached - reduce calls per second"},"id":7}"#,
            r#"{"error":{"code":-32429,"message":"rate limited"},"id":null}"#,
            r#"{"error":{"code":-32005,"message":"Limit exceeded"},"id":7}"#,
        ] {
            let answer = one(body);
            assert!(matches!(answer, Err(CallError::RateLimited { .. })), "{body}: {answer:?}");
        }
        for body in [
            r#"{"error":{"code":-32007,"message":"Slot 5 was skipped, or missing due to ledger jump"},"id":7}"#,
            r#"{"error":{"code":-32602,"message":"rate limit"},"id":7}"#,
        ] {
            assert!(matches!(one(body), Err(CallError::Rpc(_))), "{body}");
        }
    }

    #[test]
    fn what_answers_another_call_or_none_is_no_answer() {
        for body in [r#"{"result":1,"id":8}"#, r#"{"result":1,"id":"7"}"#, r#"{"result":1}"#] {
            assert!(matches!(one(body), Err(CallError::WrongId)), "{body}");
        }
        for body in
            ["", "<html>", r#"{"result":{"a":1"#, "[]", "{}", r#"{"id":7}"#, r#"{"id":7,"error":"no"}"#]
        {
            assert!(matches!(one(body), Err(CallError::NotJson { .. })), "{body}");
        }
    }

    #[test]
    fn batch_answers_are_found_by_id_in_any_order() {
        let body = br#"[{"id":3,"result":"c"},{"id":1,"error":{"code":429,"message":""}},{"id":3,"result":"d"},{"id":null}]"#;
        let BatchAnswer::Each { mut answers, strays } = decode_batch(body, &Scrub::default()) else {
            panic!()
        };
        assert_eq!(strays, 2);
        assert_eq!(answers.remove(&3).unwrap().unwrap().get(), r#""c""#);
        assert!(matches!(answers.remove(&1), Some(Err(CallError::RateLimited { .. }))));
        assert!(answers.is_empty());
    }

    #[test]
    fn a_batch_answered_as_one_is_told_apart() {
        let whole = |body: &str| match decode_batch(body.as_bytes(), &Scrub::default()) {
            BatchAnswer::Whole(error) => error.kind(),
            BatchAnswer::Each { .. } => "each",
        };
        assert_eq!(
            whole(r#"{"error":{"code":-32600,"message":"batches are not supported"},"id":null}"#),
            "rpc"
        );
        assert_eq!(whole(r#"{"error":{"code":429,"message":"slow down"},"id":null}"#), "rate-limited");
        assert_eq!(whole("<html>"), "not-json");
        assert_eq!(whole("[]"), "each");
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let scrub = Scrub::default();
            drop(decode(&body, 7, &scrub));
            drop(decode_batch(&body, &scrub));
            drop(refusal_message(&body, &scrub));
        }
    }
}
