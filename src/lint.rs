//! The work of `rollgate lint`: reads policies, looks at each, mends what can surely be mended, and asks their sources
//! where that is wanted. Must not need variables, secrets or a network else, and must not write what it could not read
//! again.

use std::path::{Path, PathBuf};

use crate::cli::inputs::InputArgs;
use crate::diagnostic::Sources;
use crate::findings::Fixed;
use crate::host::Host;
use crate::policy::node::{self, Node};
use crate::policy::parse::Document;
use crate::policy::problem::{Problem, Problems, Severity};
use crate::policy::{lint, mend};
use crate::rollback::{ParsedTrigger, parse_deployments};
use crate::{online, prepare};

/// Rounds of fixes after which what is left is reported: each mends what the one before has uncovered.
const ROUNDS: usize = 16;

/// Policies that were looked at.
pub(crate) struct Linted {
    /// The texts, as they are now.
    pub texts: Sources,
    /// The policies, in the order of the command.
    pub policies: Vec<Policy>,
    /// What was mended.
    pub fixed: Vec<Fixed>,
}

/// One policy: the files that are read together.
pub(crate) struct Policy {
    /// The files, as they were named.
    pub files: Vec<String>,
    /// What was found, by place.
    pub problems: Vec<Problem>,
    /// Those of the files that could be read.
    read: Vec<u16>,
    /// Why the others could not.
    unread: Problems,
}

/// Reads and looks at `groups` of files, each group as one policy.
pub(crate) fn lint(groups: &[&[PathBuf]], host: &Host) -> Linted {
    let mut texts = Sources::default();
    let mut policies = Vec::new();
    for group in groups {
        let mut unread = Problems::default();
        let read = prepare::read(group, host, &mut texts, &mut unread);
        let files = group.iter().map(|path| path.display().to_string()).collect();
        policies.push(Policy { files, problems: Vec::new(), read, unread });
    }
    for policy in &mut policies {
        policy.look(&texts);
    }
    Linted { texts, policies, fixed: Vec::new() }
}

