//! Starts pipelines by the triggers of `rollback`, one after the other, each with a once-only id. Must not start one twice
//! for one event: that an event is sent again is no reason, and an answer that never came is none either.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use tokio::sync::watch;

use super::Happened;
use crate::api::effect::Acted;
use crate::api::{Allowance, Effect};
use crate::event::id::{Parts, once_only};
use crate::event::{Cause, Deploy, Event};
use crate::gate::outcome::{ActionRecord, ActionStatus};
use crate::host::Host;
use crate::host::clock::between;
use crate::rollback::act::GRACE;
use crate::rollback::{ACTING, Order, Trigger};

/// A pipeline that is to be started.
#[derive(Debug)]
pub(crate) struct Start {
    /// The rule that matched.
    pub rule: &'static str,
    /// The pipeline.
    pub pipeline: String,
    /// Why.
    pub because: String,
    /// What the event says, by name.
    pub values: BTreeMap<String, String>,
    /// What starts it.
    pub triggers: Vec<Box<dyn Trigger>>,
}

/// Whom a deployment is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The policy's name.
    pub policy: &'a str,
    /// What is to be deployed.
    pub service: Option<&'a str>,
    /// Where.
    pub environment: Option<&'a str>,
    /// Which version, where the event names none.
    pub version: Option<&'a str>,
    /// Names the run.
    pub run_id: &'a str,
}

/// The once-only id of what `trigger`, the `twin`th of its kind and address, is told to start.
fn id(start: &Start, trigger: &dyn Trigger, twin: usize, event: &Happened, asked: Asked<'_>) -> String {
    let twin = if twin == 0 { String::new() } else { format!(" #{}", twin + 1) };
    let target = format!("{} {}{twin} {}", trigger.kind(), trigger.identity(), start.pipeline);
    once_only(&Parts {
        purpose: "deploy",
        target: &target,
        policy: asked.policy,
        service: asked.service,
        environment: asked.environment,
        version: event.version.as_deref().or(asked.version),
        deployment: &event.key,
    })
}

/// Starts all of `starts`, in their order; what each trigger came to. A signal lets what is in flight finish, five seconds
/// at most, and begins nothing new.
pub(crate) async fn fire(
    starts: &[Start],
    event: &Happened,
    asked: Asked<'_>,
    host: &Host,
) -> Vec<(String, ActionRecord)> {
    let run_url = crate::pipeline::run_url(&host.env);
    let mut known: Vec<String> = Vec::new();
    let mut events = Vec::new();
    for start in starts {
        for trigger in &start.triggers {
            let identity = format!("{} {} {}", trigger.kind(), trigger.identity(), start.pipeline);
            let twin = known.iter().filter(|one| **one == identity).count();
            known.push(identity);
            let deploy = Deploy {
                id: id(start, &**trigger, twin, event, asked),
                run_id: asked.run_id,
                policy: asked.policy,
                service: asked.service,
                environment: asked.environment,
                version: event.version.as_deref().or(asked.version),
                pipeline: &start.pipeline,
                reason: &start.because,
                run_url: run_url.as_deref(),
                cause: Cause {
                    event: event.name.clone(),
                    rule: start.rule.to_owned(),
                    values: start.values.clone(),
                },
            };
            events.push((start, &**trigger, Event::deploy(deploy, &host.output.redactor)));
        }
    }
    let mut signals = host.signals.listen();
    let (end, ending) = watch::channel(false);
    let done: RefCell<Vec<(String, ActionRecord)>> = RefCell::default();
    let work = async {
        for (start, trigger, event) in &events {
            let order = Order { event, allowance: Allowance::new(host, ACTING, ending.clone()) };
            let record = one(*trigger, &order, host).await;
            done.borrow_mut().push((start.pipeline.clone(), record));
        }
    };
    let ended = async {
        if signals.next().await.is_none() {
            std::future::pending::<()>().await;
        }
        end.send_replace(true);
        host.clock.sleep(GRACE).await;
    };
    if let Either::Right(_) = select(std::pin::pin!(work), std::pin::pin!(ended)).await {
        let mut done = done.borrow_mut();
        let open = done.len();
        for (index, (start, trigger, event)) in events.iter().enumerate().skip(open) {
            let effect = if index == open {
                let why = "the run was ended before an answer came; it may have been received";
                Effect::because(ActionStatus::Unknown, why)
            } else {
                Effect::because(ActionStatus::Failed, "the run was ended before it was begun")
            };
            done.push((
                start.pipeline.clone(),
                effect.record(acted(*trigger, event, 0, Duration::ZERO), &host.output.redactor),
            ));
        }
    }
    done.take()
}

async fn one(trigger: &dyn Trigger, order: &Order<'_>, host: &Host) -> ActionRecord {
    let began = host.clock.now();
    let effect = if order.allowance.ended() {
        Effect::because(ActionStatus::Failed, "the run was ended before it was begun")
    } else {
        host.clock.timeout(ACTING, trigger.fire(order)).await.unwrap_or_else(|| {
            let why = "there was no answer within two minutes; it may have been received";
            Effect::because(ActionStatus::Unknown, why)
        })
    };
    let took = between(began, host.clock.now());
    effect.record(acted(trigger, order.event, order.allowance.attempts(), took), &host.output.redactor)
}

fn acted<'a>(trigger: &'a dyn Trigger, event: &Event, attempts: u32, took: Duration) -> Acted<'a> {
    Acted {
        kind: trigger.kind(),
        purpose: "deploy",
        target: trigger.target(),
        attempts,
        id: Some(event.id.clone()),
        took,
    }
}
