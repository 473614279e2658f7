//! Encrypted values and signatures beside the libraries that others use for them.

use std::io::Write as _;
use std::process::Stdio;

use super::oracles::oracle;
use super::servers::{SECRET, rollgate};
use super::skipped;

/// What `rollgate secret ARGUMENTS` prints when `stdin` is piped into it.
fn secret(arguments: &[&str], key: &str, stdin: &str) -> String {
    let mut child = rollgate()
        .arg("secret")
        .args(arguments)
        .env("ROLLGATE_KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_reads_what_is_encrypted_and_the_reverse() {
    if skipped("python_reads_what_is_encrypted_and_the_reverse") {
        return;
    }
    let (old, new) = (secret(&["keygen"], "", ""), secret(&["keygen"], "", ""));
    assert_ne!(old, new);
    let (old, new) = (old.trim(), new.trim());
    for text in ["hunter2-hunter2", "päss \"wörd\"\nof two lines", &"long ".repeat(5000)] {
        let ours = secret(&["encrypt"], new, &format!("{text}\n"));
        let token = ours.trim().strip_prefix("fernet:").unwrap();
        assert_eq!(oracle("fernet.py", &["decrypt", new, token]), text);
        let theirs = oracle("fernet.py", &["encrypt", old, text]);
        let keys = format!("{new}, {old}");
        assert_eq!(secret(&["decrypt"], &keys, &theirs), format!("{text}\n"));
        assert_eq!(oracle("fernet.py", &["decrypt", &keys, &theirs]), text);
    }
}

#[test]
fn the_libraries_of_others_take_what_is_signed() {
    if skipped("the_libraries_of_others_take_what_is_signed") {
        return;
    }
    for body in ["{\"a\": 1}", "", "two\nlines\n", "ünïcödé"] {
        let headers = secret(&["sign", "--secret-ref", "rollback-webhook-secret"], "", body);
        oracle("signed.mjs", &[SECRET, body, &headers]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headers");
        std::fs::write(&file, &headers).unwrap();
        let verify =
            ["verify", "--secret-ref", "rollback-webhook-secret", "--headers", file.to_str().unwrap()];
        assert_eq!(secret(&verify, "", body).lines().count(), 2);
    }
}
