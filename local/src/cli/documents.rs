//! Commands about documents: they are made from the code, and those that are committed are checked against it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, say};
use crate::site;

#[derive(Debug, Args)]
pub(super) struct Document {
    /// Write it to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Fail if FILE says something else
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Docs {
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(asked: &Document, command: &str, text: &str) -> Result<(), Failure> {
    if let Some(file) = &asked.out {
        return write(file, text.as_bytes());
    }
    let Some(file) = &asked.check else {
        return say(text.trim_end());
    };
    let committed = std::fs::read_to_string(file)
        .map_err(|error| Failure::refused(format!("{} cannot be read: {error}", file.display())))?;
    if committed == text {
        return Ok(());
    }
    let file = file.display();
    Err(Failure::failed(format!("{file} is not what the code says: run `shopwire {command} --out {file}`")))
}

pub(super) fn write_site(asked: &Docs) -> Result<(), Failure> {
    for (path, file) in site::files() {
        write(&asked.out.join(path), &file.body)?;
    }
    Ok(())
}

fn write(file: &Path, body: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("{} cannot be written: {error}", file.display()));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(file, body).map_err(failed)
}
