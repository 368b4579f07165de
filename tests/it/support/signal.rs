//! Signals, to processes that a test started or that serve it.

use std::process::Command;

/// Sends a signal to a process that is there.
pub fn send_signal(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "{signal} to {pid}");
}
