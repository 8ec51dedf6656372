use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::lent::farewell;
use crate::dial::Connection;

/// How long a cleartext server may take to show that it speaks HTTP/2.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connection preface and an empty SETTINGS frame (RFC 9113, 3.4 and 6.5).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A frame header: length (3 bytes), type (1), flags (1), stream (4) (RFC 9113, 4.1).
const FRAME_HEADER: usize = 9;
const SETTINGS: u8 = 4;

/// Whether the server answers the HTTP/2 preface with SETTINGS, as it must; the connection is closed afterwards. One
/// that does not speak HTTP/2 answers in HTTP/1.1, closes, or says nothing.
pub(super) async fn speaks_http2(mut connection: Connection) -> bool {
    let mut header = [0; FRAME_HEADER];
    let asked = async {
        connection.write_all(PREFACE).await?;
        connection.read_exact(&mut header).await
    };
    let answered = matches!(timeout(PATIENCE, asked).await, Ok(Ok(_)));
    farewell(connection).await;
    answered && is_settings(header)
}

/// The first frame of a server is SETTINGS without ACK, on stream 0, with 6 bytes for each setting.
fn is_settings(header: [u8; FRAME_HEADER]) -> bool {
    let [high, middle, low, kind, flags, stream @ ..] = header;
    let length = u32::from_be_bytes([0, high, middle, low]);
    kind == SETTINGS && flags & 1 == 0 && stream == [0; 4] && length.is_multiple_of(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_are_settings() {
        assert!(is_settings([0, 0, 18, 4, 0, 0, 0, 0, 0]));
        assert!(is_settings([0, 0, 0, 4, 0, 0, 0, 0, 0]));
        for other in [*b"HTTP/1.1 ", [0, 0, 8, 7, 0, 0, 0, 0, 0], [0, 0, 0, 4, 1, 0, 0, 0, 0], [0xff; 9]] {
            assert!(!is_settings(other), "{other:?}");
        }
    }
}
