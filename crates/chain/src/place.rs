//! Where in a transaction something happened.

use std::fmt;

use eda_events::Path;

/// A path, and the entry inside a Token `Batch` instruction where there is one. Its text (`3`, `3.1`, `3#0`,
/// `3.1#2`) is the last part of a burn's event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The instruction.
    pub path: Path,
    /// The entry of a `Batch`, from 0.
    pub batch_entry: Option<u16>,
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        match self.batch_entry {
            Some(entry) => write!(f, "#{entry}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_event_ids_write_them() {
        let text = |path, batch_entry| Place { path, batch_entry }.to_string();
        assert_eq!(text(Path::top(3), None), "3");
        assert_eq!(text(Path::inner(3, 1), None), "3.1");
        assert_eq!(text(Path::top(3), Some(0)), "3#0");
        assert_eq!(text(Path::inner(3, 1), Some(2)), "3.1#2");
    }
}
