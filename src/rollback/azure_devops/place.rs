//! Where a pipeline of Azure DevOps is: the address, the organization and the project, as written or as the gate's own
//! pipeline has them. Must not know what is asked for.

use url::Url;

use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::Reader;
use crate::policy::template::Scope;
use crate::rollback::TriggerCx;
use crate::rollback::access::Text;

/// Where Azure DevOps is, where nobody says otherwise.
pub(super) const CLOUD: &str = "https://dev.azure.com";

/// A place as it was read.
#[derive(Debug)]
pub(super) struct PlaceSpec {
    pub(super) base: Text,
    organization: Text,
    project: Text,
}

/// A place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) base: Url,
    /// What comes after the address: the organization, where it is no part of it, and the project.
    pub(super) folders: Vec<String>,
}

impl PlaceSpec {
    /// Reads it. `None` after reporting what is wrong with it.
    pub(super) fn read(body: &mut Reader<'_, '_>, kind: &'static str) -> Option<Self> {
        let base = Text::read_address(body, kind, "base_url");
        let organization = Text::read(body, kind, "organization");
        let project = Text::read(body, kind, "project");
        Some(Self { base: base?, organization: organization?, project: project? })
    }

    /// The place in words.
    pub(super) fn told(&self, scope: &Scope) -> String {
        let (organization, project) = (self.organization.told(scope, ""), self.project.told(scope, ""));
        match (organization.is_empty(), project.is_empty()) {
            (false, false) => format!("`{organization}/{project}`"),
            (true, false) => format!("`{project}`"),
            _ => "the gate's own project".to_owned(),
        }
    }

    /// The place. `None` after reporting what is wrong with it.
    pub(super) fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Place> {
        let mut noted = |problem: Problem| problems.push(problem);
        let own = cx.host.env.get("SYSTEM_COLLECTIONURI");
        // The gate's own collection is organization and address in one.
        let own = own.filter(|_| !self.base.is_written() && !self.organization.is_written());
        let base = self.base.address(cx, Some(own.unwrap_or(CLOUD)), "").map_err(&mut noted).ok();
        let organization = if own.is_some() {
            Some(None)
        } else {
            let help = "write the organization, or the collection of a server";
            self.organization.render(cx, None, help).map(Some).map_err(&mut noted).ok()
        };
        let project = cx.host.env.get("SYSTEM_TEAMPROJECT").filter(|_| own.is_some());
        let project = self.project.render(cx, project, "write the project").map_err(&mut noted).ok();
        let (base, organization, project) = (base?, organization?, project?);
        Some(Place { base, folders: organization.into_iter().chain([project]).collect() })
    }
}
