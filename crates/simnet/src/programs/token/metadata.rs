//! A mint's name and symbol, in the mint itself (Token-2022, TokenMetadata).
//!
//! The value (`spl-token-metadata-interface`, `state.rs`, borsh): update authority and mint, 32 bytes each; name,
//! symbol and URI, each a u32 length and text; then a u32 number of pairs of such texts. Instructions begin with eight
//! bytes of a hash of their name.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::optional,
    error::{Failure, TokenError},
    extension::{self, Extension},
    names, owns,
    state::{Mint, put},
};
use crate::runtime::Context;

const INITIALIZE: [u8; 8] = [210, 225, 30, 162, 88, 184, 77, 141];
const UPDATE_FIELD: [u8; 8] = [221, 233, 49, 45, 181, 202, 220, 200];
const REMOVE_KEY: [u8; 8] = [234, 18, 32, 56, 89, 141, 37, 181];
const UPDATE_AUTHORITY: [u8; 8] = [215, 228, 166, 228, 84, 100, 86, 123];
const EMIT: [u8; 8] = [250, 166, 180, 250, 13, 12, 184, 70];

/// Errors of the interface (`spl-token-metadata-interface`, `error.rs`), which the program prints as unknown.
const INCORRECT_MINT_AUTHORITY: Failure = Failure::Foreign(901_952_959);
const INCORRECT_UPDATE_AUTHORITY: Failure = Failure::Foreign(901_952_960);
const IMMUTABLE: Failure = Failure::Foreign(901_952_961);
const KEY_NOT_FOUND: Failure = Failure::Foreign(901_952_962);

/// What is known about a mint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Metadata {
    update_authority: Option<Address>,
    mint: Address,
    /// Name, symbol and URI.
    texts: [String; 3],
    pairs: Vec<(String, String)>,
}

/// An instruction that begins with `tag` and goes on with `rest`.
pub(super) fn run(context: &mut Context<'_, '_>, tag: u8, rest: &[u8]) -> Result<(), Failure> {
    let unknown = || Failure::from(TokenError::InvalidInstruction);
    let (begin, arguments) = rest.split_first_chunk::<7>().ok_or_else(unknown)?;
    let [a, b, c, d, e, f, g] = *begin;
    let mut reader = Reader(arguments);
    match [tag, a, b, c, d, e, f, g] {
        INITIALIZE => {
            let texts = [
                reader.text().ok_or_else(unknown)?,
                reader.text().ok_or_else(unknown)?,
                reader.text().ok_or_else(unknown)?,
            ];
            context.log("TokenMetadataInstruction: Initialize");
            initialize(context, texts)
        }
        UPDATE_FIELD => {
            let field = reader.byte().ok_or_else(unknown)?;
            let key = if field == 3 { reader.text().ok_or_else(unknown)? } else { String::new() };
            let value = reader.text().ok_or_else(unknown)?;
            if field > 3 {
                return Err(unknown());
            }
            context.log("TokenMetadataInstruction: UpdateField");
            let mut metadata = updated(context)?;
            metadata.update(usize::from(field), key, value);
            store(context, &metadata, true)
        }
        REMOVE_KEY => {
            let idempotent = reader.byte().ok_or_else(unknown)?;
            let key = reader.text().ok_or_else(unknown)?;
            context.log("TokenMetadataInstruction: RemoveKey");
            let mut metadata = updated(context)?;
            let before = metadata.pairs.len();
            metadata.pairs.retain(|(known, _)| *known != key);
            if metadata.pairs.len() == before && idempotent == 0 {
                return Err(KEY_NOT_FOUND);
            }
            store(context, &metadata, true)
        }
        UPDATE_AUTHORITY => {
            let authority = reader.take::<32>().ok_or_else(unknown)?;
            context.log("TokenMetadataInstruction: UpdateAuthority");
            let mut metadata = updated(context)?;
            metadata.update_authority = super::data::nullable(authority);
            store(context, &metadata, true)
        }
        EMIT => Err(Failure::Program(InstructionError::InvalidInstructionData)),
        _ => Err(unknown()),
    }
}

