//! The connections that are open: how many there may be, how many of one address, and which go first when they become too many.
//!
//! A connection is busy while a call is served on it and until all of its answer was taken by the system; else it is idle, whether its peer is
//! silent or sends a head byte by byte. Idle ones make room for others; where there are none, those whose peers do not read what they are sent.
//! Must not know what is served on one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Notify;

use crate::clock::Clock;

/// Connections held at once at most, where the system gives as many descriptors.
const MAX_CONNECTIONS: usize = 8_192;
/// Descriptors kept for everything but callers: the database, probes, files.
const RESERVED_DESCRIPTORS: usize = 64;
/// Idle connections that are closed together once nine tenths of the places are taken.
const CLOSED_TOGETHER: usize = 64;

/// Every connection there is.
#[derive(Debug)]
pub struct Connections {
    clock: Arc<dyn Clock>,
    limit: usize,
    /// Of one address; none: no bound.
    limit_per_address: Option<u32>,
    state: Mutex<State>,
    /// Woken when a place becomes free.
    freed: Notify,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    closed_idle: AtomicU64,
    refused_heads: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<u64, Arc<ConnectionActivity>>,
    by_address: HashMap<IpAddr, u32>,
}

/// What happens on one connection.
#[derive(Debug)]
pub struct ConnectionActivity {
    clock: Arc<dyn Clock>,
    /// Calls being served, and answers being sent.
    busy: AtomicU32,
    /// Whether its peer has yet to read what it was sent.
    unread: AtomicBool,
    /// Uptime since which it has been idle or unread, in milliseconds.
    idle_since_ms: AtomicU64,
    close: Notify,
}

/// A place among the open connections; dropped, it is free.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    number: u64,
    address: IpAddr,
    activity: Arc<ConnectionActivity>,
}

/// Keeps a connection busy; once the last is dropped, it is idle.
#[derive(Debug)]
pub struct Busy(Arc<ConnectionActivity>);

/// Keeps a connection busy whose peer has yet to read.
#[derive(Debug)]
pub struct Unread(Busy);

impl Connections {
    /// As many connections as the system gives descriptors for, 8,192 at most; of one address, `limit_per_address`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, limit_per_address: Option<u32>) -> Self {
        let limit = descriptors().saturating_sub(RESERVED_DESCRIPTORS).clamp(1, MAX_CONNECTIONS);
        Connections {
            clock,
            limit,
            limit_per_address,
            state: Mutex::default(),
            freed: Notify::new(),
            accepted: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            closed_idle: AtomicU64::new(0),
            refused_heads: AtomicU64::new(0),
        }
    }

    /// Waits until another connection may be taken.
    pub async fn vacancy(&self) {
        loop {
            let freed = self.freed.notified();
            if self.open() < self.limit {
                return;
            }
            freed.await;
        }
    }

    /// Takes a place for a connection from `address`. None where that address has as many as it may.
    #[must_use]
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = counted_as(address);
        let mut state = self.state();
        let from_address = state.by_address.entry(address).or_default();
        if self.limit_per_address.is_some_and(|limit| *from_address >= limit) {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *from_address += 1;
        let activity = Arc::new(ConnectionActivity::new(Arc::clone(&self.clock)));
        // Before it is one of them: who has just come has had no time to ask for anything.
        if state.open.len() >= self.limit / 10 * 9 {
            self.make_room(&state);
        }
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::clone(&activity));
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Place { connections: Arc::clone(self), number, address, activity })
    }

    /// Tells those that have been idle the longest to close; where these are too few, those that have been unread the longest.
    fn make_room(&self, state: &State) {
        let mut wanted = CLOSED_TOGETHER.min(self.limit / 10 + 1);
        let idle = |activity: &ConnectionActivity| !activity.is_busy();
        for closable in [idle, ConnectionActivity::is_unread] {
            let of_these = state.open.values().filter(|activity| closable(activity));
            let mut of_these: Vec<(u64, &Arc<ConnectionActivity>)> =
                of_these.map(|activity| (activity.idle_since_ms.load(Ordering::Relaxed), activity)).collect();
            if wanted > 0 && wanted < of_these.len() {
                of_these.select_nth_unstable_by_key(wanted - 1, |(since, _)| *since);
            }
            of_these.truncate(wanted);
            of_these.iter().for_each(|(_, activity)| activity.close.notify_one());
            wanted -= of_these.len();
        }
    }

    /// Notes a head that was no request: 400, 414 or 431 was answered without any route.
    pub fn refused_head(&self) {
        self.refused_heads.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    /// Connections taken since the process started.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed at once because their address had enough of them.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Connections closed to make room.
    #[must_use]
    pub fn closed_idle(&self) -> u64 {
        self.closed_idle.load(Ordering::Relaxed)
    }

    /// Heads that were no requests.
    #[must_use]
    pub fn refused_heads(&self) -> u64 {
        self.refused_heads.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX)
}

impl ConnectionActivity {
    /// A connection that has just been taken.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let idle_since_ms = AtomicU64::new(millis(clock.uptime()));
        ConnectionActivity { clock, busy: AtomicU32::new(0), unread: AtomicBool::new(false), idle_since_ms, close: Notify::new() }
    }

    /// The connection is busy as long as what this returns is kept.
    #[must_use]
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// The connection's peer has yet to read as long as what this returns is kept.
    #[must_use]
    pub fn unread(self: &Arc<Self>) -> Unread {
        let busy = self.busy();
        self.idle_from(self.clock.uptime());
        self.unread.store(true, Ordering::Relaxed);
        Unread(busy)
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire) > 0
    }

    fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Where the connection is idle, it has been since `uptime`.
    pub fn idle_from(&self, uptime: Duration) {
        self.idle_since_ms.store(millis(uptime), Ordering::Relaxed);
    }

    /// For how long the connection has been idle.
    #[must_use]
    pub fn idle(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        self.clock.uptime().saturating_sub(Duration::from_millis(self.idle_since_ms.load(Ordering::Relaxed)))
    }
}

