//! Who may depend on whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::LazyLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::{files, folders_in, read, root};

/// The workspace and all it is built from, for this machine. What is built can be described without a network.
fn metadata() -> &'static Metadata {
    static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
        let version = Command::new("rustc").arg("-vV").output().unwrap().stdout;
        let version = String::from_utf8(version).unwrap();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--locked", "--offline", "--filter-platform", host].map(String::from))
            .exec()
            .unwrap()
    });
    &METADATA
}

fn member(name: &str) -> &'static Package {
    let members = metadata().workspace_packages();
    members.into_iter().find(|package| *package.name == *name).unwrap()
}

/// What `package` names in its `[dependencies]`.
fn direct(package: &Package) -> BTreeSet<String> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// All that a build of `package` compiles into it.
fn all(package: &Package) -> BTreeSet<String> {
    let metadata = metadata();
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let nodes: BTreeMap<&PackageId, _> = nodes.iter().map(|node| (&node.id, node)).collect();
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![&package.id]);
    while let Some(id) = waiting.pop() {
        let is_normal = |kinds: &[cargo_metadata::DepKindInfo]| {
            kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        let next = nodes[id].deps.iter().filter(|dependency| is_normal(&dependency.dep_kinds));
        for dependency in next {
            if seen.insert(&dependency.pkg) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

fn ours() -> BTreeSet<String> {
    let members = metadata().workspace_packages();
    members.into_iter().map(|package| package.name.to_string()).collect()
}

#[test]
fn rules_know_no_network_no_runtime_and_no_lambda() {
    for layer in ["domain", "contract"] {
        let forbidden = |name: &String| {
            name.starts_with("aws-")
                || name.starts_with("aws_")
                || name.starts_with("lambda_")
                || ["hyper", "reqwest", "tokio"].contains(&name.as_str())
        };
        let found: Vec<_> = all(member(layer)).into_iter().filter(forbidden).collect();
        assert!(found.is_empty(), "{layer} is built with {found:?}");
    }
    let rules = direct(member("domain"));
    for name in ["axum", "serde_json", "utoipa-axum", "rand"] {
        assert!(!rules.contains(name), "domain depends on {name}");
    }
}

#[test]
fn only_app_and_local_speak_to_aws() {
    for package in metadata().workspace_packages() {
        if ["app", "local"].contains(&package.name.as_str()) {
            continue;
        }
        let speaks = direct(package).into_iter().filter(|name| name.starts_with("aws-sdk-"));
        assert_eq!(speaks.collect::<Vec<_>>(), [""; 0], "{}", package.name);
    }
}

/// The files below `folder` in which `word` stands.
fn with(folder: &str, word: &str) -> Vec<String> {
    files(folder, ".rs").into_iter().filter(|file| read(file).contains(word)).collect()
}

#[test]
fn only_its_own_file_speaks_to_the_mail() {
    assert_eq!(with("shared", "aws_sdk_sesv2"), ["shared/app/src/aws.rs", "shared/app/src/media/mail.rs"]);
}

#[test]
fn only_chat_links_the_store_of_files() {
    // A client is linked into whatever asks for it, and every function starts with what is linked into it.
    assert_eq!(with("functions", "chat_files()"), ["functions/chat/src/lib.rs"]);
    assert_eq!(with("shared", "aws_sdk_s3"), ["shared/app/src/aws.rs", "shared/app/src/files.rs"]);
    assert_eq!(with("shared", "Files::new("), ["shared/edge/src/environment/parts.rs"]);
}

#[test]
fn layers_depend_downwards_only() {
    let ours = ours();
    let arrows = [
        ("domain", vec![]),
        ("contract", vec!["domain"]),
        ("app", vec!["contract", "domain"]),
        ("edge", vec!["app", "contract", "domain"]),
    ];
    for (layer, allowed) in arrows {
        let used: Vec<_> = direct(member(layer)).intersection(&ours).cloned().collect();
        assert_eq!(used, allowed, "{layer}");
    }
}

#[test]
fn functions_do_not_depend_on_one_another() {
    let shared = ["app", "contract", "domain", "edge"].map(String::from).into();
    for function in folders_in("functions") {
        let used: BTreeSet<_> = direct(member(&function)).intersection(&ours()).cloned().collect();
        assert!(used.is_subset(&shared), "{function}: {used:?}");
        assert!(used.contains("edge"), "{function} is configured by edge");
    }
}

#[test]
fn nothing_that_is_deployed_contains_the_local_cloud() {
    for function in folders_in("functions") {
        let all = all(member(&function));
        for name in ["local", "dynoxide-rs", "rusqlite", "clap"] {
            assert!(!all.contains(name), "{function} is built with {name}");
        }
    }
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    for manifest in files(".", "Cargo.toml") {
        if manifest == "Cargo.toml" {
            continue;
        }
        let text = read(&manifest);
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('[') {
                section = line;
            } else if section.contains("dependencies") {
                assert!(line.contains("workspace"), "{manifest}: {line}");
            }
        }
    }
}

#[test]
fn functions_are_built_with_one_tls_stack() {
    for function in folders_in("functions") {
        let all = all(member(&function));
        for name in ["openssl", "native-tls"] {
            assert!(!all.contains(name), "{function} is built with {name}");
        }
        assert!(all.contains("aws-lc-rs"), "{function} is built without TLS");
    }
}
