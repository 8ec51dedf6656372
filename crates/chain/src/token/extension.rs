//! Token-2022 extensions: what stands behind the base state of a mint or token account.
//!
//! Byte 165 is the kind of account; from 166 on follow entries of `type u16`, `length u16`, `value`, little-endian,
//! until type 0 or the end. Source: solana-program/token-2022 `interface/src/extension/mod.rs`.

use std::fmt;

use super::LayoutError;

/// Where the entries start.
const START: usize = 166;

/// One extension of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What it is.
    pub kind: ExtensionType,
    /// Its content.
    pub value: &'a [u8],
}

/// The extensions of an account. Ends after the first one that cannot be read.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    offset: usize,
}

macro_rules! extension_types {
    ($($number:literal $name:ident $what:literal,)*) => {
        /// The kinds of extension, by the number in the account.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ExtensionType {
            $(#[doc = $what] $name,)*
            /// Newer than this program.
            Unknown(u16),
        }

        impl ExtensionType {
            /// The extension with this number.
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }

            /// The number in the account.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The name in the token program's source, where it is known.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    Self::Unknown(_) => None,
                }
            }
        }
    };
}

extension_types! {
    1 TransferFeeConfig "Mint: transfers cost a share of what is moved.",
    2 TransferFeeAmount "Account: fees withheld.",
    3 MintCloseAuthority "Mint: can be closed, and its address used again.",
    4 ConfidentialTransferMint "Mint: balances may be hidden.",
    5 ConfidentialTransferAccount "Account: its hidden balance.",
    6 DefaultAccountState "Mint: new accounts may start frozen.",
    7 ImmutableOwner "Account: its owner cannot change.",
    8 MemoTransfer "Account: incoming transfers need a memo.",
    9 NonTransferable "Mint: cannot be transferred.",
    10 InterestBearingConfig "Mint: displayed amounts grow with time.",
    11 CpiGuard "Account: restricted when invoked by programs.",
    12 PermanentDelegate "Mint: someone may move or burn from every account.",
    13 NonTransferableAccount "Account: of a mint that cannot be transferred.",
    14 TransferHook "Mint: transfers call a program.",
    15 TransferHookAccount "Account: of a mint with a transfer hook.",
    16 ConfidentialTransferFeeConfig "Mint: fees of hidden transfers.",
    17 ConfidentialTransferFeeAmount "Account: hidden fees withheld.",
    18 MetadataPointer "Mint: where its metadata is.",
    19 TokenMetadata "Mint: its metadata.",
    20 GroupPointer "Mint: where its group is.",
    21 TokenGroup "Mint: a group of tokens.",
    22 GroupMemberPointer "Mint: where its membership is.",
    23 TokenGroupMember "Mint: member of a group.",
    24 ConfidentialMintBurn "Mint: its supply may be hidden.",
    25 ScaledUiAmount "Mint: displayed amounts are multiplied.",
    26 Pausable "Mint: everything can be stopped.",
    27 PausableAccount "Account: of a mint that can be paused.",
    28 PermissionedBurn "Mint: burns need another authority too.",
}

// === impl Extensions ===

impl<'a> Extensions<'a> {
    /// The extensions in the bytes of a mint or token account; none if it ends with its base state.
    pub fn of(data: &'a [u8]) -> Self {
        Self { rest: data.get(START..).unwrap_or_default(), offset: START }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, LayoutError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Fewer than two bytes are padding: they hold no type.
        let (kind, rest) = self.rest.split_first_chunk::<2>()?;
        let kind = u16::from_le_bytes(*kind);
        if kind == 0 {
            self.rest = &[];
            return None;
        }
        let offset = self.offset;
        let entry = rest
            .split_first_chunk::<2>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_le_bytes(*length))));
        let Some((value, rest)) = entry else {
            self.rest = &[];
            return Some(Err(LayoutError::TruncatedExtension { offset }));
        };
        self.offset += 4 + value.len();
        self.rest = rest;
        Some(Ok(Extension { kind: ExtensionType::from_number(kind), value }))
    }
}

/// The types alone.
pub(super) fn types(extensions: Extensions<'_>) -> Result<Vec<ExtensionType>, LayoutError> {
    extensions.map(|extension| extension.map(|extension| extension.kind)).collect()
}

// === impl ExtensionType ===

impl fmt::Display for ExtensionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Unknown({})", self.number()),
        }
    }
}
