//! Results that are rendered once and sent again and again.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::http::Deflated;

/// A JSON-RPC result as JSON text. Clones share the text and its compressed form, which is made when it is first
/// wanted.
#[derive(Clone)]
pub struct Rendered(Arc<Text>);

struct Text {
    json: Bytes,
    deflated: OnceLock<Option<Deflated>>,
}

// === impl Rendered ===

impl Rendered {
    /// A text that must be one JSON value.
    pub(crate) fn new(json: String) -> Self {
        Self(Arc::new(Text { json: json.into(), deflated: OnceLock::new() }))
    }

    /// The text.
    pub fn json(&self) -> &Bytes {
        &self.0.json
    }

    /// Its compressed form; `None` if compression failed.
    pub(crate) fn deflated(&self) -> Option<&Deflated> {
        self.0.deflated.get_or_init(|| Deflated::of(&self.0.json)).as_ref()
    }

    /// Bytes of the text, and of its compressed form if that has been made.
    pub(crate) fn size(&self) -> usize {
        let deflated = self.0.deflated.get().and_then(Option::as_ref).map_or(0, Deflated::size);
        self.0.json.len().saturating_add(deflated)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").field("bytes", &self.0.json.len()).finish_non_exhaustive()
    }
}
