//! Logs: one line a request, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sets logging up once for the process. `RUST_LOG` overrules what is shown.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tenantry=info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
