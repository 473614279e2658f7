//! The shipped policies: each is free of faults, and fits the schema that editors are given. `real` runs them.

use std::process::Command;

use serde_json::Value;

fn rollgate(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_rollgate")).args(args).env_clear().output().unwrap()
}

#[test]
fn shipped_policies_are_sound_and_fit_the_schema() {
    let schema: Value = serde_json::from_slice(&rollgate(&["schema", "policy"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let name = path.to_str().unwrap();
        let linted = rollgate(&["lint", name]);
        let told = String::from_utf8_lossy(&linted.stdout);
        assert_eq!((linted.status.code(), &*told), (Some(0), &*format!("{name}: no faults\n")));
        let policy: Value = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&policy).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
        seen += 1;
    }
    assert!(seen > 0, "no policy is shipped");
    let odd: Value = serde_json::json!({"post_deployment_validation": {"metric_validation": []}});
    assert!(!validator.is_valid(&odd), "the schema takes an unknown key");
}

#[test]
fn every_schema_is_published() {
    for document in ["policy", "report", "lint", "backtest", "event"] {
        let output = rollgate(&["schema", document]);
        assert_eq!(output.status.code(), Some(0));
        let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{document}");
    }
}

#[test]
fn shipped_policies_say_what_they_decide() {
    for pack in rollgate::packs::PACKS {
        let name = pack.name;
        assert!(pack.text.starts_with("# yaml-language-server: $schema=policy.schema.json\n# "), "{name}");
        assert!(pack.text.lines().count() <= 70, "{name} is long");
        let policy: Value = serde_yaml::from_str(pack.text).unwrap();
        let gate = &policy["post_deployment_validation"];
        for check in gate["metrics_validation"].as_array().unwrap() {
            assert!(check["failure_action"].is_string(), "{name}: {} leaves its action open", check["name"]);
        }
        assert_eq!(gate["rollback_policy"]["trigger"]["url"], "{{rollback_url}}", "{name}");
        for (variable, declared) in policy["variables"].as_object().unwrap() {
            let decided = declared["required"] == true || !declared["default"].is_null();
            let told = declared["pattern"].is_string() && declared["description"].is_string();
            assert!(decided && told, "{name}: `{variable}` says too little");
            assert!(pack.text.contains(&format!("{{{{{variable}}}}}")), "{name}: `{variable}` is not used");
        }
    }
}
