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
}

const fn holder(name: &'static str, place: Place, yaml: &'static str) -> Holder {
    Holder { name, place, yaml, before: "", header: false }
}

/// All of them. Each is tried with several secrets.
pub const HOLDERS: &[Holder] = &[
    holder(
        "prometheus-basic",
        Place::Source,
        "{system: prometheus, url: 'http://ADDRESS', auth: {type: basic, username: gate, password_ref: REF}}",
    ),
    Holder {
        header: true,
        ..holder(
            "prometheus-bearer",
            Place::Source,
            "{system: prometheus, url: 'http://ADDRESS', type: bearer, token_ref: REF}",
        )
    },
    Holder {
        header: true,
        ..holder(
            "prometheus-literal",
            Place::Source,
            "{system: prometheus, url: 'http://ADDRESS', type: bearer, token: \"${ENV}\"}",
        )
    },
    Holder {
        header: true,
        ..holder(
            "prometheus-header",
            Place::Source,
            "{system: prometheus, url: 'http://ADDRESS', headers: {X-Api-Key: \"${ENV}\"}}",
        )
    },
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
    Holder {
        header: true,
        ..holder(
            "http-bearer",
            Place::Check,
            "{url: 'http://ADDRESS/health', follow_redirects: 2, auth: {type: bearer, token_ref: REF}, body_matches: '^fine'}",
        )
    },
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
];
