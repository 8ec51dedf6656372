//! Runs the instructions of one transaction.

use base64::{Engine, engine::general_purpose::STANDARD};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_instruction_error::InstructionError;

use super::{
    Context, Environment, Load,
    effect::{Effect, Place},
    logs::Logs,
    meta::{InnerGroup, InnerInstruction},
};
use crate::{chain::Account, programs};

/// Calls below one another, the top-level instruction included (`solana-program-runtime`,
/// `MAX_INSTRUCTION_STACK_DEPTH_SIMD_0268`).
const DEPTH: u32 = 9;

/// An account as one instruction holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handle {
    /// Its index in the transaction.
    pub(super) index: usize,
    pub(super) signer: bool,
    pub(super) writable: bool,
}

/// One instruction to run.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: Address,
    /// The program that calls it; `None` if the transaction itself does.
    pub(super) caller: Option<Address>,
    pub(super) accounts: Vec<Handle>,
    pub(super) data: Vec<u8>,
    pub(super) place: Place,
    /// 1 for a top-level instruction.
    pub(super) height: u32,
}

/// A transaction while it runs.
#[derive(Debug)]
pub(super) struct Machine<'e> {
    pub(super) environment: &'e Environment,
    /// Accounts that the transaction does not name.
    pub(super) load: Load<'e>,
    /// The programs that run, the one called last at the end.
    pub(super) stack: Vec<Address>,
    pub(super) keys: Vec<Address>,
    pub(super) accounts: Vec<Account>,
    pub(super) logs: Logs,
    pub(super) inner: Vec<InnerGroup>,
    pub(super) effects: Vec<Effect>,
    pub(super) return_data: Option<(Address, Vec<u8>)>,
    pub(super) units_left: u64,
}

// === impl Machine ===

impl Machine<'_> {
    pub(super) fn consume(&mut self, units: u64) -> Result<(), InstructionError> {
        match self.units_left.checked_sub(units) {
            Some(left) => {
                self.units_left = left;
                Ok(())
            }
            None => {
                self.units_left = 0;
                Err(InstructionError::ComputationalBudgetExceeded)
            }
        }
    }

    /// Runs a top-level instruction.
    pub(super) fn top(
        &mut self,
        instruction: usize,
        program: Address,
        accounts: Vec<Handle>,
        data: Vec<u8>,
    ) -> Result<(), InstructionError> {
        let place = Place { instruction, inner: None, batch_entry: None };
        self.run(Call { program, caller: None, accounts, data, place, height: 1 })
    }

    /// Runs an instruction that a program called, and records it.
    pub(super) fn call(
        &mut self,
        top: usize,
        height: u32,
        caller: Address,
        call: &Instruction,
        accounts: Vec<Handle>,
    ) -> Result<(), InstructionError> {
        if height > DEPTH {
            return Err(InstructionError::CallDepth);
        }
        // A program may call itself, but not what called it.
        if caller != call.program_id && self.stack.contains(&call.program_id) {
            return Err(InstructionError::ReentrancyNotAllowed);
        }
        let small = |index: usize| u8::try_from(index).map_err(|_| InstructionError::MaxAccountsExceeded);
        let program = self.keys.iter().position(|key| *key == call.program_id);
        let program_index = small(program.ok_or(InstructionError::MissingAccount)?)?;
        let indexes = accounts.iter().map(|handle| small(handle.index)).collect::<Result<_, _>>()?;
        let recorded = InnerInstruction { program_index, accounts: indexes, data: call.data.clone(), height };
        let group = small(top)?;
        if self.inner.last().is_none_or(|last| last.index != group) {
            self.inner.push(InnerGroup { index: group, instructions: Vec::new() });
        }
        let instructions = self.inner.last_mut().map(|last| &mut last.instructions);
        let inner = instructions.map(|called| {
            called.push(recorded);
            called.len().saturating_sub(1)
        });
        let place = Place { instruction: top, inner, batch_entry: None };
        let program = call.program_id;
        self.run(Call { program, caller: Some(caller), accounts, data: call.data.clone(), place, height })
    }

    /// Runs one instruction between the lines that the runtime prints around it.
    fn run(&mut self, call: Call) -> Result<(), InstructionError> {
        let program = call.program;
        let Some(found) = programs::find(&program) else {
            return Err(InstructionError::UnsupportedProgramId);
        };
        self.logs.push(format!("Program {program} invoke [{}]", call.height));
        self.return_data = None;
        let before = self.units_left;
        self.stack.push(program);
        let mut ran = (found.run)(&mut Context { machine: self, call });
        self.stack.pop();
        if !found.builtin {
            let used = before.saturating_sub(self.units_left);
            self.logs.push(format!("Program {program} consumed {used} of {before} compute units"));
        }
        // What a called program returned is still there, if nothing was called after it.
        if let Some((_, data)) = self.return_data.as_ref().filter(|_| !found.builtin) {
            self.logs.push(format!("Program return: {program} {}", STANDARD.encode(data)));
        }
        match &ran {
            Ok(()) => self.logs.push(format!("Program {program} success")),
            Err(InstructionError::ComputationalBudgetExceeded) if !found.builtin => {
                // It is the virtual machine that stops then, which has its own words.
                self.logs.push(format!("Program {program} failed: exceeded CUs meter at BPF instruction"));
                ran = Err(InstructionError::ProgramFailedToComplete);
            }
            Err(error) => self.logs.push(format!("Program {program} failed: {error}")),
        }
        ran
    }
}
