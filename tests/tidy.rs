//! The house rules that a program can check, over every file that git tracks. What a rule is for stands at its test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// They know nothing of time, sockets, disks or threads.
const INNER: [&str; 4] = ["signaling", "media", "room", "codec"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// What a command prints, run at the root.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().expect("the command to run");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The tracked files that are there, by their path from the root.
fn tracked() -> Vec<String> {
    let files = printed("git", &["-c", "core.quotePath=false", "ls-files", "-z"]);
    let files: Vec<_> =
        files.split_terminator('\0').filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    assert!(files.len() > 50, "git lists hardly any file");
    files
}

/// The tracked files with one of these endings, and their text.
fn texts(endings: &[&str]) -> Vec<(String, String)> {
    let named = |path: &String| endings.iter().any(|ending| path.ends_with(ending));
    let texts: Vec<_> = tracked().into_iter().filter(named).map(|path| (read(&path), path)).collect();
    assert!(!texts.is_empty(), "no file ends with {endings:?}");
    texts.into_iter().map(|(text, path)| (path, text)).collect()
}

fn read(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Fails with all that was found, so that one run says everything.
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

const CODE: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".py"];

/// A file is about one noun; one that must be longer says why.
#[test]
fn files_are_short() {
    let long = |(path, text): (String, String)| {
        let lines = text.lines().count();
        let excused = text.contains("// long because") || text.contains("# long because");
        (lines > 400 && !excused).then(|| format!("{path}: {lines} lines"))
    };
    none(texts(CODE).into_iter().filter_map(long).collect(), "over 400 lines without a comment `// long because ...`");
}

/// What is large is generated, recorded or downloaded, and belongs elsewhere.
#[test]
fn nothing_tracked_is_large() {
    let large = |path: String| {
        let bytes = std::fs::metadata(root().join(&path)).expect("a tracked file").len();
        (bytes > 400_000).then(|| format!("{path}: {bytes} bytes"))
    };
    none(tracked().into_iter().filter_map(large).collect(), "over 400 kB");
}

/// A development server writes patients' pictures there.
#[test]
fn no_recording_is_tracked() {
    let allowed = ["recordings/README.md", "recordings/.gitignore"];
    let recorded = |path: &String| path.starts_with("recordings/") && !allowed.contains(&path.as_str());
    none(tracked().into_iter().filter(recorded).collect(), "tracked under recordings/");
}

/// The repository works on every machine, and with every mirror of a registry.
#[test]
fn no_machine_and_no_mirror_is_named() {
    // Put together here so that this file does not find itself.
    let homes = ["root", "home", "work", "Users"].map(|home| format!("/{home}/"));
    let begins_a_path = |text: &str, at: usize| {
        at == 0 || matches!(text.as_bytes()[at - 1], b' ' | b'"' | b'\'' | b'=' | b'(' | b'`' | b':' | b'\n')
    };
    let mut found = Vec::new();
    let text =
        &[".rs", ".ts", ".tsx", ".mjs", ".py", ".md", ".toml", ".json", ".yaml", ".sh", "Makefile", "run", "/test"];
    for (path, text) in texts(text) {
        for home in &homes {
            let named = text.match_indices(home).find(|(at, _)| begins_a_path(&text, *at));
            found.extend(named.map(|_| format!("{path}: {home}")));
        }
        if path.ends_with("package-lock.json") && text.contains("\"resolved\":") {
            found.push(format!("{path}: a registry's host; write the lock file with omit-lockfile-registry-resolved"));
        }
        if path.ends_with("Cargo.lock") && text.contains("registry+http") {
            let others =
                text.lines().filter(|line| line.contains("registry+http") && !line.contains("//github.com/rust-lang/"));
            found.extend(others.map(|line| format!("{path}: {line}")));
        }
    }
    none(found, "names a place that only this machine or network has");
}

/// Whoever needs one of these has not found the noun yet.
#[test]
fn names_say_what_a_thing_is() {
    let endings = ["Manager", "Helper", "Helpers", "Util", "Utils", "Base", "Impl"];
    let words = ["struct", "enum", "trait", "type", "mod", "class", "interface", "namespace"];
    let mut found = Vec::new();
    for (path, text) in texts(&[".rs", ".ts", ".tsx", ".mjs"]) {
        let stem = Path::new(&path).file_stem().expect("a file name").to_string_lossy().to_lowercase();
        if endings
            .iter()
            .any(|ending| stem == ending.to_lowercase() || stem.ends_with(&format!("_{}", ending.to_lowercase())))
        {
            found.push(path.clone());
        }
        for line in text.lines() {
            let mut names =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').skip_while(|word| !words.contains(word));
            let Some(name) = names.nth(1) else { continue };
            if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(format!("{path}: {name}"));
            }
        }
    }
    none(found, "named after what it is not");
}

