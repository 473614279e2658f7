//! Everything that holds a secret: how it stands in a policy. What comes to hold one in future is one entry here.

/// Something that holds a secret.
pub struct Holder {
    /// What it is called in the policy.
    pub name: &'static str,
    pub place: Place,
    /// Its YAML; `ADDRESS` is the server's `host:port`, `REF` the reference and `ENV` the variable of the secret.
    pub yaml: &'static str,
    /// What is put before the secret that it holds, as where that must be a URL.
    pub before: &'static str,
    /// Whether the secret goes into a header as it is, and so must fit one.
    pub header: bool,
}

/// Where a policy has such things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An entry of `integrations`, asked by a check of its own.
    Source,
    /// An HTTP check.
    Check,
    /// A rollback trigger.
    Trigger,
    /// An entry of `integrations` through which people are told.
    Channel,
    /// An entry of `integrations` that is a tracker.
    Tracker,
}

const fn holder(name: &'static str, place: Place, yaml: &'static str) -> Holder {
    Holder { name, place, yaml, before: "", header: false }
}

/// One whose secret goes into a header as it is.
const fn headed(name: &'static str, place: Place, yaml: &'static str) -> Holder {
    Holder { header: true, ..holder(name, place, yaml) }
}

/// A channel whose secret is the address that it posts to.
const fn posted(name: &'static str, yaml: &'static str) -> Holder {
    Holder { before: "http://ADDRESS/services/", ..holder(name, Place::Channel, yaml) }
}

