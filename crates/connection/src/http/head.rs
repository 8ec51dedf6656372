use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::budget::Answer;

const LIMIT_PREFIX: &str = "x-ratelimit-";

/// What the budget learns from the head of a response. The message is in the body.
pub(super) fn answer(status: StatusCode, headers: &HeaderMap) -> Answer {
    let limits = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(LIMIT_PREFIX)?;
        Some((name.to_owned(), value.to_str().ok()?.trim().parse().ok()?))
    });
    Answer {
        status: status.as_u16(),
        retry_after: retry_after(headers),
        limits: limits.collect(),
        message: None,
    }
}

/// `Retry-After` in seconds, or as a date relative to the server's own `Date` (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn limits_are_read_and_nonsense_is_left_out() {
        let headers = headers(&[
            ("x-ratelimit-rps-limit", "100"),
            ("x-ratelimit-rps-remaining", " 7 "),
            ("x-ratelimit-tier", "free"),
            ("content-type", "text/html"),
        ]);
        let answer = answer(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!(answer.status, 429);
        assert_eq!(answer.limits, [("rps-limit".to_owned(), 100), ("rps-remaining".to_owned(), 7)]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_on_the_servers_clock() {
        let after = |pairs: &[_]| retry_after(&headers(pairs));
        assert_eq!(after(&[("retry-after", "10")]), Some(Duration::from_secs(10)));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let until = |text| after(&[date, ("retry-after", text)]);
        assert_eq!(until("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(until("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(until("soon"), None);
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), None);
    }
}