impl Linted {
    /// Makes every sure fix, then those that these make possible, and writes the files that have changed.
    ///
    /// # Errors
    /// A sentence about each file that could not be written; it is as it was then.
    pub(crate) fn fix(&mut self, host: &Host) -> Result<(), Vec<String>> {
        let before = self.texts.clone();
        for policy in &mut self.policies {
            for _ in 0..ROUNDS {
                if !policy.mend(&mut self.texts, &mut self.fixed) {
                    break;
                }
            }
        }
        let mut faults = Vec::new();
        for policy in &mut self.policies {
            let mut whole = true;
            for index in policy.read.iter().copied() {
                let (name, text) = (before.name(index), self.texts.text(index));
                if text == before.text(index) {
                    continue;
                }
                if let Err(error) = host.files.overwrite(Path::new(name), text.as_bytes()) {
                    faults.push(format!("`{name}` cannot be written: {error}"));
                    self.fixed.retain(|fixed| fixed.file != name);
                    self.texts.put(index, before.text(index).to_owned());
                    whole = false;
                }
            }
            if !whole {
                policy.look(&self.texts);
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Keeps the secrets that are written in the policies out of all that is shown from now on.
    pub(crate) fn hide_secrets(&mut self, host: &Host) {
        for policy in &self.policies {
            prepare::hide_secrets(&policy.read, &mut self.texts, host);
        }
    }
}

impl Linted {
    /// Asks the sources of each policy what they hold, and adds what they tell.
    pub(crate) async fn ask(&mut self, inputs: &InputArgs, host: &Host) {
        let mut general = Problems::default();
        let values = prepare::read(&inputs.values, host, &mut self.texts, &mut general);
        for policy in &mut self.policies {
            let mut found = general.clone();
            let (spec, _) = prepare::parse_policy(&policy.read, &self.texts, &mut Problems::default());
            let online = prepare::online(inputs, &spec, &values, &self.texts, host, &mut found);
            let subject = online::Subject {
                spec: &spec,
                scope: &online.scope,
                sources: &online.sources,
                vault: &online.vault,
                deployed_at: online.deployed_at,
                at: online.at,
            };
            let mut told = online::look(&subject, host).await;
            policy.problems.retain(|problem| !told.disproves(problem));
            found.append(std::mem::take(&mut told.problems));
            let texts = &self.texts;
            let documents: Vec<Document<'_>> =
                policy.read.iter().map(|index| Document::of(texts, *index)).collect();
            let mut all = Problems::default();
            let told = found.sorted().into_iter().cloned().collect();
            policy
                .problems
                .drain(..)
                .chain(lint::not_allowed(&spec, &documents, told))
                .for_each(|one| all.push(one));
            policy.problems = all.sorted().into_iter().cloned().collect();
        }
    }
}

impl Policy {
    fn look(&mut self, texts: &Sources) {
        let mut problems = self.unread.clone();
        problems.append(look(&self.read, texts));
        self.problems = problems.sorted().into_iter().cloned().collect();
    }

    fn faults(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Fault).count()
    }

    /// Makes the sure fixes that do not get into each other's way. Whether there were any.
    fn mend(&mut self, texts: &mut Sources, fixed: &mut Vec<Fixed>) -> bool {
        let problems = self.problems.clone();
        let all: Vec<&Problem> = problems.iter().collect();
        if self.try_fixes(&all, texts, fixed) {
            return true;
        }
        // One of them does harm: the others are made without it.
        all.into_iter().any(|problem| self.try_fixes(&[problem], texts, fixed))
    }

    /// Makes the sure fixes of `problems` unless the policy is worse for them. Whether they were made.
    fn try_fixes(&mut self, problems: &[&Problem], texts: &mut Sources, fixed: &mut Vec<Fixed>) -> bool {
        let mut mended = texts.clone();
        let mut told = Vec::new();
        for index in self.read.iter().copied() {
            let (text, made) = mend::apply(texts.text(index), index, problems);
            if made.is_empty() {
                continue;
            }
            let as_meant = tree(index, texts.text(index))
                .zip(tree(index, &text))
                .is_some_and(|(before, after)| mend::is_as_meant(&before, &after, &made));
            if !as_meant || text == texts.text(index) {
                return false;
            }
            told.extend(made.into_iter().filter_map(|problem| {
                let at = crate::diagnostic::location(problem, texts)?;
                let title = problem.fix.as_ref()?.title.clone();
                Some(Fixed { file: at.file, line: at.start.0, id: problem.id, title })
            }));
            mended.put(index, text);
        }
        if told.is_empty() {
            return false;
        }
        let before = self.faults();
        let kept = std::mem::take(&mut self.problems);
        self.look(&mended);
        if self.faults() > before {
            self.problems = kept;
            return false;
        }
        *texts = mended;
        fixed.append(&mut told);
        true
    }
}

fn tree(index: u16, text: &str) -> Option<Node> {
    let mut problems = Problems::default();
    let tree = node::read(index, text, &mut problems)?;
    (!problems.any_fault()).then_some(tree)
}

/// What is wrong with the policy that the texts `read` are together.
fn look(read: &[u16], texts: &Sources) -> Problems {
    let mut problems = Problems::default();
    let (spec, triggers) = prepare::parse_policy(read, texts, &mut problems);
    // Mistakes in queries hide nothing: their checks are there.
    let complete = !problems.sorted().iter().any(|problem| problem.id.is_none());
    let documents: Vec<Document<'_>> = read.iter().map(|index| Document::of(texts, *index)).collect();
    // Their faults have been told.
    let deploying = spec.deployments.trigger.iter();
    let deploying = deploying.flat_map(|node| parse_deployments(node, &mut Problems::default()));
    let deploying: Vec<ParsedTrigger> = deploying.collect();
    let all = triggers.iter().chain(&deploying);
    let sent: Vec<_> = all.filter_map(|trigger| trigger.spec.exposure()).collect();
    let subject = lint::Subject { spec: &spec, documents: &documents, triggers: &sent, complete };
    problems.append(lint::look(subject));
    problems
}
