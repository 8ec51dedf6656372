//! The `eda` process under test: started in its own directory, heard line by line, signalled, waited for.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{Error, Fallible};

/// Which of its outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Events, if they go there.
    Stdout,
    /// Logs.
    Stderr,
}

/// One line the process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub output: Output,
    /// Without its line end.
    pub text: String,
}

/// A signal a test sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What service managers send.
    Terminate,
    /// Cannot be caught.
    Kill,
    /// Stops the process where it is.
    Stop,
    /// Lets a stopped process go on.
    Continue,
}

/// What is to be run.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    directory: TempDir,
}

/// A running process. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct Eda {
    program: OsString,
    child: Child,
    directory: TempDir,
    lines: watch::Receiver<Vec<Line>>,
    readers: TaskTracker,
}

// === impl Launch ===

impl Launch {
    /// Prepares a run of `binary` (`env!("CARGO_BIN_EXE_eda")` in the package's tests) in a fresh directory, without the
    /// environment variables `eda` reads.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn of(binary: &str) -> Fallible<Self> {
        let directory = tempfile::Builder::new().prefix("eda-test-").tempdir()?;
        Ok(Self { command: command(binary.as_ref(), directory.path()), directory })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Writes a file into the directory: `config.toml`, which `eda` reads by itself, or any other.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(self, name: &str, content: &str) -> Fallible<Self> {
        std::fs::write(self.directory.path().join(name), content)?;
        Ok(self)
    }

    /// The directory it will run in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub fn start(mut self) -> Fallible<Eda> {
        let program = self.command.as_std().get_program().to_owned();
        let mut child = self.command.spawn()?;
        let (sender, lines) = watch::channel(Vec::new());
        let readers = TaskTracker::new();
        if let Some(stdout) = child.stdout.take() {
            readers.spawn(read(Output::Stdout, stdout, sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(read(Output::Stderr, stderr, sender));
        }
        readers.close();
        Ok(Eda { program, child, directory: self.directory, lines, readers })
    }
}

fn command(binary: &OsStr, directory: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(directory).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let read = name.to_str().is_some_and(|name| {
            name.starts_with("EDA_")
                || ["SOLANA_RPC_URL", "SOLANA_WS_URL", "REDIS_URL", "DATABASE_URL", "RUST_LOG"]
                    .contains(&name)
        });
        if read {
            command.env_remove(name);
        }
    }
    command
}

async fn read(output: Output, stream: impl AsyncRead + Unpin, lines: watch::Sender<Vec<Line>>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    // A read error means the pipe is gone, which is the end of the output.
    while reader.read_until(b'\n', &mut bytes).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        lines.send_modify(|lines| lines.push(Line { output, text }));
    }
}

// === impl Eda ===

