//! Resources that take no anonymous items: each upload proves the managed identity, and without a token nothing is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use warp::Filter;

use crate::harness::{Role, caller, healthy_arm, nobody};
use crate::ingestion::{Ingestion, Mood};

const HEADER: &str = "a-secret-of-the-platform";

type SeenQueries = Arc<Mutex<Vec<HashMap<String, String>>>>;

/// The token service that App Service and Functions run beside the process. Its URL, and what it was asked for.
async fn token_service() -> (String, SeenQueries) {
    let asked = SeenQueries::default();
    let noted = Arc::clone(&asked);
    let routes = warp::path!("msi" / "token").and(warp::header::exact("x-identity-header", HEADER)).and(warp::query()).map(
        move |query: HashMap<String, String>| {
            let token = format!("token-of-{}", query["client_id"]);
            noted.lock().unwrap().push(query);
            warp::reply::json(&serde_json::json!({ "access_token": token, "expires_on": "4102444800" }))
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/msi/token", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(routes).incoming(listener).run());
    (url, asked)
}

/// Serves some calls as a router whose tokens come from `token_service`, then stops it.
async fn serve(ingestion: &Ingestion, token_service: &str) {
    let (even, odd) = (healthy_arm().await, healthy_arm().await);
    let connection = ingestion.connection_string();
    let settings = [
        ("SWITCHBACK_TELEMETRY_SAMPLING", "1"),
        ("SWITCHBACK_LOG", "error"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()),
        ("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=telemetry"),
        ("AZURE_CLIENT_ID", "app"),
        ("IDENTITY_ENDPOINT", token_service),
        ("IDENTITY_HEADER", HEADER),
    ];
    let router = Role::router(&even, &odd, &settings).await;
    let client = caller();
    for _ in 0..20 {
        assert_eq!(client.get(format!("{}/x", router.url)).send().await.unwrap().status(), 307);
    }
    assert!(router.stop(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_carries_the_configured_identitys_token() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let (url, asked) = token_service().await;
    serve(&ingestion, &url).await;
    assert_eq!(ingestion.of("RequestData").len(), 20);
    assert!(ingestion.uploads().iter().all(|proof| proof.as_deref() == Some("Bearer token-of-telemetry")), "{:?}", ingestion.uploads());
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "one token serves all uploads: {asked:?}");
    assert_eq!((asked[0]["resource"].as_str(), asked[0]["api-version"].as_str()), ("https://monitor.azure.com", "2019-08-01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_sent_and_calls_are_served() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    serve(&ingestion, &nobody()).await;
    assert!(ingestion.uploads().is_empty(), "{:?}", ingestion.uploads());
}
