//! Measures an HTTP check: the request, the redirects that it follows, and what is made of the last answer. Must
//! not wait or retry by itself, and must not take what is the user's to another origin.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use url::{Position, Url};

use super::auth::Auth;
use super::exchange::{Answer, Hop, Wanted, send};
use super::expect::{Expectations, QUOTED};
use crate::api::words::line;
use crate::check::target::secure::Secure;
use crate::check::target::{Attempt, Fault, Pace, Trace, measure, shown};
use crate::check::{Probe, Reading, Standing};
use crate::host::Host;
use crate::host::secret::Redactor;
use crate::host::vault::Vault;

/// Headers whose values are shown to nobody: they are secrets more often than not.
const MASKED: [&str; 5] = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"];

/// An HTTP check as it is measured.
#[derive(Debug)]
pub(super) struct HttpProbe {
    hop: Hop,
    auth: Auth,
    vault: Vault,
    secure: Secure,
    expect: Expectations,
    redirects: u32,
    pace: Pace,
    lane: String,
    target: Arc<str>,
}

impl HttpProbe {
    pub(super) fn new(
        hop: Hop,
        auth: Auth,
        vault: Vault,
        secure: Secure,
        expect: Expectations,
        redirects: u32,
        pace: Pace,
    ) -> Self {
        let lane = hop.authority().map(|authority| authority.to_string()).unwrap_or_default();
        let target = format!("{} {}", hop.method, hop.url).into();
        Self { hop, auth, vault, secure, expect, redirects, pace, lane, target }
    }

    fn leads_on(&self, status: u16, location: bool) -> bool {
        self.redirects > 0 && location && matches!(status, 301 | 302 | 303 | 307 | 308)
    }

    /// Where `answer` leads, if it does and that is to be followed.
    fn next(
        &self,
        hop: &Hop,
        answer: &Answer,
        been: &[(Method, Url)],
        redactor: &Redactor,
    ) -> Result<Option<Hop>, Fault> {
        let Some(location) = answer.location.as_ref().filter(|_| self.leads_on(answer.status, true)) else {
            return Ok(None);
        };
        let refused = |reason: String| Err(Fault::Unmet(format!("redirect: {reason}")));
        let Ok(mut url) = hop.url.join(location) else {
            return refused(format!("`{}` is no URL", line(location, QUOTED, redactor)));
        };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return refused(format!(
                "it leads to `{}`, expected an `http` or `https` URL",
                line(location, QUOTED, redactor)
            ));
        }
        url.set_fragment(None);
        // Neither can fail for a URL with a host.
        let _ = (url.set_username(""), url.set_password(None));
        let mut next = Hop { url, ..hop.clone() };
        let becomes_get = match answer.status {
            303 => next.method != Method::HEAD,
            301 | 302 => next.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
            next.body = bytes::Bytes::new();
            next.headers.remove(http::header::CONTENT_TYPE);
        }
        let shown = line(&next.url[..Position::AfterPath], QUOTED, redactor);
        if been.iter().any(|(method, url)| (method, url) == (&next.method, &next.url)) {
            return refused(format!("it comes back to `{shown}`"));
        }
        if been.len() > self.redirects as usize {
            let plural = if self.redirects == 1 { "" } else { "s" };
            return refused(format!("more than {} redirect{plural}, the last to `{shown}`", self.redirects));
        }
        if next.url.origin() != hop.url.origin() {
            next.headers = HeaderMap::new();
            next.first = false;
        }
        Ok(Some(next))
    }

    /// What is made of the last answer.
    fn met(&self, answer: &Answer, tls: bool, trace: &Trace, redactor: &Redactor) -> Result<String, Fault> {
        if let Some(proxy) = answer.proxy.as_ref().filter(|_| answer.status == 407)
            && !self.expect.takes(407)
        {
            return Err(Fault::Failed(format!("proxy `{proxy}`: it asks for a password (407)")));
        }
        if let Some(miss) = self.expect.status_miss(answer.status) {
            return Err(Fault::Unmet(miss));
        }
        let took = trace.elapsed();
        let body = answer.body.as_ref();
        let mut misses = body.map(|body| self.expect.body_misses(body, redactor)).unwrap_or_default();
        misses.extend(self.expect.latency_miss(took));
        if self.secure.min_days_left.is_some() && !tls {
            misses.push("tls: no certificate was shown, expected one by `min_days_left`".to_owned());
        }
        if misses.is_empty() {
            return Ok(format!("{} in {}", answer.status, shown(took)));
        }
        Err(Fault::Unmet(misses.join("; ")))
    }
}

impl Wanted for HttpProbe {
    fn body(&self, status: u16, location: bool) -> Option<usize> {
        let judged = !self.leads_on(status, location) && self.expect.takes(status);
        (judged && self.expect.of_body()).then_some(self.expect.max_body)
    }
}

impl Attempt for HttpProbe {
    fn pace(&self) -> &Pace {
        &self.pace
    }

    fn attempt<'a>(&'a self, trace: &'a mut Trace, host: &'a Host) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            let mut hop = self.hop.clone();
            if let Some(credential) = self.auth.header(&self.vault).map_err(Fault::Failed)? {
                hop.headers.insert(http::header::AUTHORIZATION, credential);
            }
            let redactor = &host.output.redactor;
            let mut been = Vec::new();
            let mut tls = false;
            loop {
                let answer = send(&hop, &self.secure, self, trace, host).await?;
                tls |= hop.url.scheme() == "https";
                been.push((hop.method.clone(), hop.url.clone()));
                match self.next(&hop, &answer, &been, redactor)? {
                    Some(next) => hop = next,
                    None => return self.met(&answer, tls, trace, redactor),
                }
                trace.reconnect();
            }
        })
    }
}

impl Probe for HttpProbe {
    fn target(&self) -> Arc<str> {
        self.target.clone()
    }

    fn request(&self, _: Timestamp) -> Vec<String> {
        let mut lines = vec![self.target.to_string()];
        let headers = self.hop.request(false).map(|request| request.headers().clone()).unwrap_or_default();
        for (name, value) in &headers {
            let masked = MASKED.contains(&name.as_str());
            let value = if masked { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            lines.push(format!("{name}: {value}"));
        }
        lines.extend(self.auth.shown().map(str::to_owned));
        lines.extend(String::from_utf8_lossy(&self.hop.body).lines().map(str::to_owned));
        if self.hop.url.scheme() == "https" {
            lines.push(self.secure.describe());
        }
        lines.push(self.expect.to_string());
        lines
    }

    fn lane(&self) -> &str {
        &self.lane
    }

    fn budget(&self) -> Duration {
        self.pace.budget()
    }

    fn standing(&self) -> Standing {
        Standing::Target(self.hop.url.as_str().into())
    }

    fn warnings(&self) -> Vec<String> {
        self.secure.warnings(&self.lane)
    }

    fn measure<'a>(&'a self, _: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(measure(self, host))
    }
}
