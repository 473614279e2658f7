//! An API as an integration describes it: its headers, TLS and who is asking. Must not ask anything yet.

use http::header::AUTHORIZATION;
use url::Url;

use super::Remote;
use crate::host::Host;
use crate::policy::integration::Auth;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

impl Remote {
    /// The API of `what`, such as `PagerDuty`, at `base` with the headers, `tls` and `auth` of `settings`. `None` after
    /// telling the settings what is wrong.
    pub fn reach(what: &str, base: &Url, settings: &mut Settings<'_>, host: &Host) -> Option<Self> {
        let (headers, tls, auth) = (settings.headers(), settings.tls(), settings.auth()?);
        if headers.contains_key(AUTHORIZATION) && !matches!(auth, Auth::None) {
            let message = format!("`{}` has both an `Authorization` header and an auth", settings.name());
            settings.fault("auth.type", Problem::nowhere(message).help("keep one of the two"));
            return None;
        }
        let vault = settings.vault();
        let made = Self::new(what, base, &tls, host).map_err(|problem| ("tls.ca_file", problem));
        let made = made.and_then(|mut remote| {
            remote.authorize(&auth, vault).map_err(|problem| ("auth.type", problem))?;
            Ok(remote)
        });
        let mut remote = match made {
            Ok(remote) => remote,
            Err((path, problem)) => {
                settings.fault(path, Problem::nowhere(problem));
                return None;
            }
        };
        for (name, value) in &headers {
            remote.set(name.clone(), value.clone());
        }
        Some(remote)
    }
}
