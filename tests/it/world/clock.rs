//! A clock that jumps: when every task of the (single-threaded) runtime waits, it advances to the next moment that
//! somebody waits for. No real time passes, and the order of things is always the same.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate::host::clock::Clock;

#[derive(Clone)]
pub struct VirtualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Timestamp,
    sequence: u64,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
}

impl VirtualClock {
    pub fn new(now: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new(State { now, sequence: 0, sleepers: BTreeMap::new() })) }
    }

    /// A runtime that advances this clock whenever it would park. It has no driver for sockets: whatever waits for
    /// anything else than this clock is a hang, and panics.
    pub fn runtime(&self) -> tokio::runtime::Runtime {
        let clock = self.clone();
        tokio::runtime::Builder::new_current_thread().on_thread_park(move || clock.advance()).build().unwrap()
    }

    fn advance(&self) {
        let mut state = self.state.lock().unwrap();
        let Some((&(at, _), _)) = state.sleepers.first_key_value() else {
            panic!("every task waits, and none of them for the clock");
        };
        state.now = state.now.max(at);
        let now = state.now;
        let later = state.sleepers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        for waker in due.into_values() {
            waker.wake();
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { clock: self.clone(), at, key: None })
    }
}

struct Sleep {
    clock: VirtualClock,
    at: Timestamp,
    key: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.state.lock().unwrap();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.sequence += 1;
        let key = self.key.unwrap_or((self.at, state.sequence));
        self.key = Some(key);
        state.sleepers.insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.state.lock().unwrap().sleepers.remove(&key);
        }
    }
}
