//! `rollgate backtest`: what a policy would have said of deployments of the past. This file is its conductor: finds the
//! deployments, has each judged, many at once, and tells what came of it. Must hold no rule of judging; nothing is
//! triggered, and nothing is written but what it prints.

pub(crate) mod counted;
pub(crate) mod deployment;
pub(crate) mod list;
mod marks;
mod find;
pub(crate) mod tune;
pub(crate) mod judged;
mod replay;
pub(crate) mod summary;
mod progress;
mod search;
pub(crate) mod report;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::check::rhythm::Rhythm;
use crate::cli::backtest::BacktestArgs;
use crate::exit::Exit;
use crate::host::Host;
use crate::host::clock::{between, later};
use crate::host::signals::Signal;
use crate::prepare::past::Past;
use counted::Tally;
use deployment::Deployment;
use judged::{Case, Said};
use progress::Progress;
use replay::Replaying;
use report::{Backtest, Ended, Judge};

/// Deployments that are judged at once, however many requests may be in flight: each holds the samples of its checks.
const MOST_AT_ONCE: usize = 32;

/// How often it is looked whether the sources still answer, and how far it is.
const TICK: Duration = Duration::from_millis(200);

/// Judges the past as `args` say.
pub(crate) async fn backtest(args: &BacktestArgs, host: &Host) -> Exit {
    let begin = host.clock.now();
    let inputs = args.inputs();
    let tally = Arc::<Tally>::default();
    let talk = |text: &str| host.output.talk(text.trim_end());
    let mut pasts = Vec::new();
    for files in [&args.policy, &args.compare].into_iter().filter(|files| !files.is_empty()) {
        match Past::read(files, &inputs, &tally, host) {
            Ok(past) => pasts.push(past),
            Err(refused) => {
                talk(&refused.text(host.output.colour));
                return Exit::Usage;
            }
        }
    }
    let mut signals = host.signals.listen();
    let searching = search::search(args, &pasts[0], begin, host);
    let searched = tokio::select! {
        biased;
        Some(signal) = signals.next() => return interrupted(signal),
        searched = searching => searched,
    };
    let found = match searched {
        Ok(found) => found,
        Err((exit, text)) => {
            talk(&text);
            return exit;
        }
    };
    for note in &found.notes {
        talk(&format!("note: {note}"));
    }
    for past in &pasts {
        match past.check(&found.deployments, host) {
            Ok(warnings) => warnings.iter().for_each(|warning| talk(&format!("warning: {warning}"))),
            Err(refused) => {
                talk(&refused.text(host.output.colour));
                return Exit::Usage;
            }
        }
    }
    let concurrency = usize::from(args.concurrency);
    let at_once = concurrency.min(MOST_AT_ONCE);
    let all = All {
        pasts: &pasts,
        // Each has its part of the requests that may be in flight.
        replaying: pasts
            .iter()
            .map(|_| Replaying {
                rhythm: Rhythm::default(),
                lanes: (concurrency / at_once).max(1),
                tune: args.tune,
            })
            .collect(),
        tally: &tally,
        at_once,
        host,
    };
    let progress = (!args.quiet).then(|| Progress::new(found.deployments.len(), &host.output, begin));
    let (cases, ended) = all.judge(found.deployments, progress, &mut signals).await;
    if cases.iter().all(|case| case.said.iter().all(|said| matches!(said, None | Some(Said::LeftOut(_)))))
        && let Ended::Finished = ended
    {
        let why = cases.iter().flat_map(|case| &case.said).flatten().find_map(|said| match said {
            Said::LeftOut(why) => Some(why.as_str()),
            Said::Judged(_) => None,
        });
        talk(&format!("error: none of the deployments can be judged: {}", why.unwrap_or_default()));
        return Exit::Usage;
    }
    let result = Backtest {
        judges: pasts.iter().map(Judge::of).collect(),
        cases,
        tuned: args.tune,
        queries: tally.asked(),
        took: between(begin, host.clock.now()),
        ended,
    };
    if let Ended::Down(reason) = &result.ended
        && tally.never_answered()
    {
        talk(&format!("error: nothing is answered: {reason}"));
        return Exit::Failure;
    }
    let redact = |text: &str| host.output.redactor.redact(text).into_owned();
    if let Some(format) = report::FORMATS.iter().find(|format| format.name() == args.format) {
        host.output.data(&format.render(&result, &redact));
    }
    match &result.ended {
        Ended::Finished => Exit::Pass,
        Ended::Interrupted(signal) => interrupted(*signal),
        Ended::Down(reason) => {
            talk(&format!("error: given up, as nothing is answered any more: {reason}"));
            Exit::Failure
        }
    }
}

const fn interrupted(signal: Signal) -> Exit {
    match signal {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    }
}

/// All deployments under all policies.
struct All<'a> {
    pasts: &'a [Past],
    replaying: Vec<Replaying>,
    tally: &'a Tally,
    at_once: usize,
    host: &'a Host,
}

impl All<'_> {
    /// What came of `deployments`, as far as it came, in order of time.
    async fn judge(
        &self,
        deployments: Vec<Deployment>,
        mut progress: Option<Progress>,
        signals: &mut stream::BoxStream<'static, Signal>,
    ) -> (Vec<Case>, Ended) {
        let mut cases: Vec<Case> = deployments
            .into_iter()
            .map(|deployment| Case { deployment, said: self.pasts.iter().map(|_| None).collect() })
            .collect();
        let deployments: Vec<Deployment> = cases.iter().map(|case| case.deployment.clone()).collect();
        // The newest first: a source knows most of it, and the first is judged alone, so that all others know what it
        // has learnt.
        let order: Vec<usize> = (0..deployments.len()).rev().collect();
        let (first, others) = order.split_at(order.len().min(1));
        let mut done = 0;
        for (part, at_once) in [(first, 1), (others, self.at_once)] {
            let one = |index: &usize| {
                let (index, deployment) = (*index, &deployments[*index]);
                async move { (index, self.say(deployment).await) }
            };
            let mut running = stream::iter(part.iter().map(one)).buffer_unordered(at_once);
            loop {
                let tick = later(self.host.clock.now(), TICK);
                tokio::select! {
                    biased;
                    Some(signal) = signals.next() => {
                        self.clear(&mut progress);
                        return (cases, Ended::Interrupted(signal));
                    }
                    next = running.next() => {
                        let Some((index, said)) = next else { break };
                        cases[index].said = said.into_iter().map(Some).collect();
                        done += 1;
                        // The first one has asked everything, and nothing was answered.
                        if let Some(reason) = self.tally.refusal() {
                            self.clear(&mut progress);
                            return (cases, Ended::Down(reason));
                        }
                    }
                    () = self.host.clock.sleep_until(tick) => {}
                }
                if let Some(reason) = self.tally.gone() {
                    self.clear(&mut progress);
                    return (cases, Ended::Down(reason));
                }
                if let Some(progress) = &mut progress {
                    progress.show(done, self.tally.asked(), self.host.clock.now(), &self.host.output);
                }
            }
        }
        self.clear(&mut progress);
        (cases, Ended::Finished)
    }

    fn clear(&self, progress: &mut Option<Progress>) {
        if let Some(progress) = progress {
            progress.clear(&self.host.output);
        }
    }

    async fn say(&self, deployment: &Deployment) -> Vec<Said> {
        let mut said = Vec::with_capacity(self.pasts.len());
        for (past, replaying) in self.pasts.iter().zip(&self.replaying) {
            said.push(replaying.say(past, deployment, self.host).await);
        }
        said
    }
}

/// `span` before `at`.
fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}
