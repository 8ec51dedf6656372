//! Which instructions of a transaction create something. Pure.

use std::collections::BTreeSet;

use eda_chain::{CreationSeen, Dex, Transaction, creations, may_touch};
use eda_connection::feed::LogHint;

use crate::Config;

/// Finds creations on the configured exchanges.
#[derive(Clone, Debug)]
pub struct Detector {
    dexes: BTreeSet<Dex>,
}

// === impl Detector ===

impl Detector {
    /// A detector for the configured exchanges.
    pub fn new(config: &Config) -> Self {
        Self { dexes: config.dexes.clone() }
    }

    /// The creations in a transaction, in execution order; none in a failed one.
    pub fn examine(&self, transaction: &Transaction) -> Vec<CreationSeen> {
        creations(transaction).into_iter().filter(|seen| self.dexes.contains(&seen.dex)).collect()
    }
}

/// What logs can rule out about an exchange's creations. Programs that print their instructions' names print one of
/// `words` in every creation; the ones that print none are only ruled out when they were not invoked at all.
pub(crate) fn hint(dex: Dex) -> LogHint {
    match dex {
        Dex::RaydiumAmmV4 => LogHint(|logs| says(logs, &["initialize2"])),
        Dex::RaydiumCpmm => LogHint(|logs| says(logs, &["Instruction: Initialize"])),
        Dex::RaydiumClmm => LogHint(|logs| says(logs, &["Instruction: Create"])),
        Dex::OrcaWhirlpool => LogHint(|logs| says(logs, &["Instruction: InitializePool"])),
        Dex::MeteoraDlmm => LogHint(|logs| says(logs, &["Instruction: Initialize"])),
        Dex::MeteoraDammV2 => LogHint(|logs| says(logs, &["Instruction: Initialize"])),
        Dex::PumpFun => LogHint(|logs| says(logs, &["Instruction: Create"])),
        Dex::PumpSwap => LogHint(|logs| says(logs, &["Instruction: CreatePool"])),
        Dex::OpenbookV1 => LogHint(|logs| may_touch(logs, &[Dex::OpenbookV1.program()])),
        Dex::OpenbookV2 => LogHint(|logs| says(logs, &["Instruction: CreateMarket"])),
    }
}

/// Whether one of `words` was printed, or may have been in what was cut off.
fn says(logs: &[String], words: &[&str]) -> bool {
    logs.iter().any(|line| line == "Log truncated" || words.iter().any(|word| line.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn logs_rule_out_what_prints_its_name_and_did_not() {
        let hint = hint(Dex::RaydiumCpmm);
        assert!(hint.may_matter(&logs(&["Program log: Instruction: InitializeWithPermission"])));
        assert!(!hint.may_matter(&logs(&["Program log: Instruction: SwapBaseInput"])));
    }

    #[test]
    fn truncated_logs_rule_nothing_out() {
        for dex in Dex::ALL {
            assert!(
                hint(dex).may_matter(&logs(&["Program log: Instruction: Swap", "Log truncated"])),
                "{dex:?}"
            );
        }
    }

    #[test]
    fn a_program_that_prints_nothing_is_ruled_out_only_when_it_was_not_invoked() {
        let hint = hint(Dex::OpenbookV1);
        let invoked = Dex::OpenbookV1.program();
        let ran = logs(&[&format!("Program {invoked} invoke [1]"), &format!("Program {invoked} success")]);
        assert!(hint.may_matter(&ran));
        let other = "11111111111111111111111111111111";
        let not = logs(&[&format!("Program {other} invoke [1]"), &format!("Program {other} success")]);
        assert!(!hint.may_matter(&not));
    }
}
