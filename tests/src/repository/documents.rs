//! Documents: what they point to exists, and what they tell the reader to type is tried.

use std::path::Path;

use super::{files, read, root};

/// The section of the README that `./check tour` types into a shell and a browser's console, against a local
/// cloud of its own.
const TOUR: &str = "\n## Five minutes\n";

/// The lines of fenced blocks in `language`.
fn fenced(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut lines = vec![];
    let mut inside = false;
    for line in text.lines() {
        match line.trim() {
            fence if fence == opening => inside = true,
            "```" => inside = false,
            command if inside && !command.is_empty() => lines.push(command.to_owned()),
            _ => {}
        }
    }
    lines
}

#[test]
fn every_command_of_the_readme_is_tried() {
    let readme = read("README.md");
    let (before, tour) = readme.split_once(TOUR).unwrap();
    let (tour, after) = tour.split_once("\n## ").unwrap();
    // Every story starts what `cargo run` starts, the tour starts it by that name, and `./check` is what runs this.
    assert_eq!(fenced(before, "sh"), ["cargo run", "./check"]);
    for language in ["sh", "js"] {
        assert!(!fenced(tour, language).is_empty());
        assert_eq!(fenced(after, language), [""; 0], "something that nobody tries");
    }
    assert_eq!(fenced(before, "js"), [""; 0], "a script that nobody runs");
    assert!(read("check").contains("check_tour()"));
}

/// The targets of `[text](target)` that are paths.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for file in files(".", ".md") {
        let folder = root().join(Path::new(&file).parent().unwrap());
        for link in links(&read(&file)) {
            assert!(folder.join(&link).exists(), "{file} points to {link}");
        }
    }
}

#[test]
fn decisions_are_numbered_without_gaps_and_listed() {
    let list = read("docs/adr/README.md");
    let mut number = 0;
    for file in files("docs/adr", ".md") {
        let name = file.trim_start_matches("docs/adr/");
        if name == "README.md" {
            continue;
        }
        number += 1;
        assert!(name.starts_with(&format!("{number:04}-")), "{name} should be number {number}");
        assert!(list.contains(&format!("]({name})")), "docs/adr/README.md does not list {name}");
        let text = read(&file);
        for heading in ["## Context", "## Decision", "## Alternatives", "## Consequences"] {
            assert!(text.contains(&format!("\n{heading}\n")), "{name} has no `{heading}`");
        }
    }
    assert!(number > 0);
}

#[test]
fn no_document_names_a_place_on_somebodys_machine() {
    let documents = [".md", ".yaml", ".toml", ".rs"].map(|ending| files(".", ending)).concat();
    for file in documents {
        let homes = [["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"]].map(|halves| halves.concat());
        let text = read(&file);
        let found: Vec<_> = homes.iter().filter(|home| text.contains(home.as_str())).collect();
        assert!(found.is_empty(), "{file} names {found:?}");
    }
}
