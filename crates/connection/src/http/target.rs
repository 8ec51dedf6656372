use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use url::Url;

use super::{excerpt::Scrub, stats::Version};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("eda/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The request URL is a URL, but not one that HTTP can carry. Never contains the URL.
#[derive(Debug, thiserror::Error)]
#[error("the request URL cannot be used: {0}")]
pub struct UnusableUrl(#[from] http::Error);

/// Where requests go, ready to be sent there.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) scrub: Scrub,
    /// Scheme, authority, path and query: HTTP/2.
    absolute: Uri,
    /// Path and query: HTTP/1.1.
    origin: Uri,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

// === impl Target ===

impl Target {
    pub(super) fn new(url: &Url) -> Result<Self, UnusableUrl> {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let authority = format!("{}{port}", url.host_str().unwrap_or_default());
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path_and_query = format!("{}{query}", url.path());
        let absolute = Uri::builder()
            .scheme(url.scheme())
            .authority(authority.as_str())
            .path_and_query(path_and_query.as_str())
            .build()?;
        let origin = Uri::builder().path_and_query(path_and_query).build()?;
        let host = HeaderValue::try_from(authority).map_err(http::Error::from)?;
        let authorization = authorization(url)?;
        Ok(Self { url: url.clone(), scrub: Scrub::new(url), absolute, origin, host, authorization })
    }

    /// The request that carries `body`.
    pub(super) fn request(&self, version: Version, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        headers.insert(header::ACCEPT_ENCODING, GZIP);
        headers.insert(header::USER_AGENT, USER_AGENT);
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        match version {
            Version::Http11 => {
                headers.insert(header::HOST, self.host.clone());
                *request.uri_mut() = self.origin.clone();
            }
            Version::Http2 | Version::H2c => {
                *request.version_mut() = http::Version::HTTP_2;
                *request.uri_mut() = self.absolute.clone();
            }
        }
        request
    }
}

/// User and password of the URL as HTTP basic authentication.
fn authorization(url: &Url) -> Result<Option<HeaderValue>, UnusableUrl> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let mut value = HeaderValue::try_from(basic).map_err(http::Error::from)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, version: Version) -> Request<Full<Bytes>> {
        Target::new(&Url::parse(url).unwrap()).unwrap().request(version, Bytes::from_static(b"{}"))
    }

    #[test]
    fn keys_travel_in_path_query_and_user() {
        let url = "https://us%40er:p%3Aw@host.example:9000/v2/KEY?api-key=K";
        let first = request(url, Version::Http11);
        assert_eq!(first.uri(), "/v2/KEY?api-key=K");
        assert_eq!(first.headers()[header::HOST], "host.example:9000");
        assert_eq!(
            first.headers()[header::AUTHORIZATION],
            BASE64_STANDARD.encode("us@er:p:w").as_str().basic()
        );
        let second = request(url, Version::Http2);
        assert_eq!(second.uri(), "https://host.example:9000/v2/KEY?api-key=K");
        assert!(!second.headers().contains_key(header::HOST));
    }

    trait Basic {
        fn basic(&self) -> String;
    }

    impl Basic for str {
        fn basic(&self) -> String {
            format!("Basic {self}")
        }
    }

    #[test]
    fn a_url_without_user_sends_no_authorization() {
        let request = request("http://127.0.0.1:8899", Version::Http11);
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
        assert_eq!(request.uri(), "/");
    }
}
