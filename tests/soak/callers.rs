//! Callers who know the one URL, and what they saw of every call they sent: the account is made from this and from nothing the program says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use switchback::clock::{Clock, SystemClock};
use switchback::domain::arm::{Arm, ByArm};

/// Callers at once.
pub const CALLERS: usize = 6;
/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(60);
/// Longer than any fault lasts: who waits is answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// What callers ask for, in turn.
const PATHS: [&str; 4] =
    ["/api/instance", "/api/costs?group_by=provider", "/api/charges?limit=5", "/api/costs?group_by=service&period=day"];

/// A minute as the router names it, and the arm.
pub type Place = (String, Arm);

/// What was seen of the calls sent to one place.
#[derive(Debug, Default, Clone)]
pub struct PlaceSeen {
    /// When the router sent a caller there, each time.
    pub redirected: Vec<Duration>,
    /// When the arm answered, each time.
    pub answered: Vec<Duration>,
    /// Calls that may or may not have reached the arm: no answer came, and no refusal to connect.
    pub unanswered: u64,
}

/// What callers saw altogether.
#[derive(Debug, Default, Clone)]
pub struct SeenCalls {
    /// Calls sent to the one URL.
    pub sent: u64,
    /// Those nothing was listening for.
    pub refused: u64,
    /// Those the router answered with 503, since it had no arm.
    pub turned_away: u64,
    /// Those that may or may not have reached the router.
    pub unanswered: u64,
    /// Calls that went on to an arm nothing listened at.
    pub arm_refused: u64,
    /// Answers of arms by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that no fault excuses: a 5xx that does not say when to try again.
    pub unexcused: Vec<String>,
    /// By minute and arm.
    pub places: BTreeMap<Place, PlaceSeen>,
}

/// What callers share.
pub struct Seen<'clock> {
    clock: &'clock SystemClock,
    calls: Mutex<SeenCalls>,
}

impl<'clock> Seen<'clock> {
    pub fn new(clock: &'clock SystemClock) -> Self {
        Seen { clock, calls: Mutex::default() }
    }

    /// Everything seen so far.
    pub fn calls(&self) -> SeenCalls {
        self.calls.lock().unwrap().clone()
    }

    /// One call through the one URL: asks the router, follows, and notes what became of it. None: no answer of an arm came.
    pub fn call(&self, client: &Client, method: &Method, url: &str, body: Option<&str>) -> Option<(u16, String)> {
        let note = |note: &dyn Fn(&mut SeenCalls)| note(&mut self.calls.lock().unwrap());
        note(&|seen| seen.sent += 1);
        let redirect = match client.request(method.clone(), url).send() {
            Ok(redirect) => redirect,
            Err(error) => {
                note(&|seen| if error.is_connect() { seen.refused += 1 } else { seen.unanswered += 1 });
                return None;
            }
        };
        if redirect.status() == 503 {
            assert!(redirect.headers().contains_key("retry-after"), "a 503 without Retry-After");
            note(&|seen| seen.turned_away += 1);
            return None;
        }
        assert_eq!(redirect.status(), 307, "the router redirects");
        let header = |name: &str| redirect.headers()[name].to_str().unwrap().to_owned();
        let (location, place) = (header("location"), (header("switchback-minute"), header("switchback-arm").parse::<Arm>().unwrap()));
        let at = self.clock.uptime();
        note(&|seen| seen.places.entry(place.clone()).or_default().redirected.push(at));
        let mut request = client.request(method.clone(), location);
        if let Some(body) = body {
            request = request.header("content-type", "text/csv").body(body.to_owned());
        }
        match request.send().and_then(whole) {
            Ok((status, retry_after, text)) => {
                assert!(status != 503 || retry_after, "a 503 without Retry-After");
                let at = self.clock.uptime();
                note(&|seen| {
                    *seen.statuses.entry(status).or_default() += 1;
                    if status >= 500 && !matches!(status, 503 | 504) {
                        seen.unexcused.push(format!("{method} {url} after {at:.1?}: {text}"));
                    }
                    seen.places.entry(place.clone()).or_default().answered.push(at);
                });
                Some((status, text))
            }
            Err(error) => {
                note(&|seen| {
                    if error.is_connect() {
                        seen.arm_refused += 1;
                    } else {
                        seen.places.entry(place.clone()).or_default().unanswered += 1;
                    }
                });
                None
            }
        }
    }
}

fn whole(response: Response) -> reqwest::Result<(u16, bool, String)> {
    let (status, retry_after) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    Ok((status, retry_after, response.text()?))
}

/// A client that follows nothing by itself and keeps no connection: a call that finds nobody listening was certainly not counted.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).no_proxy().redirect(Policy::none()).build().unwrap()
}

/// Calls until told to stop.
pub fn call_until(url: &str, caller: usize, seen: &Seen, stop: &AtomicBool) {
    let client = client();
    for path in PATHS.iter().cycle().skip(caller) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        seen.call(&client, &Method::GET, &format!("{url}{path}"), None);
        thread::sleep(PAUSE);
    }
}

/// Asks the arms for reports, which is supervision and in no window, until told to stop; how many came, and how many did not.
pub fn ask_for_reports_until(arms: &ByArm<String>, stop: &AtomicBool) -> (u32, u32) {
    let (client, mut came, mut missed) = (client(), 0, 0);
    for arm in Arm::BOTH.into_iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match client.get(format!("{}/api/report", arms[arm])).send() {
            Ok(answer) if answer.status() == 200 => came += 1,
            _ => missed += 1,
        }
        thread::sleep(Duration::from_secs(2));
    }
    (came, missed)
}
