//! What actors send in one slot: their instructions, signed into transactions.

use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{
    AddressLookupTableAccount, VersionedMessage, legacy, v0,
    v1::{self, TransactionConfig},
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use super::Note;

/// Compute units that version 1 transactions ask for: there is no default.
const UNITS: u32 = 400_000;
/// Transactions for which one block has room; what is sent after them is left out.
const ROOM: usize = 2_500;

/// The message format of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// Without a version.
    Legacy,
    /// Version 0, loading from a lookup table whatever it can.
    Table(&'a AddressLookupTableAccount),
    /// Version 1, with a priority fee in lamports.
    One(u64),
}

/// Everything sent in one slot.
#[derive(Debug)]
pub(super) struct Outbox {
    blockhash: Hash,
    sent: Vec<VersionedTransaction>,
    noted: Vec<(Signature, Note)>,
}

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(blockhash: Hash) -> Self {
        Self { blockhash, sent: Vec::new(), noted: Vec::new() }
    }

    /// Sends a legacy transaction of `signers`, the first of whom pays.
    pub(super) fn send(&mut self, signers: &[&Keypair], instructions: &[Instruction]) {
        self.post(Form::Legacy, None, signers, instructions);
    }

    /// Sends a transaction of any form.
    pub(super) fn send_as(&mut self, form: Form<'_>, signers: &[&Keypair], instructions: &[Instruction]) {
        self.post(form, None, signers, instructions);
    }

    /// Sends a transaction that will be asked about.
    pub(super) fn send_noted(
        &mut self,
        note: Note,
        form: Form<'_>,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) {
        self.post(form, Some(note), signers, instructions);
    }

    /// The transactions in the order they were sent, and the notes about some.
    pub(super) fn into_parts(self) -> (Vec<VersionedTransaction>, Vec<(Signature, Note)>) {
        (self.sent, self.noted)
    }

    fn post(
        &mut self,
        form: Form<'_>,
        note: Option<Note>,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) {
        if self.sent.len() >= ROOM {
            return;
        }
        let Some(transaction) = sign(form, signers, instructions, self.blockhash) else {
            // An actor's mistake: nothing that the chain does makes a message impossible.
            tracing::error!(?note, "an actor's transaction cannot be made");
            debug_assert!(false, "an actor's transaction cannot be made: {note:?} {instructions:?}");
            return;
        };
        if let (Some(note), Some(signature)) = (note, transaction.signatures.first()) {
            self.noted.push((*signature, note));
        }
        self.sent.push(transaction);
    }
}

/// A transaction of `signers`, the first of whom pays; `None` if signers are missing or an index overflows.
pub(super) fn sign(
    form: Form<'_>,
    signers: &[&Keypair],
    instructions: &[Instruction],
    blockhash: Hash,
) -> Option<VersionedTransaction> {
    let payer = signers.first()?.pubkey();
    let message = match form {
        Form::Legacy => VersionedMessage::Legacy(legacy::Message::new_with_blockhash(
            instructions,
            Some(&payer),
            &blockhash,
        )),
        Form::Table(table) => {
            let tables = std::slice::from_ref(table);
            VersionedMessage::V0(v0::Message::try_compile(&payer, instructions, tables, blockhash).ok()?)
        }
        Form::One(fee) => {
            let config = TransactionConfig::empty().with_priority_fee(fee).with_compute_unit_limit(UNITS);
            VersionedMessage::V1(
                v1::Message::try_compile_with_config(&payer, instructions, blockhash, config).ok()?,
            )
        }
    };
    VersionedTransaction::try_new(message, signers).ok()
}
