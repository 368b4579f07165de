//! Processes that a test started: their end, and their sockets.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use super::wait::until_outside;

/// Longer than a server waits for those who are slow.
const END: Duration = Duration::from_secs(40);

/// Waits for a process's end.
pub fn end_of(child: &mut Child) -> ExitStatus {
    let mut ended = None;
    until_outside("the end of a process", END, || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    ended.unwrap()
}

/// A socket of this machine, from the system's table.
pub struct Socket {
    pub port: u16,
    pub listens: bool,
    /// Whether a process has it open, or will find it where it accepts connections.
    pub is_open: bool,
    inode: String,
}

/// The TCP sockets of IPv4.
pub fn sockets() -> Vec<Socket> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Socket {
            port: u16::from_str_radix(fields[1].split_once(':').unwrap().1, 16).unwrap(),
            listens: fields[3] == "0A",
            // Established, or ended by the other side alone.
            is_open: ["01", "08"].contains(&fields[3]),
            inode: fields[9].to_owned(),
        }
    });
    rows.collect()
}

/// The port that a process listens on, once it does.
pub fn port_of(process: u32) -> Option<u16> {
    let own: Vec<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']');
            Some(inode.to_owned())
        })
        .collect();
    let listens = sockets()
        .into_iter()
        .find(|socket| socket.listens && own.contains(&socket.inode));
    Some(listens?.port)
}
