use serde_json::{Value, json};

use super::{Asked, Entry, Request, joined};

fn only(text: &str) -> Entry {
    let request = Request::read(text).unwrap_or_else(|| panic!("{text} is not readable"));
    assert!(!request.batch, "{text}");
    let [entry] = request.entries.as_slice() else { panic!("{text}: {request:?}") };
    entry.clone()
}

fn refusal(text: &str) -> Value {
    match only(text) {
        Entry::Refused(answer) => serde_json::from_str(&answer).unwrap(),
        other @ (Entry::Call(_) | Entry::Notification { .. }) => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_proper_call_keeps_its_parts() {
    for (text, params, id) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#, json!(null), json!(1)),
        (r#"{"jsonrpc":"2.0","id":"a","method":"m","params":null}"#, json!(null), json!("a")),
        (r#"{"jsonrpc":"2.0","id":null,"method":"m","params":[1.5,-1]}"#, json!([1.5, -1]), json!(null)),
        (
            r#"{"params":{"a":[]},"method":"m","id":18446744073709551615,"jsonrpc":"2.0"}"#,
            json!({"a": []}),
            json!(u64::MAX),
        ),
        (r#" ["2.0","m",[7],1] "#, json!([7]), json!(1)),
    ] {
        assert_eq!(only(text), Entry::Call(Asked { method: "m".to_owned(), params, id }), "{text}");
    }
}

#[test]
fn an_id_that_cannot_be_one_is_a_parse_error() {
    for id in ["-1", "1.5", "1.0", "{}", "[]", "true", "18446744073709551616", "-0"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
        assert_eq!(Request::read(&text), None, "{text}");
    }
}

#[test]
fn what_is_no_request_is_a_parse_error() {
    for text in
        ["", " ", "{", "1", "null", "true", "\"m\"", "[1]", "[[]]", "{}{}", r#"[1,{"jsonrpc":"2.0"}]"#]
    {
        assert_eq!(Request::read(text), None, "{text}");
    }
    // Deeper than any parser follows.
    assert_eq!(Request::read(&"[".repeat(50_000)), None);
    assert_eq!(Request::read(&r#"{"a":"#.repeat(10_000)), None);
}

#[test]
fn what_is_no_call_is_an_invalid_request_under_its_id() {
    for (text, id) in [
        ("{}", json!(null)),
        (r#"{"id":1}"#, json!(1)),
        (r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, json!(1)),
        (r#"{"jsonrpc":2,"id":"a","method":"m"}"#, json!("a")),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","extra":1}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","method":"m"}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","method":"m","extra":1}"#, json!(null)),
    ] {
        let expected =
            json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid request"}, "id": id});
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn a_call_without_a_version_is_answered_without_one() {
    let error = json!({"code": -32600, "message": "Unsupported JSON-RPC protocol version"});
    for text in [r#"{"id":1,"method":"m"}"#, r#"{"jsonrpc":null,"id":1,"method":"m"}"#] {
        assert_eq!(refusal(text), json!({"error": error, "id": 1}), "{text}");
    }
}

#[test]
fn what_has_no_id_is_a_notification_whatever_its_version() {
    for text in [r#"{"jsonrpc":"2.0","method":"ping"}"#, r#"{"method":"ping","params":[]}"#] {
        assert_eq!(only(text), Entry::Notification { method: "ping".to_owned() }, "{text}");
    }
}

#[test]
fn a_batch_may_be_empty_and_mixed() {
    assert_eq!(Request::read("[]"), Some(Request { entries: Vec::new(), batch: true }));
    let mixed = r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"},{}]"#;
    let mixed = Request::read(mixed).unwrap();
    assert!(mixed.batch);
    assert_eq!(mixed.entries.iter().map(Entry::method).collect::<Vec<_>>(), ["a", "b", ""]);
}

#[test]
fn answers_are_joined_as_they_were_asked() {
    let said = || vec!["1".to_owned(), "2".to_owned()];
    assert_eq!(joined(Vec::new(), true), None);
    assert_eq!(joined(Vec::new(), false), None);
    assert_eq!(joined(said(), true).as_deref(), Some("[1,2]"));
    assert_eq!(joined(vec!["1".to_owned()], false).as_deref(), Some("1"));
}

/// Requests, cut, doubled and stirred, and bytes of any kind.
#[test]
fn no_bytes_make_it_panic() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let model = r#"[{"jsonrpc":"2.0","id":1,"method":"m","params":[-1.5e3,"\u00e9",null]},{"id":{}}]"#;
    let tokens =
        ["{", "}", "[", "]", ",", ":", "\"id\"", "\"jsonrpc\"", "\"2.0\"", "\"method\"", "1e999", "null"];
    for _ in 0..20_000 {
        let mut bytes = model.as_bytes().to_vec();
        for _ in 0..random.usize(..6) {
            let at = random.usize(..=bytes.len());
            match random.u8(..4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, random.u8(..)),
                2 => drop(bytes.splice(at..at, random.choice(tokens).unwrap().bytes())),
                _ => drop(bytes.splice(at.saturating_sub(4)..at, [])),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some(request) = Request::read(&text) else { continue };
        assert!(request.batch || request.entries.len() == 1, "{text}");
        for entry in request.entries {
            match entry {
                Entry::Call(asked) => {
                    assert!(asked.id.is_null() || asked.id.is_u64() || asked.id.is_string(), "{text}");
                }
                Entry::Notification { .. } => {}
                Entry::Refused(answer) => {
                    let answer: Value = serde_json::from_str(&answer).unwrap();
                    assert_eq!(answer["error"]["code"], -32600, "{text}");
                }
            }
        }
    }
}
