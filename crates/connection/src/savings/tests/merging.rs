//! Reads of single accounts.

use super::*;

const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const SYSTEM: &str = "11111111111111111111111111111111";

/// Nodes take at most this many keys.
const MOST: usize = 100;

fn address(number: u8) -> String {
    eda_events::Address::new_from_array([number; 32]).to_string()
}

/// A small node: 1 to 99 are wallets with so many lamports, 100 to 149 hold so many units of the token 200, which has
/// 6 decimals, 150 to 199 hold the token 201, which does not exist; the others do not exist either.
fn account(address: &str) -> Value {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let number = (1..=255).find(|number| super::merging::address(*number) == address).unwrap();
    let shown = |owner: &str, data: Vec<u8>| {
        json!({
            "lamports": number, "owner": owner, "data": [BASE64_STANDARD.encode(&data), "base64"],
            "executable": false, "rentEpoch": u64::MAX, "space": data.len(),
        })
    };
    match number {
        1..100 => shown(SYSTEM, Vec::new()),
        100..200 => {
            let mut data = vec![0; 165];
            data[..32].fill(if number < 150 { 200 } else { 201 });
            data[64] = number;
            data[108] = 1;
            shown(TOKEN, data)
        }
        200 => {
            let mut data = vec![0; 82];
            (data[44], data[45]) = (6, 1);
            shown(TOKEN, data)
        }
        _ => Value::Null,
    }
}

fn in_context(value: &Value) -> Outcome {
    ok(&json!({"context": {"apiVersion": "4.2.2", "slot": 77}, "value": value}))
}

fn node(method: &str, params: &Value) -> Outcome {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    if params[0] == "no address" {
        return error(-32602, "Invalid param: WrongSize");
    }
    match method {
        "getAccountInfo" => in_context(&account(&text(&params[0]))),
        "getBalance" => in_context(&json!(account(&text(&params[0]))["lamports"].as_u64().unwrap_or(0))),
        "getMultipleAccounts" => {
            let keys = params[0].as_array().unwrap();
            if keys.len() > MOST {
                return error(-32602, "Too many inputs provided; max 100");
            }
            in_context(&keys.iter().map(|key| account(&text(key))).collect())
        }
        "getTokenAccountBalance" => in_context(&json!("asked alone")),
        _ => ok(&json!("sent")),
    }
}

fn account_info(world: &World, number: u8) -> JoinHandle<Outcome> {
    account_info_of(world, Class::Poll, number, &json!({}))
}

fn account_info_of(world: &World, class: Class, number: u8, more: &Value) -> JoinHandle<Outcome> {
    let mut config = json!({"encoding": "base64"});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    world.ask(BURNS, class, "getAccountInfo", json!([address(number), config]), None)
}

fn balance(world: &World, number: u8) -> JoinHandle<Outcome> {
    world.ask(PRICES, Class::Poll, "getBalance", json!([address(number)]), None)
}

fn tokens(world: &World, number: u8) -> JoinHandle<Outcome> {
    world.ask(TRADES, Class::Poll, "getTokenAccountBalance", json!([address(number)]), None)
}

async fn value(asking: JoinHandle<Outcome>) -> Value {
    let mut told = told(&asking.await.unwrap());
    assert_eq!(told["context"], json!({"apiVersion": "4.2.2", "slot": 77}));
    told["value"].take()
}

fn shown(amount: &str, decimals: u8, number: f64, text: &str) -> Value {
    json!({"amount": amount, "decimals": decimals, "uiAmount": number, "uiAmountString": text})
}