/// Real or absent: what is not done is not there.
#[test]
fn nothing_is_put_off() {
    let marks = ["TODO", "FIXME", "XXX"];
    let mut found = Vec::new();
    for (path, text) in texts(CODE).into_iter().filter(|(path, _)| path != "tests/tidy.rs") {
        for (at, line) in text.lines().enumerate() {
            let words: BTreeSet<_> = line.split(|c: char| !c.is_alphanumeric()).collect();
            if marks.iter().any(|mark| words.contains(mark)) {
                found.push(format!("{path}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none(found, "put off");
}

/// One file calls what the `openssl` crate does not wrap; nothing else in the product is unsafe. A test counts
/// allocations, and an allocator is unsafe by its trait.
#[test]
fn unsafe_code_stands_in_one_file() {
    let allowed = ["crates/media/src/dtls/connection.rs", "crates/media/tests/allocations.rs", "tests/tidy.rs"];
    let is_unsafe =
        |text: &str| text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe"));
    let found = texts(&[".rs"]).into_iter().filter(|(path, text)| !allowed.contains(&path.as_str()) && is_unsafe(text));
    none(found.map(|(path, _)| path).collect(), "says unsafe");
}

/// str0m is before 1.0 and changes often: one crate of the product feels it. The peers of the benches are str0m too.
#[test]
fn str0m_is_named_in_one_crate() {
    let names = |text: &str| text.contains("str0m::") || text.contains("use str0m");
    let found = texts(&[".rs"])
        .into_iter()
        .filter(|(path, text)| path.starts_with("crates/") && !path.starts_with("crates/media/") && names(text));
    none(found.map(|(path, _)| path).collect(), "names str0m");
}

/// Lints, versions and profiles are facts of the workspace.
#[test]
fn every_crate_has_the_workspace_lints() {
    let crates = texts(&["Cargo.toml"]).into_iter().filter(|(path, _)| path != "Cargo.toml");
    let without = crates.filter(|(_, text)| !text.contains("[lints]\nworkspace = true"));
    none(without.map(|(path, _)| path).collect(), "without the workspace's lints");
}

/// Sans-IO is a lint and not a promise.
#[test]
fn inner_crates_have_the_same_bans() {
    let model = read(&format!("crates/{}/clippy.toml", INNER[0]));
    for banned in ["Instant::now", "SystemTime::now", "thread::spawn", "fs::read", "fs::write", "UdpSocket", "env::var"]
    {
        assert!(model.contains(banned), "{banned} is not banned");
    }
    let other = |name: &&&str| read(&format!("crates/{name}/clippy.toml")) != model;
    none(INNER.iter().filter(other).map(|name| (*name).to_owned()).collect(), "clippy.toml differs from signaling's");
}

/// Nor does anything they are built from bring a runtime or a socket.
#[test]
fn inner_crates_depend_on_no_runtime_and_no_socket() {
    // Of other platforms nothing is there, and need not be.
    let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = printed(env!("CARGO"), &["metadata", "--format-version", "1", "--locked", "--offline", &platform]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("the graph");
    let packages = metadata["packages"].as_array().expect("the packages");
    let name_of = |id: &str| {
        let package = packages.iter().find(|package| package["id"] == id).expect("a package for each node");
        package["name"].as_str().expect("a name").to_owned()
    };
    let mut found = Vec::new();
    for inner in INNER {
        let is_inner = |id: &str| id.contains("path+file") && name_of(id) == inner;
        let first = nodes.iter().find(|node| is_inner(node["id"].as_str().expect("an id"))).expect("the crate");
        let (mut seen, mut open) = (BTreeSet::new(), vec![first]);
        while let Some(node) = open.pop() {
            for dependency in node["deps"].as_array().expect("dependencies") {
                let normal =
                    dependency["dep_kinds"].as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null());
                let id = dependency["pkg"].as_str().expect("an id");
                if normal && seen.insert(id) {
                    open.push(nodes.iter().find(|node| node["id"] == id).expect("a node"));
                }
            }
        }
        let names: BTreeSet<_> = seen.into_iter().map(name_of).collect();
        let world = ["tokio", "mio", "socket2", "quinn-udp", "async-std", "smol"];
        found.extend(world.iter().filter(|name| names.contains(**name)).map(|name| format!("{inner}: {name}")));
    }
    none(found, "depends on the world");
}

/// The contract and its examples cover each other.
#[test]
fn every_rule_has_an_example_and_every_example_a_rule() {
    let readme = read("signaling/README.md");
    let is_rule = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(|first| first.is_ascii_uppercase())
            && characters.all(|c| c.is_ascii_digit())
            && name.len() > 1
    };
    let rules: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("**")?.split_once("**"))
        .filter(|(name, _)| is_rule(name))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert!(rules.len() > 15, "hardly any rule was found: {rules:?}");

    let mut found = Vec::new();
    let mut shown = BTreeSet::new();
    for (path, text) in texts(&[".json", ".jsonl"]).into_iter().filter(|(path, _)| path.starts_with("signaling/")) {
        let first = if path.ends_with(".jsonl") { text.lines().next().unwrap_or_default() } else { &text };
        let example: Value = serde_json::from_str(first).unwrap_or_else(|error| panic!("{path}: {error}"));
        let named = example["rule"].as_str().into_iter();
        let named: Vec<_> =
            named.chain(example["rules"].as_array().into_iter().flatten().filter_map(Value::as_str)).collect();
        if named.is_empty() {
            found.push(format!("{path} names no rule"));
        }
        let file = Path::new(&path).file_name().expect("a file name").to_string_lossy().into_owned();
        if path.ends_with(".json") && !named.iter().any(|rule| file.starts_with(&format!("{rule}-"))) {
            found.push(format!("{path} is not called after its rule"));
        }
        found.extend(
            named
                .iter()
                .filter(|rule| !rules.contains(**rule))
                .map(|rule| format!("{path} names {rule}, which is no rule")),
        );
        shown.extend(named.into_iter().map(str::to_owned));
    }
    found.extend(rules.difference(&shown).map(|rule| format!("{rule} has no example")));

    for (path, text) in texts(&[".rs", ".ts", ".tsx"]) {
        for rest in text.split("(rule").skip(1) {
            let named = rest.split([')', ',', ';']).next().unwrap_or_default().trim_start_matches('s').trim();
            if is_rule(named) && !rules.contains(named) {
                found.push(format!("{path} refers to {named}, which is no rule"));
            }
        }
    }
    none(found, "rules and examples do not match");
}

/// What a newcomer reads first is there, and short enough to be read.
#[test]
fn the_map_is_there() {
    let mut found = Vec::new();
    for path in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "signaling/README.md"] {
        if !root().join(path).is_file() {
            found.push(format!("{path} is missing"));
        }
    }
    if root().join("ARCHITECTURE.md").is_file() {
        let lines = read("ARCHITECTURE.md").lines().count();
        found.extend((lines >= 200).then(|| format!("ARCHITECTURE.md has {lines} lines, 200 are too many")));
    }
    none(found, "the map");
}
