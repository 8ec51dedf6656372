//! What is known about an executed transaction, in one form for both sides.

use base64::{Engine, engine::general_purpose::STANDARD};
use eda_simnet::{chain::Account, runtime::Meta};
use serde_json::{Value, json};

/// The record of one execution.
pub(crate) struct Record {
    /// Compared field by field, as JSON.
    fields: Vec<(&'static str, Value)>,
    /// Compute units of each program that prints them, in order.
    pub(crate) units: Vec<u64>,
}

// === impl Record ===

impl Record {
    /// Of a node's answer to `getTransaction`.
    pub(crate) fn of_answer(answer: &Value) -> Self {
        let meta = &answer["meta"];
        let (logs, units) = logs(
            meta["logMessages"]
                .as_array()
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .filter_map(|line| line.as_str()),
        );
        let token_balances = |field: &str| -> Value {
            let balances = meta[field].as_array().map_or(&[][..], Vec::as_slice).iter().map(|balance| {
                let amount = &balance["uiTokenAmount"];
                json!([
                    balance["accountIndex"],
                    balance["mint"],
                    balance["owner"],
                    balance["programId"],
                    amount["amount"],
                    amount["decimals"]
                ])
            });
            balances.collect()
        };
        // A transaction that cannot be executed pays, and has null in their place.
        let groups = meta["innerInstructions"].as_array().map_or(&[][..], Vec::as_slice);
        let inner = groups.iter().map(|group| {
            let called = group["instructions"].as_array().unwrap().iter().map(|called| {
                json!([called["programIdIndex"], called["accounts"], called["data"], called["stackHeight"]])
            });
            json!([group["index"], called.collect::<Value>()])
        });
        let returned = match meta["returnData"].as_object() {
            Some(returned) => json!([returned["programId"], returned["data"][0]]),
            None => Value::Null,
        };
        let numbers = |field: &str| -> Vec<i128> {
            meta[field].as_array().unwrap().iter().map(|number| number.as_u64().unwrap().into()).collect()
        };
        Self {
            fields: vec![
                ("err", meta["err"].clone()),
                ("fee", meta["fee"].clone()),
                ("logs", logs),
                ("lamports", changes(&numbers("preBalances"), &numbers("postBalances"))),
                ("tokens before", token_balances("preTokenBalances")),
                ("tokens after", token_balances("postTokenBalances")),
                ("inner instructions", inner.collect()),
                ("returned", returned),
            ],
            units,
        }
    }

    /// Of the simulated runtime's record.
    pub(crate) fn of_meta(meta: &Meta) -> Self {
        let (logs, units) = logs(meta.logs.iter().map(String::as_str));
        let token_balances = |balances: &[eda_simnet::runtime::TokenBalance]| -> Value {
            let balances = balances.iter().map(|balance| {
                json!([
                    balance.index,
                    balance.mint.to_string(),
                    balance.owner.to_string(),
                    balance.program.to_string(),
                    balance.amount.to_string(),
                    balance.decimals
                ])
            });
            balances.collect()
        };
        let inner = meta.inner.iter().map(|group| {
            let called = group.instructions.iter().map(|called| {
                json!([
                    called.program_index,
                    called.accounts,
                    bs58::encode(&called.data).into_string(),
                    called.height
                ])
            });
            json!([group.index, called.collect::<Value>()])
        });
        let returned = match &meta.return_data {
            Some((program, data)) => json!([program.to_string(), STANDARD.encode(data)]),
            None => Value::Null,
        };
        let numbers = |numbers: &[u64]| -> Vec<i128> { numbers.iter().copied().map(i128::from).collect() };
        Self {
            fields: vec![
                ("err", json!(meta.err)),
                ("fee", json!(meta.fee)),
                ("logs", logs),
                ("lamports", changes(&numbers(&meta.pre_balances), &numbers(&meta.post_balances))),
                ("tokens before", token_balances(&meta.pre_token_balances)),
                ("tokens after", token_balances(&meta.post_token_balances)),
                ("inner instructions", inner.collect()),
                ("returned", returned),
            ],
            units,
        }
    }

    /// Every field that is not the same, there and here.
    pub(crate) fn differences(&self, here: &Self) -> String {
        let fields = self.fields.iter().zip(&here.fields);
        let different = fields.filter(|((_, there), (_, here))| there != here);
        different
            .map(|((field, there), (_, here))| format!("{field}\n  there {there:#}\n  here  {here:#}\n"))
            .collect()
    }
}

/// The lines without compute units, and the units.
fn logs<'a>(lines: impl Iterator<Item = &'a str>) -> (Value, Vec<u64>) {
    let (mut kept, mut units) = (Vec::new(), Vec::new());
    for line in lines {
        match line.split_once(" consumed ") {
            Some((program, rest)) if rest.ends_with("compute units") => {
                units.push(rest.split(' ').next().unwrap().parse().unwrap());
                kept.push(format!("{program} consumed"));
            }
            _ => kept.push(line.to_owned()),
        }
    }
    (json!(kept), units)
}

/// What every account gained. What programs and sysvars have is not the same on both sides, but does not change.
fn changes(before: &[i128], after: &[i128]) -> Value {
    let changes = before.iter().zip(after).map(|(before, after)| after - before);
    json!(changes.map(|change| change.to_string()).collect::<Vec<_>>())
}

/// An account's state.
pub(crate) fn account(account: Option<&Account>) -> Value {
    account.map_or(Value::Null, |account| {
        json!([account.lamports, account.owner.to_string(), STANDARD.encode(&account.data)])
    })
}

/// The same of a node's answer.
pub(crate) fn account_of_answer(answer: &Value) -> Value {
    if answer.is_null() {
        return Value::Null;
    }
    json!([answer["lamports"], answer["owner"], answer["data"][0]])
}
