//! The pages of `docs`: every policy that one shows is sound. What the examples of lints show is tested with the lints.

use std::process::Command;

#[test]
fn every_policy_of_the_documentation_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let mut shown = 0;
    for entry in std::fs::read_dir(docs).unwrap() {
        let page = entry.unwrap().path();
        if page.extension().is_none_or(|e| e != "md") || page.ends_with("lint.md") {
            continue;
        }
        let text = std::fs::read_to_string(&page).unwrap();
        for policy in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            std::fs::write(&path, policy).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
            let output =
                command.arg("lint").arg(&path).args(["--deny", "warnings"]).env_clear().output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{}: {policy}\n{said}", page.display());
            shown += 1;
        }
    }
    assert!(shown > 0, "no page shows a policy");
}
