//! Names of methods as keys: a misspelt one would be a limit that never applies, without a word.

/// The HTTP methods of a stock node (solana.com/docs/rpc/http). Providers have more, which are let through.
const STOCK: [&str; 52] = [
    "getAccountInfo",
    "getBalance",
    "getBlock",
    "getBlockCommitment",
    "getBlockHeight",
    "getBlockProduction",
    "getBlockTime",
    "getBlocks",
    "getBlocksWithLimit",
    "getClusterNodes",
    "getEpochInfo",
    "getEpochSchedule",
    "getFeeForMessage",
    "getFirstAvailableBlock",
    "getGenesisHash",
    "getHealth",
    "getHighestSnapshotSlot",
    "getIdentity",
    "getInflationGovernor",
    "getInflationRate",
    "getInflationReward",
    "getLargestAccounts",
    "getLatestBlockhash",
    "getLeaderSchedule",
    "getMaxRetransmitSlot",
    "getMaxShredInsertSlot",
    "getMinimumBalanceForRentExemption",
    "getMultipleAccounts",
    "getProgramAccounts",
    "getRecentPerformanceSamples",
    "getRecentPrioritizationFees",
    "getSignatureStatuses",
    "getSignaturesForAddress",
    "getSlot",
    "getSlotLeader",
    "getSlotLeaders",
    "getStakeMinimumDelegation",
    "getSupply",
    "getTokenAccountBalance",
    "getTokenAccountsByDelegate",
    "getTokenAccountsByOwner",
    "getTokenLargestAccounts",
    "getTokenSupply",
    "getTransaction",
    "getTransactionCount",
    "getVersion",
    "getVoteAccounts",
    "isBlockhashValid",
    "minimumLedgerSlot",
    "requestAirdrop",
    "sendTransaction",
    "simulateTransaction",
];

/// The stock method that a name, which is none, differs from by a slip of the finger or by capitals.
pub(super) fn misspelt(name: &str) -> Option<&'static str> {
    if STOCK.contains(&name) {
        return None;
    }
    let lower = name.to_lowercase();
    STOCK.into_iter().find(|method| strsim::damerau_levenshtein(&lower, &method.to_lowercase()) <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_caught_and_methods_of_providers_are_not() {
        assert!(STOCK.is_sorted());
        assert_eq!(STOCK.into_iter().find_map(misspelt), None);
        for (name, method) in
            [("getBlok", "getBlock"), ("GETBLOCK", "getBlock"), ("getTransacton", "getTransaction")]
        {
            assert_eq!(misspelt(name), Some(method));
        }
        for name in
            ["getTransactionsForAddress", "getTokenAccounts", "getAsset", "searchAssets", "sendBundle"]
        {
            assert_eq!(misspelt(name), None, "{name}");
        }
    }
}
