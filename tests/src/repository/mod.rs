//! Checks of the repository itself: what `docs/ARCHITECTURE.md` says of its layers, its sources, its template and its
//! documents holds.

mod configuration;
mod deployment;
mod documents;
mod layers;
pub mod roles;
mod sources;
mod yaml;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the folders in `path`.
fn folders_in(path: &str) -> std::collections::BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(path)).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// The files below `folder` whose names end in `ending`, as paths below the root; what builds leave is not looked at.
fn files(folder: &str, ending: &str) -> Vec<String> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                let is_built = ["target", "node_modules", "dist"].contains(&name.as_str());
                if !is_built && (!name.starts_with('.') || name == ".ci") {
                    walk(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = vec![];
    walk(&root().join(folder), ending, &mut found);
    let below = |path: PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    let mut files: Vec<_> = found.into_iter().map(below).collect();
    files.sort();
    files
}
