//! Keeps keys out of everything a person or a log may see.
//!
//! Where a URL is known to be one it is shown by `Endpoint::redacted`; this is the net below it, for texts that
//! others compose: errors of libraries, command lines, log lines.

use std::borrow::Cow;

use eda_connection::endpoint;
use url::Url;

const SCHEMES: [&str; 4] = ["https", "http", "wss", "ws"];

/// Replaces in every URL of a text whatever may be a key.
pub(crate) fn urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let scheme = SCHEMES.into_iter().find(|scheme| ends_with_ignoring_case(before, scheme));
        let end = after.find(ends_a_url).unwrap_or(after.len());
        let (address, _) = after.split_at(end);
        // What closes a sentence or a bracket around the URL stays readable.
        let address = address.trim_end_matches([')', ',', '.', ';', ':']);
        let tail = after.strip_prefix(address).unwrap_or_default();
        match scheme {
            Some(scheme) => {
                shown.push_str(before.get(..before.len() - scheme.len()).unwrap_or_default());
                match Url::parse(&format!("{scheme}://{address}")) {
                    Ok(url) => shown.push_str(&endpoint::redact(&url)),
                    Err(_) => shown.push_str(&format!("{scheme}://…")),
                }
                rest = tail;
            }
            None => {
                shown.push_str(before);
                shown.push_str("://");
                rest = after;
            }
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Quotes, brackets that enclose, blanks, and the backslash that escapes a quote inside JSON.
fn ends_a_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\' | '‘' | '’')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_disappear_and_the_rest_stays() {
        for (text, shown) in [
            ("no address here", "no address here"),
            ("get https://a.example/?api-key=SECRET now", "get https://a.example?… now"),
            ("for url (https://a.example/SECRET): no", "for url (https://a.example/…): no"),
            (
                "'wss://u:SECRET@a.example' and http://b.example:80",
                "'wss://…@a.example' and http://b.example",
            ),
            (r#"{"url":"https://a.example/SECRET","n":1}"#, r#"{"url":"https://a.example/…","n":1}"#),
            ("HTTPS://a.example/SECRET", "https://a.example/…"),
            ("https://[bad/SECRET", "https://…"),
            ("sqlite://file https://", "sqlite://file https://…"),
            ("https://a.example/x,https://b.example/SECRET", "https://a.example/…"),
        ] {
            assert_eq!(urls(text), shown);
        }
    }
}
