//! The once-only id: the same for the same deployment however often it is judged, so that a receiver that honours
//! it rolls back once. Must not hold anything that changes from one attempt of a job to the next.

use jiff::Timestamp;
use ring::digest::{Context, SHA256};

use crate::host::env::Env;

/// The pipeline systems whose run id stays the same when a job is run again: a prefix and a variable.
const RUN_IDS: &[(&str, &str)] = &[("github", "GITHUB_RUN_ID"), ("gitlab", "CI_PIPELINE_ID")];

/// What tells one deployment from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its key, prefixed by where it comes from.
    pub key: String,
    /// Why a rollback may be asked for more than once.
    pub warning: Option<String>,
}

impl Deployment {
    /// The deployment named by `id` (`--deployment-id`), else by an explicit `deployed_at`, else by the pipeline's
    /// run id, else by `start`, with a warning.
    pub fn find(id: Option<&str>, deployed_at: Option<Timestamp>, env: &Env, start: Timestamp) -> Self {
        let run =
            || RUN_IDS.iter().find_map(|(system, variable)| Some(format!("{system}:{}", env.get(variable)?)));
        let known = id
            .filter(|id| !id.is_empty())
            .map(|id| format!("id:{id}"))
            .or_else(|| deployed_at.map(|at| format!("at:{at}")))
            .or_else(run);
        match known {
            Some(key) => Self { key, warning: None },
            None => Self {
                key: format!("start:{start}"),
                warning: Some(
                    "nothing names this deployment, so a second run may roll back a second time: pass \
                     `--deployment-id` or `--deployed-at`"
                        .to_owned(),
                ),
            },
        }
    }
}

/// What an id is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts<'a> {
    /// What is asked for, such as `rollback`.
    pub purpose: &'a str,
    /// Who is asked.
    pub target: &'a str,
    /// The policy's name.
    pub policy: &'a str,
    /// What was deployed.
    pub service: Option<&'a str>,
    /// Where.
    pub environment: Option<&'a str>,
    /// Which version.
    pub version: Option<&'a str>,
    /// [`Deployment::key`].
    pub deployment: &'a str,
}

/// The id of `parts`: `rg_` and 52 characters of base32 in lower case.
pub fn once_only(parts: &Parts<'_>) -> String {
    let fields = [
        Some(parts.purpose),
        Some(parts.target),
        Some(parts.policy),
        parts.service,
        parts.environment,
        parts.version,
        Some(parts.deployment),
    ];
    let mut hash = Context::new(&SHA256);
    for field in fields {
        // Each field says whether it is there and how long it is, so that none can run into the next.
        hash.update(&[u8::from(field.is_some())]);
        let text = field.unwrap_or_default();
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let digest = data_encoding::BASE32_NOPAD.encode(hash.finish().as_ref());
    format!("rg_{}", digest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts<'static> = Parts {
        purpose: "rollback",
        target: "https://hooks.example/rollback",
        policy: "post-deployment",
        service: Some("checkout"),
        environment: Some("production"),
        version: Some("1.4.0"),
        deployment: "github:7512",
    };

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_id_never_changes() {
        // Receivers keep ids: a new release of rollgate must not make new ones.
        assert_eq!(once_only(&PARTS), "rg_rao46mlj3dj2exqq3dr7qyxbvbdqoca4uhm6nyvf4fy6lgpg7ehq");
    }

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let others = [
            Parts { purpose: "notify", ..PARTS },
            Parts { target: "https://hooks.example/rollback2", ..PARTS },
            Parts { policy: "other", ..PARTS },
            Parts { service: Some("cart"), ..PARTS },
            Parts { service: None, ..PARTS },
            Parts { service: Some(""), ..PARTS },
            Parts { environment: Some("staging"), ..PARTS },
            Parts { environment: None, ..PARTS },
            Parts { version: Some("1.4.1"), ..PARTS },
            Parts { version: None, ..PARTS },
            Parts { deployment: "github:7513", ..PARTS },
            Parts { deployment: "gitlab:7512", ..PARTS },
            Parts { service: Some("checkoutp"), environment: Some("roduction"), ..PARTS },
            Parts { service: Some("production"), environment: Some("checkout"), ..PARTS },
            PARTS,
        ];
        let ids: std::collections::BTreeSet<String> = others.iter().map(once_only).collect();
        assert_eq!(ids.len(), others.len());
        assert!(ids.iter().all(|id| id.len() == 55 && !id.contains('.')));
    }

    #[test]
    fn a_job_that_is_run_again_is_the_same_deployment() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let later = Timestamp::from_second(1_700_000_500).unwrap();
        let first = env(&[("GITHUB_RUN_ID", "7512"), ("GITHUB_RUN_ATTEMPT", "1")]);
        let again = env(&[("GITHUB_RUN_ID", "7512"), ("GITHUB_RUN_ATTEMPT", "2")]);
        let one = Deployment::find(None, None, &first, start);
        assert_eq!(one, Deployment::find(None, None, &again, later));
        assert_eq!(one, Deployment { key: "github:7512".into(), warning: None });
        let gitlab = Deployment::find(None, None, &env(&[("CI_PIPELINE_ID", "7512")]), start);
        assert_eq!(gitlab.key, "gitlab:7512");
    }

    #[test]
    fn what_is_said_comes_before_what_is_found() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let at = Some(Timestamp::from_second(1_699_999_000).unwrap());
        let ci = env(&[("GITHUB_RUN_ID", "7512")]);
        assert_eq!(Deployment::find(Some("d-9"), at, &ci, start).key, "id:d-9");
        assert_eq!(Deployment::find(None, at, &ci, start).key, "at:2023-11-14T21:56:40Z");
        let unnamed = Deployment::find(None, None, &env(&[]), start);
        assert_eq!(unnamed.key, "start:2023-11-14T22:13:20Z");
        assert!(unnamed.warning.unwrap().contains("--deployment-id"));
    }
}
