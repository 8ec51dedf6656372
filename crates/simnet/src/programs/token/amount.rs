//! Amounts as people write them, and lengths of accounts: instructions that only return something.

use solana_instruction_error::InstructionError;

use super::{
    Edition,
    data::Data,
    error::{Failure, TokenError},
    extension, names, owns,
    state::{HOLDING_BYTES, Mint},
};
use crate::{programs::TOKEN_2022, runtime::Context};

/// Digits of an amount at most.
const MOST_DIGITS: usize = 257;

/// GetAccountDataSize: mint. Token-2022 takes extensions as data that the account is to have besides the mint's.
pub(super) fn account_bytes(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let bytes = match data.edition {
        Edition::Classic => {
            names(context, 1)?;
            owns(context, &[0])?;
            mint(context, Edition::Classic)?;
            HOLDING_BYTES
        }
        Edition::Extended => extended_account_bytes(context, data.rest)?,
    };
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    context.return_data(bytes.to_le_bytes().to_vec());
    Ok(())
}

fn extended_account_bytes(context: &Context<'_, '_>, data: &[u8]) -> Result<usize, Failure> {
    let (wanted, rest) = data.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Failure::Program(InstructionError::InvalidAccountData));
    }
    let wanted: Vec<u16> = wanted.iter().map(|kind| u16::from_le_bytes(*kind)).collect();
    let kinds: Vec<u8> =
        wanted.iter().map(|kind| extension::account_kind(*kind)).collect::<Result<_, _>>()?;
    if kinds.iter().any(|kind| *kind != extension::HOLDING) {
        return Err(TokenError::ExtensionTypeMismatch.into());
    }
    names(context, 1)?;
    mint(context, Edition::Extended)?;
    if context.account(0)?.owner != TOKEN_2022 {
        return Err(Failure::Program(InstructionError::IncorrectProgramId));
    }
    let required = extension::required_of_holdings(&context.account(0)?.data)?;
    let all: Vec<u16> = required.iter().map(|extension| *extension as u16).chain(wanted).collect();
    extension::account_bytes(HOLDING_BYTES, &all)
}

/// AmountToUiAmount: mint.
pub(super) fn to_text(context: &mut Context<'_, '_>, edition: Edition, amount: u64) -> Result<(), Failure> {
    names(context, 1)?;
    owns(context, &[0])?;
    let decimals = usize::from(mint(context, edition)?.decimals);
    context.return_data(written(amount, decimals).into_bytes());
    Ok(())
}

/// UiAmountToAmount: mint. Data: the text.
pub(super) fn from_text(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let text = std::str::from_utf8(data.rest).map_err(|_| TokenError::InvalidInstruction)?;
    names(context, 1)?;
    owns(context, &[0])?;
    let decimals = usize::from(mint(context, data.edition)?.decimals);
    let amount = read(text, decimals).ok_or(Failure::Program(InstructionError::InvalidArgument))?;
    context.return_data(amount.to_le_bytes().to_vec());
    Ok(())
}

fn mint(context: &Context<'_, '_>, edition: Edition) -> Result<Mint, Failure> {
    Mint::load(edition, &context.account(0)?.data).map_err(|_| TokenError::InvalidMint.into())
}

/// An amount with its decimal point, without zeros at its end.
fn written(amount: u64, decimals: usize) -> String {
    let digits = format!("{amount:0>width$}", width = decimals.saturating_add(1));
    let (whole, fraction) =
        digits.split_at_checked(digits.len().saturating_sub(decimals)).unwrap_or((&digits, ""));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// The amount a person wrote.
fn read(text: &str, decimals: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if (whole.is_empty() && fraction.is_empty())
        || fraction.contains('.')
        || fraction.len() > decimals
        || whole.len().saturating_add(decimals) > MOST_DIGITS
    {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_without_zeros_at_the_end_and_read_again() {
        for (amount, decimals, text) in [
            (0, 0, "0"),
            (0, 9, "0"),
            (1, 9, "0.000000001"),
            (1_500_000_000, 9, "1.5"),
            (42, 0, "42"),
            (10, 1, "1"),
            (u64::MAX, 6, "18446744073709.551615"),
        ] {
            assert_eq!(written(amount, decimals), text);
            assert_eq!(read(text, decimals), Some(amount));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.2.3", "1.23", "x", "99999999999999999999", "-1"] {
            assert_eq!(read(text, 1), None, "{text}");
        }
        assert_eq!((read(".5", 1), read("1.", 1), read("1.50", 1)), (Some(5), Some(10), Some(15)));
    }
}
