//! The commands of the binary.

mod api_key;
mod arguments;
mod backup;
mod copy;
mod demo;
mod doctor;
mod export;
mod faces;
mod import;
mod migrate;
mod open;
mod output;
mod permissions;
mod progress;
mod restore;
mod rotate_keys;
mod serve;

use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use self::arguments::{Cli, Command, Migrate};
pub use self::output::complain;
use self::output::say;
use crate::graphql;
use crate::operations::signals;
use crate::services::config::Config;
use crate::services::telemetry;

/// Per thread: twice the default. Nested inputs are parsed recursively, and in a debug build the deepest allowed input
/// takes more than the default. The memory is only allocated as it is used.
pub const STACK_BYTES: usize = 4 * 1024 * 1024;

/// The exit code of an import that a signal has stopped.
const STOPPED: u8 = 4;

/// Runs the command line.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    match command {
        Command::Schema => {
            say(graphql::sdl(&graphql::build(true)).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tenantry", &mut script);
            say(String::from_utf8_lossy(&script).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Export(ref args) => {
            if let Some(conflict) = args.conflict() {
                Cli::command().error(ErrorKind::ArgumentConflict, conflict).exit();
            }
        }
        _ => {}
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    let config = match (Config::read(&cli.config, environment), &command) {
        (Ok(config), _) => config,
        (Err(faults), Command::Doctor(args)) => return doctor::misconfigured(&faults, args),
        (Err(faults), _) => bail!("the configuration is invalid:\n{}", faults.trim_end()),
    };
    let _logging = telemetry::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("cannot start")?;
    let done = runtime.block_on(perform(command, &config));
    // Do not wait for a hash that is still being computed.
    runtime.shutdown_background();
    done
}

async fn perform(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    signals::outlive_full_files();
    let stop = signals::stop();
    if matches!(command, Command::Serve) {
        // It stops by itself, after finishing running requests.
        serve::until_stopped(config, &stop).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_import = matches!(command, Command::Import(_));
    tokio::select! {
        done = work(command, config) => done,
        () = stop.cancelled() => match is_import {
            true => {
                complain(&anyhow!("stopped by a signal. Run the import again: what is in already stays unchanged"));
                Ok(ExitCode::from(STOPPED))
            }
            false => bail!("interrupted by a signal before it had finished"),
        },
    }
}

async fn work(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Migrate(Migrate::Up) => migrate::up(config).await?,
        Command::Migrate(Migrate::Status) => migrate::status(config).await?,
        Command::ApiKey(args) => api_key::create(config, &args).await?,
        Command::Permissions(command) => return permissions::run(config, &command).await,
        Command::Faces(args) => faces::run(config, &args).await?,
        Command::RotateKeys(args) => rotate_keys::rotate_keys(config, args.now).await?,
        Command::Demo(args) => demo::fill(config, &args).await?,
        Command::Import(args) => return import::import(config, &args).await,
        Command::Export(args) => export::export(config, &args).await?,
        Command::Backup(args) => backup::backup(config, &args).await?,
        Command::Restore(args) => restore::restore(config, &args).await?,
        Command::Copy(args) => copy::copy(config, &args).await?,
        Command::Doctor(args) => return doctor::examine(config, &args).await,
        Command::Serve | Command::Schema | Command::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}
