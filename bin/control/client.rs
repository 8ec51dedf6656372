//! The asking process's side of the control socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time,
};

use super::{
    message::{Request, Response},
    server::SOCKET,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody listens.
    #[error("no eda is running with the data directory {}", directory.display())]
    NotRunning {
        /// Whose socket it would be.
        directory: PathBuf,
    },
    /// Somebody listens but does not answer.
    #[error("the running eda gave no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// What came back is no answer.
    #[error("the running eda gave an answer that cannot be read ({0}); is it of another version?")]
    Unreadable(#[source] serde_json::Error),
    /// The running process says that it cannot answer.
    #[error("the running eda cannot answer: {0}")]
    Refused(String),
    /// The socket failed.
    #[error("the control socket in {} failed: {error}", directory.display())]
    Io {
        /// Whose socket.
        directory: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Asks the process that runs with a data directory.
///
/// # Errors
/// [`AskError::NotRunning`] when there is none; a [`Response::Error`] comes as [`AskError::Refused`].
pub(crate) async fn ask(directory: &Path, request: &Request) -> Result<Response, AskError> {
    let exchange = async {
        let mut stream = UnixStream::connect(directory.join(SOCKET)).await?;
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        let mut line = Vec::new();
        BufReader::new(stream).take(LONGEST).read_until(b'\n', &mut line).await?;
        Ok::<_, io::Error>(line)
    };
    let directory = || directory.to_owned();
    let line = match time::timeout(PATIENCE, exchange).await {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => {
            // No socket, or one that its process left behind.
            let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind());
            return Err(if nobody {
                AskError::NotRunning { directory: directory() }
            } else {
                AskError::Io { directory: directory(), error }
            });
        }
        Err(_) => return Err(AskError::TimedOut),
    };
    match serde_json::from_slice(&line).map_err(AskError::Unreadable)? {
        Response::Error(why) => Err(AskError::Refused(why)),
        answer @ Response::Status(_) => Ok(answer),
    }
}
