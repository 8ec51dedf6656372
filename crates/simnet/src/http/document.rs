//! A JSON text that is put together of parts, some of which were rendered before.

use bytes::Bytes;

use super::gzip::{Archive, compress};
use crate::rendered::Rendered;

/// The text of a response.
#[derive(Debug, Default)]
pub(super) struct Document {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Bytes),
    Rendered(Rendered),
}

// === impl Document ===

impl Document {
    pub(super) fn push(&mut self, text: impl Into<Bytes>) {
        self.parts.push(Part::Text(text.into()));
    }

    pub(super) fn push_rendered(&mut self, rendered: Rendered) {
        self.parts.push(Part::Rendered(rendered));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.text().is_empty())
    }

    /// Adds the parts of another one.
    pub(super) fn append(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
    }

    /// The whole text at once.
    pub(super) fn to_bytes(&self) -> Bytes {
        match self.parts.as_slice() {
            [part] => part.text().clone(),
            _ => self.to_chunks().concat().into(),
        }
    }

    /// The text, without a copy of what was rendered before.
    pub(super) fn to_chunks(&self) -> Vec<Bytes> {
        self.parts.iter().map(|part| part.text().clone()).collect()
    }

    /// The compressed text; `None` if compression failed.
    pub(super) fn compressed(&self) -> Option<Vec<Bytes>> {
        if self.parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Some(vec![compress(&self.to_bytes())?]);
        }
        let mut archive = Archive::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => archive.add_text(text)?,
                Part::Rendered(rendered) => archive.add(rendered.deflated()?),
            }
        }
        Some(archive.finish())
    }
}

impl<T: Into<Bytes>> From<T> for Document {
    fn from(text: T) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }
}

// === impl Part ===

impl Part {
    fn text(&self) -> &Bytes {
        match self {
            Self::Text(text) => text,
            Self::Rendered(rendered) => rendered.json(),
        }
    }
}
