//! Deterministic event ids: the same fact has the same id for ever, so that a consumer can recognise what it has
//! already seen, after a restart too. Ids are unique per cluster.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use solana_address::Address;
use solana_signature::Signature;

use crate::{
    path::{self, Path},
    primitives::{Slot, WorkerName},
};

/// An event's id. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Arc<str>);

/// The id of one burn, taken apart: `burn:<signature>:<path>`, with the path written `3`, `3.1`, `3#0` or `3.1#2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BurnId {
    /// The transaction.
    pub signature: Signature,
    /// The instruction in it.
    pub path: Path,
    /// The index inside a token program's `Batch` instruction, if the burn is inside one.
    pub batch_entry: Option<u16>,
}

/// The text is not the id of a burn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a burn's id, which reads burn:<signature>:<path>")]
pub struct NotABurn(String);

/// The two ends of a position's life, as its ids name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PositionEnd {
    /// It was opened.
    Opened,
    /// It was closed.
    Closed,
}

// === impl EventId ===

impl EventId {
    /// `market:<address>`: a market is discovered once.
    pub fn market(address: &Address) -> Self {
        Self::of(format_args!("market:{address}"))
    }

    /// `pool:<address>`: a pool is discovered once.
    pub fn pool(address: &Address) -> Self {
        Self::of(format_args!("pool:{address}"))
    }

    /// `token:<mint>:<slot>`: a token validated with what was read at the slot.
    pub fn token(mint: &Address, slot: Slot) -> Self {
        Self::of(format_args!("token:{mint}:{slot}"))
    }

    /// `liquidity:<pool>:<slot>`: what a pool held at the slot.
    pub fn liquidity(pool: &Address, slot: Slot) -> Self {
        Self::of(format_args!("liquidity:{pool}:{slot}"))
    }

    /// `price:<mint>:<slot>`: a token's price at the slot.
    pub fn price(mint: &Address, slot: Slot) -> Self {
        Self::of(format_args!("price:{mint}:{slot}"))
    }

    /// `trade:<signature>`: a trade that landed.
    pub fn trade(signature: &Signature) -> Self {
        Self::of(format_args!("trade:{signature}"))
    }

    /// `trade:paper:<n>`: the n-th simulated trade.
    pub fn paper_trade(number: u64) -> Self {
        Self::of(format_args!("trade:paper:{number}"))
    }

    /// `position:<id>:opened` or `position:<id>:closed`.
    pub fn position(id: &str, end: PositionEnd) -> Self {
        let end = match end {
            PositionEnd::Opened => "opened",
            PositionEnd::Closed => "closed",
        };
        Self::of(format_args!("position:{id}:{end}"))
    }

    /// `status:<worker>:<boot>:<n>`: the n-th status of a worker since the process started; `boot` is unique to
    /// the process, so that two runs never share an id.
    pub fn status(worker: WorkerName, boot: u64, number: u64) -> Self {
        Self::of(format_args!("status:{worker}:{boot}:{number}"))
    }

    /// `retracted:<id>`: an event is retracted at most once.
    pub fn retracted(event: &Self) -> Self {
        Self::of(format_args!("retracted:{event}"))
    }

    /// The id as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(text: fmt::Arguments<'_>) -> Self {
        Self(text.to_string().into())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for EventId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<BurnId> for EventId {
    fn from(burn: BurnId) -> Self {
        Self::of(format_args!("{burn}"))
    }
}

// === impl BurnId ===

impl fmt::Display for BurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "burn:{}:{}", self.signature, self.path)?;
        match self.batch_entry {
            None => Ok(()),
            Some(entry) => write!(f, "#{entry}"),
        }
    }
}

impl FromStr for BurnId {
    type Err = NotABurn;

    fn from_str(text: &str) -> Result<Self, NotABurn> {
        parse_burn(text).ok_or_else(|| NotABurn(text.to_owned()))
    }
}

fn parse_burn(text: &str) -> Option<BurnId> {
    let (signature, place) = text.strip_prefix("burn:")?.split_once(':')?;
    let (path, batch_entry) = match place.split_once('#') {
        None => (place, None),
        Some((path, entry)) => (path, Some(path::index(entry)?)),
    };
    Some(BurnId { signature: signature.parse().ok()?, path: path.parse().ok()?, batch_entry })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn burn(path: Path, batch_entry: Option<u16>) -> BurnId {
        BurnId { signature: Signature::from([7; 64]), path, batch_entry }
    }

    #[test]
    fn a_burn_is_named_by_its_place_in_the_transaction() {
        let signature = Signature::from([7; 64]);
        for (path, entry, text) in [
            (Path::top(3), None, "3"),
            (Path::inner(3, 1), None, "3.1"),
            (Path::top(3), Some(0), "3#0"),
            (Path::inner(3, 1), Some(2), "3.1#2"),
        ] {
            assert_eq!(burn(path, entry).to_string(), format!("burn:{signature}:{text}"));
        }
    }

    #[test]
    fn other_spellings_of_a_burn_are_refused() {
        let signature = Signature::from([7; 64]);
        for place in ["", "03", "+3", "3.", ".1", "3.1.2", "3#", "3#00", "3#1#2", "3 ", "65536", "-1"] {
            let text = format!("burn:{signature}:{place}");
            assert_eq!(text.parse::<BurnId>(), Err(NotABurn(text)));
        }
        for text in ["burn:", "burn:abc:3", "market:abc", ""] {
            assert!(text.parse::<BurnId>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_kind_of_fact_has_its_id() {
        let address = Address::new_from_array([1; 32]);
        let signature = Signature::from([7; 64]);
        let market = EventId::market(&address);
        for (id, text) in [
            (market.clone(), format!("market:{address}")),
            (EventId::pool(&address), format!("pool:{address}")),
            (EventId::token(&address, Slot(9)), format!("token:{address}:9")),
            (EventId::liquidity(&address, Slot(9)), format!("liquidity:{address}:9")),
            (EventId::price(&address, Slot(9)), format!("price:{address}:9")),
            (EventId::trade(&signature), format!("trade:{signature}")),
            (EventId::paper_trade(4), "trade:paper:4".to_owned()),
            (EventId::position("p1", PositionEnd::Opened), "position:p1:opened".to_owned()),
            (EventId::position("p1", PositionEnd::Closed), "position:p1:closed".to_owned()),
            (EventId::status(WorkerName::BurnDetector, 12, 3), "status:burn-detector:12:3".to_owned()),
            (EventId::retracted(&market), format!("retracted:market:{address}")),
        ] {
            assert_eq!(id.as_str(), text);
        }
    }

    proptest! {
        #[test]
        fn a_burns_id_parses_back(
            bytes in prop::collection::vec(any::<u8>(), 64),
            instruction: u16,
            inner: Option<u16>,
            batch_entry: Option<u16>,
        ) {
            let signature = Signature::try_from(bytes).unwrap();
            let burn = BurnId { signature, path: Path { instruction, inner }, batch_entry };
            prop_assert_eq!(EventId::from(burn).as_str().parse(), Ok(burn));
            let path: Path = serde_json::from_str(&serde_json::to_string(&burn.path).unwrap()).unwrap();
            prop_assert_eq!(path, burn.path);
        }

        #[test]
        fn whatever_parses_as_a_burn_is_spelled_like_one(place in "[0-9.#]{0,8}") {
            let text = format!("burn:{}:{place}", Signature::from([7; 64]));
            if let Ok(burn) = text.parse::<BurnId>() {
                prop_assert_eq!(burn.to_string(), text);
            }
        }
    }
}
