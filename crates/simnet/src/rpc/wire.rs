//! Transactions and messages as clients send them: bytes in base58 or base64.

use wincode::{SchemaReadOwned, config::DefaultConfig};

use super::{
    encode::{TransactionEncoding, from_base64},
    error::RpcError,
};

/// Bytes of a transaction that fit into a packet (`PACKET_DATA_SIZE`), and characters that may encode them.
const MOST_BYTES: usize = 1_232;
const MOST_BASE58: usize = 1_683;
const MOST_BASE64: usize = 1_644;

/// How the bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Base58,
    Base64,
}

// === impl Wire ===

impl Wire {
    /// The encoding that a client named; base58 unless it did.
    pub(super) fn of(encoding: Option<TransactionEncoding>) -> Result<Self, RpcError> {
        match encoding {
            None | Some(TransactionEncoding::Binary | TransactionEncoding::Base58) => Ok(Self::Base58),
            Some(TransactionEncoding::Base64) => Ok(Self::Base64),
            Some(other @ (TransactionEncoding::Json | TransactionEncoding::JsonParsed)) => {
                let name = other.name();
                let why = format!("unsupported encoding: {name}. Supported encodings: base58, base64");
                Err(RpcError::InvalidParams(why))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Base58 => "base58",
            Self::Base64 => "base64",
        }
    }

    fn longest(self) -> usize {
        match self {
            Self::Base58 => MOST_BASE58,
            Self::Base64 => MOST_BASE64,
        }
    }

    fn bytes(self, text: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Base58 => bs58::decode(text).into_vec().map_err(|why| format!("{why:?}")),
            Self::Base64 => from_base64(text),
        }
    }
}

/// What a text encodes.
pub(super) fn decode<T: SchemaReadOwned<DefaultConfig, Dst = T>>(
    text: &str,
    wire: Wire,
) -> Result<T, RpcError> {
    let (kind, encoding, longest) = (std::any::type_name::<T>(), wire.name(), wire.longest());
    let invalid = |why: String| Err(RpcError::InvalidParams(why));
    if text.len() > longest {
        return invalid(format!(
            "{encoding} encoded {kind} too large: {} bytes (max: encoded/raw {longest}/{MOST_BYTES})",
            text.len()
        ));
    }
    let bytes = match wire.bytes(text) {
        Ok(bytes) => bytes,
        Err(why) => return invalid(format!("invalid {encoding} encoding: {why}")),
    };
    if bytes.len() > MOST_BYTES {
        return invalid(format!("decoded {kind} too large: {} bytes (max: {MOST_BYTES} bytes)", bytes.len()));
    }
    wincode::deserialize(&bytes).or_else(|why| invalid(format!("failed to deserialize {kind}: {why}")))
}
