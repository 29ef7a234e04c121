//! Why a template cannot be served: one line each.

use std::{io, path::PathBuf};

/// See [`super::Template::read`].
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no such file, or it may not be read.
    #[error("{file}: {cause}; start in the folder that holds template.yaml", file = file.display())]
    Unreadable {
        /// The template.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is not YAML.
    #[error("{file}: {cause}; mend the YAML there", file = file.display())]
    Syntax {
        /// The template.
        file: PathBuf,
        /// What is wrong, with its line and column.
        cause: serde_yaml_ng::Error,
    },
    /// It is YAML, but says something that does not hold or that the local cloud does not serve.
    #[error("{file}: {place}: {problem}", file = file.display())]
    Unservable {
        /// The template.
        file: PathBuf,
        /// Where: `Resources.Relay.Properties.Timeout`.
        place: String,
        /// What is wrong and what to do.
        problem: String,
    },
}
