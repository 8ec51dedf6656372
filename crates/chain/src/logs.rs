//! What a transaction's log lines can rule out. A program may print any text it likes, and the runtime cuts logs off,
//! so that lines prove nothing that happened; but the runtime itself names every program it invokes, so that a
//! complete log proves which programs were *not* invoked.

use eda_events::Address;

/// The line that the runtime writes in place of everything beyond its limit.
const TRUNCATED: &str = "Log truncated";

/// Whether a transaction with these log lines may have invoked one of `programs`. False only when the lines are
/// complete (every invocation has its end, nothing was cut off) and name none of them.
pub fn may_touch<L: AsRef<str>>(logs: &[L], programs: &[Address]) -> bool {
    let mut invoked = 0usize;
    let mut ended = 0usize;
    for line in logs {
        let line = line.as_ref();
        if line == TRUNCATED {
            return true;
        }
        // "Program <address> invoke [<depth>]", "Program <address> success", "Program <address> failed: <why>".
        let Some((id, what)) = line.strip_prefix("Program ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let Ok(program) = id.parse::<Address>() else { continue };
        if what.starts_with("invoke [") {
            if programs.contains(&program) {
                return true;
            }
            invoked += 1;
        } else if what == "success" || what.starts_with("failed") {
            ended += 1;
        }
    }
    invoked == 0 || invoked != ended
}

/// Whether the runtime cut the lines off.
pub(crate) fn truncated(logs: &[String]) -> bool {
    logs.iter().any(|line| line == TRUNCATED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::{SYSTEM, TOKEN, TOKEN_2022};

    const TOKENS: [Address; 2] = [TOKEN, TOKEN_2022];

    fn invocation(program: &str) -> [String; 2] {
        [format!("Program {program} invoke [1]"), format!("Program {program} success")]
    }

    #[test]
    fn a_complete_log_without_the_programs_rules_them_out() {
        let mut logs = invocation(&SYSTEM.to_string()).to_vec();
        logs.insert(1, "Program log: Instruction: Burn".to_owned());
        logs.insert(1, format!("Program log: {TOKEN}"));
        assert!(!may_touch(&logs, &TOKENS));
        assert!(may_touch(&logs, &[SYSTEM]));
    }

    #[test]
    fn an_invocation_at_any_depth_is_enough() {
        let system = invocation(&SYSTEM.to_string());
        let logs = [
            system[0].clone(),
            format!("Program {TOKEN} invoke [2]"),
            format!("Program {TOKEN} success"),
            system[1].clone(),
        ];
        assert!(may_touch(&logs, &TOKENS));
    }

    #[test]
    fn incomplete_logs_prove_nothing() {
        let system = invocation(&SYSTEM.to_string());
        assert!(may_touch::<&str>(&[], &TOKENS), "no lines");
        assert!(may_touch(&system[..1], &TOKENS), "an invocation without its end");
        assert!(may_touch(&["Program log: hello"], &TOKENS), "no invocation at all");
        let mut cut = system.to_vec();
        cut.push("Log truncated".to_owned());
        assert!(may_touch(&cut, &TOKENS), "cut off");
    }

    #[test]
    fn failed_invocations_end_too() {
        let logs = [
            format!("Program {SYSTEM} invoke [1]"),
            "Transfer: insufficient lamports 1, need 2".to_owned(),
            format!("Program {SYSTEM} failed: custom program error: 0x1"),
        ];
        assert!(!may_touch(&logs, &TOKENS));
    }
}