#[tokio::test(start_paused = true)]
async fn reads_of_a_few_milliseconds_are_one_and_each_is_answered_in_its_own_shape() {
    let world = World::new(node);
    let (one, other) = (account_info(&world, 1), balance(&world, 2));
    millis(1).await;
    let (third, same) = (balance(&world, 255), balance(&world, 1));
    assert_eq!(value(one).await, account(&address(1)));
    assert_eq!(value(other).await, json!(2));
    assert_eq!(value(third).await, json!(0), "no account has nothing");
    assert_eq!(value(same).await, json!(1));
    let sent = world.sent("getMultipleAccounts");
    assert_eq!(world.methods().len(), 1);
    let config = json!({"encoding": "base64", "commitment": "finalized"});
    assert_eq!(sent[0].params, json!([[address(1), address(2), address(255)], config]));
    assert_eq!(world.saved(Kind::Merged), 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_stays_alone_is_sent_as_what_it_was() {
    let world = World::new(node);
    assert_eq!(value(balance(&world, 7)).await, json!(7));
    assert_eq!(value(tokens(&world, 100)).await, json!("asked alone"));
    millis(100).await;
    assert_eq!(value(account_info(&world, 7)).await, account(&address(7)));
    assert_eq!(world.methods(), ["getBalance", "getTokenAccountBalance", "getAccountInfo"]);
    assert_eq!(world.saved(Kind::Merged), 0);
}

#[tokio::test(start_paused = true)]
async fn an_exit_does_not_wait_for_others() {
    let world = World::new(node);
    let exit = account_info_of(&world, Class::Exit, 1, &json!({}));
    assert_eq!(value(exit).await, account(&address(1)));
    assert_eq!(world.sent("getAccountInfo")[0].at, Duration::ZERO);
    // Nor when it joins those who do.
    let polling = [account_info(&world, 2), account_info(&world, 3)];
    tokio::task::yield_now().await;
    let began = world.provider.began.elapsed();
    let exit = account_info_of(&world, Class::Exit, 3, &json!({}));
    assert_eq!(value(exit).await, account(&address(3)));
    let sent = world.sent("getMultipleAccounts");
    assert_eq!((sent[0].at, sent[0].class), (began, Class::Exit));
    for (asking, number) in polling.into_iter().zip([2, 3]) {
        assert_eq!(value(asking).await, account(&address(number)));
    }
    assert_eq!(world.methods().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_reads_of_one_state_and_urgency_go_together() {
    let world = World::new(node);
    let kinds = [
        json!({}),
        json!({"commitment": "confirmed"}),
        json!({"minContextSlot": 5}),
        json!({"minContextSlot": 6}),
        json!({"dataSlice": {"offset": 0, "length": 8}}),
        json!({"encoding": "jsonParsed"}),
    ];
    let mut asking = Vec::new();
    for number in [1, 2] {
        asking.extend(kinds.iter().map(|more| account_info_of(&world, Class::Poll, number, more)));
        asking.push(account_info_of(&world, Class::Detect, 10 + number, &json!({})));
    }
    for asking in asking {
        assert!(asking.await.unwrap().is_ok());
    }
    let sent = world.sent("getMultipleAccounts");
    assert_eq!((sent.len(), world.methods().len()), (7, 7));
    let mut configs: Vec<_> = sent.iter().map(|sent| (sent.class, sent.params[1].to_string())).collect();
    configs.sort();
    configs.dedup();
    assert_eq!(configs.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_is_its_askers_alone() {
    let world = World::new(node);
    let good = [tokens(&world, 100), tokens(&world, 101)];
    let (missing, wallet) = (tokens(&world, 255), tokens(&world, 5));
    let no_address = world.ask(TRADES, Class::Poll, "getBalance", json!(["no address"]), None);
    let amounts = [("100", 0.0001, "0.0001"), ("101", 0.000_101, "0.000101")];
    for (asking, (amount, number, text)) in good.into_iter().zip(amounts) {
        assert_eq!(value(asking).await, shown(amount, 6, number, text));
    }
    let invalid = |why: &str| json!({"code": -32602, "message": format!("Invalid param: {why}")});
    assert_eq!(told(&missing.await.unwrap()), invalid("could not find account"));
    assert_eq!(told(&wallet.await.unwrap()), invalid("not a Token account"));
    assert_eq!(told(&no_address.await.unwrap()), invalid("WrongSize"), "in the node's own words");
}

#[tokio::test(start_paused = true)]
async fn decimals_are_read_along_once_and_never_again() {
    let world = World::new(node);
    for round in 0..3 {
        let asking = [tokens(&world, 100), tokens(&world, 101), balance(&world, 100)];
        for asking in asking {
            assert!(asking.await.unwrap().is_ok());
        }
        let sent = world.sent("getMultipleAccounts");
        assert_eq!((sent.len(), world.methods().len()), (2 + round, 2 + round));
    }
    assert_eq!(world.sent("getMultipleAccounts")[1].params[0], json!([address(200)]));
    let saved = world.savings.saved();
    assert_eq!(saved.of(Kind::Merged), 6);
    assert_eq!(saved.extra, [(Method::new("getMultipleAccounts"), 1)].into());
    assert!(world.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn decimals_are_learned_from_whatever_is_read() {
    let world = World::new(node);
    let asking = [tokens(&world, 100), tokens(&world, 101), account_info(&world, 200)];
    for asking in asking {
        assert!(asking.await.unwrap().is_ok());
    }
    assert_eq!(world.methods(), ["getMultipleAccounts"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_merged_read_cannot_tell_is_asked_alone() {
    let world = World::new(node);
    // Their token cannot be found, and what a node makes of that is its own business.
    let asking = [tokens(&world, 150), tokens(&world, 151)];
    for asking in asking {
        assert_eq!(value(asking).await, json!("asked alone"));
    }
    // The mint is no holding, and is passed to the node as well.
    let asking = [tokens(&world, 200), balance(&world, 1)];
    let [mint, wallet] = asking.map(value);
    assert_eq!((mint.await, wallet.await), (json!("asked alone"), json!(1)));
    let saved = world.savings.saved();
    let net = saved.of(Kind::Merged) as i64 - saved.extra.values().sum::<u64>() as i64;
    assert_eq!(4 - net, i64::try_from(world.methods().len()).unwrap(), "{saved:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_asked_for_in_parts() {
    // Four accounts are more than may arrive at once.
    let world = World::new(|method, params| {
        if method == "getMultipleAccounts" && params[0].as_array().unwrap().len() > 3 {
            return Err(RequestError::Call(CallError::TooLarge { limit: 1 }));
        }
        node(method, params)
    });
    for _ in 0..2 {
        let asking: Vec<_> = (1..=8).map(|number| account_info(&world, number)).collect();
        for (asking, number) in asking.into_iter().zip(1..) {
            assert_eq!(value(asking).await, account(&address(number)));
        }
    }
    // 8, twice 4, four times 2: the next time again, since other accounts may fit.
    assert_eq!(world.sent("getMultipleAccounts").len(), 2 * 7);
    let saved = world.savings.saved();
    assert_eq!((saved.of(Kind::Merged), saved.extra.values().sum::<u64>()), (8, 6));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_takes_fewer_keys_is_asked_for_fewer() {
    let world = World::new(|method, params| {
        if method == "getMultipleAccounts" && params[0].as_array().unwrap().len() > 5 {
            return error(-32602, "Too many inputs provided; max 5");
        }
        node(method, params)
    });
    for round in 0..2 {
        let asking: Vec<_> = (1..=16).map(|number| account_info(&world, number)).collect();
        for (asking, number) in asking.into_iter().zip(1..) {
            assert_eq!(value(asking).await, account(&address(number)));
        }
        // First 16, twice 8 and four times 4; from then on 4 at a time.
        assert_eq!(world.sent("getMultipleAccounts").len(), [7, 11][round]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_endpoint_is_everyones_and_asked_for_once() {
    let world = World::new(|_, _| error(-32016, "Minimum context slot has not been reached"));
    let asking = [account_info(&world, 1), account_info(&world, 2), account_info(&world, 3)];
    for asking in asking {
        assert_eq!(told(&asking.await.unwrap())["code"], -32016);
    }
    assert_eq!(world.methods(), ["getMultipleAccounts"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_length_is_believed_by_nobody() {
    let world = World::new(|method, params| match method {
        "getMultipleAccounts" => in_context(&json!([null])),
        _ => node(method, params),
    });
    let asking = [account_info(&world, 1), account_info(&world, 2)];
    for (asking, number) in asking.into_iter().zip([1, 2]) {
        assert_eq!(value(asking).await, account(&address(number)));
    }
    assert_eq!(world.sent("getAccountInfo").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn reads_are_not_merged_where_that_is_dearer() {
    let costs = [("getMultipleAccounts", 5), ("getAccountInfo", 2)];
    let costs = costs.map(|(method, cost)| (Method::new(method), cost)).into();
    let world = World::within(Limits { costs, ..Limits::default() }, node);
    let two = [account_info(&world, 1), account_info(&world, 2)];
    for asking in two {
        assert!(asking.await.unwrap().is_ok());
    }
    assert_eq!(world.methods(), ["getAccountInfo", "getAccountInfo"]);
    let three = [account_info(&world, 1), account_info(&world, 2), account_info(&world, 3)];
    for asking in three {
        assert!(asking.await.unwrap().is_ok());
    }
    assert_eq!(world.sent("getMultipleAccounts").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reads_that_have_no_room_together_go_alone() {
    let methods = [(Method::new("getMultipleAccounts"), Rate::per_seconds(1, 10))].into();
    let world = World::within(Limits { methods, ..Limits::default() }, node);
    let ask = |number: u8| {
        let patience = Some(Duration::from_secs(1));
        world.ask(BURNS, Class::Poll, "getBalance", json!([address(number)]), patience)
    };
    for pair in [[1, 2], [3, 4]] {
        for (asking, number) in pair.map(ask).into_iter().zip(pair) {
            assert_eq!(value(asking).await, json!(number));
        }
    }
    assert_eq!(world.methods(), ["getMultipleAccounts", "getBalance", "getBalance"]);
    assert_eq!(world.saved(Kind::Merged), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait() {
    let world = World::new(node);
    let asking: Vec<_> =
        (1..=250).map(|number| account_info_of(&world, Class::Poll, number, &json!({}))).collect();
    for asking in asking {
        assert!(asking.await.unwrap().is_ok());
    }
    let sent = world.sent("getMultipleAccounts");
    let sizes: Vec<_> = sent.iter().map(|sent| (sent.params[0].as_array().unwrap().len(), sent.at)).collect();
    let window = Config::default().window;
    assert_eq!(sizes, [(100, Duration::ZERO), (100, Duration::ZERO), (50, window)]);
}

#[tokio::test(start_paused = true)]
async fn what_an_asker_gave_up_is_not_read() {
    let world = World::new(node);
    let (gone, stays, also) = (account_info(&world, 1), account_info(&world, 2), account_info(&world, 3));
    tokio::task::yield_now().await;
    gone.abort();
    assert_eq!(value(stays).await, account(&address(2)), "the one that began the batch is gone");
    assert_eq!(value(also).await, account(&address(3)));
    assert_eq!(world.sent("getMultipleAccounts")[0].params[0], json!([address(2), address(3)]));
    let nobody = [account_info(&world, 4), account_info(&world, 5)];
    tokio::task::yield_now().await;
    for asking in nobody {
        asking.abort();
    }
    millis(1_000).await;
    assert_eq!(world.methods().len(), 1);
    assert!(world.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn equal_reads_in_a_batch_are_one_key() {
    let world = World::new(node);
    let asking = [account_info(&world, 1), account_info(&world, 1), balance(&world, 1), balance(&world, 2)];
    for asking in asking {
        assert!(asking.await.unwrap().is_ok());
    }
    assert_eq!(world.sent("getMultipleAccounts")[0].params[0], json!([address(1), address(2)]));
    assert_eq!((world.saved(Kind::Shared), world.saved(Kind::Merged)), (1, 2));
}
