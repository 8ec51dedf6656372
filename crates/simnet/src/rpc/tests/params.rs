use super::*;

const A: &str = "11111111111111111111111111111112";
const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const ONES: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// What a validator of Agave 4.2.2 said.
#[test]
fn parameters_are_refused_in_the_words_of_a_validator() {
    let node = node(10);
    for (method, params, code, message) in [
        ("getAccountInfo", json!([]), -32602, "`params` should have at least 1 argument(s)"),
        ("getAccountInfo", json!(["abc"]), -32602, "Invalid param: WrongSize"),
        ("getAccountInfo", json!(["0".repeat(44)]), -32602, "Invalid param: Invalid"),
        (
            "getAccountInfo",
            json!([5]),
            -32602,
            "Invalid params: invalid type: integer `5`, expected a string.",
        ),
        (
            "getAccountInfo",
            json!([A, 5]),
            -32602,
            "Invalid params: invalid type: integer `5`, expected struct RpcAccountInfoConfig.",
        ),
        (
            "getAccountInfo",
            json!([A, {"encoding": "foo"}]),
            -32602,
            "Invalid params: unknown variant `foo`, expected one of `binary`, `base58`, `base64`, `jsonParsed`, `base64+zstd`.",
        ),
        (
            "getAccountInfo",
            json!([A, {"encoding": 5}]),
            -32602,
            "Invalid params: invalid type: integer `5`, expected string or map.",
        ),
        (
            "getAccountInfo",
            json!([A, {"dataSlice": {"offset": 1}}]),
            -32602,
            "Invalid params: missing field `length`.",
        ),
        (
            "getAccountInfo",
            json!([A, {"dataSlice": {"offset": -1, "length": 4}}]),
            -32602,
            "Invalid params: invalid value: integer `-1`, expected usize.",
        ),
        (
            "getAccountInfo",
            json!([A, {"minContextSlot": "x"}]),
            -32602,
            "Invalid params: invalid type: string \"x\", expected u64.",
        ),
        ("getAccountInfo", json!({"a": 1}), -32602, "`params` should be an array"),
        (
            "getSlot",
            json!([["finalized"]]),
            -32602,
            "Invalid params: invalid type: sequence, expected struct RpcContextConfig.",
        ),
        ("getSlot", json!(5), -32600, "Invalid request"),
        ("getMultipleAccounts", json!([vec![A; 101]]), -32602, "Too many inputs provided; max 100"),
        (
            "getMultipleAccounts",
            json!(["x"]),
            -32602,
            "Invalid params: invalid type: string \"x\", expected a sequence.",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": vec![json!({"dataSize": 1}); 5]}]),
            -32602,
            "Too many filters provided; max 4",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"foo": 1}]}]),
            -32602,
            "Invalid params: unknown variant `foo`, expected one of `dataSize`, `memcmp`, `tokenAccountState`.",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 0}}]}]),
            -32602,
            "Invalid params: missing field `bytes`.",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 0, "bytes": "0"}}]}]),
            -32602,
            "Invalid param: Base58DecodeError(InvalidCharacter { character: '0', index: 0 })",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 0, "bytes": "1".repeat(200)}}]}]),
            -32602,
            "Invalid param: DataTooLarge",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 0, "bytes": "!!", "encoding": "base64"}}]}]),
            -32602,
            "Invalid param: Base64DecodeError(InvalidByte(0, 33))",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 0, "bytes": 5}}]}]),
            -32602,
            "Invalid params: data did not match any variant of untagged enum DataType.",
        ),
        (
            "getProgramAccounts",
            json!([TOKEN, {"filters": [{"memcmp": {"offset": 32, "bytes": "11"}}]}]),
            -32602,
            "Incorrect byte length 2 for SPL token owner filter, expected 32",
        ),
        ("getBlockTime", json!([]), -32602, "Invalid params: invalid length 0, expected a tuple of size 1."),
        (
            "getBlockTime",
            Value::Null,
            -32602,
            "Invalid params: invalid type: null, expected a tuple of size 1.",
        ),
        (
            "getBlockTime",
            json!([5, {}]),
            -32602,
            "Invalid params: invalid length 2, expected fewer elements in array.",
        ),
        ("getBlockTime", json!({}), -32602, "Invalid params: invalid type: map, expected a tuple of size 1."),
        ("getBlockTime", json!([1_000_000]), -32004, "Block not available for slot 1000000"),
        ("getBlock", json!([1_000_000]), -32004, "Block not available for slot 1000000"),
        (
            "getBlock",
            json!([1, "foo"]),
            -32602,
            "Invalid params: data did not match any variant of untagged enum RpcEncodingConfigWrapper.",
        ),
        (
            "getBlock",
            json!([1, {"commitment": "processed"}]),
            -32602,
            "Method does not support commitment below `confirmed`",
        ),
        (
            "getBlocks",
            json!([1, "x"]),
            -32602,
            "Invalid params: data did not match any variant of untagged enum RpcBlocksConfigWrapper.",
        ),
        ("getBlocksWithLimit", json!([1]), -32602, "`params` should have at least 2 argument(s)"),
        ("getBlocksWithLimit", json!([1, 500_001]), -32602, "Limit too large; max 500000"),
        ("getTransaction", json!(["x"]), -32602, "Invalid param: WrongSize"),
        ("getTransaction", json!(["0"]), -32602, "Invalid param: Invalid"),
        ("getSignaturesForAddress", json!([A, {"limit": 1001}]), -32602, "Invalid limit; max 1000"),
        (
            "getSignaturesForAddress",
            json!([A, {"before": ONES}]),
            -32020,
            "Transaction 1111111111111111111111111111111111111111111111111111111111111111 not found",
        ),
        ("getSignatureStatuses", json!([vec![ONES; 257]]), -32602, "Too many inputs provided; max 256"),
        (
            "getSignatureStatuses",
            json!([[ONES], {}]),
            -32602,
            "Invalid params: missing field `searchTransactionHistory`.",
        ),
        ("getTokenAccountBalance", json!([A]), -32602, "Invalid param: could not find account"),
        (
            "getTokenAccountBalance",
            json!([A, {"commitment": "x"}]),
            -32602,
            "Invalid params: unknown variant `x`, expected one of `processed`, `confirmed`, `finalized`.",
        ),
        ("getTokenLargestAccounts", json!([A]), -32602, "Invalid param: could not find mint"),
        (
            "getTokenAccountsByOwner",
            json!([A, {}]),
            -32602,
            "Invalid params: invalid value: map, expected map with a single key.",
        ),
        (
            "getTokenAccountsByOwner",
            json!([A, {"programId": A}]),
            -32602,
            "Invalid param: unrecognized Token program id",
        ),
        ("getMinimumBalanceForRentExemption", json!([1_000_000_000]), -32600, "Invalid request"),
        ("getRecentPrioritizationFees", json!([vec![A; 129]]), -32602, "Too many inputs provided; max 128"),
        ("isBlockhashValid", json!(["x"]), -32602, "WrongSize"),
        ("getFeeForMessage", json!(["x"]), -32602, "invalid base64 encoding: InvalidLength(1)"),
        (
            "getFeeForMessage",
            json!(["AAAA"]),
            -32602,
            "failed to deserialize solana_message::versions::VersionedMessage: Attempting to read 1 bytes",
        ),
        (
            "getFeeForMessage",
            json!(["A".repeat(3_000)]),
            -32602,
            "base64 encoded solana_message::versions::VersionedMessage too large: 3000 bytes (max: encoded/raw 1644/1232)",
        ),
        (
            "sendTransaction",
            json!(["0"]),
            -32602,
            "invalid base58 encoding: InvalidCharacter { character: '0', index: 0 }",
        ),
        (
            "sendTransaction",
            json!(["x"]),
            -32602,
            "failed to deserialize solana_transaction::versioned::VersionedTransaction: Attempting to read 3520 bytes",
        ),
        (
            "sendTransaction",
            json!(["AA==", {"encoding": "json"}]),
            -32602,
            "unsupported encoding: json. Supported encodings: base58, base64",
        ),
        (
            "sendTransaction",
            json!(["AA==", {"encoding": "foo"}]),
            -32602,
            "Invalid params: unknown variant `foo`, expected one of `binary`, `base64`, `base58`, `json`, `jsonParsed`.",
        ),
        (
            "sendTransaction",
            json!(["A".repeat(1_644), {"encoding": "base64"}]),
            -32602,
            "decoded solana_transaction::versioned::VersionedTransaction too large: 1233 bytes (max: 1232 bytes)",
        ),
        (
            "simulateTransaction",
            json!(["AA==", {"encoding": "base64", "accounts": {}}]),
            -32602,
            "Invalid params: missing field `addresses`.",
        ),
        ("requestAirdrop", json!([A]), -32602, "`params` should have at least 2 argument(s)"),
        ("requestAirdrop", json!([A, 1, {"recentBlockhash": "x"}]), -32602, "Invalid param: WrongSize"),
        (
            "getSlotLeaders",
            json!([0]),
            -32602,
            "Invalid params: invalid length 1, expected a tuple of size 2.",
        ),
        (
            "getSlotLeaders",
            json!([1_000_000_000, 2]),
            -32602,
            "Invalid slot range: leader schedule for epoch 2314 is unavailable",
        ),
    ] {
        assert_eq!(refusal(&node, method, params), (code, message.to_owned(), None), "{method}");
    }
}

