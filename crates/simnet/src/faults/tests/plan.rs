use std::time::Duration;

use serde_json::json;

use super::super::{Chance, Condition, Fault, Faults, Kind, Notification, Plan, Response, Start, Stroke};
use crate::CloseCode;

fn wrong(text: &str) -> String {
    Plan::parse(text, "faults.toml").unwrap_err().to_string()
}

#[test]
fn a_plan_says_what_when_and_how_often() {
    let text = r#"
        seed = 7
        [[fault]]
        kind = "notification-drop"
        methods = ["logsSubscribe"]
        chance = "0.25%"
        [[fault]]
        kind = "node-restart"
        at = "12s"
        for = "3s"
        every = "1m 30s"
        count = 3
        [[fault]]
        kind = "websocket-close"
        slot = 40
        code = 4000
        [[fault]]
        kind = "http-429"
        retry_after = "10s"
        burst = 5
    "#;
    let seconds = Duration::from_secs;
    let plan = Plan::parse(text, "faults.toml").unwrap();
    assert_eq!(plan.seed, 7);
    let expected = [
        Fault::new(Notification::Drop).methods(["logsSubscribe"]).chance("0.25%".parse().unwrap()),
        Fault::new(Condition::NodeRestart)
            .at(Start::After(seconds(12)))
            .lasting(seconds(3))
            .every(seconds(90))
            .count(3),
        Fault::new(Stroke::WebsocketClose(CloseCode::from(4000))).at(Start::Slot(40)),
        Fault::new(Response::TooManyRequests(Some(10), 5)),
    ];
    assert_eq!(plan.faults, expected);
}

