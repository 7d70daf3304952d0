//! Every file in `crds/tests/refused` is refused, with the sentence that its first line expects.
//!
//! Files of several documents are applied in their order: all but the last are admitted, the last
//! is an update of the one before.

use std::fs;

use crate::api_server;

fn files() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir("tests/refused")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_string_lossy().into(), text)
        })
        .collect();
    files.sort();
    files
}

fn expectation(text: &str) -> &str {
    text.lines()
        .next()
        .and_then(|line| line.strip_prefix("# refused: "))
        .expect("the first line is `# refused: <part of the message>`")
        .trim()
}

#[test]
fn every_wrong_resource_is_refused_with_a_sentence_that_helps() {
    let files = files();
    assert!(files.len() >= 15, "only {} files", files.len());
    for (name, text) in files {
        let documents = api_server::documents(&text);
        let (wrong, before) = documents.split_last().unwrap();
        let mut stored = None;
        for document in before {
            stored = Some(api_server::create(document).expect(&name));
        }
        let result = match &stored {
            Some(stored) => api_server::update(wrong, stored),
            None => api_server::create(wrong),
        };
        let refusals = result
            .err()
            .unwrap_or_else(|| panic!("{name} was admitted"));
        let expected = expectation(&text);
        assert!(
            refusals.iter().any(|refusal| refusal.contains(expected)),
            "{name}: expected {expected:?}, got {refusals:#?}"
        );
    }
}
