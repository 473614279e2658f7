//! Lists of deployments, as CSV or as JSON, to deployments; every fault of a list at once. Pure: it is handed the text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::deployment::{Deployment, Known};
use crate::cli::time;
use crate::policy::problem::{Problem, Problems, did_you_mean, listed};
use crate::policy::variables::{NAMES, is_name, is_own};

/// The columns that have a meaning of their own; any other is a variable.
const COLUMNS: &[&str] = &[
    "time",
    "rollout_started",
    "version",
    "previous_version",
    "service",
    "environment",
    "outcome",
    "name",
    "id",
];

/// A list as it was read.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// The deployments, as they are listed.
    pub deployments: Vec<Deployment>,
    /// What people should know of it.
    pub notes: Vec<String>,
}

/// The fields of one deployment, as text; what is empty is left out.
type Fields = BTreeMap<String, String>;

/// Reads the list `text` of the file `name`: JSON where it begins like that, else CSV.
///
/// # Errors
/// Every fault of it.
pub(crate) fn read(name: &str, text: &str, now: Timestamp) -> Result<List, Problems> {
    let text = text.trim_start_matches('\u{feff}');
    let mut problems = Problems::default();
    let rows = if text.trim_start().starts_with(['[', '{']) { json(text) } else { csv(text) };
    let mut list = List::default();
    let mut others: Vec<String> = Vec::new();
    for row in rows {
        let read = row.and_then(|(place, fields)| {
            let new = fields.keys().filter(|key| !COLUMNS.contains(&key.as_str()) && !others.contains(key));
            others.extend(new.cloned().collect::<Vec<_>>());
            deployment(fields, now).map_err(|fault| format!("{place}: {fault}"))
        });
        match read {
            Ok(deployment) => list.deployments.push(deployment),
            Err(fault) => problems.push(Problem::nowhere(format!("`{name}`, {fault}"))),
        }
    }
    for own in others.iter().filter(|other| is_own(other)) {
        let fault = Problem::nowhere(format!("`{name}`: expected no `{own}`, which the gate sets itself"));
        problems.push(fault.help("leave it out, or call it something else"));
    }
    if problems.any_fault() {
        return Err(problems);
    }
    list.notes.extend(others.iter().map(|other| {
        if !is_name(other) {
            return format!("`{name}`: `{other}` is not read: names of variables are {NAMES}");
        }
        let guess = did_you_mean(other, COLUMNS.iter().copied()).map(|guess| format!("; {guess}"));
        format!("`{name}`: `{other}` is a variable{}", guess.unwrap_or_default())
    }));
    for deployment in &mut list.deployments {
        deployment.variables.retain(|other, _| is_name(other));
    }
    Ok(list)
}

/// A deployment's place in its list and its fields, or a fault.
type Row = Result<(String, Fields), String>;

fn csv(text: &str) -> Vec<Row> {
    let mut reader =
        ::csv::ReaderBuilder::new().trim(::csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return vec![Err(error.to_string())],
    };
    if !header.iter().any(|column| column == "time") {
        let found: Vec<&str> = header.iter().filter(|column| !column.is_empty()).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { listed(found) };
        return vec![Err(format!("line 1: expected a header with a column `time`, found {found}"))];
    }
    if let Some(twice) =
        header.iter().enumerate().find(|(at, column)| header.iter().take(*at).any(|c| c == *column))
    {
        return vec![Err(format!("line 1: the column `{}` is there twice", twice.1))];
    }
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| match error.kind() {
                ::csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = pos.as_ref().map_or(0, ::csv::Position::line);
                    format!("line {line}: expected {expected_len} fields, as the header has, found {len}")
                }
                _ => error.to_string(),
            })?;
            let line = record.position().map_or(0, ::csv::Position::line);
            let fields =
                header.iter().zip(&record).filter(|(column, text)| !column.is_empty() && !text.is_empty());
            let fields = fields.map(|(column, text)| (column.to_owned(), text.to_owned()));
            Ok((format!("line {line}"), fields.collect()))
        })
        .collect()
}

fn json(text: &str) -> Vec<Row> {
    let all: Value = match serde_json::from_str(text) {
        Ok(all) => all,
        Err(error) => return vec![Err(error.to_string())],
    };
    let Value::Array(all) = all else {
        return vec![Err("expected a list of objects like `[{\"time\": …}]`, found one object".to_owned())];
    };
    let one = |(index, one): (usize, Value)| {
        let place = format!("deployment {}", index + 1);
        let Value::Object(object) = one else {
            return Err(format!("{place}: expected an object like `{{\"time\": …}}`, found `{one}`"));
        };
        let mut fields = Fields::new();
        for (key, value) in object {
            match value {
                Value::Null => {}
                Value::String(text) if text.trim().is_empty() => {}
                Value::String(text) => drop(fields.insert(key, text.trim().to_owned())),
                Value::Number(_) | Value::Bool(_) => drop(fields.insert(key, value.to_string())),
                Value::Array(_) | Value::Object(_) => {
                    return Err(format!("{place}: expected a text or a number as `{key}`, found `{value}`"));
                }
            }
        }
        Ok((place, fields))
    };
    all.into_iter().enumerate().map(one).collect()
}

