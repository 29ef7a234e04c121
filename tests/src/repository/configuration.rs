//! Variables: those that are read, those that are given, those that are described.

use std::collections::BTreeSet;

use edge::environment::VARIABLES;

use super::{
    read,
    yaml::{functions, template, word},
};

/// The names in backquotes that begin the rows of the tables under `heading` of `docs/configuration.md`.
fn described(heading: &str) -> BTreeSet<String> {
    let text = read("docs/configuration.md");
    let section = text.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("docs/configuration.md has no `## {heading}`"));
    section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}

fn given() -> BTreeSet<String> {
    let globals = &template()["Globals"]["Function"];
    let of = |function: &serde_json::Value| {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        variables.keys().cloned().collect::<Vec<_>>()
    };
    let own = functions().into_iter().flat_map(|(_, function)| of(function));
    own.chain(of(globals)).collect()
}

#[test]
fn every_variable_that_is_read_is_given_by_the_template_and_the_reverse() {
    let read: BTreeSet<String> = VARIABLES.iter().map(ToString::to_string).collect();
    assert_eq!(given(), read);
}

#[test]
fn every_variable_is_described_and_the_reverse() {
    let read: BTreeSet<String> = VARIABLES.iter().map(ToString::to_string).collect();
    assert_eq!(described("Variables"), read);
}

#[test]
fn every_parameter_of_the_template_is_described_and_the_reverse() {
    let parameters = template()["Parameters"].as_object().unwrap();
    let declared: BTreeSet<String> = parameters.keys().cloned().collect();
    assert_eq!(described("Parameters"), declared);
}

#[test]
fn secrets_are_given_by_name() {
    let secrets = ["JWT_SECRET", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];
    let globals = &template()["Globals"]["Function"];
    for function in functions().into_iter().map(|(_, function)| function).chain([globals]) {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        for (name, value) in variables {
            if !secrets.contains(&name.as_str()) {
                continue;
            }
            let default = &template()["Parameters"][word(value)]["Default"];
            assert!(default.as_str().unwrap().starts_with("/shopwire/"), "{name} is {value}");
        }
    }
}
