//! What the documents claim to be held by a test is.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{fs, path::Path};

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_on_gaps_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    for folder in ["bin", "crates", "tests"] {
        sources(&root.join(folder), &mut code);
    }
    let page = fs::read_to_string(root.join("docs/gaps.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let named =
        rows.filter_map(|row| row.rsplit('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let mut seen = 0;
    for name in named {
        seen += 1;
        assert!(code.contains(&format!("fn {name}(")), "no test is called {name}");
    }
    assert!(seen > 40, "only {seen} names were found");
}
