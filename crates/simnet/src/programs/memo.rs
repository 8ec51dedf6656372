//! Memo: prints a text.

use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// The first version, which only looks whether it is a text.
pub(super) fn run_v1(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(412)?;
    std::str::from_utf8(context.data()).map(drop).map_err(|_| InstructionError::InvalidInstructionData)
}

/// The present version: every account must sign, and is printed before the text.
pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let bytes = u64::try_from(context.data().len()).unwrap_or(u64::MAX);
    let accounts = u64::try_from(context.count()).unwrap_or(u64::MAX);
    context.consume(bytes.saturating_mul(300).saturating_add(accounts.saturating_mul(12_000)))?;
    let mut missing = false;
    for at in 0..context.count() {
        let key = context.key(at)?;
        if context.is_signer(at)? {
            context.log(&format!("Signed by {key}"));
        } else {
            missing = true;
        }
    }
    if missing {
        return Err(InstructionError::MissingRequiredSignature);
    }
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
