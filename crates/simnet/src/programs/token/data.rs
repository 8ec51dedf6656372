//! The arguments of an instruction: what follows its tag. The classic program ignores bytes that are too many;
//! Token-2022 refuses them.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    Edition,
    error::{Failure, TokenError},
};

/// The arguments of one instruction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) edition: Edition,
    /// The bytes after the tag.
    pub(super) rest: &'a [u8],
}

// === impl Data ===

impl<'a> Data<'a> {
    /// What the program says when it cannot read them.
    pub(super) fn broken(self) -> Failure {
        match self.edition {
            Edition::Classic => TokenError::InvalidInstruction.into(),
            Edition::Extended => Failure::Program(InstructionError::InvalidInstructionData),
        }
    }

    /// Exactly `N` bytes, or at least so many for the classic program.
    fn fixed<const N: usize>(self) -> Result<[u8; N], Failure> {
        let exact = self.edition == Edition::Classic || self.rest.len() == N;
        self.rest.first_chunk().copied().filter(|_| exact).ok_or_else(|| self.broken())
    }

    /// A single byte.
    pub(super) fn byte(self) -> Result<u8, Failure> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    /// An amount of tokens.
    pub(super) fn amount(self) -> Result<u64, Failure> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// An amount of tokens, and the decimals its sender believes in.
    pub(super) fn checked(self) -> Result<(u64, u8), Failure> {
        let [amount @ .., decimals] = self.fixed::<9>()?;
        Ok((u64::from_le_bytes(amount), decimals))
    }

    /// An address.
    pub(super) fn address(self) -> Result<Address, Failure> {
        self.fixed().map(Address::new_from_array)
    }

    /// The first `N` bytes, and what follows them.
    pub(super) fn split<const N: usize>(self) -> Result<([u8; N], Self), Failure> {
        let (first, rest) = self.rest.split_first_chunk().ok_or_else(|| self.broken())?;
        Ok((*first, Self { rest, ..self }))
    }

    /// An address that a byte says is there, at the end.
    pub(super) fn optional_address(self) -> Result<Option<Address>, Failure> {
        self.take_optional_address().map(|(address, _)| address)
    }

    /// An address that a byte says is there, and what follows it.
    pub(super) fn take_optional_address(self) -> Result<(Option<Address>, Self), Failure> {
        let ([there], rest) = self.split::<1>()?;
        match there {
            0 => Ok((None, rest)),
            1 => {
                let (address, rest) = rest.split()?;
                Ok((Some(Address::new_from_array(address)), rest))
            }
            _ => Err(self.broken()),
        }
    }

    /// A number that a byte says is there, at the end.
    pub(super) fn optional_number(self) -> Result<Option<u64>, Failure> {
        let ([there], rest) = self.split::<1>()?;
        match there {
            0 => Ok(None),
            1 => rest.split().map(|(number, _)| Some(u64::from_le_bytes(number))),
            _ => Err(self.broken()),
        }
    }
}

/// An address that may be zero, which stands for none.
pub(super) fn nullable(bytes: [u8; 32]) -> Option<Address> {
    (bytes != [0; 32]).then(|| Address::new_from_array(bytes))
}
