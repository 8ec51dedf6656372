//! Where the provider is: a URL for requests, a URL for subscriptions, and how to show both without their secrets.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

/// The short names that the `solana` command line tools accept in place of a URL.
const MONIKERS: [(&str, &str, &str); 4] = [
    ("mainnet-beta", "m", "https://api.mainnet-beta.solana.com"),
    ("testnet", "t", "https://api.testnet.solana.com"),
    ("devnet", "d", "https://api.devnet.solana.com"),
    ("localhost", "l", "http://localhost:8899"),
];

/// One provider endpoint. Both URLs may carry an API key, so neither is printed; [`Endpoint::redacted`] is.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    http: Url,
    ws: Url,
}

/// Why a text is not an endpoint. Never contains the text, which may carry a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither a URL nor a short name.
    #[error(
        "not a URL: {0} (expected http://…, https://… or one of mainnet-beta, testnet, devnet, localhost, simnet)"
    )]
    NotAUrl(url::ParseError),
    /// A request URL with another scheme.
    #[error("the request URL must start with http:// or https://, not {0}://")]
    HttpScheme(String),
    /// A subscription URL with another scheme.
    #[error("the WebSocket URL must start with ws:// or wss://, not {0}://")]
    WsScheme(String),
    /// No host in the URL.
    #[error("the URL names no host")]
    NoHost,
    /// An explicit port 65535 leaves no room for the WebSocket's port + 1.
    #[error("port 65535 leaves no port + 1 for the WebSocket; name the WebSocket URL as well")]
    NoPortAfter,
}

// === impl Endpoint ===

impl Endpoint {
    /// Reads a URL or a short name; the WebSocket URL is derived when it is not given, as Solana tools do:
    /// `https` becomes `wss`, `http` becomes `ws`, and an explicit port is counted up by one.
    ///
    /// # Errors
    /// Says what is wrong without repeating the text, which may carry a key.
    pub fn parse(url: &str, ws: Option<&str>) -> Result<Self, EndpointError> {
        let url = MONIKERS
            .iter()
            .find(|(name, short, _)| *name == url || *short == url)
            .map_or(url, |(_, _, address)| address);
        let http = Url::parse(url).map_err(EndpointError::NotAUrl)?;
        if !matches!(http.scheme(), "http" | "https") {
            return Err(EndpointError::HttpScheme(http.scheme().to_owned()));
        }
        if http.host().is_none() {
            return Err(EndpointError::NoHost);
        }
        let ws = match ws {
            Some(text) => {
                let ws = Url::parse(text).map_err(EndpointError::NotAUrl)?;
                if !matches!(ws.scheme(), "ws" | "wss") {
                    return Err(EndpointError::WsScheme(ws.scheme().to_owned()));
                }
                if ws.host().is_none() {
                    return Err(EndpointError::NoHost);
                }
                ws
            }
            None => derive_ws(&http)?,
        };
        Ok(Self { http, ws })
    }

    /// The URL that requests are posted to. Secret: do not print it.
    pub fn http(&self) -> &Url {
        &self.http
    }

    /// The URL that the WebSocket is opened on. Secret: do not print it.
    pub fn ws(&self) -> &Url {
        &self.ws
    }

    /// The host name or address of the request URL.
    pub fn host(&self) -> &str {
        self.http.host_str().unwrap_or_default()
    }

    /// Whether the node runs on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.http.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        }
    }

    /// The request URL with whatever may be a key replaced by `…`.
    pub fn redacted(&self) -> String {
        redact(&self.http)
    }

    /// The WebSocket URL with whatever may be a key replaced by `…`.
    pub fn redacted_ws(&self) -> String {
        redact(&self.ws)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("http", &self.redacted()).field("ws", &self.redacted_ws()).finish()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

fn derive_ws(http: &Url) -> Result<Url, EndpointError> {
    let mut ws = http.clone();
    let scheme = if http.scheme() == "https" { "wss" } else { "ws" };
    // Both schemes are special and carry a host, which is all that `set_scheme` and `set_port` ask for.
    ws.set_scheme(scheme).map_err(|()| EndpointError::NoHost)?;
    if let Some(port) = http.port() {
        let next = port.checked_add(1).ok_or(EndpointError::NoPortAfter)?;
        ws.set_port(Some(next)).map_err(|()| EndpointError::NoHost)?;
    }
    Ok(ws)
}

/// Replaces path, query, fragment and user of a URL by `…`, because providers put keys in any of them.
pub fn redact(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let user = if url.username().is_empty() && url.password().is_none() { "" } else { "…@" };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if url.path().len() > 1 { "/…" } else { "" };
    let query = if url.query().is_some() || url.fragment().is_some() { "?…" } else { "" };
    format!("{}://{user}{host}{port}{path}{query}", url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_those_of_the_solana_tools() {
        for (name, short, url) in MONIKERS {
            let endpoint = Endpoint::parse(name, None).unwrap();
            assert_eq!(endpoint, Endpoint::parse(short, None).unwrap());
            assert_eq!(endpoint.http().as_str().trim_end_matches('/'), url);
        }
        assert_eq!(Endpoint::parse("l", None).unwrap().ws().as_str(), "ws://localhost:8900/");
    }

    #[test]
    fn the_websocket_url_follows_the_request_url() {
        let ws = |url| Endpoint::parse(url, None).map(|endpoint| endpoint.ws().to_string());
        assert_eq!(ws("https://example.com/key").unwrap(), "wss://example.com/key");
        assert_eq!(ws("http://example.com:7000/?k=1").unwrap(), "ws://example.com:7001/?k=1");
        assert_eq!(ws("http://example.com:65535").unwrap_err(), EndpointError::NoPortAfter);
        let given = Endpoint::parse("https://example.com", Some("wss://other.example/x")).unwrap();
        assert_eq!(given.ws().as_str(), "wss://other.example/x");
    }

    #[test]
    fn wrong_urls_are_refused_without_being_repeated() {
        for (url, ws) in [
            ("SECRET", None),
            ("ftp://host/SECRET", None),
            ("https://host", Some("https://host/SECRET")),
            ("https://host", Some("SECRET")),
            ("wss://host/SECRET", None),
        ] {
            let error = Endpoint::parse(url, ws).unwrap_err();
            assert!(!error.to_string().contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn keys_in_urls_are_never_shown() {
        for url in [
            "https://host.example/v2/SECRET",
            "https://host.example/?api-key=SECRET",
            "https://SECRET:SECRET@host.example",
            "https://host.example:9000/a#SECRET",
        ] {
            let endpoint = Endpoint::parse(url, None).unwrap();
            for shown in [endpoint.to_string(), format!("{endpoint:?}"), endpoint.redacted_ws()] {
                assert!(!shown.contains("SECRET"), "{shown}");
                assert!(shown.contains("host.example"), "{shown}");
            }
        }
    }

    #[test]
    fn loopback_is_recognised_by_name_and_address() {
        for url in ["localhost", "http://127.0.0.1:8899", "http://[::1]:8899", "http://127.3.2.1"] {
            assert!(Endpoint::parse(url, None).unwrap().is_loopback(), "{url}");
        }
        for url in ["m", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(!Endpoint::parse(url, None).unwrap().is_loopback(), "{url}");
        }
    }
}