/// All of them. Each is tried with several secrets.
pub const HOLDERS: &[Holder] = &[
    holder(
        "prometheus-basic",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', auth: {type: basic, username: gate, password_ref: REF}}",
    ),
    headed(
        "prometheus-bearer",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', type: bearer, token_ref: REF}",
    ),
    headed(
        "prometheus-literal",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', type: bearer, token: \"${ENV}\"}",
    ),
    headed(
        "prometheus-header",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', headers: {X-Api-Key: \"${ENV}\"}}",
    ),
    holder(
        "prometheus-oauth2",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', auth: {type: oauth2, client_id: gate, client_secret_ref: REF, token_url: 'http://ADDRESS/token'}}",
    ),
    holder(
        "http-basic",
        Place::Check,
        "{url: 'http://ADDRESS/health', method: POST, body: 'hello', auth: {type: basic, username: gate, password_ref: REF}, body_contains: fine}",
    ),
    headed(
        "http-bearer",
        Place::Check,
        "{url: 'http://ADDRESS/health', follow_redirects: 2, auth: {type: bearer, token_ref: REF}, body_matches: '^fine'}",
    ),
    holder("webhook-signed", Place::Trigger, "{kind: webhook, url: 'http://ADDRESS/hook', secret_ref: REF}"),
    Holder {
        before: "http://ADDRESS/services/",
        ..holder("webhook-url", Place::Trigger, "{kind: webhook, url_ref: REF, expect_body: fine}")
    },
    holder(
        "command",
        Place::Trigger,
        "{kind: command, argv: [/bin/sh, -c, 'printf \"%s\\n\" \"$ENV\"; printf %s \"$ENV\" | base64; printf %s \"x$ENV\" | base64 -w0; exit 3']}",
    ),
    headed(
        "github-workflow",
        Place::Trigger,
        "{kind: github_workflow, api_url: 'http://ADDRESS', repository: acme/shop, workflow: back.yml, ref: main, token_ref: REF}",
    ),
    headed(
        "github-dispatch",
        Place::Trigger,
        "{kind: github_dispatch, api_url: 'http://ADDRESS', repository: acme/shop, event_type: back, token_ref: REF}",
    ),
    headed(
        "gitlab-trigger",
        Place::Trigger,
        "{kind: gitlab, api_url: 'http://ADDRESS/api/v4', project: acme/shop, ref: main, token_ref: REF}",
    ),
    headed(
        "gitlab-private",
        Place::Trigger,
        "{kind: gitlab, api_url: 'http://ADDRESS/api/v4', project: acme/shop, ref: main, private_token_ref: REF}",
    ),
    headed(
        "gitlab-job",
        Place::Trigger,
        "{kind: gitlab, api_url: 'http://ADDRESS/api/v4', project: acme/shop, ref: main, job_token: true}",
    ),
    headed(
        "jenkins-token",
        Place::Trigger,
        "{kind: jenkins, url: 'http://ADDRESS', job: shop/back, username: gate, token_ref: REF}",
    ),
    headed(
        "jenkins-password",
        Place::Trigger,
        "{kind: jenkins, url: 'http://ADDRESS', job: shop/back, username: gate, password_ref: REF}",
    ),
    headed(
        "azure-devops",
        Place::Trigger,
        "{kind: azure_devops, base_url: 'http://ADDRESS', organization: acme, project: shop, pipeline_id: 42, ref: main, token_ref: REF}",
    ),
    headed(
        "argocd",
        Place::Trigger,
        "{kind: argocd, url: 'http://ADDRESS', application: shop, token_ref: REF}",
    ),
    headed(
        "buildkite",
        Place::Trigger,
        "{kind: buildkite, api_url: 'http://ADDRESS', organization: acme, pipeline: back, token_ref: REF}",
    ),
    headed(
        "circleci",
        Place::Trigger,
        "{kind: circleci, api_url: 'http://ADDRESS', project_slug: gh/acme/shop, branch: main, token_ref: REF}",
    ),
    posted("slack-url", "{system: slack, webhook_url_ref: REF}"),
    headed(
        "slack-bot",
        Place::Channel,
        "{system: slack, url: 'http://ADDRESS', auth: {type: token, token_ref: REF}, channels: {all: '#all'}}",
    ),
    posted("dingtalk-url", "{system: dingtalk, webhook_url_ref: REF}"),
    holder(
        "dingtalk-secret",
        Place::Channel,
        "{system: dingtalk, webhook_url: 'http://ADDRESS/robot/send', secret_ref: REF}",
    ),
    posted("feishu-url", "{system: feishu, webhook_url_ref: REF}"),
    holder(
        "feishu-secret",
        Place::Channel,
        "{system: feishu, webhook_url: 'http://ADDRESS/robot/hook', secret_ref: REF}",
    ),
    posted("wecom", "{system: wecom, webhook_url_ref: REF}"),
    posted("teams", "{system: teams, webhook_url_ref: REF}"),
    posted("discord", "{system: discord, webhook_url_ref: REF}"),
    holder("pagerduty", Place::Channel, "{system: pagerduty, url: 'http://ADDRESS', routing_key_ref: REF}"),
    holder(
        "alertmanager-basic",
        Place::Channel,
        "{system: alertmanager, url: 'http://ADDRESS', auth: {type: basic, username: gate, password_ref: REF}}",
    ),
    headed(
        "alertmanager-header",
        Place::Channel,
        "{system: alertmanager, url: 'http://ADDRESS', headers: {X-Api-Key: \"${ENV}\"}}",
    ),
    posted("told-url", "{system: webhook, webhook_url_ref: REF}"),
    holder("told-signed", Place::Channel, "{system: webhook, url: 'http://ADDRESS/told', secret_ref: REF}"),
    holder(
        "jira-basic",
        Place::Tracker,
        "{system: jira, url: 'http://ADDRESS', auth: {type: basic, username: gate, password_ref: REF}}",
    ),
    headed(
        "jira-bearer",
        Place::Tracker,
        "{system: jira, url: 'http://ADDRESS', api_version: 2, auth: {type: bearer, token_ref: REF}}",
    ),
    holder(
        "jira-oauth2",
        Place::Tracker,
        "{system: jira, url: 'http://ADDRESS', auth: {type: oauth2, client_id: gate, client_secret_ref: REF, token_url: 'http://ADDRESS/token'}}",
    ),
    holder(
        "azure-boards",
        Place::Tracker,
        "{system: azure_boards, url: 'http://ADDRESS', organization: acme, project: shop, auth: {type: pat, token_ref: REF}}",
    ),
    headed(
        "github-status",
        Place::Tracker,
        "{system: github_status, url: 'http://ADDRESS', project: acme/shop, auth: {type: bearer, token_ref: REF}}",
    ),
    headed(
        "gitlab-status",
        Place::Tracker,
        "{system: gitlab_status, url: 'http://ADDRESS/api/v4', project: acme/shop, auth: {type: pat, token_ref: REF}}",
    ),
];
