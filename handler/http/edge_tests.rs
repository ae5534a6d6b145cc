//! The edge with routes of the tests' own, over a real port.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use warp::Filter;

use super::*;
use crate::clock::SystemClock;
use crate::http::call::MAX_KEPT_BYTES;
use crate::http::connection::Shared as Serving;
use crate::http::connections::Connections;
use crate::http::request::{finish, nothing_here, parts};
use crate::http::server::serve;
use crate::http::table::ARM_ROUTES;
use crate::windows::Booking;

/// Serves `routes` as arm even does, and says what was counted.
async fn serving(routes: Routes) -> (SocketAddr, Arc<CallCounter>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let schedule = Schedule::default();
    let counter = Arc::new(CallCounter::new(Arc::clone(&clock), schedule, Booking::Both, uuid::Uuid::nil(), ARM_ROUTES));
    let calls = Arc::default();
    let observer = Observer { clock: Arc::clone(&clock), schedule, arm: Some(Arm::Even), calls, recorder: None, access: None };
    let config = EdgeConfig {
        clock: Arc::clone(&clock),
        schedule,
        ticket_key: None,
        arm: Some(Arm::Even),
        front: None,
        cors: CorsOrigins::Any,
        max_calls: 4,
        slow: Duration::ZERO,
        windows: Some(Arc::clone(&counter)),
        observer,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(Connections::new(Arc::clone(&clock), None));
    let (edge, stop) = (Edge::new(config, routes), CancellationToken::new());
    let shared = Serving { edge, redirector: None, connections, clock, stop, refused: Throttle::default() };
    tokio::spawn(serve(listener, shared, Duration::from_secs(1)));
    (address, counter)
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_call_is_a_500_of_ours_and_the_next_call_is_served() {
    let routes = parts().map(|request: Arc<RequestParts>| match request.path() {
        "/boom" => panic!("the disk is made of cheese"),
        _ => Ok(warp::reply::Response::new("fine".into())),
    });
    let (address, counter) = serving(finish(routes)).await;
    let answer = ask(address, "/boom").await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("/api/docs/problems#internal") && !answer.contains("cheese"), "{answer}");
    for _ in 0..8 {
        assert!(ask(address, "/fine").await.starts_with("HTTP/1.1 200"), "its place is free again");
    }
    let counts = counter.pending_windows(false);
    let errors: u64 = counts.iter().map(|window| window.counts.server_errors()).sum();
    let calls: u64 = counts.iter().map(|window| window.counts.calls()).sum();
    assert_eq!((calls, errors), (9, 1), "the arm's fault, not the caller's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_kept_in_part_however_long_it_is() {
    let (address, _) = serving(finish(parts().map(|_| Err(nothing_here())))).await;
    let answer = ask(address, &format!("/{}", "x".repeat(30_000))).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["instance"].as_str().unwrap().len(), MAX_KEPT_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_no_route_takes_is_a_failure_of_ours() {
    let elsewhere = warp::path("elsewhere").map(|| warp::reply::Response::new("".into()));
    let (address, _) = serving(finish(elsewhere.map(Ok::<_, Problem>))).await;
    let answer = ask(address, "/here").await;
    assert!(answer.starts_with("HTTP/1.1 500") && !answer.contains("Rejection"), "{answer}");
}