/// Initialize: the mint as metadata, update authority, the mint again, mint authority.
fn initialize(context: &mut Context<'_, '_>, texts: [String; 3]) -> Result<(), Failure> {
    names(context, 4)?;
    if context.key(0)? != context.key(2)? {
        context.log("Metadata for a mint must be initialized in the mint itself.");
        return Err(TokenError::MintMismatch.into());
    }
    owns(context, &[2])?;
    let data = &context.account(2)?.data;
    let mint = Mint::load(Edition::Extended, data)?;
    if !context.is_signer(3)? {
        return Err(Failure::Program(InstructionError::MissingRequiredSignature));
    }
    if mint.authority != Some(context.key(3)?) {
        return Err(INCORRECT_MINT_AUTHORITY);
    }
    if !extension::has(data, Extension::MetadataPointer) {
        context.log("A mint with metadata must have the metadata-pointer extension initialized");
        return Err(TokenError::InvalidExtensionCombination.into());
    }
    let update_authority = super::data::nullable(context.key(1)?.to_bytes());
    let metadata = Metadata { update_authority, mint: context.key(0)?, texts, pairs: Vec::new() };
    store(context, &metadata, false)
}

/// The metadata of the mint at 0, which the authority at 1 may change.
fn updated(context: &Context<'_, '_>) -> Result<Metadata, Failure> {
    names(context, 2)?;
    owns(context, &[0])?;
    let data = &context.account(0)?.data;
    Mint::load(Edition::Extended, data)?;
    let value = data.get(extension::find(data, Extension::TokenMetadata)?).unwrap_or_default();
    let metadata = Metadata::read(value);
    let metadata = metadata.ok_or(Failure::Program(InstructionError::InvalidAccountData))?;
    if !context.is_signer(1)? {
        return Err(Failure::Program(InstructionError::MissingRequiredSignature));
    }
    if metadata.update_authority.ok_or(IMMUTABLE)? != context.key(1)? {
        return Err(INCORRECT_UPDATE_AUTHORITY);
    }
    Ok(metadata)
}

/// Writes it into the mint at 0, which becomes exactly as long as it must be.
fn store(context: &mut Context<'_, '_>, metadata: &Metadata, overwrite: bool) -> Result<(), Failure> {
    let value = metadata.write();
    let data = &context.account(0)?.data;
    let old = extension::find(data, Extension::TokenMetadata).ok();
    if old.is_some() && !overwrite {
        return Err(TokenError::ExtensionAlreadyInitialized.into());
    }
    // What other extensions hold stays before and after it.
    let entries = extension::entries(data)?;
    let end = entries.last().map_or(extension::ENTRIES, |last| last.value.end);
    let (head, tail) = match &old {
        Some(old) => (old.start.saturating_sub(extension::HEADER), old.end),
        None => (end, end),
    };
    let mut all = data.get(..head).unwrap_or_default().to_vec();
    all.extend((Extension::TokenMetadata as u16).to_le_bytes());
    let length = u16::try_from(value.len());
    let length = length.map_err(|_| Failure::Program(InstructionError::AccountDataTooSmall))?;
    all.extend(length.to_le_bytes());
    all.extend(value);
    all.extend(data.get(tail..end).unwrap_or_default());
    let bytes = extension::with_entries(all.len().saturating_sub(extension::ENTRIES));
    all.resize(bytes, 0);
    *context.data_mut(0)? = all;
    Ok(())
}

// === impl Metadata ===

impl Metadata {
    fn read(value: &[u8]) -> Option<Self> {
        let mut reader = Reader(value);
        let update_authority = optional(value, 0);
        reader.take::<32>()?;
        let mint = Address::new_from_array(reader.take()?);
        let texts = [reader.text()?, reader.text()?, reader.text()?];
        let count = reader.length()?;
        let mut pairs = Vec::new();
        for _ in 0..count {
            pairs.push((reader.text()?, reader.text()?));
        }
        Some(Self { update_authority, mint, texts, pairs })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        put(&mut bytes, 0, self.update_authority.unwrap_or_default().as_ref());
        put(&mut bytes, 32, self.mint.as_ref());
        self.texts.iter().for_each(|text| write_text(&mut bytes, text));
        bytes.extend(u32::try_from(self.pairs.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (key, value) in &self.pairs {
            write_text(&mut bytes, key);
            write_text(&mut bytes, value);
        }
        bytes
    }

    /// Sets name, symbol or URI, or the pair of a key.
    fn update(&mut self, field: usize, key: String, value: String) {
        if let Some(text) = self.texts.get_mut(field) {
            *text = value;
        } else if let Some(pair) = self.pairs.iter_mut().find(|(known, _)| *known == key) {
            pair.1 = value;
        } else {
            self.pairs.push((key, value));
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// Reads borsh fields off the front.
struct Reader<'a>(&'a [u8]);

// === impl Reader ===

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take()?)).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
