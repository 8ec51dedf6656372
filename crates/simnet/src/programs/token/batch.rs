//! Several instructions in one, without calls between programs.
//!
//! Format (`pinocchio/program/src/processor/batch.rs`): entries until the data ends, each the number of its accounts u8,
//! the length of its data u8, and the data; the accounts are taken from the batch's, in order.

use super::{
    Edition, dispatch,
    error::{Failure, TOO_FEW_ACCOUNTS, TokenError},
    names, owns, units,
};
use crate::runtime::Context;

/// Runs every entry, until one fails.
pub(super) fn run(context: &mut Context<'_, '_>, mut data: &[u8]) -> Result<(), Failure> {
    let (mut entry, mut first) = (0_usize, 0_usize);
    loop {
        let Some(([accounts, length], rest)) = data.split_first_chunk::<2>() else {
            return Err(TokenError::InvalidInstruction.into());
        };
        let Some((own, rest)) =
            rest.split_at_checked(usize::from(*length)).filter(|(own, _)| !own.is_empty())
        else {
            return Err(TokenError::InvalidInstruction.into());
        };
        let end = first.saturating_add(usize::from(*accounts));
        if context.count() < end {
            return Err(TOO_FEW_ACCOUNTS);
        }
        let mut printed = Ok(());
        let ran = context.entry(entry, first..end, own.to_vec(), |context| {
            printed = one(context, own);
            Ok(())
        });
        ran.map_err(Failure::Silent)?;
        printed?;
        if rest.is_empty() {
            return Ok(());
        }
        (entry, first, data) = (entry.saturating_add(1), end, rest);
    }
}

/// Runs one entry. That its accounts are the program's own is checked here, because the runtime checks it only after
/// the whole batch.
fn one(context: &mut Context<'_, '_>, data: &[u8]) -> Result<(), Failure> {
    match data.first() {
        Some(3 | 7 | 8 | 14 | 15) => {
            names(context, 2)?;
            owns(context, &[0, 1])?;
        }
        Some(12) => {
            names(context, 3)?;
            owns(context, &[0, 2])?;
        }
        Some(4..=13 | 22 | 38 | 45) => {
            names(context, 1)?;
            owns(context, &[0])?;
        }
        _ => {}
    }
    context.consume(units::of_entry(data))?;
    dispatch(context, Edition::Classic, data)
}
