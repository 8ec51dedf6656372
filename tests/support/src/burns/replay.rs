//! From landed transactions to the truth: chain order, and supplies by replaying it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;

use super::{
    Burn, Landed, Truth,
    plan::{Effect, Planned},
    world::World,
};
use crate::{
    Error, Fallible,
    client::{Client, Landing},
};

pub(super) async fn truth(
    client: &Client,
    world: &World,
    planned: Vec<Planned>,
    transactions: &[VersionedTransaction],
    landings: &[Landing],
) -> Fallible<Truth> {
    let positions = positions(client, landings.iter().map(|landing| landing.slot).collect()).await?;
    let mut ordered = Vec::with_capacity(planned.len());
    for ((one, transaction), landing) in planned.into_iter().zip(transactions).zip(landings) {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let position = positions.get(&signature).copied();
        let (slot, index) =
            position.ok_or_else(|| Error::Transaction(format!("{signature} is in no block")))?;
        if slot != landing.slot {
            return Err(Error::Transaction(format!(
                "{signature} moved from slot {} to {slot}",
                landing.slot
            )));
        }
        ordered.push((slot, index, signature, one));
    }
    ordered.sort_by_key(|(slot, index, ..)| (*slot, *index));

    let mut truth = Truth {
        burns: Vec::new(),
        failed: Vec::new(),
        noise: Vec::new(),
        supplies: world.supplies.clone(),
        support: world.support,
    };
    for (slot, transaction_index, signature, one) in ordered {
        if !one.succeeds {
            truth.failed.push(Landed { signature, slot, attempts: one.attempts });
        } else if !one.effects.iter().any(|effect| matches!(effect, Effect::Burn { .. })) {
            truth.noise.push(Landed { signature, slot, attempts: 0 });
        }
        for effect in one.effects {
            match effect {
                Effect::Mint { mint, amount } => {
                    let supply = truth.supplies.entry(mint).or_default();
                    *supply = supply.saturating_add(amount);
                }
                Effect::Burn { place, burn, decimals, checked, amount, kind } => {
                    let supply = truth.supplies.entry(burn.mint).or_default();
                    let supply_before = *supply;
                    let below = || Error::Transaction(format!("{signature} burns below zero"));
                    *supply = supply_before.checked_sub(amount).ok_or_else(below)?;
                    truth.burns.push(Burn {
                        signature,
                        slot,
                        transaction_index,
                        place,
                        program: burn.program,
                        mint: burn.mint,
                        decimals,
                        account: burn.account,
                        authority: burn.authority,
                        checked,
                        amount,
                        kind,
                        supply_before,
                        supply_after: *supply,
                    });
                }
            }
        }
    }
    Ok(truth)
}

/// Slot and position in the block of every transaction in these slots.
async fn positions(client: &Client, slots: BTreeSet<u64>) -> Fallible<BTreeMap<Signature, (u64, usize)>> {
    let mut positions = BTreeMap::new();
    for slot in slots {
        let config = json!({
            "transactionDetails": "signatures",
            "rewards": false,
            "commitment": "confirmed",
            "maxSupportedTransactionVersion": 1,
        });
        let block = client.call("getBlock", json!([slot, config])).await?;
        let signatures = block["signatures"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (index, signature) in signatures.iter().filter_map(Value::as_str).enumerate() {
            if let Ok(signature) = signature.parse() {
                positions.insert(signature, (slot, index));
            }
        }
    }
    Ok(positions)
}
