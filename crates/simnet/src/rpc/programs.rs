//! The accounts of a program, and conditions on them.

use serde_json::{Value, json};
use solana_address::Address;

use super::{
    encode::{AccountEncoding, Snapshot},
    error::RpcError,
    params::{self, RpcAccountInfoConfig, RpcFilterType, RpcProgramAccountsConfig},
    view::{View, in_context},
};
use crate::{
    chain::Account,
    node::Node,
    programs::{TOKEN, TOKEN_2022, token::Holding},
};

/// Conditions at most (`MAX_GET_PROGRAM_ACCOUNT_FILTERS`).
const MOST_FILTERS: usize = 4;
const ADDRESS_BYTES: usize = 32;

/// A condition, ready to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Data of so many bytes.
    DataSize(u64),
    /// These bytes at this offset.
    Bytes(usize, Vec<u8>),
    /// An initialized token account.
    TokenAccount,
}

pub(super) fn program_accounts(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (program, config): (String, Option<RpcProgramAccountsConfig>) = params::read(params, 1, 1)?;
    let (program, config) = (params::address(&program)?, config.unwrap_or_default());
    let filters = Filter::all(&program, config.filters.as_deref().unwrap_or_default())?;
    let wanted = |_: &Address, account: &Account| {
        account.owner == program && filters.iter().all(|filter| filter.allows(account))
    };
    let (slot, shown) = select(node, &config.account_config, wanted)?;
    Ok(if config.with_context.unwrap_or_default() { in_context(slot, shown) } else { shown })
}

/// The accounts that are wanted, in order of their addresses, and the slot at which they are so.
pub(super) fn select(
    node: &Node,
    config: &RpcAccountInfoConfig,
    wanted: impl Fn(&Address, &Account) -> bool,
) -> Result<(u64, Value), RpcError> {
    let encoding = config.encoding.unwrap_or(AccountEncoding::Binary);
    let view = View::of(node, config.into())?;
    let slot = view.slot;
    let found: Vec<Snapshot> = view
        .chain
        .accounts()
        .all_at(slot)
        .filter(|(address, account)| wanted(address, account))
        .map(|(address, account)| Snapshot::of(&view.chain, slot, *address, account))
        .collect();
    drop(view);
    let shown = found.iter().map(|found| {
        let account = found.checked(encoding, config.data_slice)?;
        Ok(json!({"pubkey": found.address.to_string(), "account": account}))
    });
    Ok((slot, Value::Array(shown.collect::<Result<_, RpcError>>()?)))
}

// === impl Filter ===

impl Filter {
    /// The conditions on accounts of a program. Nodes index token accounts by mint and owner, and so insist that a
    /// comparison there is with a whole address.
    pub(crate) fn all(program: &Address, filters: &[RpcFilterType]) -> Result<Vec<Self>, RpcError> {
        if filters.len() > MOST_FILTERS {
            return Err(RpcError::InvalidParams(format!("Too many filters provided; max {MOST_FILTERS}")));
        }
        let filters = filters
            .iter()
            .map(|filter| match filter {
                RpcFilterType::DataSize(bytes) => Ok(Self::DataSize(*bytes)),
                RpcFilterType::Memcmp(memcmp) => Ok(Self::Bytes(memcmp.offset, memcmp.decode()?)),
                RpcFilterType::TokenAccountState => Ok(Self::TokenAccount),
            })
            .collect::<Result<Vec<_>, RpcError>>()?;
        let of_tokens = *program == TOKEN || *program == TOKEN_2022;
        for filter in filters.iter().filter(|_| of_tokens) {
            let (field, bytes) = match filter {
                Self::Bytes(0, bytes) => ("mint", bytes.len()),
                Self::Bytes(ADDRESS_BYTES, bytes) => ("owner", bytes.len()),
                Self::Bytes(..) | Self::DataSize(_) | Self::TokenAccount => continue,
            };
            if bytes != ADDRESS_BYTES {
                let why = format!(
                    "Incorrect byte length {bytes} for SPL token {field} filter, expected {ADDRESS_BYTES}"
                );
                return Err(RpcError::InvalidParams(why));
            }
        }
        Ok(filters)
    }

    /// Whether an account meets it.
    pub(crate) fn allows(&self, account: &Account) -> bool {
        match self {
            Self::DataSize(bytes) => u64::try_from(account.data.len()).is_ok_and(|length| length == *bytes),
            Self::Bytes(offset, bytes) => {
                account.data.get(*offset..).is_some_and(|data| data.starts_with(bytes))
            }
            Self::TokenAccount => Holding::read(account).is_some(),
        }
    }
}
