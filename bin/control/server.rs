//! The running process's side of the control socket.
//!
//! Whoever can open the socket may ask; the file system decides who can: only the same user. A client that talks
//! nonsense, nothing, or too much is told so or left, and never costs more than one place for a short time.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    lock::DataDir,
    message::{Request, Response},
};

/// Answers a question. Called for each one, at most [`CLIENTS`] at a time.
pub(crate) type Answer = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The operating system keeps such paths in a field of fixed length.
    #[error(
        "the path of the control socket, {}, has {length} bytes and only {SUN_PATH} fit; \
         choose a shorter --data-dir",
        path.display()
    )]
    PathTooLong {
        /// Where it would be.
        path: PathBuf,
        /// Length of that in bytes.
        length: usize,
    },
    /// It cannot be made.
    #[error("the control socket {} cannot be opened: {error}", path.display())]
    Io {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// The socket's name in the data directory.
pub(super) const SOCKET: &str = "eda.sock";
/// Bytes of a path that fit into `sockaddr_un.sun_path` beside its end, on Linux (unix(7)).
pub(super) const SUN_PATH: usize = 107;
/// Clients served at once; more wait in the listener's backlog.
const CLIENTS: usize = 16;
/// Longest question, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a client may take over one question, and over reading the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after the listener fails, for example for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Opens the control socket of a data directory. A socket left behind is replaced: holding the directory's lock
/// proves that nobody listens on it.
///
/// # Errors
/// See [`ListenError`].
pub(crate) fn listen(directory: &DataDir) -> Result<UnixListener, ListenError> {
    let path = directory.path().join(SOCKET);
    // A socket gets its permissions only after it is bound. So it is bound where nobody else can go, and moved to
    // its place when they are right. The private directory's name is shorter than the socket's, so that it fits
    // wherever the socket does.
    let private = directory.path().join(".s");
    let born = private.join("s");
    let length = path.as_os_str().len();
    if length > SUN_PATH {
        return Err(ListenError::PathTooLong { path, length });
    }
    let open = || {
        match fs::remove_dir_all(&private) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        DirBuilder::new().mode(0o700).create(&private)?;
        let listener = UnixListener::bind(&born)?;
        fs::set_permissions(&born, Permissions::from_mode(0o600))?;
        fs::rename(&born, &path)?;
        fs::remove_dir(&private)?;
        Ok(listener)
    };
    open().map_err(|error| ListenError::Io { path: path.clone(), error })
}

/// Answers questions until `stop` is cancelled, then drops every client.
pub(crate) async fn serve(listener: UnixListener, stop: CancellationToken, answer: Answer) {
    let mut clients = JoinSet::new();
    loop {
        enum Next {
            Stop,
            Client(io::Result<UnixStream>),
            Gone,
        }
        let has_room = clients.len() < CLIENTS;
        let next = tokio::select! {
            () = stop.cancelled() => Next::Stop,
            Some(_) = clients.join_next() => Next::Gone,
            accepted = listener.accept(), if has_room => Next::Client(accepted.map(|(stream, _)| stream)),
        };
        match next {
            Next::Stop => break,
            Next::Gone => {}
            Next::Client(Ok(stream)) => {
                let answer = Arc::clone(&answer);
                clients.spawn(async move {
                    if let Err(error) = attend(stream, &answer).await {
                        tracing::debug!(%error, "control client left");
                    }
                });
            }
            Next::Client(Err(error)) => {
                tracing::warn!(%error, "control socket accepts nobody");
                time::sleep(PAUSE).await;
            }
        }
    }
    clients.shutdown().await;
}

/// Answers one client, line by line, until it has no more to say or says nothing for too long.
async fn attend(stream: UnixStream, answer: &Answer) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than allowed is enough to see that it is too much.
        let mut bounded = (&mut reader).take(LONGEST + 1);
        let read = time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        let too_long = !line.ends_with(b"\n") && u64::try_from(line.len()).is_ok_and(|len| len > LONGEST);
        let response = if too_long {
            Response::Error(format!("a question has at most {LONGEST} bytes"))
        } else {
            match serde_json::from_slice(&line) {
                Ok(request) => time::timeout(PATIENCE, answer(request))
                    .await
                    .unwrap_or_else(|_| Response::Error("no answer in time".to_owned())),
                Err(error) => Response::Error(format!("not a question: {error}")),
            }
        };
        let mut text = serde_json::to_vec(&response)?;
        text.push(b'\n');
        time::timeout(PATIENCE, writer.write_all(&text)).await??;
        if too_long {
            return Ok(());
        }
    }
}
