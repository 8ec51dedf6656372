//! The TCP connections of a process, as the system counts them, whatever the process says of itself.

use std::{collections::BTreeSet, fs, io::ErrorKind};

use crate::Fallible;

/// How `/proc/net/tcp` writes the state of an established connection (`TCP_ESTABLISHED` in Linux `tcp_states.h`).
const ESTABLISHED: &str = "01";

/// How many established TCP connections a process holds to this remote port.
///
/// # Errors
/// When the process is gone or belongs to somebody else.
pub fn established(pid: u32, remote_port: u16) -> Fallible<usize> {
    let mut held = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = match fs::read_link(entry?.path()) {
            Ok(target) => target,
            // Closed between the listing and the look.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let inode = target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']'));
        held.extend(inode.map(str::to_owned));
    }
    // While the table is read in pieces it changes, and a connection may stand in two of them.
    let mut open = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}"))?;
        open.extend(table.lines().filter_map(|line| leads_to(line, remote_port, &held)).map(str::to_owned));
    }
    Ok(open.len())
}

/// The inode of a line's connection, if it is an established one of ours to this port. Columns: number, local address,
/// remote address, state, queues, timer, retransmits, user, timeout, inode.
fn leads_to<'a>(line: &'a str, remote_port: u16, held: &BTreeSet<String>) -> Option<&'a str> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let (remote, state, inode) = (columns.get(2)?, columns.get(3)?, columns.get(9)?);
    let port = remote.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
    (port == Some(remote_port) && *state == ESTABLISHED && held.contains(*inode)).then_some(*inode)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::established;

    #[test]
    fn connections_are_counted_while_they_are_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = || established(std::process::id(), address.port()).unwrap();
        assert_eq!(count(), 0);
        let first = TcpStream::connect(address).unwrap();
        let second = TcpStream::connect(address).unwrap();
        assert_eq!(count(), 2);
        drop(first);
        assert_eq!(count(), 1);
        drop(second);
        assert_eq!(count(), 0);
        assert!(established(u32::MAX, address.port()).is_err());
    }
}
