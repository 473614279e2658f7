//! Every format shows the same findings: of a text with a byte order mark, with odd names and words in it.

use serde_json::Value;

use super::*;
use crate::policy::problem::{Place, Severity};

const TEXT: &str = "\u{feff}é: 'one two' # 50%, or so\nb: 2\n";

/// A fault with a fix, a denied warning of a lint with a second place, a note, and a fault without a place.
fn problems() -> Vec<Problem> {
    let place = |start, end| Place { source: 0, start, end };
    let fix = Fix {
        title: "swap them".to_owned(),
        place: place(7, 16),
        decoded: Some("one two".to_owned()),
        edits: vec![(4..7, "it's".to_owned()), (0..3, "1".to_owned())],
        sure: true,
    };
    vec![
        Problem::at(place(7, 16), "odd: 50%, or\nmore")
            .inside("one two", vec![4..7, 0..3])
            .help("swap")
            .fix(fix),
        Problem::at(place(30, 31), "b is 2").warning().id("alert-only").also(place(7, 16), "not here"),
        Problem::at(place(3, 5), "worth knowing").note().id("unused-allow"),
        Problem::nowhere("nowhere"),
    ]
}

fn shown(name: &str) -> String {
    let mut sources = Sources::default();
    sources.add("a folder/p,1.yaml", TEXT.as_bytes().to_vec()).unwrap();
    let problems = problems();
    let denied = |problem: &Problem| problem.severity == Severity::Warning;
    let found = problems.iter().map(|problem| Found { problem, denied: denied(problem) }).collect();
    let fixed = [Fixed { file: "q.yaml".into(), line: 3, id: Some("promql"), title: "move it".into() }];
    let findings = Findings {
        sources: &sources,
        policies: vec![
            Policy { files: vec!["a folder/p,1.yaml".to_owned()], found },
            Policy { files: vec!["q.yaml".to_owned(), "r.yaml".to_owned()], found: Vec::new() },
        ],
        fixed: &fixed,
    };
    let format = FORMATS.iter().find(|format| format.name() == name).unwrap();
    format.render(&findings, &|text| text.replace("worth", "***"))
}

#[test]
fn every_format_says_what_it_is_for() {
    for format in FORMATS {
        assert!(
            format.summary().starts_with("for ") && !format.summary().ends_with('.'),
            "{}",
            format.name()
        );
        assert!(shown(format.name()).ends_with('\n'));
    }
}

#[test]
fn text_counts_and_names_the_documentation_once() {
    let text = shown("text");
    let end = "\nerror: nowhere\n\nq.yaml, r.yaml: no faults\n2 faults, 1 warning, 1 note; 1 denied\n\
               the words in brackets are explained in docs/lint.md\n";
    assert!(text.ends_with(end), "{text}");
    assert!(text.contains("warning[alert-only]: b is 2") && text.contains("note[unused-allow]: *** knowing"));
}

#[test]
fn commands_of_github_are_escaped() {
    assert_eq!(
        shown("github"),
        "::error file=a folder/p%2C1.yaml,line=1,endLine=1,col=9,endColumn=12,title=rollgate%3A policy\
         ::odd: 50%25, or%0Amore%0Ahelp: swap\n\
         ::error file=a folder/p%2C1.yaml,line=2,endLine=2,col=1,endColumn=2,title=rollgate%3A alert-only::b is 2\n\
         ::notice file=a folder/p%2C1.yaml,line=1,endLine=1,col=1,endColumn=2,title=rollgate%3A unused-allow\
         ::*** knowing\n\
         ::error title=rollgate%3A policy::nowhere\n"
    );
}

#[test]
fn json_meets_its_schema_and_gives_characters() {
    let value: Value = serde_json::from_str(&shown("json")).unwrap();
    let validator = jsonschema::validator_for(&json::schema()).unwrap();
    let faults: Vec<String> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new(), "{value:#}");
    assert_eq!(value["schema"], json::SCHEMA);
    let counts = ["faults", "warnings", "notes", "denied"].map(|key| value[key].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 1]);
    let first = &value["problems"][0];
    assert_eq!((&first["line"], &first["column"], &first["end_column"]), (&1.into(), &9.into(), &12.into()));
    let edits: Vec<(u64, u64, &str)> = first["fix"]["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            (
                edit["column"].as_u64().unwrap(),
                edit["end_column"].as_u64().unwrap(),
                edit["text"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(edits, [(5, 8, "1"), (9, 12, "it''s")]);
    assert_eq!(value["problems"][1]["also"]["message"], "not here");
    assert_eq!(value["problems"][3]["file"], Value::Null);
    assert_eq!(value["fixed"][0]["id"], "promql");
}

/// What the standard asks for beyond JSON; validators of its own have seen such a log as well.
#[test]
fn sarif_is_whole() {
    let log: Value = serde_json::from_str(&shown("sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        assert!(
            ["error", "warning", "note"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap())
        );
    }
    let results = run["results"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string() && result["locations"].is_array(), "{result}");
    }
    let levels: Vec<&str> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "note", "error"]);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20folder/p%2C1.yaml");
    let region = |of: &Value| {
        ["startLine", "startColumn", "endLine", "endColumn"].map(|key| of[key].as_u64().unwrap())
    };
    assert_eq!(region(&place["region"]), [1, 9, 1, 12]);
    let change = &results[0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"], place["artifactLocation"]);
    assert_eq!(region(&change["replacements"][0]["deletedRegion"]), [1, 5, 1, 8]);
    assert_eq!(change["replacements"][1]["insertedContent"]["text"], "it''s");
    assert_eq!(results[1]["relatedLocations"][0]["message"]["text"], "not here");
    assert_eq!(results[3]["locations"], serde_json::json!([]));
}