#[test]
fn every_kind_can_be_planned_by_its_name_alone_or_says_which_number_it_needs() {
    let needs = [
        (Kind::NotificationDelay, r#"delay = "1s""#),
        (Kind::HttpDelay, r#"delay = "1s""#),
        (Kind::HttpSlow, r#"over = "1s""#),
        (Kind::TransactionNull, "slots = 3"),
        (Kind::EndpointLag, "slots = 300"),
        (Kind::HistoryPruned, "keep = 10"),
    ];
    for kind in Kind::ALL {
        let alone = format!("[[fault]]\nkind = \"{kind}\"\n");
        let plan = match needs.iter().find(|(needing, _)| *needing == kind) {
            None => Plan::parse(&alone, "f"),
            Some((_, key)) => {
                let name = key.split(' ').next().unwrap();
                let error = Plan::parse(&alone, "f").unwrap_err().to_string();
                assert_eq!(error, format!("f:1: fault.{name}: is missing"));
                Plan::parse(&format!("{alone}{key}"), "f")
            }
        };
        assert_eq!(plan.unwrap().faults[0].effect().kind(), kind);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_with_what_would_be_right() {
    let cases = [
        ("", "faults.toml: holds no fault: expected at least one [[fault]]"),
        ("seed = 7\n", "faults.toml: holds no fault: expected at least one [[fault]]"),
        ("[[fault]\n", "faults.toml:1: not TOML: unclosed array table, expected `]`"),
        ("sed = 7\n", "faults.toml:1: sed: unknown key, did you mean `seed`?"),
        ("[[faults]]\n", "faults.toml:1: faults: unknown key, did you mean `fault`?"),
        ("[fault]\n", "faults.toml:1: fault: expected [[fault]], found a table"),
        ("fault = [3]\n", "faults.toml:1: fault: expected a table, found another number"),
        ("seed = \"7\"\n", "faults.toml:1: seed: expected a whole number from 0, found a text"),
        ("seed = -7\n", "faults.toml:1: seed: expected a whole number from 0, found another number"),
        (
            "[[fault]]\nkind = \"websoket-drop\"\n",
            "faults.toml:2: fault.kind: unknown kind `websoket-drop`, did you mean `websocket-drop`?",
        ),
        ("[[fault]]\nkind = 3\n", "faults.toml:2: fault.kind: expected a text, found 3"),
        (
            "[[fault]]\nkind = \"http-kill\"\n\ncuont = 3\n",
            "faults.toml:4: fault.cuont: unknown key of http-kill, did you mean `count`?",
        ),
        (
            "[[fault]]\nkind = \"websocket-drop\"\nfor = \"3s\"\n",
            "faults.toml:3: fault.for: unknown key of websocket-drop, expected one of kind, at, slot, every, chance, count",
        ),
        (
            "[[fault]]\nkind = \"node-restart\"\nmethods = [\"getBlock\"]\n",
            "faults.toml:3: fault.methods: unknown key of node-restart, expected one of kind, at, slot, every, chance, count, for",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nfor = \"3 potatoes\"\n",
            "faults.toml:3: fault.for: expected a time of up to a year, such as \"500ms\" or \"1m 30s\", found \"3 potatoes\"",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nfor = 3\n",
            "faults.toml:3: fault.for: expected a time of up to a year, such as \"500ms\" or \"1m 30s\", found 3",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nevery = \"0s\"\n",
            "faults.toml:3: fault.every: must be longer than no time",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nchance = \"120%\"\n",
            "faults.toml:3: fault.chance: `120%` is no chance: expected one above 0% and up to 100%, such as \"5%\" or \"0.25%\"",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\ncount = \"three\"\n",
            "faults.toml:3: fault.count: expected a whole number from 1, found \"three\"",
        ),
        (
            "[[fault]]\nkind = \"http-5xx\"\nstatus = 404\n",
            "faults.toml:3: fault.status: expected a whole number from 500 to 599, found 404",
        ),
        (
            "[[fault]]\nkind = \"websocket-close\"\ncode = 1006\n",
            "faults.toml:3: fault.code: 1006 is a code that no close frame may carry",
        ),
        (
            "[[fault]]\nkind = \"refuse-connections\"\nport = \"htp\"\n",
            "faults.toml:3: fault.port: unknown port `htp`, did you mean `http`?",
        ),
        (
            "[[fault]]\nkind = \"http-429\"\nretry_after = \"1500ms\"\n",
            "faults.toml:3: fault.retry_after: expected whole seconds, which is what the header can say",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nmethods = [3]\n",
            "faults.toml:3: fault.methods: expected a list of names, such as [\"getBlock\"], found [3]",
        ),
        (
            "[[fault]]\nkind = \"subscription-forget\"\nmethods = [\"slotSubscribe\", \"logSubscribe\"]\n",
            "faults.toml:3: fault.methods: `logSubscribe` is no method of a subscription, did you mean `logsSubscribe`?",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nat = 1979-05-27\n",
            "faults.toml:3: fault.at: no key takes a date",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nat = \"1s\"\nslot = 3\n",
            "faults.toml:4: fault.slot: cannot be with `at`: one of them says when it begins",
        ),
        (
            "[[fault]]\nkind = \"http-kill\"\nfor = \"3s\"\nevery = \"3s\"\n",
            "faults.toml:3: fault.for: must be shorter than `every`",
        ),
        (
            "[[fault]]\nkind = \"endpoint-lag\"\nslots = 9\nevery = \"3s\"\n",
            "faults.toml:1: fault.for: is missing: with `every`, endpoint-lag must end before it begins again",
        ),
        (
            "[[fault]]\nkind = \"endpoint-lag\"\nslots = 301\n",
            "faults.toml:3: fault.slots: expected a whole number from 1 to 300, found 301",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(wrong(text), expected, "{text}");
    }
    let missing = wrong("[[fault]]\n");
    assert!(missing.starts_with("faults.toml:1: fault.kind: is missing, expected one of websocket-drop, "));
}

#[test]
fn the_reference_plan_shows_every_kind() {
    let plan = Plan::parse(include_str!("../../../faults.toml"), "faults.toml").unwrap();
    let shown: Vec<Kind> = plan.faults.iter().map(|fault| fault.effect().kind()).collect();
    assert_eq!(shown, Kind::ALL);
}

#[test]
fn everything_wrong_is_said_at_once_from_top_to_bottom() {
    let text =
        "sed = 1\n[[fault]]\nkind = \"wrong-idd\"\n[[fault]]\nkind = \"http-slow\"\nburst = 2\nevery = 4\n";
    let expected = "5 problems:
  faults.toml:1: sed: unknown key, did you mean `seed`?
  faults.toml:3: fault.kind: unknown kind `wrong-idd`, did you mean `wrong-id`?
  faults.toml:4: fault.over: is missing
  faults.toml:6: fault.burst: unknown key of http-slow, expected one of kind, over, at, slot, every, chance, count, methods, for
  faults.toml:7: fault.every: expected a time of up to a year, such as \"500ms\" or \"1m 30s\", found 4";
    assert_eq!(wrong(text), expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Plan::read("/nowhere/faults.toml".as_ref()).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/faults.toml: there is no such file");
}

#[test]
fn chances_read_back_as_they_are_written() {
    for text in ["100%", "5%", "0.25%", "0.0001%", "12.5%"] {
        assert_eq!(text.parse::<Chance>().unwrap().to_string(), text);
    }
    for text in ["", "5", "0%", "-1%", "100.1%", "%", ".5%", "5.%", "0.00001%", "99999999999%", "ten%"] {
        assert!(text.parse::<Chance>().is_err(), "{text}");
    }
    assert_eq!("5%".parse::<Chance>().unwrap(), Chance::percent(5));
}

#[test]
fn a_control_call_takes_the_same_keys_and_says_the_same_of_wrong_ones() {
    let faults = Faults::none();
    let control = |method, params| faults.control(method, &params);
    assert_eq!(control("getSlot", json!([])), None);
    let started = control(
        "simnetFault",
        json!([{"kind": "http-kill", "chance": "5%"}, {"kind": "endpoint-lag", "slots": 3, "for": "1s"}]),
    );
    assert_eq!(started.unwrap().unwrap(), json!([1, 2]));
    assert_eq!(control("simnetClear", json!([1, 9])).unwrap().unwrap(), json!(1));
    assert!(faults.are_armed());
    assert_eq!(control("simnetClear", json!(null)).unwrap().unwrap(), json!(1));
    assert!(!faults.are_armed());
    assert_eq!(control("simnetJournal", json!([])).unwrap().unwrap(), json!({"counts": {}, "incidents": []}));
    let cases = [
        ("simnetFault", json!([]), "expected at least one fault, such as {\"kind\": \"websocket-drop\"}"),
        ("simnetFault", json!({"kind": "http-kill"}), "expected the parameters as a list"),
        ("simnetFault", json!(["http-kill"]), "fault 1: expected an object, found \"http-kill\""),
        (
            "simnetFault",
            json!([{"kind": "http-kill"}, {"kind": "http-kil"}]),
            "fault 2: kind: unknown kind `http-kil`, did you mean `http-kill`?",
        ),
        (
            "simnetFault",
            json!([{"kind": "http-kill", "evry": "1s"}]),
            "fault 1: evry: unknown key of http-kill, did you mean `every`?",
        ),
        ("simnetClear", json!(["one"]), "expected numbers of faults"),
        ("simnetJournal", json!([1, 2]), "expected at most one parameter"),
    ];
    for (method, params, expected) in cases {
        assert_eq!(control(method, params).unwrap().unwrap_err().to_string(), expected);
    }
    assert!(!faults.are_armed(), "nothing of a call that is wrong has started");
}

#[test]
fn faults_on_command_are_bounded() {
    let faults = Faults::none();
    let fault = || Fault::new(Response::Kill);
    while faults.apply(fault()).is_ok() {}
    let error = faults.control("simnetFault", &json!([{"kind": "http-kill"}])).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "1024 faults are on or to come already: clear some");
    assert_eq!(faults.clear(), 1024);
    faults.apply(fault()).unwrap();
}
