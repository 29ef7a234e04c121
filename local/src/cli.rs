//! The command line.
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}

/// Writes what functions and parts log to standard error, at the level of `RUST_LOG` or else `level`.
pub fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if subscriber.try_init().is_err() { tracing::debug!("a log is already kept"); }
}
