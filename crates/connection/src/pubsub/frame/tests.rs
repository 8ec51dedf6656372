use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;

#[test]
fn real_frames_are_understood() {
    let Some(fixtures) = std::env::var_os("EDA_FIXTURES") else {
        println!("skipped: EDA_FIXTURES is not set");
        return;
    };
    let mut seen = (0, 0, 0);
    for entry in fs::read_dir(Path::new(&fixtures).join("rpc_ws")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".source.json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let parsed = Incoming::parse(&text);
        match parsed {
            Incoming::Notification { upstream, result } => {
                assert!(name.contains("otification"), "{name}");
                assert!(upstream > 0 && result.get().len() > 1, "{name}");
                seen.0 += 1;
            }
            Incoming::Answer { request, outcome: Ok(result) } => {
                assert!(name.contains("subscribe_result"), "{name}");
                assert!(request == 2 && result.get().parse::<u64>().is_ok(), "{name}");
                seen.1 += 1;
            }
            Incoming::Answer { request, outcome: Err(error) } => {
                assert!(name.contains("error"), "{name}");
                assert_eq!((request, error.code, error.verdict()), (2, -32601, Verdict::Permanent));
                seen.2 += 1;
            }
            Incoming::Stray(_) | Incoming::Odd(_) => panic!("{name}: {parsed:?}"),
        }
    }
    assert!(seen.0 >= 20 && seen.1 >= 6 && seen.2 == 1, "{seen:?}");
}

#[test]
fn odd_frames_are_told_apart() {
    let odd = |text| match Incoming::parse(text) {
        Incoming::Odd(odd) => odd,
        Incoming::Notification { .. } | Incoming::Answer { .. } | Incoming::Stray(_) => panic!("{text}"),
    };
    for text in ["", "<html>429</html>", "{\"jsonrpc\":\"2.0\",\"id\":", "{\"id\":1,\"result\":5} trailing"] {
        assert_eq!(odd(text), Odd::NotJson, "{text}");
    }
    for text in [
        "{}",
        "42",
        "\"pong\"",
        "{\"id\":1}",
        "{\"id\":null,\"result\":true}",
        "{\"method\":\"accountNotification\",\"params\":{}}",
        "{\"params\":{\"subscription\":\"7\",\"result\":1}}",
        "{\"params\":{\"subscription\":-7,\"result\":1}}",
    ] {
        assert_eq!(odd(text), Odd::Shapeless, "{text}");
    }
}

#[test]
fn errors_without_an_id_are_heard() {
    for text in [
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":429,\"message\":\"Too many requests\"},\"id\":null}",
        "{\"error\":{\"code\":429}}",
        "{\"error\":\"rate limit exceeded\"}",
    ] {
        let Incoming::Stray(error) = Incoming::parse(text) else { panic!("{text}") };
        assert_eq!(error.verdict(), Verdict::RateLimited, "{text}");
    }
}

#[test]
fn verdicts_follow_the_code() {
    let verdict = |code, message: &str| RpcError { code, message: message.to_owned() }.verdict();
    assert_eq!(verdict(-32601, "Method not found"), Verdict::Permanent);
    assert_eq!(verdict(-32602, "Invalid params: foo"), Verdict::Permanent);
    assert_eq!(
        verdict(-32603, "Internal Error: Subscription refused. Node subscription limit reached"),
        Verdict::Temporary
    );
    assert_eq!(verdict(-32005, "Node is behind by 42 slots"), Verdict::Temporary);
    assert_eq!(verdict(-32005, "daily request rate limit reached"), Verdict::RateLimited);
    assert_eq!(verdict(-32000, "not in your plan"), Verdict::Doubtful);
}

proptest! {
    #[test]
    fn no_text_panics_the_parser(text in any::<String>()) {
        let _parsed = Incoming::parse(&text);
    }

    #[test]
    fn no_damage_to_a_frame_panics_the_parser(at in 0usize..130, with in any::<char>()) {
        let frame = "{\"jsonrpc\":\"2.0\",\"method\":\"slotNotification\",\"params\":{\"result\":{\"slot\":8,\"parent\":7,\"root\":4},\"subscription\":129344}}";
        let damaged: String =
            frame.chars().enumerate().map(|(index, old)| if index == at { with } else { old }).collect();
        let _parsed = Incoming::parse(&damaged);
    }
}
