//! Instructions of programs that nodes can read, as `jsonParsed` shows them.

/// What an instruction names, by name.
mod info;
/// Programs that are not about tokens.
mod native;
/// Both Token programs.
mod token;
/// Instructions of Token-2022's extensions.
mod token_extension;
/// Votes.
mod vote;

use serde_json::{Value, json};
use solana_address::Address;

use crate::programs::{ASSOCIATED_TOKEN, LOOKUP_TABLE, MEMO, MEMO_V1, SYSTEM, TOKEN, TOKEN_2022, VOTE};

/// An instruction with its accounts looked up: parsed if its program is known and it makes sense, else as it is.
pub(super) fn show(program: &Address, accounts: &[Address], data: &[u8], height: u32) -> Value {
    match parse(program, accounts, data) {
        Some((name, parsed)) => json!({
            "program": name,
            "programId": program.to_string(),
            "parsed": parsed,
            "stackHeight": height,
        }),
        None => json!({
            "programId": program.to_string(),
            "accounts": accounts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "data": bs58::encode(data).into_string(),
            "stackHeight": height,
        }),
    }
}

fn parse(program: &Address, accounts: &[Address], data: &[u8]) -> Option<(&'static str, Value)> {
    match *program {
        TOKEN | TOKEN_2022 => token::parse(accounts, data).map(|parsed| ("spl-token", parsed)),
        SYSTEM => native::system(accounts, data).map(|parsed| ("system", parsed)),
        ASSOCIATED_TOKEN => {
            native::associated_token(accounts, data).map(|parsed| ("spl-associated-token-account", parsed))
        }
        LOOKUP_TABLE => native::lookup_table(accounts, data).map(|parsed| ("address-lookup-table", parsed)),
        VOTE => vote::parse(accounts, data).map(|parsed| ("vote", parsed)),
        _ => memo(program, data).map(|memo| ("spl-memo", Value::String(memo.to_owned()))),
    }
}

/// The text of a memo instruction.
pub(super) fn memo<'a>(program: &Address, data: &'a [u8]) -> Option<&'a str> {
    (*program == MEMO || *program == MEMO_V1).then(|| std::str::from_utf8(data).ok()).flatten()
}

#[cfg(test)]
mod tests;
