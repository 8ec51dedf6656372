//! `eda`: five Solana workers over one shared connection.

mod aside;
mod check;
mod cli;
mod config;
mod control;
mod coverage;
mod exit;
mod finality;
mod logging;
mod plan;
mod provider;
mod redact;
mod run;
mod screen;
#[cfg(feature = "simnet")]
mod simnet;
mod store;
mod summary;
mod view;
mod why;
mod wiring;

use std::{
    env,
    io::{self, Write},
    path::Path,
    thread,
};

use clap::Parser;
use eda_events::WorkerName;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{Flags, Log, Settings},
    control::{Request, Response},
    exit::{Exit, Failure},
    screen::Screen,
};

fn main() -> Exit {
    match Cli::try_parse() {
        Ok(cli) => perform(cli.command).unwrap_or_else(|failure| failure.report()),
        Err(error) => usage(&error),
    }
}

fn perform(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => {
            let settings = load(&args.flags())?;
            let screen = start_logging(&settings.config.log);
            let runtime = runtime()?;
            let exit = runtime.block_on(run::run(settings, screen, args.over_plan));
            // A worker that blocks its thread must not keep the process: it was named in the log.
            runtime.shutdown_background();
            exit
        }
        Command::Check(args) => {
            let settings = load(&cli::flags(&args.source, Some(&args.endpoint)))?;
            start_logging(&settings.config.log);
            let (found, exit) = runtime()?.block_on(check::check(&settings))?;
            print(&if args.json { pretty(&found)? } else { found.to_text() })?;
            Ok(exit)
        }
        Command::Plan(args) => {
            let settings = load(&args.flags())?;
            start_logging(&settings.config.log);
            let (planned, exit) = runtime()?.block_on(plan::plan(&settings, args.within.into()))?;
            print(&if args.json { pretty(&planned)? } else { planned.to_text() })?;
            Ok(exit)
        }
        Command::Config { command: ConfigCommand::Show(show) } => {
            let settings = load(&cli::flags(&show.source, Some(&show.endpoint)))?;
            print(&if show.json { pretty(&settings.to_json())? } else { settings.to_toml() })
        }
        Command::Why(args) => {
            let settings = load(&cli::flags(&args.source, None))?;
            let answer = why::why(&settings.config, &args.about)?;
            print(&if args.json { pretty(&answer)? } else { answer.to_text() })
        }
        Command::Coverage(args) => {
            let settings = load(&args.flags())?;
            let covered = coverage::coverage(&settings.config, args.worker)?;
            print(&if args.json { pretty(&covered)? } else { covered.to_text() })?;
            if args.against.is_none() {
                return Ok(Exit::Clean);
            }
            start_logging(&settings.config.log);
            let compared = runtime()?.block_on(coverage::against(&settings))?;
            print(&if args.json { pretty(&compared)? } else { compared.to_text() })?;
            Ok(if compared.missing.is_empty() { Exit::Clean } else { Exit::Failed })
        }
        #[cfg(feature = "simnet")]
        Command::Simnet(args) => {
            start_logging(&args.log());
            let runtime = runtime()?;
            runtime.block_on(simnet::serve(&args))
        }
        Command::Status(status) => {
            let settings = load(&cli::flags(&status.source, None))?;
            start_logging(&settings.config.log);
            let asked = control::ask(&settings.config.run.data_dir, &Request::Status);
            match runtime()?.block_on(asked)? {
                Response::Status(answer) if status.json => print(&pretty(&answer)?),
                Response::Status(answer) => print(&answer.to_text()),
                Response::Error(why) => Err(control::AskError::Refused(why).into()),
            }
        }
    }
}

/// One thread more than there are workers, so that even if each of them blocked its own, signals and sockets are
/// served.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let threads = thread::available_parallelism().map_or(1, usize::from).max(WorkerName::ALL.len() + 1);
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

fn start_logging(log: &Log) -> Screen {
    let screen = Screen::stderr(log);
    logging::start(log, &screen);
    screen
}

fn load(flags: &Flags) -> Result<Settings, Failure> {
    Ok(Settings::load(flags, env::vars_os(), Path::new(config::DEFAULT_FILE))?)
}

fn pretty(document: &impl serde::Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(Exit::Clean)
}

/// Help and version as they are; an error without the keys that its arguments may carry.
fn usage(error: &clap::Error) -> Exit {
    let told = if error.use_stderr() {
        write!(io::stderr().lock(), "{}", redact::urls(&error.render().to_string()))
    } else {
        error.print()
    };
    match told {
        _ if error.use_stderr() => Exit::Usage,
        Ok(()) => Exit::Clean,
        Err(_) => Exit::Failed,
    }
}
