//! Who is told of a verdict, and how: one file per channel. Must not decide anything, and must not hold up or fail what
//! it tells of: a message that cannot be sent is a line in the report.
//!
//! To add a channel: a file here and one entry in [`CHANNELS`].

mod address;
pub mod alertmanager;
pub mod compose;
pub mod dingtalk;
pub mod discord;
pub mod email;
pub mod feishu;
mod hook;
pub mod markdown;
pub mod message;
pub mod pagerduty;
pub mod plain;
mod robot;
pub mod slack;
pub mod teams;
#[cfg(test)]
pub(crate) mod testing;
mod title;
mod told;
pub mod webhook;
pub mod wecom;
pub mod words;

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::message::Message;
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::integration::Integrations;
use crate::policy::notices::{BY_DEFAULT, Locale, NoticeSpec, On};
use crate::policy::overrides::Overrides;
use crate::policy::problem::{Place, Problem, Problems, did_you_mean, listed};
use crate::policy::settings::Settings;
use crate::policy::template::{Scope, Template};

/// How long telling one addressee may take, repeats included, where nothing is written.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A kind of channel: makes a channel of an integration.
pub trait ChannelKind: Sync {
    /// The word of an integration's `system`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// An integration of this kind and a notification through it as YAML (`integrations:` and `notifications:`), for docs
    /// and tests.
    fn example(&self) -> &'static str;

    /// The channel that `settings` describe, for `addressee`. What is wrong goes to the settings; `None` then.
    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>>;
}

/// Whom a channel tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressee {
    /// The `channel` of the notification: a key of the integration's `channels`, or a channel's own name.
    pub channel: Option<String>,
    /// Who is called by name, in the system's own words.
    pub mention: Vec<String>,
    /// The language.
    pub locale: Locale,
}

/// A way to tell people something, ready to be used.
pub trait Channel: Debug + Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// Whom it tells, for people; never a secret.
    fn target(&self) -> String;

    /// Tells them. `earlier` is what telling them of the same run came to before, for replies in its thread. Never fails:
    /// what goes wrong is part of what it says. May be dropped at any time.
    fn send<'a>(
        &'a self,
        message: &'a Message,
        earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect>;

    /// What it would say, for a channel that does not speak HTTP: of the others the requests are shown. What neither says
    /// so nor makes a request cannot be shown before it is sent, and nothing is sent to show it.
    fn rehearsed(&self, message: &Message) -> Option<String> {
        let _ = message;
        None
    }
}

/// The channels there are, in the order of documents.
pub static CHANNELS: &[&dyn ChannelKind] = &[
    &slack::Slack,
    &dingtalk::DingTalk,
    &feishu::Feishu,
    &wecom::WeCom,
    &teams::Teams,
    &discord::Discord,
    &email::Email,
    &pagerduty::PagerDuty,
    &alertmanager::Alertmanager,
    &webhook::Webhook,
];

/// Who is told of what, ready to be used.
#[derive(Debug)]
pub struct Notice {
    /// What they are told of.
    pub on: Vec<On>,
    /// How.
    pub channel: Box<dyn Channel>,
    /// How long it may take, repeats included.
    pub timeout: Duration,
}

impl Notice {
    /// Whether they are told of `on`.
    pub fn tells(&self, on: On) -> bool {
        self.on.contains(&on) || on == On::RollbackFailed && self.on.contains(&On::Rollback)
    }
}

/// What connecting may use.
pub struct NoticeCx<'a> {
    /// The systems that the policy names.
    pub integrations: &'a Integrations,
    /// The variables.
    pub scope: &'a Scope,
    /// Finds and registers secrets.
    pub vault: &'a Vault,
    /// What the command line says of integrations.
    pub overrides: &'a Overrides,
    /// Builds clients.
    pub host: &'a Host,
}

/// The notices of `specs`, all that is wrong with them reported.
pub fn connect(specs: &[NoticeSpec], cx: &NoticeCx<'_>, problems: &mut Problems) -> Vec<Notice> {
    specs.iter().filter_map(|spec| one(spec, cx, problems)).collect()
}

fn one(spec: &NoticeSpec, cx: &NoticeCx<'_>, problems: &mut Problems) -> Option<Notice> {
    let mut noted = |problem: Problem| problems.push(problem);
    let to = spec.to.render(cx.scope).map_err(&mut noted).ok();
    let text =
        |template: &Template, noted: &mut dyn FnMut(Problem)| template.render(cx.scope).map_err(noted).ok();
    let channel = spec.channel.as_ref().and_then(|template| text(template, &mut noted));
    let mention = spec.mention.iter().filter_map(|template| text(template, &mut noted)).collect();
    let on: Vec<On> = spec.on.iter().filter_map(|on| on.render(cx.scope).map_err(&mut noted).ok()).collect();
    let locale = spec.locale.as_ref().and_then(|locale| locale.render(cx.scope).map_err(&mut noted).ok());
    let timeout = spec.timeout.as_ref().and_then(|span| span.render(cx.scope).map_err(&mut noted).ok());
    let addressee = Addressee { channel, mention, locale: locale.unwrap_or_default() };
    let channel = channel_of(&to?, spec.place, &addressee, cx, problems)?;
    Some(Notice {
        on: if spec.on.is_empty() { BY_DEFAULT.to_vec() } else { on },
        channel,
        timeout: timeout.unwrap_or(TIMEOUT),
    })
}

/// The channel of the integration `to` for `addressee`. `None` after reporting why, or where it is not enabled.
pub fn channel_of(
    to: &str,
    place: Place,
    addressee: &Addressee,
    cx: &NoticeCx<'_>,
    problems: &mut Problems,
) -> Option<Box<dyn Channel>> {
    let Some(system) = cx.integrations.system(to) else {
        let known = || cx.integrations.names();
        let help = did_you_mean(to, known()).unwrap_or_else(|| match known().next() {
            Some(_) => format!("the integrations are: {}", listed(known())),
            None => format!("write `integrations: {{{to}: {{…}}}}`"),
        });
        problems.push(Problem::at(place, format!("there is no integration `{to}`")).help(help));
        return None;
    };
    let Some(kind) = CHANNELS.iter().find(|kind| kind.name() == system) else {
        let kinds = listed(CHANNELS.iter().map(|kind| kind.name()));
        let problem = Problem::at(
            place,
            format!("nobody can be told through `{to}`, which is of the system `{system}`"),
        );
        problems.push(
            problem.help(format!("messages go through an integration whose `system` is one of {kinds}")),
        );
        return None;
    };
    let mut settings = cx.integrations.settings(to, cx.scope, cx.vault, cx.overrides);
    if !settings.enabled() {
        problems
            .push(Problem::at(place, format!("nobody is told through `{to}`: it is not enabled")).warning());
        return None;
    }
    let channel = kind.connect(&mut settings, addressee, cx.host);
    problems.append(settings.finish());
    channel
}
