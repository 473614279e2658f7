//! The options of `rollgate issue`. Must not do anything with them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::inputs::{InputArgs, range};

/// `rollgate issue`.
#[derive(Debug, Clone, Args)]
pub(crate) struct IssueArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with issues.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum What {
    /// Print what the tracker knows of issues
    Show(ShowArgs),
    /// Comment on issues: a text, or how a deployment went
    Comment(Box<CommentArgs>),
    /// Move issues to a status
    Transition(TransitionArgs),
    /// Link an issue to another
    Link(LinkArgs),
}

/// Which tracker is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReachArgs {
    /// The policy whose integrations are used; several are merged by top-level key
    #[arg(long, value_name = "FILE", default_value = "rollgate.yaml")]
    pub policy: Vec<PathBuf>,

    /// The tracker among its integrations [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,

    /// Set a variable
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,

    /// Read variables from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,

    /// Set a key of an integration
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    pub integration: Vec<String>,

    /// A directory with a file for each secret, named as its reference
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,

    /// How to print what came of it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Form,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// For programs: an array with an object for each issue
    Json,
}

/// Which issues are meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgs {
    /// The issues, such as `PROJ-7` or `AB#7`
    #[arg(value_name = "KEY", required_unless_present = "commits")]
    pub keys: Vec<String>,

    /// Take the issues that these commits mention too: a range of `git log`, such as `v1.3.9..v1.4.0`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = range)]
    pub commits: Option<String>,
}

/// `rollgate issue show`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    /// Which issues.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Which tracker.
    #[command(flatten)]
    pub reach: ReachArgs,
}

/// `rollgate issue comment`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct CommentArgs {
    /// Which issues.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Which tracker.
    #[command(flatten)]
    pub reach: ReachArgs,

    /// What to say; `-`: what stdin says
    #[arg(long, value_name = "TEXT", required_unless_present = "status")]
    pub text: Option<String>,

    /// How the deployment went
    #[arg(long, value_name = "STATUS")]
    pub status: Option<Went>,

    /// What was deployed
    #[arg(long)]
    pub service: Option<String>,

    /// Where it was deployed
    #[arg(long)]
    pub environment: Option<String>,

    /// The version that was deployed
    #[arg(long)]
    pub version: Option<String>,

    /// When it was deployed [default: now]
    #[arg(long, value_name = "TIME")]
    pub deployed_at: Option<String>,

    /// Who deployed it [default: whom the pipeline names]
    #[arg(long, value_name = "NAME")]
    pub deployed_by: Option<String>,

    /// The pipeline's page [default: the one that the pipeline names]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// How a deployment went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Went {
    /// It went well
    Success,
    /// It did not
    Failed,
    /// It goes on
    Running,
    /// It was called off
    Cancelled,
}

/// `rollgate issue transition`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TransitionArgs {
    /// Which issues.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Which tracker.
    #[command(flatten)]
    pub reach: ReachArgs,

    /// The status to be reached, by its name
    #[arg(long, value_name = "NAME")]
    pub to_status: String,
}

/// `rollgate issue link`.
#[derive(Debug, Clone, Args)]
pub(crate) struct LinkArgs {
    /// The issue that the link is of
    #[arg(value_name = "KEY")]
    pub key: String,

    /// The issue that it leads to
    #[arg(value_name = "OTHER")]
    pub other: String,

    /// What sort of link it is, by the tracker's name for it
    #[arg(long, value_name = "NAME", default_value = "Relates")]
    pub r#type: String,

    /// Which tracker.
    #[command(flatten)]
    pub reach: ReachArgs,
}

impl ReachArgs {
    /// What the policy is read with.
    pub(super) fn inputs(&self) -> InputArgs {
        InputArgs {
            policy: self.policy.clone(),
            set: self.set.clone(),
            values: self.values.clone(),
            integration: self.integration.clone(),
            secrets_dir: self.secrets_dir.clone(),
            ..InputArgs::default()
        }
    }
}
