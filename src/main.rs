//! The binary: memory allocator, command line, exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match tenantry::cli::run() {
        Ok(code) => code,
        Err(error) => {
            tenantry::cli::complain(&told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, without causes that only repeat the end of the text.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