fn deployment(mut fields: Fields, now: Timestamp) -> Result<Deployment, String> {
    let moment =
        |column: &str, text: String| time::parse(&text, now).map_err(|fault| format!("`{column}`: {fault}"));
    let time = fields.remove("time").ok_or("expected a `time`, found none")?;
    let time = moment("time", time)?;
    let rollout = fields.remove("rollout_started").map(|text| moment("rollout_started", text)).transpose()?;
    if let Some(rollout) = rollout.filter(|rollout| *rollout > time) {
        let said = crate::gate::moment;
        return Err(format!(
            "expected `rollout_started` at or before the `time` {}, found {}",
            said(time),
            said(rollout)
        ));
    }
    let known = match fields.remove("outcome").as_deref() {
        None => None,
        Some("good") => Some(Known::Good),
        Some("bad") => Some(Known::Bad),
        Some(other) => return Err(format!("expected the `outcome` `good` or `bad`, found `{other}`")),
    };
    let id = fields.remove("id");
    Ok(Deployment {
        rollout_started: rollout,
        name: fields.remove("name").or(id),
        service: fields.remove("service"),
        environment: fields.remove("environment"),
        version: fields.remove("version"),
        previous_version: fields.remove("previous_version"),
        known,
        variables: fields,
        ..Deployment::at(time)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-15T11:00:00Z".parse().unwrap()
    }

    fn faults(text: &str) -> Vec<String> {
        let problems = read("list", text, now()).unwrap_err();
        problems.sorted().into_iter().map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = "\u{feff}time, version,outcome,id,region\n# a comment\n2026-01-15T10:00:00Z,\"v1, hot\",good,7,eu\n1768474800,,bad,,\n";
        let json = r#"[{"time": "2026-01-15T10:00:00Z", "version": "v1, hot", "outcome": "good", "id": 7, "region": "eu"},
                       {"time": 1768474800, "version": null, "outcome": "bad", "region": ""}]"#;
        let (csv, json) = (read("a.csv", csv, now()).unwrap(), read("a.json", json, now()).unwrap());
        assert_eq!(csv.deployments, json.deployments);
        let [first, second] = &csv.deployments[..] else { panic!("{csv:?}") };
        assert_eq!((first.version.as_deref(), first.name.as_deref()), (Some("v1, hot"), Some("7")));
        assert_eq!((first.known, second.known), (Some(Known::Good), Some(Known::Bad)));
        assert_eq!(first.variables.get("region").map(String::as_str), Some("eu"));
        assert_eq!((second.time.as_second(), second.version.as_ref()), (1_768_474_800, None));
        assert_eq!(csv.notes, ["`a.csv`: `region` is a variable"]);
    }

    #[test]
    fn every_fault_of_a_list_is_told_with_its_line() {
        let csv = "time,outcome,rollout_started\nyesterday,good,\n1768474800,fine,\n1768474800,good,1768474900\n1768474800\n,bad,\n";
        assert_eq!(
            faults(csv),
            [
                "`list`, line 2: `time`: expected a time like `2026-01-15T11:00:00Z`, `1768474800` or `30m-ago`, found `yesterday`",
                "`list`, line 3: expected the `outcome` `good` or `bad`, found `fine`",
                "`list`, line 4: expected `rollout_started` at or before the `time` 2026-01-15T11:00:00Z, found 2026-01-15T11:01:40Z",
                "`list`, line 5: expected 3 fields, as the header has, found 1",
                "`list`, line 6: expected a `time`, found none",
            ]
        );
        let json = r#"[{"time": "never"}, 5, {"version": "v1"}, {"time": 1768474800, "tags": ["a"]}]"#;
        assert_eq!(
            faults(json),
            [
                "`list`, deployment 1: `time`: expected a time like `2026-01-15T11:00:00Z`, `1768474800` or `30m-ago`, found `never`",
                "`list`, deployment 2: expected an object like `{\"time\": …}`, found `5`",
                "`list`, deployment 3: expected a `time`, found none",
                "`list`, deployment 4: expected a text or a number as `tags`, found `[\"a\"]`",
            ]
        );
    }

    #[test]
    fn what_is_no_list_says_what_one_is() {
        assert_eq!(
            faults("when,what\n"),
            ["`list`, line 1: expected a header with a column `time`, found `when` and `what`"]
        );
        assert_eq!(faults(""), ["`list`, line 1: expected a header with a column `time`, found nothing"]);
        assert_eq!(faults("time,a,a\n"), ["`list`, line 1: the column `a` is there twice"]);
        assert_eq!(
            faults("{\"time\": 1}"),
            ["`list`, expected a list of objects like `[{\"time\": …}]`, found one object"]
        );
        assert_eq!(faults("[{\"time\": 1]"), ["`list`, expected `,` or `}` at line 1 column 12"]);
    }

    #[test]
    fn a_column_that_is_nearly_known_is_pointed_at() {
        let list = read("list", "time,verison\n1768474800,v1\n", now()).unwrap();
        assert_eq!(list.notes, ["`list`: `verison` is a variable; did you mean `version`?"]);
        let odd = read("list", "time,done by\n1768474800,me\n", now()).unwrap();
        let note =
            "`list`: `done by` is not read: names of variables are made of letters, digits, `_`, `-` and `.`";
        assert_eq!(odd.notes, [note]);
        assert!(odd.deployments[0].variables.is_empty());
        assert_eq!(
            faults("time,run_id\n1768474800,7\n"),
            ["`list`: expected no `run_id`, which the gate sets itself"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_list_or_says_why_not(text in "\\PC*", rows in "[\\[{\"]?(time|,|1768474800|\"|:|\n|good|[}\\]])*") {
            for text in [&text, &rows, &format!("time,outcome\n{rows}")] {
                if let Err(problems) = read("list", text, now()) {
                    assert!(problems.any_fault());
                }
            }
        }
    }
}
