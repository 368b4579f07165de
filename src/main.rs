//! The binary: memory allocator, command line, exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match tenantry::cli::run() {
        Ok(code) => code,
        Err(error) => {
            tenantry::cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
