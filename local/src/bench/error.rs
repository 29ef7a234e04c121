//! Why something cannot be measured.

use std::{io, path::PathBuf};

use serde_json::Value;

use crate::{
    cloud::{StartError, StillBusy, TokenError},
    runtime_api::MissingBootstrap,
    template::TemplateError,
};

/// Why something cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The local cloud does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The local cloud does not come to rest.
    #[error(transparent)]
    Busy(#[from] StillBusy),
    /// There is no token to be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A request got no answer.
    #[error("a request got no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// A socket broke.
    #[error("a socket broke: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    /// An answer is not the one that a shopper gets.
    #[error("{what} was answered with {status}: {body}")]
    Answer {
        /// What was asked.
        what: String,
        /// HTTP status.
        status: u16,
        /// What came.
        body: Value,
    },
    /// Something did not happen that always does.
    #[error("{0}")]
    Unexpected(String),
    /// A function is not there.
    #[error(transparent)]
    Missing(#[from] MissingBootstrap),
    /// Other people's servers cannot be run.
    #[error("{0}")]
    Peer(String),
    /// The functions cannot be built.
    #[error("the functions cannot be built: {0}")]
    Build(String),
    /// A bootstrap ended before it asked for an event.
    #[error("{function} did not start: {answer}")]
    NotStarted {
        /// Which function.
        function: String,
        /// What it reported.
        answer: Value,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error("the report cannot be written: {0}")]
    Output(#[from] io::Error),
}
