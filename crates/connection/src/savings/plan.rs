//! Which of the reads that were gathered go together.

use std::collections::{BTreeMap, BTreeSet};

use eda_events::Address;

use super::{
    gather::Member,
    read::{View, Want},
};
use crate::request::Method;

pub(super) const GET_MULTIPLE_ACCOUNTS: Method = Method::new("getMultipleAccounts");

/// A request to be made.
#[derive(Debug)]
pub(super) enum Planned {
    /// One question, as it was put.
    Alone(Member),
    /// Several, of accounts shown alike.
    Together(View, Vec<Member>),
}

/// The requests that answer these questions: accounts that are to be shown alike go together, up to `most` at a time,
/// where that is not dearer by the prices in `cost`. A balance rides along with any of them; tokens take the bytes of
/// their account.
pub(super) fn plan(members: Vec<Member>, most: usize, cost: impl Fn(&Method) -> u32) -> Vec<Planned> {
    let no_dearer = |members: &[Member]| {
        let alone: u64 = members.iter().map(|member| u64::from(cost(&member.method))).sum();
        u64::from(cost(&GET_MULTIPLE_ACCOUNTS)) <= alone
    };
    let mut views: BTreeMap<View, (BTreeSet<Address>, Vec<Member>)> = BTreeMap::new();
    let mut balances = Vec::new();
    let mut put = |view: View, member: Member| {
        let (keys, members) = views.entry(view).or_default();
        keys.insert(member.address);
        members.push(member);
    };
    for member in members {
        match member.want {
            Want::Account(view) => put(view, member),
            Want::TokenBalance => put(View::WHOLE, member),
            Want::Balance => balances.push(member),
        }
    }
    for member in balances {
        let same = views.iter().find(|(_, (keys, _))| keys.contains(&member.address));
        let view = same.or(views.iter().next()).map_or(View::BARE, |(view, _)| *view);
        let (keys, members) = views.entry(view).or_default();
        keys.insert(member.address);
        members.push(member);
    }
    let mut requests = Vec::new();
    for (view, (_, mut members)) in views {
        while !members.is_empty() {
            let rest = members.split_off(members.len().min(most.max(1)));
            if members.len() > 1 && no_dearer(&members) {
                requests.push(Planned::Together(view, members));
            } else {
                requests.extend(members.into_iter().map(Planned::Alone));
            }
            members = rest;
        }
    }
    requests
}
