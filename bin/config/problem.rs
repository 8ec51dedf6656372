//! What is wrong with the settings: all of it at once, each with the place where a person can mend it.

use std::fmt;

/// One wrong setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// File and line, environment variable or flag.
    pub(crate) at: String,
    /// The key, `rpc.url`; empty where the trouble is not about one.
    pub(crate) key: String,
    /// What is wrong, and what would be right.
    pub(crate) what: String,
}

/// Everything that is wrong. Never empty.
#[derive(Debug)]
pub(crate) struct Problems(Vec<Problem>);

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.at, self.what),
            key => write!(f, "{}: {key}: {}", self.at, self.what),
        }
    }
}

// === impl Problems ===

impl Problems {
    /// `Ok` if nothing is wrong.
    pub(super) fn check(found: Vec<Problem>) -> Result<(), Self> {
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// One more after those that were found.
    pub(super) fn of(last: Problem, mut found: Vec<Problem>) -> Self {
        found.push(last);
        Self(found)
    }

    /// All of them, in the order they were found.
    pub(super) fn into_inner(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the configuration is wrong: {only}"),
            all => {
                write!(f, "the configuration is wrong in {} places:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}
