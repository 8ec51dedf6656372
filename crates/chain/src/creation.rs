//! Sightings of new pools, markets and coins: which program was asked to create one, and where. What was created is
//! in the instruction's accounts, which this module does not read.
//!
//! Discriminators collide across programs (Raydium CLMM and PumpSwap, Orca and Meteora DAMM v2): a row counts only
//! for its program.

use eda_events::Path;

use crate::{programs::Dex, transaction::Transaction};

/// An instruction that created a pool, a market or a coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreationSeen {
    /// Where it stands.
    pub path: Path,
    /// Whose program it asked.
    pub dex: Dex,
    /// The instruction's name in that program.
    pub instruction: &'static str,
}

/// Program, first bytes of the data, name. Anchor programs: the first 8 bytes of sha256("global:" + name). Raydium
/// AMM v4: a tag byte. OpenBook v1: version byte 0 and the tag as u32.
const CREATIONS: [(Dex, &[u8], &str); 21] = [
    (Dex::RaydiumAmmV4, &[1], "initialize2"),
    (Dex::RaydiumCpmm, &0xafaf_6d1f_0d98_9bed_u64.to_be_bytes(), "initialize"),
    (Dex::RaydiumCpmm, &0x3f37_fe41_31b2_5979_u64.to_be_bytes(), "initialize_with_permission"),
    (Dex::RaydiumClmm, &0xe992_d18e_cf68_40bc_u64.to_be_bytes(), "create_pool"),
    (Dex::RaydiumClmm, &0x2b44_d4a7_592f_a401_u64.to_be_bytes(), "create_customizable_pool"),
    (Dex::OrcaWhirlpool, &0x5fb4_0aac_54ae_e828_u64.to_be_bytes(), "initialize_pool"),
    (Dex::OrcaWhirlpool, &0xcf2d_57f2_1b3f_cc43_u64.to_be_bytes(), "initialize_pool_v2"),
    (Dex::OrcaWhirlpool, &0x8f5e_604c_ac7c_77c7_u64.to_be_bytes(), "initialize_pool_with_adaptive_fee"),
    (Dex::MeteoraDlmm, &0x2d9a_edd2_dd0f_a65c_u64.to_be_bytes(), "initialize_lb_pair"),
    (Dex::MeteoraDlmm, &0x493b_2478_ed53_6cc6_u64.to_be_bytes(), "initialize_lb_pair2"),
    (
        Dex::MeteoraDlmm,
        &0x2e27_2987_6fb7_c840_u64.to_be_bytes(),
        "initialize_customizable_permissionless_lb_pair",
    ),
    (
        Dex::MeteoraDlmm,
        &0xf349_817e_3313_f16b_u64.to_be_bytes(),
        "initialize_customizable_permissionless_lb_pair2",
    ),
    (Dex::MeteoraDlmm, &0x6c66_d555_fb03_3515_u64.to_be_bytes(), "initialize_permission_lb_pair"),
    (Dex::MeteoraDammV2, &0x5fb4_0aac_54ae_e828_u64.to_be_bytes(), "initialize_pool"),
    (Dex::MeteoraDammV2, &0x14a1_f118_bddd_b402_u64.to_be_bytes(), "initialize_customizable_pool"),
    (Dex::MeteoraDammV2, &0x9552_48c5_fdfc_440f_u64.to_be_bytes(), "initialize_pool_with_dynamic_config"),
    (Dex::PumpFun, &0x181e_c828_051c_0777_u64.to_be_bytes(), "create"),
    (Dex::PumpFun, &0xd690_4cec_5f8b_31b4_u64.to_be_bytes(), "create_v2"),
    (Dex::PumpSwap, &0xe992_d18e_cf68_40bc_u64.to_be_bytes(), "create_pool"),
    (Dex::OpenbookV1, &[0, 0, 0, 0, 0], "initialize_market"),
    (Dex::OpenbookV2, &0x67e2_61eb_c8bc_fbfe_u64.to_be_bytes(), "create_market"),
];

/// The creations in a transaction, top level and invoked, in execution order. A failed transaction created nothing.
pub fn creations(transaction: &Transaction) -> Vec<CreationSeen> {
    if transaction.failed() {
        return Vec::new();
    }
    let seen = transaction.instructions().filter_map(|instruction| {
        let dex = Dex::from_program(instruction.program())?;
        let data = instruction.data()?;
        let (.., name) = CREATIONS.iter().find(|(of, start, _)| *of == dex && data.starts_with(start))?;
        Some(CreationSeen { path: instruction.path(), dex, instruction: name })
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Sample, address, instruction};

    fn seen(sample: &Sample) -> Vec<(Dex, &'static str, String)> {
        creations(&sample.decode()).iter().map(|c| (c.dex, c.instruction, c.path.to_string())).collect()
    }

    #[test]
    fn every_row_is_seen_at_the_top_and_when_invoked() {
        for (dex, start, name) in CREATIONS {
            let data = [start, &[0; 32]].concat();
            let create = instruction(dex.program(), &[address(1)], &data);
            let router = instruction(address(2), &[address(1), dex.program()], &[]);
            let mut sample = Sample::legacy(&[create.clone(), router]);
            sample.invokes(1, &[create]);
            assert_eq!(seen(&sample), [(dex, name, "0".to_owned()), (dex, name, "1.0".to_owned())]);
        }
    }

    #[test]
    fn the_same_discriminator_of_two_programs_is_told_apart() {
        let start = 0xe992_d18e_cf68_40bc_u64.to_be_bytes();
        let sample = Sample::legacy(&[
            instruction(Dex::PumpSwap.program(), &[], &start),
            instruction(Dex::RaydiumClmm.program(), &[], &start),
            instruction(Dex::RaydiumCpmm.program(), &[], &start),
        ]);
        let dexes: Vec<Dex> = seen(&sample).iter().map(|(dex, ..)| *dex).collect();
        assert_eq!(dexes, [Dex::PumpSwap, Dex::RaydiumClmm]);
    }

    #[test]
    fn nothing_is_created_by_failing_or_by_less_than_the_discriminator() {
        let create = instruction(Dex::RaydiumAmmV4.program(), &[], &[1; 26]);
        let mut failed = Sample::legacy(&[create]);
        failed.meta["err"] = json!("AccountInUse");
        assert_eq!(seen(&failed), []);
        let short = instruction(Dex::OpenbookV1.program(), &[], &[0, 0, 0, 0]);
        assert_eq!(seen(&Sample::legacy(&[short])), []);
    }
}
