//! What a store has told anyone is kept survives whatever ends it: the process killed between any two writes, the
//! power cut with writes lost, reordered and torn, and disks that fail for a while.
//!
//! This binary runs itself as a child, with a failing disk between it and the C library (`faults.c`).

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]
#![expect(clippy::print_stdout, reason = "a failure is repeated from what a test prints")]

/// What must be true after every crash.
mod check;
/// The process that is ended.
mod child;
/// The disk that fails.
mod faults;
/// What the child says.
mod script;

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use check::Ledger;
use eda_store::Store;
use faults::{Disk, Fault};

/// The signal of a death that nobody can catch.
const KILLED: i32 = 9;

const NO_COMPILER: &str = "skipped: there is no C compiler here to build the failing disk with";

/// How many children run at the same time.
const LANES: u64 = 4;

/// A file is given up for a new one after so many crashes, so that files stay small.
const CRASHES_PER_FILE: u32 = 25;

/// Not a test: the process that the tests end.
#[tokio::test]
#[ignore = "the other tests run it as a process of their own"]
async fn child() {
    let file = std::env::var_os("EDA_CRASH_FILE").map(PathBuf::from);
    let seed = std::env::var("EDA_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
    if let (Some(file), Some(seed)) = (file, seed) {
        child::keep(&file, seed).await;
    }
}

#[test]
fn what_is_acknowledged_survives_a_process_killed_between_any_two_writes() {
    crash(1, 220, |rng, span| Fault { die_at: rng.u64(1..=span), ..Fault::default() });
}

#[test]
fn what_is_acknowledged_survives_a_power_cut_that_loses_reorders_and_tears_writes() {
    crash(2, 280, |rng, span| Fault { die_at: rng.u64(1..=span), power: true, ..Fault::default() });
}

#[test]
fn a_disk_that_fails_for_a_while_delays_and_loses_nothing() {
    const ERRORS: [i32; 3] = [faults::EIO, faults::ENOSPC, faults::EROFS];
    crash(3, 40, |rng, span| Fault {
        // Half of them die later, before or after it heals.
        die_at: if rng.bool() { rng.u64(1..=span) } else { 0 },
        power: rng.bool(),
        from: rng.u64(1..=span),
        count: rng.u64(1..=4),
        error: ERRORS[rng.usize(..ERRORS.len())],
        locked: false,
    });
}

#[test]
fn what_is_acknowledged_survives_kill_9_at_any_moment() {
    let seed = seed(4);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("eda.db");
    let mut ledger = Ledger::default();
    for _ in 0..40 {
        let child = child::command(&file, rng.u64(..)).stdout(Stdio::piped()).spawn().unwrap();
        let mut transcript = String::new();
        let mut child = child::Spoken::by(child);
        child.read(rng.usize(1..200), &mut transcript);
        child.kill(&mut transcript);
        ledger.check(&file, &transcript);
    }
}

#[test]
fn another_process_reads_while_one_writes_and_after_it_was_killed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("eda.db");
    let seed = seed(5);
    println!("seed {seed}");
    let mut transcript = String::new();
    let mut child = child::Spoken::by(child::command(&file, seed).stdout(Stdio::piped()).spawn().unwrap());
    for _ in 0..5 {
        child.read(20, &mut transcript);
        check::is_there(&Store::read(&file).unwrap(), &transcript);
    }
    child.kill(&mut transcript);
    let reader = Store::read(&file).unwrap();
    check::is_there(&reader, &transcript);
    Ledger::default().check(&file, &transcript);
    // The next process goes on beside a reader that stays.
    assert!(child::command(&file, seed).stdout(Stdio::null()).status().unwrap().success());
    check::is_there(&reader, &transcript);
}

#[test]
fn a_file_that_may_only_be_read_is_refused_at_the_start_with_what_to_do() {
    let Some(disk) = Disk::build() else {
        println!("{NO_COMPILER}");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("eda.db");
    assert!(child::command(&file, 1).stdout(Stdio::null()).status().unwrap().success());
    let mut command = child::command(&file, 1);
    disk.meddle(&mut command, home.path(), 1, Fault { locked: true, ..Fault::default() });
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(said.contains("it cannot be written to: check its permissions"), "{said}");
}

/// Runs children until `deaths` of them have died, and checks what each has left. `fault` chooses what happens to
/// one, given how many operations it may live to see.
fn crash(test: u64, deaths: u32, fault: impl Fn(&mut fastrand::Rng, u64) -> Fault + Sync) {
    let Some(disk) = Disk::build() else {
        println!("{NO_COMPILER}");
        return;
    };
    let seed = seed(test);
    println!("seed {seed}");
    let dead = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (disk, dead, fault) = (&disk, &dead, &fault);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(lane));
                while dead.load(Ordering::Relaxed) < deaths {
                    one_file(&mut rng, disk, dead, deaths, fault);
                }
            });
        }
    });
}

fn one_file(
    rng: &mut fastrand::Rng,
    disk: &Disk,
    dead: &AtomicU32,
    deaths: u32,
    fault: &impl Fn(&mut fastrand::Rng, u64) -> Fault,
) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("eda.db");
    let mut ledger = Ledger::default();
    let mut span = 400;
    for _ in 0..CRASHES_PER_FILE {
        if dead.load(Ordering::Relaxed) >= deaths {
            return;
        }
        let fault = fault(rng, span);
        let seed = rng.u64(..);
        let mut command = child::command(&file, seed);
        disk.meddle(&mut command, home.path(), seed, fault);
        let output = command.output().unwrap();
        let transcript = String::from_utf8(output.stdout).unwrap();
        let died = fault.die_at > 0 && output.status.signal() == Some(KILLED);
        assert!(
            died || output.status.success(),
            "{fault:?}, child seed {seed}: {}\n{transcript}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        // Most deaths shall come before the end of the child's work, and some just at it.
        span = if died { span.saturating_add(40) } else { (span * 3 / 4).max(100) };
        if died || fault.from > 0 {
            dead.fetch_add(1, Ordering::Relaxed);
        }
        println!("{fault:?}, child seed {seed}, died: {died}");
        ledger.check(&file, &transcript);
    }
}

/// A new one each time, unless `EDA_SEED` names the one to repeat.
fn seed(test: u64) -> u64 {
    let named = std::env::var("EDA_SEED").ok().and_then(|seed| seed.parse().ok());
    named.unwrap_or_else(|| fastrand::u64(..1 << 48).wrapping_add(test))
}
