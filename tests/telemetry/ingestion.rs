//! An ingestion service like that of Application Insights: takes gzipped JSON arrays at /v2/track and keeps the items, or misbehaves.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use warp::Filter;

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    /// As it should.
    Healthy,
    /// With this status and an empty document.
    Status(u16),
    /// As it should, after this long.
    Slow(Duration),
}

/// A running service.
pub struct Ingestion {
    address: SocketAddr,
    items: Arc<Mutex<Vec<Value>>>,
    uploads: Arc<Mutex<Vec<Option<String>>>>,
}

impl Ingestion {
    /// Starts one on a port of the system's choice.
    pub async fn start(mood: Mood) -> Self {
        let (items, uploads) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (taken, seen) = (Arc::clone(&items), Arc::clone(&uploads));
        let track = warp::path!("v2" / "track")
            .and(warp::post())
            .and(warp::header::exact("content-encoding", "gzip"))
            .and(warp::header::optional::<String>("authorization"))
            .and(warp::body::bytes())
            .then(move |authorization: Option<String>, body: Bytes| {
                let (taken, seen) = (Arc::clone(&taken), Arc::clone(&seen));
                async move {
                    seen.lock().unwrap().push(authorization);
                    match mood {
                        Mood::Status(status) => return warp::http::Response::builder().status(status).body("{}".to_owned()).unwrap(),
                        Mood::Slow(pause) => tokio::time::sleep(pause).await,
                        Mood::Healthy => {}
                    }
                    let mut text = String::new();
                    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
                    let batch: Vec<Value> = serde_json::from_str(&text).unwrap();
                    let count = batch.len();
                    taken.lock().unwrap().extend(batch);
                    let answer = serde_json::json!({ "itemsReceived": count, "itemsAccepted": count, "errors": [] });
                    warp::http::Response::new(answer.to_string())
                }
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(track).incoming(listener).run());
        Ingestion { address, items, uploads }
    }

    /// The connection string that makes a process send here.
    pub fn connection_string(&self) -> String {
        format!("InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=http://{}/", self.address)
    }

    /// Everything that arrived.
    pub fn items(&self) -> Vec<Value> {
        self.items.lock().unwrap().clone()
    }

    /// The items of one kind, such as `RequestData`.
    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.items().into_iter().filter(|item| item["data"]["baseType"] == kind).collect()
    }

    /// The Authorization header of every upload.
    pub fn uploads(&self) -> Vec<Option<String>> {
        self.uploads.lock().unwrap().clone()
    }
}
