//! What may be written where.

use super::{files, folders_in, read, root};

/// One line of a source that is deployed or served: comments and tests left out.
struct Line {
    file: String,
    number: usize,
    text: String,
}

/// The lines of all sources below `folder`. Tests stand at the end of a file, from `#[cfg(test)]` on.
fn lines(folder: &str) -> Vec<Line> {
    let mut lines = vec![];
    for file in files(folder, ".rs") {
        let source = read(&file);
        let code = source.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        for (index, text) in code.enumerate() {
            if !text.trim_start().starts_with("//") {
                let (file, text) = (file.clone(), text.trim().to_owned());
                lines.push(Line { file, number: index + 1, text });
            }
        }
    }
    lines
}

/// Where one of `words` stands in what is deployed, except in `allowed`: a file, or a folder with a slash.
fn offences(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let deployed = ["functions", "shared"].into_iter().flat_map(lines);
    deployed
        .filter(|line| words.iter().any(|word| line.text.contains(word)))
        .filter(|line| !allowed.iter().any(|allowed| line.file.starts_with(allowed)))
        .map(|line| format!("{}:{}: {}", line.file, line.number, line.text))
        .collect()
}

#[test]
fn only_the_environment_reads_the_environment() {
    let words = ["env::var", "env::vars", "env::var_os", "env::set_var"];
    assert_eq!(offences(&words, &["shared/edge/src/environment.rs"]), [""; 0]);
}

#[test]
fn only_the_clock_reads_the_time() {
    let words = ["SystemTime", "Timestamp::now", "Zoned::now", "now_v7"];
    assert_eq!(offences(&words, &["shared/app/src/clock.rs"]), [""; 0]);
    // How long a request took is no time of day.
    assert_eq!(offences(&["Instant::now"], &["shared/edge/src/http.rs", "shared/app/src/clock.rs"]), [""; 0]);
}

#[test]
fn nothing_is_left_running_when_a_function_has_answered() {
    let words = ["tokio::spawn", "task::spawn", "spawn_blocking", "JoinSet", "thread::spawn"];
    assert_eq!(offences(&words, &[]), [""; 0]);
}

#[test]
fn only_edge_chooses_status_codes() {
    assert_eq!(offences(&["StatusCode", "status_code"], &["shared/edge/"]), [""; 0]);
}

#[test]
fn no_function_knows_that_it_runs_locally() {
    let words = ["127.0.0.1", "localhost", "_local", "is_local"];
    // The AsyncAPI document tells readers where a local cloud answers.
    assert_eq!(offences(&words, &["shared/contract/src/asyncapi.rs"]), [""; 0]);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Written in two halves, so that this list does not find itself.
    let words = [["todo", "!("], ["unimplemented", "!("], ["#[ign", "ore"], ["FIX", "ME"]]
        .map(|halves| halves.concat());
    for file in files(".", ".rs") {
        for (index, line) in read(&file).lines().enumerate() {
            let found = words.iter().find(|word| line.contains(word.as_str()));
            assert_eq!(found, None, "{file}:{}", index + 1);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in files(".", ".rs") {
        assert!(read(&file).starts_with("//!"), "{file} does not begin with `//!`");
    }
}

#[test]
fn a_function_is_a_library_and_a_short_main() {
    for function in folders_in("functions") {
        let main = read(&format!("functions/{function}/src/main.rs"));
        assert!(main.lines().count() <= 15, "{function}: main.rs is too long");
        assert!(root().join(format!("functions/{function}/src/lib.rs")).exists());
    }
}
