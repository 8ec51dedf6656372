//! What the token programs did in a transaction, decoded once.

use super::{
    Burn, SupplyChange, SupplyDelta, SupplyStep, TokenProgram, UndecodableReason,
    instruction::{self, TokenOperation},
    supply,
};
use crate::{place::Place, transaction::Transaction};

/// The token facts of a transaction, each list in execution order.
#[derive(Debug, Default)]
pub struct TokenFacts {
    /// Every burn; they happened unless the transaction failed.
    pub burns: Vec<Burn>,
    /// Every change of a supply, by mint; they happened unless the transaction failed.
    pub supply: Vec<SupplyDelta>,
    /// Instructions of a *successful* transaction that may have changed a supply and could not be read. While this
    /// is not empty, the lists above may be incomplete.
    pub undecodable: Vec<Undecodable>,
}

/// An instruction to a token program that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Where it stands.
    pub place: Place,
    /// The program.
    pub program: TokenProgram,
    /// Why.
    pub reason: UndecodableReason,
}

// === impl TokenFacts ===

impl TokenFacts {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.supply.is_empty() && self.undecodable.is_empty()
    }

    pub(crate) fn decode(transaction: &Transaction) -> Self {
        let mut facts = Self::default();
        let mut steps = Vec::new();
        for instruction in transaction.instructions() {
            let Some(program) = TokenProgram::from_address(instruction.program()) else { continue };
            let path = instruction.path();
            let mut found = |(batch_entry, operation): instruction::Found| {
                let place = Place { path, batch_entry };
                match operation {
                    Ok(operation) => facts.add(transaction, place, program, operation, &mut steps),
                    Err(reason) if !transaction.failed() => {
                        facts.undecodable.push(Undecodable { place, program, reason });
                    }
                    // The program refused it too: that is an ordinary way to fail.
                    Err(_) => {}
                }
            };
            match (instruction.data(), instruction.parsed()) {
                (Some(data), _) => instruction::decode(program, instruction, data, found),
                (None, parsed) => {
                    for (batch_entry, operation) in parsed.unwrap_or_default() {
                        found((*batch_entry, Ok(operation.clone())));
                    }
                }
            }
        }
        facts.supply = supply::by_mint(steps);
        facts
    }

    fn add(
        &mut self,
        transaction: &Transaction,
        place: Place,
        program: TokenProgram,
        operation: TokenOperation,
        steps: &mut Vec<(eda_events::Address, SupplyStep)>,
    ) {
        let (mint, change) = match operation {
            TokenOperation::InitializeMint { mint } => (mint, SupplyChange::Initialized),
            TokenOperation::MintTo { mint, amount } => (mint, SupplyChange::Minted(amount)),
            TokenOperation::Burn { kind, account, mint, authority, signers, amount, decimals } => {
                let balance = |wanted: &dyn Fn(&eda_events::Address, &crate::TokenBalance) -> bool| {
                    transaction.token_balances().find(|(key, balance)| wanted(key, balance)).map(|(_, b)| b)
                };
                let held = balance(&|key, balance| *key == account && balance.mint == mint);
                let decimals = decimals
                    .or_else(|| Some(held?.decimals))
                    .or_else(|| Some(balance(&|_, balance| balance.mint == mint)?.decimals));
                self.burns.push(Burn {
                    path: place.path,
                    batch_entry: place.batch_entry,
                    program,
                    kind,
                    account,
                    mint,
                    authority,
                    signers,
                    amount,
                    decimals,
                    owner: held.and_then(|balance| balance.owner),
                });
                (mint, SupplyChange::Burned(amount))
            }
        };
        steps.push((mint, SupplyStep { place, change }));
    }
}
