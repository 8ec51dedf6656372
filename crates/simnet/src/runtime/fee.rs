//! What a transaction may use and what it pays: compute units, and the fee.

use solana_address::Address;
use solana_instruction_error::InstructionError;
use solana_message::VersionedMessage;
use solana_transaction_error::TransactionError;

use crate::programs::COMPUTE_BUDGET;

/// Lamports per signature (`solana-fee-structure`).
const PER_SIGNATURE: u64 = 5_000;
/// Units of an instruction of a program that is no builtin, unless a limit is asked for
/// (`solana-compute-budget`, `DEFAULT_INSTRUCTION_COMPUTE_UNIT_LIMIT`).
const PER_INSTRUCTION: u64 = 200_000;
/// Units of an instruction of a builtin (`MAX_BUILTIN_ALLOCATION_COMPUTE_UNIT_LIMIT`).
const PER_BUILTIN: u64 = 3_000;
/// Units of a transaction at most (`MAX_COMPUTE_UNIT_LIMIT`).
const MOST_UNITS: u64 = 1_400_000;
const MICRO_LAMPORTS: u128 = 1_000_000;

/// What a transaction asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Compute units it may use.
    pub units: u64,
    /// Lamports it pays on top of its signatures.
    pub priority_fee: u64,
    /// Micro-lamports per compute unit that come to that.
    pub unit_price: u64,
}

// === impl Budget ===

impl Budget {
    /// Reads it from the message: its compute budget instructions, or the config of a version 1 message.
    ///
    /// # Errors
    /// When such an instruction cannot be read or stands twice.
    pub fn of(message: &VersionedMessage, keys: &[Address]) -> Result<Self, TransactionError> {
        if let VersionedMessage::V1(message) = message {
            let units = u64::from(message.config.compute_unit_limit.unwrap_or_default()).min(MOST_UNITS);
            let priority_fee = message.config.priority_fee.unwrap_or_default();
            let price = u128::from(priority_fee) * MICRO_LAMPORTS / u128::from(units.max(1));
            let unit_price = u64::try_from(price).unwrap_or(u64::MAX);
            return Ok(Self { units, priority_fee, unit_price });
        }
        let (mut limit, mut price, mut default) = (None, None, 0_u64);
        for (number, instruction) in message.instructions().iter().enumerate() {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            let program = keys.get(usize::from(instruction.program_id_index));
            let builtin = program.and_then(crate::programs::find).is_some_and(|program| program.builtin);
            let units = if builtin { PER_BUILTIN } else { PER_INSTRUCTION };
            default = default.saturating_add(units);
            if program != Some(&COMPUTE_BUDGET) {
                continue;
            }
            let twice = match read(&instruction.data) {
                Some(Request::Limit(units)) => limit.replace(u64::from(units)).is_some(),
                Some(Request::Price(micro_lamports)) => price.replace(micro_lamports).is_some(),
                Some(Request::Other) => false,
                None => {
                    let error = InstructionError::InvalidInstructionData;
                    return Err(TransactionError::InstructionError(number, error));
                }
            };
            if twice {
                return Err(TransactionError::DuplicateInstruction(number));
            }
        }
        let units = limit.unwrap_or(default).min(MOST_UNITS);
        let unit_price = price.unwrap_or_default();
        let priority = (u128::from(unit_price) * u128::from(units)).div_ceil(MICRO_LAMPORTS);
        Ok(Self { units, priority_fee: u64::try_from(priority).unwrap_or(u64::MAX), unit_price })
    }

    /// Lamports a transaction of so many signatures pays.
    pub fn fee(&self, signatures: usize) -> u64 {
        let signatures = u64::try_from(signatures).unwrap_or(u64::MAX);
        signatures.saturating_mul(PER_SIGNATURE).saturating_add(self.priority_fee)
    }
}

enum Request {
    Limit(u32),
    Price(u64),
    Other,
}

/// A compute budget instruction: a tag byte, then a little-endian number (`solana-compute-budget-interface`).
fn read(data: &[u8]) -> Option<Request> {
    let (tag, rest) = data.split_first()?;
    match tag {
        2 => Some(Request::Limit(u32::from_le_bytes(rest.try_into().ok()?))),
        3 => Some(Request::Price(u64::from_le_bytes(rest.try_into().ok()?))),
        1 | 4 => rest.len().eq(&4).then_some(Request::Other),
        _ => None,
    }
}
