//! What a program sees and may do while it runs. The rules of ownership and privilege are kept here, so that a
//! program cannot break them by mistake.

use std::sync::Arc;

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;

use super::{
    Environment,
    effect::{Effect, Place, What},
    machine::{Call, Handle, Machine},
};
use crate::chain::Account;

/// One invocation of a program.
#[derive(Debug)]
pub struct Context<'m, 'e> {
    pub(super) machine: &'m mut Machine<'e>,
    pub(super) call: Call,
}

/// Why a call is not made.
enum Refused {
    /// The caller does not have the account.
    Unknown(Address),
    /// The caller may only read it.
    Writable(Address),
    /// Nobody signed for it.
    Signer(Address),
}

// === impl Refused ===

impl Refused {
    /// The error, and what the runtime prints.
    fn explain(self) -> (InstructionError, String) {
        let escalated = InstructionError::PrivilegeEscalation;
        match self {
            Self::Unknown(key) => {
                let line = format!("Instruction references an unknown account {key}");
                (InstructionError::MissingAccount, line)
            }
            Self::Writable(key) => (escalated, format!("{key}'s writable privilege escalated")),
            Self::Signer(key) => (escalated, format!("{key}'s signer privilege escalated")),
        }
    }
}

// === impl Context ===

impl<'e> Context<'_, 'e> {
    /// The program's own address.
    pub fn program(&self) -> Address {
        self.call.program
    }

    /// The program that called this one, unless the transaction itself did.
    pub fn caller(&self) -> Option<Address> {
        self.call.caller
    }

    /// The cluster around it.
    pub fn environment(&self) -> &'e Environment {
        self.machine.environment
    }

    /// The instruction's data.
    pub fn data(&self) -> &[u8] {
        &self.call.data
    }

    /// The number of the instruction's accounts.
    pub fn count(&self) -> usize {
        self.call.accounts.len()
    }

    /// The address of the instruction's account at `at`.
    ///
    /// # Errors
    /// When the instruction names fewer accounts, here and below.
    pub fn key(&self, at: usize) -> Result<Address, InstructionError> {
        let handle = self.handle(at)?;
        self.machine.keys.get(handle.index).copied().ok_or(InstructionError::MissingAccount)
    }

    /// Whether it signed.
    ///
    /// # Errors
    /// As [`Context::key`].
    pub fn is_signer(&self, at: usize) -> Result<bool, InstructionError> {
        Ok(self.handle(at)?.signer)
    }

    /// Whether it may be written.
    ///
    /// # Errors
    /// As [`Context::key`].
    pub fn is_writable(&self, at: usize) -> Result<bool, InstructionError> {
        Ok(self.handle(at)?.writable)
    }

    /// Its state as it is now.
    ///
    /// # Errors
    /// As [`Context::key`].
    pub fn account(&self, at: usize) -> Result<&Account, InstructionError> {
        let handle = self.handle(at)?;
        self.machine.accounts.get(handle.index).ok_or(InstructionError::MissingAccount)
    }

    /// Its data, to be changed.
    ///
    /// # Errors
    /// When it is read-only or another program's.
    pub fn data_mut(&mut self, at: usize) -> Result<&mut Vec<u8>, InstructionError> {
        if !self.is_writable(at)? {
            return Err(InstructionError::ReadonlyDataModified);
        }
        if self.account(at)?.owner != self.call.program {
            return Err(InstructionError::ExternalAccountDataModified);
        }
        Ok(&mut self.state(at)?.data)
    }

    /// Takes lamports out of it.
    ///
    /// # Errors
    /// When it is read-only, another program's, or has fewer.
    pub fn debit(&mut self, at: usize, lamports: u64) -> Result<(), InstructionError> {
        if !self.is_writable(at)? {
            return Err(InstructionError::ReadonlyLamportChange);
        }
        if self.account(at)?.owner != self.call.program {
            return Err(InstructionError::ExternalAccountLamportSpend);
        }
        let state = self.state(at)?;
        state.lamports = state.lamports.checked_sub(lamports).ok_or(InstructionError::InsufficientFunds)?;
        Ok(())
    }

    /// Puts lamports into it.
    ///
    /// # Errors
    /// When it is read-only.
    pub fn credit(&mut self, at: usize, lamports: u64) -> Result<(), InstructionError> {
        if !self.is_writable(at)? {
            return Err(InstructionError::ReadonlyLamportChange);
        }
        let state = self.state(at)?;
        state.lamports = state.lamports.checked_add(lamports).ok_or(InstructionError::ArithmeticOverflow)?;
        Ok(())
    }

    /// Gives it to another program.
    ///
    /// # Errors
    /// When it is read-only or another program's.
    pub fn assign(&mut self, at: usize, owner: Address) -> Result<(), InstructionError> {
        if !self.is_writable(at)? || self.account(at)?.owner != self.call.program {
            return Err(InstructionError::ModifiedProgramId);
        }
        self.state(at)?.owner = owner;
        Ok(())
    }

    /// Prints `Program log: text`.
    pub fn log(&mut self, text: &str) {
        self.machine.logs.push(format!("Program log: {text}"));
    }

    /// Prints a line as it is, as builtins do.
    pub fn log_plain(&mut self, line: String) {
        self.machine.logs.push(line);
    }

    /// Prints `Program data: …`, as events are written.
    pub fn log_data(&mut self, data: &[u8]) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        self.machine.logs.push(format!("Program data: {}", STANDARD.encode(data)));
    }

    /// Uses compute units.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn consume(&mut self, units: u64) -> Result<(), InstructionError> {
        self.machine.consume(units)
    }

    /// Leaves something for the caller.
    pub fn return_data(&mut self, data: Vec<u8>) {
        self.machine.return_data = Some((self.call.program, data));
    }

    /// What the last program called left.
    pub fn returned(&self) -> Option<&(Address, Vec<u8>)> {
        self.machine.return_data.as_ref()
    }

    /// A sysvar, which programs may read without naming it.
    pub fn sysvar(&self, address: &Address) -> Option<Arc<Account>> {
        self.machine.load.at(address)
    }

    /// Notes what really happened.
    pub fn note(&mut self, what: What) {
        let effect = Effect { place: self.call.place, caller: self.call.caller, what };
        self.machine.effects.push(effect);
    }

    /// Runs an entry of a batch: the same program, with other data and the accounts from `first` on.
    ///
    /// # Errors
    /// Whatever `run` says.
    pub fn entry<T>(
        &mut self,
        entry: usize,
        accounts: std::ops::Range<usize>,
        data: Vec<u8>,
        run: impl FnOnce(&mut Self) -> Result<T, InstructionError>,
    ) -> Result<T, InstructionError> {
        let named = self.call.accounts.get(accounts).ok_or(InstructionError::MissingAccount)?.to_vec();
        let whole =
            (std::mem::replace(&mut self.call.accounts, named), std::mem::replace(&mut self.call.data, data));
        let place = self.call.place;
        self.call.place = Place { batch_entry: Some(entry), ..place };
        let ran = run(self);
        (self.call.accounts, self.call.data) = whole;
        self.call.place = place;
        ran
    }

    /// Calls another program. `seeds` are the seeds of addresses derived from this program that sign the call, each
    /// with its bump.
    ///
    /// # Errors
    /// When the call asks for more than its caller may give, or fails.
    pub fn invoke(&mut self, call: &Instruction, seeds: &[&[&[u8]]]) -> Result<(), InstructionError> {
        let derived: Vec<Address> = seeds
            .iter()
            .map(|seeds| Address::create_program_address(seeds, &self.call.program))
            .collect::<Result<_, _>>()
            .map_err(|_| InstructionError::InvalidSeeds)?;
        let handles = call.accounts.iter().map(|meta| self.lend(meta, &derived)).collect::<Result<_, _>>();
        let handles = handles.map_err(|refused| {
            let (error, line) = refused.explain();
            self.machine.logs.push(line);
            error
        })?;
        let top = self.call.place.instruction;
        self.machine.call(top, self.call.height.saturating_add(1), self.call.program, call, handles)
    }

    /// What a call may do with an account of this one.
    fn lend(&self, meta: &AccountMeta, derived: &[Address]) -> Result<Handle, Refused> {
        let own = || {
            self.call
                .accounts
                .iter()
                .filter(|handle| self.machine.keys.get(handle.index) == Some(&meta.pubkey))
        };
        let index = own().next().ok_or(Refused::Unknown(meta.pubkey))?.index;
        if meta.is_writable && !own().any(|handle| handle.writable) {
            return Err(Refused::Writable(meta.pubkey));
        }
        if meta.is_signer && !own().any(|handle| handle.signer) && !derived.contains(&meta.pubkey) {
            return Err(Refused::Signer(meta.pubkey));
        }
        Ok(Handle { index, signer: meta.is_signer, writable: meta.is_writable })
    }

    fn handle(&self, at: usize) -> Result<Handle, InstructionError> {
        self.call.accounts.get(at).copied().ok_or(InstructionError::MissingAccount)
    }

    fn state(&mut self, at: usize) -> Result<&mut Account, InstructionError> {
        let handle = self.handle(at)?;
        self.machine.accounts.get_mut(handle.index).ok_or(InstructionError::MissingAccount)
    }
}
