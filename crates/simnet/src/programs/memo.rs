//! Memo: prints a text.

use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// Units of the first version, and of the present one: in any case, for each byte, and for each signer.
const UNITS_V1: u64 = 294;
const UNITS: u64 = 1_382;
const UNITS_PER_BYTE: u64 = 370;
const UNITS_PER_SIGNER: u64 = 12_000;

/// The first version, which only looks whether it is a text.
pub(super) fn run_v1(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS_V1)?;
    std::str::from_utf8(context.data()).map(drop).map_err(|_| InstructionError::InvalidInstructionData)
}

/// The present version: every account must sign, and is printed before the text.
pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let mut missing = false;
    for at in 0..context.count() {
        let key = context.key(at)?;
        if context.is_signer(at)? {
            context.consume(UNITS_PER_SIGNER)?;
            context.log(&format!("Signed by {key}"));
        } else {
            missing = true;
        }
    }
    if missing {
        return Err(InstructionError::MissingRequiredSignature);
    }
    let bytes = u64::try_from(context.data().len()).unwrap_or(u64::MAX);
    context.consume(bytes.saturating_mul(UNITS_PER_BYTE))?;
    match String::from_utf8(context.data().to_vec()) {
        Ok(text) => {
            context.log(&format!("Memo (len {}): {text:?}", text.len()));
            Ok(())
        }
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            context.log(&format!("Invalid UTF-8, from byte {valid}"));
            Err(InstructionError::InvalidInstructionData)
        }
    }
}
