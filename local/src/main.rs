//! `shopwire`: the command line of the local cloud.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