impl Place {
    /// What happens on the connection, for whoever serves it.
    #[must_use]
    pub fn activity(&self) -> Arc<ConnectionActivity> {
        Arc::clone(&self.activity)
    }

    /// Waits until the connection is to make room for others, and may.
    pub async fn asked_to_close(&self) {
        loop {
            self.activity.close.notified().await;
            if !self.activity.is_busy() || self.activity.is_unread() {
                self.connections.closed_idle.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_from(self.0.clock.uptime());
        // Whoever sees it idle sees since when.
        self.0.busy.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let Unread(Busy(activity)) = self;
        activity.unread.store(false, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.open.remove(&self.number);
        if let Some(from_address) = state.by_address.get_mut(&self.address) {
            *from_address -= 1;
            if *from_address == 0 {
                state.by_address.remove(&self.address);
            }
        }
        drop(state);
        self.connections.freed.notify_one();
    }
}

/// The address a peer's connections are counted under: of IPv6 its network, since one host may use any address of its /64 (RFC 4291).
fn counted_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Descriptors this process may have open, once it has asked for all that it may ask for.
fn descriptors() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min(u64::try_from(MAX_CONNECTIONS + RESERVED_DESCRIPTORS).unwrap_or(u64::MAX));
    let current = current.unwrap_or(u64::MAX);
    let raised = wanted > current && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    usize::try_from(if raised { wanted } else { current }).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use time::macros::datetime;

    use super::*;
    use crate::clock::ManualClock;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn connections(limit: usize, limit_per_address: Option<u32>) -> (Arc<Connections>, ManualClock) {
        let clock = ManualClock::new(datetime!(2026-11-23 10:00 UTC));
        let connections = Connections { limit, ..Connections::new(Arc::new(clock.clone()), limit_per_address) };
        (Arc::new(connections), clock)
    }

    async fn is_asked_to_close(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(20), place.asked_to_close()).await.is_ok()
    }

    #[tokio::test]
    async fn past_nine_tenths_those_idle_the_longest_make_room_and_busy_ones_never_do() {
        let (connections, clock) = connections(20, None);
        let mut places = Vec::new();
        for _ in 0..18 {
            places.push(connections.enter(HERE).unwrap());
            clock.advance(Duration::from_secs(1));
        }
        let _busy = places[0].activity().busy();
        assert!(!is_asked_to_close(&places[1]).await, "there is room");
        places.push(connections.enter(HERE).unwrap());
        assert!(!is_asked_to_close(&places[0]).await, "it is busy");
        for oldest in &places[1..4] {
            assert!(is_asked_to_close(oldest).await);
        }
        assert!(!is_asked_to_close(&places[4]).await, "three are enough for now");
        assert_eq!((connections.open(), connections.accepted(), connections.closed_idle()), (19, 19, 3));
    }

    #[tokio::test]
    async fn peers_that_do_not_read_make_room_where_nobody_is_idle() {
        let (connections, clock) = connections(20, None);
        let (mut places, mut unread) = (Vec::new(), Vec::new());
        for _ in 0..17 {
            let place = connections.enter(HERE).unwrap();
            unread.push(place.activity().unread());
            places.push(place);
            clock.advance(Duration::from_secs(1));
        }
        let (idle, fresh) = (connections.enter(HERE).unwrap(), connections.enter(HERE).unwrap());
        assert!(is_asked_to_close(&idle).await && !is_asked_to_close(&fresh).await, "who has just come may ask first");
        assert!(is_asked_to_close(&places[0]).await && is_asked_to_close(&places[1]).await);
        assert!(!is_asked_to_close(&places[2]).await, "three are enough");
        drop((idle, fresh));
        let busy = connections.enter(HERE).unwrap();
        let _calls = busy.activity().busy();
        // The third has been read since, and serves another call.
        let _busy = places[2].activity().busy();
        drop(unread.remove(2));
        let fresh = connections.enter(HERE).unwrap();
        assert!(is_asked_to_close(&places[0]).await && is_asked_to_close(&places[1]).await && is_asked_to_close(&places[3]).await);
        for kept in [&places[2], &places[4], &busy, &fresh] {
            assert!(!is_asked_to_close(kept).await);
        }
    }

    #[tokio::test]
    async fn one_address_cannot_take_every_place() {
        let (connections, _) = connections(20, Some(2));
        let first = connections.enter(HERE).unwrap();
        let _second = connections.enter(HERE).unwrap();
        assert!(connections.enter(HERE).is_none());
        assert!(connections.enter(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))).is_some());
        drop(first);
        assert!(connections.enter(HERE).is_some());
        let v6 = |text: &str| connections.enter(text.parse().unwrap());
        let _network = (v6("2001:db8:0:1::1").unwrap(), v6("2001:db8:0:1:ffff::2").unwrap());
        assert!(v6("2001:db8:0:1::3").is_none(), "one host, whichever of its addresses it uses");
        assert!(v6("2001:db8:0:2::1").is_some());
        assert_eq!(connections.turned_away(), 2);
    }

    #[tokio::test]
    async fn a_full_house_waits_for_a_place() {
        let (connections, _) = connections(1, None);
        let place = connections.enter(HERE).unwrap();
        let vacancy = |connections: Arc<Connections>| async move { connections.vacancy().await };
        assert!(tokio::time::timeout(Duration::from_millis(20), vacancy(Arc::clone(&connections))).await.is_err());
        drop(place);
        tokio::time::timeout(Duration::from_secs(1), vacancy(connections)).await.expect("a place");
    }
}