#[test]
fn refusals_with_data_carry_what_a_validator_carries() {
    let node = node(10);
    let wrong_count = |params| refusal(&node, "getAccountInfo", params);
    assert_eq!(
        wrong_count(json!([A, {}, {}])),
        (
            -32602,
            "Invalid parameters: Expected from 1 to 2 parameters.".to_owned(),
            Some(json!("\"Got: 3\""))
        )
    );
    for (params, data) in
        [(json!([1]), "Array([Number(1)])"), (json!({}), "Map({})"), (json!([{}]), "Array([Object {}])")]
    {
        let none = "Invalid parameters: No parameters were expected".to_owned();
        assert_eq!(refusal(&node, "getHealth", params), (-32602, none, Some(json!(data))));
    }
    for method in ["getSlot", "getBlockHeight", "getEpochInfo", "getLatestBlockhash", "getTransactionCount"] {
        let (code, message, data) =
            refusal(&node, method, json!([{"commitment": "confirmed", "minContextSlot": 99}]));
        assert_eq!((code, message.as_str()), (-32016, "Minimum context slot has not been reached"));
        assert_eq!(data, Some(json!({"contextSlot": 9})), "{method}");
    }
}

#[test]
fn an_unknown_commitment_counts_as_none() {
    let node = node(40);
    assert_eq!(ask(&node, "getSlot", json!([{"commitment": "max"}])), json!(9));
    assert_eq!(ask(&node, "getSlot", json!([null])), json!(9));
    assert_eq!(ask(&node, "getSlot", json!([{"nonsense": 1}])), json!(9));
}

