//! Why an instruction of a token program fails, and what it prints then.

use solana_instruction_error::InstructionError;

/// The instruction names too few accounts.
pub(super) const TOO_FEW_ACCOUNTS: Failure = Failure::Program(crate::programs::TOO_FEW_ACCOUNTS);

/// Why an instruction fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// One of the token programs' own errors.
    Token(TokenError),
    /// An error that all programs share, which the program itself returned.
    Program(InstructionError),
    /// An error of another program's numbering, which the program has no words for.
    Foreign(u32),
    /// Nothing is printed: the runtime ended the program, or the program ended before it could.
    Silent(InstructionError),
}

/// The token programs' own errors (SPL Token and Token-2022, `interface/src/error.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum TokenError {
    NotRentExempt = 0,
    InsufficientFunds = 1,
    InvalidMint = 2,
    MintMismatch = 3,
    OwnerMismatch = 4,
    FixedSupply = 5,
    AlreadyInUse = 6,
    InvalidNumberOfProvidedSigners = 7,
    InvalidNumberOfRequiredSigners = 8,
    NativeNotSupported = 10,
    NonNativeHasBalance = 11,
    InvalidInstruction = 12,
    InvalidState = 13,
    Overflow = 14,
    AuthorityTypeNotSupported = 15,
    MintCannotFreeze = 16,
    AccountFrozen = 17,
    MintDecimalsMismatch = 18,
    NonNativeNotSupported = 19,
    ExtensionTypeMismatch = 20,
    ExtensionBaseMismatch = 21,
    ExtensionAlreadyInitialized = 22,
    MintHasSupply = 28,
    NoAuthorityExists = 29,
    TransferFeeExceedsMaximum = 30,
    MintRequiredForTransfer = 31,
    FeeMismatch = 32,
    ImmutableOwner = 34,
    AccountHasWithheldTransferFees = 35,
    NonTransferable = 37,
    NonTransferableNeedsImmutableOwnership = 38,
    ExtensionNotFound = 48,
    InvalidExtensionCombination = 51,
    InvalidLengthForAlloc = 52,
    MintPaused = 67,
}

// === impl Failure ===

impl Failure {
    /// What the program prints about it.
    pub(super) fn line(&self) -> Option<String> {
        match self {
            Self::Token(error) => Some(error.message().to_owned()),
            // They are printed by their names, which are the same on both sides of the program's border.
            Self::Program(error) => Some(format!("Error: {error:?}")),
            Self::Foreign(_) => Some("Error: Unknown".to_owned()),
            Self::Silent(_) => None,
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<InstructionError> for Failure {
    fn from(error: InstructionError) -> Self {
        Self::Silent(error)
    }
}

impl From<Failure> for InstructionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Token(error) => Self::Custom(error as u32),
            Failure::Foreign(number) => Self::Custom(number),
            Failure::Program(error) | Failure::Silent(error) => error,
        }
    }
}

// === impl TokenError ===

impl TokenError {
    /// What both programs print; not every line begins with `Error`.
    fn message(self) -> &'static str {
        match self {
            Self::NotRentExempt => "Error: Lamport balance below rent-exempt threshold",
            Self::InsufficientFunds => "Error: insufficient funds",
            Self::InvalidMint => "Error: Invalid Mint",
            Self::MintMismatch => "Error: Account not associated with this Mint",
            Self::OwnerMismatch => "Error: owner does not match",
            Self::FixedSupply => "Error: the total supply of this token is fixed",
            Self::AlreadyInUse => "Error: account or token already in use",
            Self::InvalidNumberOfProvidedSigners => "Error: Invalid number of provided signers",
            Self::InvalidNumberOfRequiredSigners => "Error: Invalid number of required signers",
            Self::NativeNotSupported => "Error: Instruction does not support native tokens",
            Self::NonNativeHasBalance => {
                "Error: Non-native account can only be closed if its balance is zero"
            }
            Self::InvalidInstruction => "Error: Invalid instruction",
            Self::InvalidState => "Error: Invalid account state for operation",
            Self::Overflow => "Error: Operation overflowed",
            Self::AuthorityTypeNotSupported => "Error: Account does not support specified authority type",
            Self::MintCannotFreeze => "Error: This token mint cannot freeze accounts",
            Self::AccountFrozen => "Error: Account is frozen",
            Self::MintDecimalsMismatch => "Error: decimals different from the Mint decimals",
            Self::NonNativeNotSupported => "Error: Instruction does not support non-native tokens",
            Self::ExtensionTypeMismatch => {
                "Error: New extension type does not match already existing extensions"
            }
            Self::ExtensionBaseMismatch => "Error: Extension does not match the base type provided",
            Self::ExtensionAlreadyInitialized => "Error: Extension already initialized on this account",
            Self::MintHasSupply => "Error: Mint has non-zero supply. Burn all tokens before closing the mint",
            Self::NoAuthorityExists => "Error: No authority exists to perform the desired operation",
            Self::TransferFeeExceedsMaximum => "Error: Transfer fee exceeds maximum of 10,000 basis points",
            Self::MintRequiredForTransfer => {
                "Mint required for this account to transfer tokens, use `transfer_checked` or `transfer_checked_with_fee`"
            }
            Self::FeeMismatch => "Calculated fee does not match expected fee",
            Self::ImmutableOwner => "The owner authority cannot be changed",
            Self::AccountHasWithheldTransferFees => {
                "Error: An account can only be closed if its withheld fee balance is zero, harvest fees to the mint and try again"
            }
            Self::NonTransferable => "Transfer is disabled for this mint",
            Self::NonTransferableNeedsImmutableOwnership => {
                "Non-transferable tokens can't be minted to an account without immutable ownership"
            }
            Self::ExtensionNotFound => "Extension not found in account data",
            Self::InvalidExtensionCombination => {
                "Mint or account is initialized to an invalid combination of extensions"
            }
            Self::InvalidLengthForAlloc => "Extension allocation with overwrite must use the same length",
            Self::MintPaused => "Transferring, minting, and burning is paused on this mint",
        }
    }
}
