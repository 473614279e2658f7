//! A deployment of the past: when it was, what is known of it, and what it came to in truth where somebody knows. Pure;
//! must not know where deployments are listed.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What a deployment came to in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was fine.
    Good,
    /// It had to be taken back.
    Bad,
}

impl Known {
    /// The word of lists.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// A deployment of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// When the new version was live.
    pub time: Timestamp,
    /// When its rollout began, where that is known.
    pub rollout_started: Option<Timestamp>,
    /// What its list calls it.
    pub name: Option<String>,
    /// What was deployed.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Which version.
    pub version: Option<String>,
    /// Which version it replaced.
    pub previous_version: Option<String>,
    /// What it came to.
    pub known: Option<Known>,
    /// Further variables, by name.
    pub variables: BTreeMap<String, String>,
}

impl Deployment {
    /// One of which nothing but the time is known.
    pub(crate) const fn at(time: Timestamp) -> Self {
        Self {
            time,
            rollout_started: None,
            name: None,
            service: None,
            environment: None,
            version: None,
            previous_version: None,
            known: None,
            variables: BTreeMap::new(),
        }
    }

    /// Whether `other` may be the same one: nothing that both say differs.
    fn fits(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        let differs = |(name, value): (&String, &String)| {
            other.variables.get(name).is_some_and(|theirs| theirs != value)
        };
        self.time == other.time
            && agree(&self.name, &other.name)
            && agree(&self.service, &other.service)
            && agree(&self.environment, &other.environment)
            && agree(&self.version, &other.version)
            && !self.variables.iter().any(differs)
    }

    /// Takes in what `other`, the same one, says beyond it.
    fn absorb(&mut self, other: Self) {
        let ours = [
            (&mut self.name, other.name),
            (&mut self.service, other.service),
            (&mut self.environment, other.environment),
            (&mut self.version, other.version),
            (&mut self.previous_version, other.previous_version),
        ];
        for (own, theirs) in ours {
            *own = own.take().or(theirs);
        }
        self.rollout_started = self.rollout_started.or(other.rollout_started);
        self.known = self.known.or(other.known);
        for (name, value) in other.variables {
            self.variables.entry(name).or_insert(value);
        }
    }
}

/// `all` in order of time, those that are listed twice once; and how many were.
///
/// # Errors
/// A deployment that is said to be both good and bad.
pub(crate) fn merged(mut all: Vec<Deployment>) -> Result<(Vec<Deployment>, usize), String> {
    let listed = all.len();
    all.sort_by_key(|one| one.time);
    let mut kept: Vec<Deployment> = Vec::with_capacity(listed);
    for one in all {
        let twin =
            kept.iter_mut().rev().take_while(|other| other.time == one.time).find(|other| other.fits(&one));
        match twin {
            Some(twin) if twin.known.zip(one.known).is_some_and(|(ours, theirs)| ours != theirs) => {
                let at = crate::gate::moment(one.time);
                return Err(format!("the deployment at {at} is listed as good and as bad"));
            }
            Some(twin) => twin.absorb(one),
            None => kept.push(one),
        }
    }
    let twice = listed - kept.len();
    Ok((kept, twice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, version: Option<&str>, known: Option<Known>) -> Deployment {
        let time = Timestamp::from_second(second).unwrap();
        Deployment { version: version.map(str::to_owned), known, ..Deployment::at(time) }
    }

    #[test]
    fn what_is_listed_twice_is_one_deployment() {
        let all = vec![
            at(200, Some("v2"), None),
            at(100, Some("v1"), None),
            at(100, None, Some(Known::Bad)),
            at(100, Some("v3"), None),
        ];
        let (kept, twice) = merged(all).unwrap();
        let kept: Vec<_> =
            kept.iter().map(|one| (one.time.as_second(), one.version.as_deref(), one.known)).collect();
        assert_eq!(
            kept,
            [(100, Some("v1"), Some(Known::Bad)), (100, Some("v3"), None), (200, Some("v2"), None)]
        );
        assert_eq!(twice, 1);
    }

    #[test]
    fn nothing_is_both_good_and_bad() {
        let fault =
            merged(vec![at(100, None, Some(Known::Good)), at(100, None, Some(Known::Bad))]).unwrap_err();
        assert_eq!(fault, "the deployment at 1970-01-01T00:01:40Z is listed as good and as bad");
    }
}