impl Eda {
    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Every line so far, in the order read; between the two outputs that order is approximate.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.borrow().clone()
    }

    /// The lines of one output so far.
    pub fn output(&self, output: Output) -> Vec<String> {
        let lines = self.lines.borrow();
        lines.iter().filter(|line| line.output == output).map(|line| line.text.clone()).collect()
    }

    /// The first line, past or future, that satisfies `wanted`.
    ///
    /// # Errors
    /// When none comes within `patience` or the process closes its outputs before; the error shows the last lines.
    pub async fn wait_for_line(&self, wanted: impl Fn(&Line) -> bool, patience: Duration) -> Fallible<Line> {
        let mut lines = self.lines.clone();
        let waited = timeout(patience, lines.wait_for(|lines| lines.iter().any(&wanted))).await;
        if let Ok(Ok(lines)) = waited
            && let Some(line) = lines.iter().find(|line| wanted(line))
        {
            return Ok(line.clone());
        }
        Err(Error::Timeout(format!("a line; {}", self.last_lines())))
    }

    fn last_lines(&self) -> String {
        let lines = self.lines();
        let last: Vec<&str> = lines.iter().rev().take(20).rev().map(|line| line.text.as_str()).collect();
        format!("the last of {} are:\n{}", lines.len(), last.join("\n"))
    }

    /// Runs the same binary once more in the same directory, `eda status` for example, and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be run, or does not end with 0; the error says what it wrote to stderr.
    pub async fn ask(&self, arguments: &[&str]) -> Fallible<String> {
        let ended = command(&self.program, self.directory.path()).args(arguments).output().await?;
        if ended.status.success() {
            Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
        } else {
            let words = String::from_utf8_lossy(&ended.stderr).into_owned();
            Err(std::io::Error::other(format!("{arguments:?}: {}: {words}", ended.status)).into())
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process has been waited for already, or `kill` fails.
    pub async fn signal(&self, signal: Signal) -> Fallible<()> {
        let ended = || std::io::Error::other("the process has ended");
        let pid = self.child.id().ok_or_else(ended)?.to_string();
        let name = match signal {
            Signal::Interrupt => "-INT",
            Signal::Terminate => "-TERM",
            Signal::Kill => "-KILL",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        if Command::new("kill").args([name, &pid]).status().await?.success() {
            Ok(())
        } else {
            Err(ended().into())
        }
    }

    /// Waits for the process to end by itself and for its last line.
    ///
    /// # Errors
    /// When it is still running after `patience`; the error shows the last lines.
    pub async fn exit(&mut self, patience: Duration) -> Fallible<ExitStatus> {
        let waited = timeout(patience, async {
            let status = self.child.wait().await;
            self.readers.wait().await;
            status
        });
        match waited.await {
            Ok(status) => Ok(status?),
            Err(_) => Err(Error::Timeout(format!("the process to end; {}", self.last_lines()))),
        }
    }

    /// Its process id, until it has been waited for.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::{Eda, Launch, Output, Signal};
    use crate::Error;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Eda {
        Launch::of("/bin/sh").unwrap().env("GREETING", "hello").args(["-c", script]).start().unwrap()
    }

    #[tokio::test]
    async fn lines_of_both_outputs_are_heard_and_the_exit_code_is_told() {
        let mut process = shell("echo $GREETING; echo log >&2; printf last; exit 75");
        let log = process.wait_for_line(|line| line.text == "log", PATIENCE).await.unwrap();
        assert_eq!(log.output, Output::Stderr);
        assert_eq!(process.exit(PATIENCE).await.unwrap().code(), Some(75));
        assert_eq!(process.output(Output::Stdout), ["hello", "last"]);
        assert_eq!(process.lines().len(), 3);
    }

    #[tokio::test]
    async fn a_line_that_never_comes_is_an_error_that_shows_what_came() {
        let process = shell("echo something else; exec sleep 60");
        process.wait_for_line(|line| line.text == "something else", PATIENCE).await.unwrap();
        let missing = process.wait_for_line(|line| line.text == "ready", Duration::from_millis(50)).await;
        assert!(missing.unwrap_err().to_string().contains("something else"));
    }

    #[tokio::test]
    async fn signals_arrive_and_a_process_that_goes_on_is_not_taken_for_ended() {
        let mut process =
            shell("trap 'echo interrupted' INT; trap 'exit 3' TERM; echo on; while :; do sleep 0.05; done");
        process.wait_for_line(|line| line.text == "on", PATIENCE).await.unwrap();
        process.signal(Signal::Interrupt).await.unwrap();
        process.wait_for_line(|line| line.text == "interrupted", PATIENCE).await.unwrap();
        assert!(matches!(process.exit(Duration::from_millis(100)).await, Err(Error::Timeout(_))));
        process.signal(Signal::Terminate).await.unwrap();
        assert_eq!(process.exit(PATIENCE).await.unwrap().code(), Some(3));
        assert!(process.signal(Signal::Terminate).await.is_err(), "it has been waited for");
    }

    #[tokio::test]
    async fn it_runs_in_its_own_directory_which_goes_with_it() {
        let launch = Launch::of("/bin/sh").unwrap().file("config.toml", "workers = []\n").unwrap();
        let process = launch.args(["-c", "cat config.toml; pwd; exec sleep 60"]).start().unwrap();
        process.wait_for_line(|line| line.text == "workers = []", PATIENCE).await.unwrap();
        let directory = process.directory().canonicalize().unwrap();
        let printed = process.wait_for_line(|line| line.text.starts_with('/'), PATIENCE).await.unwrap();
        assert_eq!(PathBuf::from(printed.text), directory);
        let of_process = PathBuf::from(format!("/proc/{}/stat", process.pid().unwrap()));
        drop(process);
        assert!(!directory.exists());
        // The runtime collects a killed process a moment later; until then it is a zombie, which runs no more.
        let gone = || std::fs::read_to_string(&of_process).map_or(true, |stat| stat.contains(") Z "));
        while !gone() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
