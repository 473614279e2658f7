//! What is learnt from the sources before anything is planned: how often series are sampled, and how late their samples
//! come. Must not judge, and never fails: what cannot be learnt has a default.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::host::Host;
use crate::host::signals::Signal;
use crate::policy::model::Check;
use crate::prepare::Prepared;

/// Lets the probes of `prepared` learn, at most `concurrency` at once, and sets the intervals that nobody has written. A
/// signal ends it, and is returned.
pub(crate) async fn learn(
    prepared: &mut Prepared,
    concurrency: usize,
    host: &Host,
    signals: &mut BoxStream<'static, Signal>,
) -> Option<Signal> {
    let deployed = prepared.timing.deployed_at.is_some();
    let wants = |check: &&Arc<Check>| {
        let by_interval = !check.interval_written && !check.duration.is_zero();
        check.skipped.is_none() && (deployed || by_interval)
    };
    let probes = prepared.checks.iter().filter(wants).flat_map(|check| {
        let beside = check.beside.iter().map(|one| one.probe.clone());
        std::iter::once(check.probe.clone()).chain(beside)
    });
    let probes = stream::iter(probes.collect::<Vec<_>>());
    let learning = probes.for_each_concurrent(concurrency.max(1), |probe| async move {
        if let Some(learning) = probe.learn(host) {
            learning.await;
        }
    });
    let signal = tokio::select! {
        biased;
        signal = signals.next() => signal,
        () = learning => None,
    };
    for check in &mut prepared.checks {
        // Nobody else has it yet.
        if let Some(check) = Arc::get_mut(check).filter(|check| !check.interval_written) {
            // Of one sample where nothing was deployed nothing has been learnt.
            let learnt = deployed || !check.duration.is_zero();
            let scrape = if learnt { check.probe.scrape_interval() } else { None }.unwrap_or_default();
            check.interval = check.interval.max(scrape);
            let (duration, interval) = (check.duration, check.interval);
            check.history.iter_mut().for_each(|one| one.spread(duration, interval));
        }
    }
    if let Some(interval) =
        prepared.checks.iter().filter(|check| !check.interval_written).map(|check| check.interval).min()
    {
        prepared.policy.interval = interval;
    }
    signal
}
