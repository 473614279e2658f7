//! A job as Jenkins tells of it: whether it can be built, and which parameters it declares. Must not ask anything.

use serde_json::Value;

use crate::policy::node::shorten;
use crate::policy::problem::listed;
use crate::rollback::answer::text;

/// What is asked of a job.
pub(super) const TREE: &str = "buildable,property[parameterDefinitions[name,choices]]";

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// Its parameters; `None` where it takes none at all.
    parameters: Option<Vec<Parameter>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    /// The values that it can have; empty for any.
    choices: Vec<String>,
}

impl Job {
    /// The job that `document` tells of.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        match document.get("buildable").and_then(Value::as_bool) {
            Some(true) => {}
            Some(false) => return Err("it is disabled, or may not be built: enable it".to_owned()),
            None => {
                let class = text(document, "/_class").and_then(|class| class.rsplit('.').next());
                let what = class.map(|class| format!(" but a `{}`", shorten(class))).unwrap_or_default();
                return Err(format!("it is no job{what}: name the job in it, with `/` between"));
            }
        }
        let properties = document.get("property").and_then(Value::as_array).into_iter().flatten();
        let mut lists = properties.filter_map(|property| property.get("parameterDefinitions")?.as_array());
        let parameter = |one: &Value| {
            let choices = one.get("choices").and_then(Value::as_array).into_iter().flatten();
            let choices = choices.filter_map(Value::as_str).map(str::to_owned).collect();
            Some(Parameter { name: text(one, "/name")?.to_owned(), choices })
        };
        let parameters = lists.next().map(|list| list.iter().filter_map(parameter).collect());
        Ok(Self { parameters })
    }

    /// Whether it is built with parameters.
    pub(super) const fn takes_parameters(&self) -> bool {
        self.parameters.is_some()
    }

    /// Whether it would take each of `given`, by name and value. Jenkins itself drops what it does not know and says
    /// nothing.
    ///
    /// # Errors
    /// What it would not take, and what it declares.
    pub(super) fn takes(&self, given: &[(String, String)]) -> Result<(), String> {
        let declared = self.parameters.as_deref().unwrap_or_default();
        for (name, value) in given {
            let Some(parameter) = declared.iter().find(|parameter| parameter.name == *name) else {
                let known = declared.iter().map(|parameter| parameter.name.as_str());
                let known = if declared.is_empty() {
                    "it declares none".to_owned()
                } else {
                    format!("it declares {}", shorten(&listed(known)))
                };
                return Err(format!("it has no parameter `{name}`, which Jenkins would drop; {known}"));
            };
            if !parameter.choices.is_empty() && !parameter.choices.contains(value) {
                let choices = listed(parameter.choices.iter().map(String::as_str));
                let found = shorten(value);
                return Err(format!(
                    "its parameter `{name}` is one of {}, found `{found}`",
                    shorten(&choices)
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_job_takes_is_known_before_it_is_built() {
        let plain = Job::read(&json!({"buildable": true, "property": [{}, {"_class": "x"}]})).unwrap();
        assert!(!plain.takes_parameters());
        assert_eq!(plain.takes(&[]), Ok(()));
        let definitions = json!([
            {"name": "VERSION"},
            {"name": "REGION", "choices": ["eu", "us"]},
        ]);
        let job =
            Job::read(&json!({"buildable": true, "property": [{}, {"parameterDefinitions": definitions}]}));
        let job = job.unwrap();
        assert!(job.takes_parameters());
        let given = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(job.takes(&given("REGION", "eu")), Ok(()));
        for (job, given, says) in [
            (&plain, given("VERSION", "1"), "which Jenkins would drop; it declares none"),
            (&job, given("VERSIN", "1"), "it declares `VERSION` and `REGION`"),
            (&job, given("REGION", "mars"), "is one of `eu` and `us`, found `mars`"),
        ] {
            let told = job.takes(&given).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
    }

    #[test]
    fn what_is_no_job_is_told_as_what_it_is() {
        let told = |document: Value| Job::read(&document).unwrap_err();
        assert!(told(json!({"buildable": false})).contains("it is disabled"));
        let folder = json!({"_class": "com.cloudbees.hudson.plugins.folder.Folder"});
        assert!(told(folder).contains("it is no job but a `Folder`"));
    }
}
