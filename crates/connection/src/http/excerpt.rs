use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// How much of an answer is looked at for quoting it, in bytes.
const LOOKED_AT: usize = 4096;
/// How much of an answer is quoted, in characters.
const QUOTED: usize = 200;
/// Shorter parts of a URL are words such as `rpc` or `v2`, no keys.
const SHORTEST_SECRET: usize = 6;

/// Knows what must not be repeated: whatever in the URL may be a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrub {
    /// Longest first, so that no part of a longer one is left over.
    secrets: Vec<String>,
}

// === impl Scrub ===

impl Scrub {
    pub(super) fn new(url: &Url) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        let parts = url.path().split('/').chain([url.username(), url.password().unwrap_or_default()]);
        for part in parts.chain(url.query()).chain(url.fragment()) {
            secrets.push(part.to_owned());
            secrets.push(percent_decode_str(part).decode_utf8_lossy().into_owned());
        }
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The beginning of `text`, on one line.
    pub(super) fn excerpt(&self, text: &[u8]) -> String {
        let looked_at = text.get(..LOOKED_AT).unwrap_or(text);
        self.quote(&String::from_utf8_lossy(looked_at))
    }

    /// The beginning of `text`, on one line.
    pub(super) fn quote(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), "…"));
            }
        }
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let mut quoted = String::new();
        let mut left = QUOTED;
        for word in words {
            if !quoted.is_empty() {
                quoted.push(' ');
                left = left.saturating_sub(1);
            }
            quoted.extend(word.chars().take(left));
            left = left.saturating_sub(word.chars().count());
            if left == 0 {
                quoted.push('…');
                break;
            }
        }
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_url_loses_its_keys() {
        let url = "https://someuser:somepass@host/v2/SECRETKEY?api-key=OTHER%20SECRET";
        let scrub = Scrub::new(&Url::parse(url).unwrap());
        let page = format!("<p>{url} was\nnot found: SECRETKEY, OTHER SECRET, somepass</p>");
        let quoted = scrub.excerpt(page.as_bytes());
        assert!(quoted.contains("was not found"), "{quoted}");
        for secret in ["SECRET", "somepass", "someuser"] {
            assert!(!quoted.contains(secret), "{quoted}");
        }
    }

    #[test]
    fn quotes_are_short_whatever_arrives() {
        let scrub = Scrub::default();
        for text in
            [vec![0xff; 100_000], vec![b' '; 100_000], vec![b'x'; 100_000], "ab ".repeat(5_000).into()]
        {
            assert!(scrub.excerpt(&text).chars().count() <= QUOTED + 1);
        }
    }
}