#[test]
fn no_parameters_make_any_method_panic() {
    let node = funded();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    for _ in 0..8_000 {
        let (method, _) = METHODS[chance.usize(..METHODS.len())];
        let params = match chance.u8(..8) {
            0 => anything(&mut chance, 3),
            _ => (0..chance.usize(..4)).map(|_| anything(&mut chance, 3)).collect(),
        };
        let reply = node.answer(&call(method, params.clone()));
        assert!(
            matches!(reply, Reply::Result(_) | Reply::Rendered(_) | Reply::Error { .. }),
            "{method} {params}"
        );
    }
}

/// A JSON value, more often than not of the kind that means something to a method.
fn anything(chance: &mut fastrand::Rng, depth: u8) -> Value {
    const WORDS: [&str; 22] = [
        A,
        TOKEN,
        ONES,
        "x",
        "",
        "AQ==",
        "processed",
        "confirmed",
        "finalized",
        "base58",
        "base64",
        "base64+zstd",
        "json",
        "jsonParsed",
        "binary",
        "full",
        "accounts",
        "signatures",
        "none",
        "tokenAccountState",
        "SysvarC1ock11111111111111111111111111111111",
        "11111111111111111111111111111111",
    ];
    const NAMES: [&str; 27] = [
        "commitment",
        "encoding",
        "minContextSlot",
        "dataSlice",
        "offset",
        "length",
        "filters",
        "memcmp",
        "bytes",
        "dataSize",
        "withContext",
        "limit",
        "before",
        "until",
        "mint",
        "programId",
        "searchTransactionHistory",
        "transactionDetails",
        "rewards",
        "maxSupportedTransactionVersion",
        "skipPreflight",
        "preflightCommitment",
        "sigVerify",
        "replaceRecentBlockhash",
        "accounts",
        "addresses",
        "recentBlockhash",
    ];
    match chance.u8(..if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => json!(chance.bool()),
        2 => json!(chance.u64(..50)),
        3 => json!([u64::MAX as f64, -1.0, 0.5, 1e300][chance.usize(..4)]),
        4 => json!(chance.i64(..)),
        5 => json!(WORDS[chance.usize(..WORDS.len())]),
        6 => (0..chance.usize(..5)).map(|_| anything(chance, depth - 1)).collect(),
        _ => (0..chance.usize(..5))
            .map(|_| (NAMES[chance.usize(..NAMES.len())].to_owned(), anything(chance, depth - 1)))
            .collect(),
    }
}
