//! Why a local cloud does not start: one line each, with what to do.

use std::{error::Error, fmt, io, path::PathBuf};

use crate::{
    dynamodb::DynamoError, functions::FunctionError, push_service::keys::NoKeys,
    runtime_api::MissingBootstrap, schedules::BadExpression, state::StateError, streams::StreamError,
    stripe::OpenError, template::TemplateError,
};

/// Why a local cloud does not start. Its text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The template cannot be read or served.
    #[error("{}", chain(.0))]
    Template(#[from] TemplateError),
    /// Someone else listens at a port.
    #[error("port {port} is in use: stop what listens there, or choose another with {option}")]
    PortInUse {
        /// The port.
        port: u16,
        /// The option that chooses another.
        option: &'static str,
    },
    /// A port cannot be listened at.
    #[error("port {port} cannot be used ({source}): choose another with {option}")]
    Port {
        /// The port.
        port: u16,
        /// The option that chooses another.
        option: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used ({source}): choose another with --data, or use --ephemeral", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has the data folder.
    #[error("the data folder {} is in use by another shopwire: stop that one, or choose another folder with --data", .0.display())]
    FolderInUse(PathBuf),
    /// A built function is missing.
    #[error(transparent)]
    Bootstrap(#[from] MissingBootstrap),
    /// A function cannot be built.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// A schedule of the template.
    #[error(transparent)]
    Schedule(#[from] BadExpression),
    /// The tables.
    #[error("{}", chain(.0))]
    Tables(#[from] DynamoError),
    /// The state file.
    #[error("{}", chain(.0))]
    State(#[from] StateError),
    /// A stream of the template.
    #[error("{}", chain(.0))]
    Stream(#[from] StreamError),
    /// The fake Stripe.
    #[error("{}", chain(.0))]
    Stripe(#[from] OpenError),
    /// A function's environment lacks the name of a secret.
    #[error("no function of the template names a secret in {0}; set it")]
    NoSecret(&'static str),
    /// The keys of the shop for push services.
    #[error(transparent)]
    Keys(#[from] NoKeys),
    /// No threads.
    #[error("no runtime could be made: {0}")]
    Runtime(#[source] io::Error),
    /// It ended while it was being asked.
    #[error("the local cloud has ended")]
    Ended,
}

/// An error and its causes on one line. One that already says its cause does not repeat it.
fn chain(error: &dyn Error) -> impl fmt::Display + use<> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}
