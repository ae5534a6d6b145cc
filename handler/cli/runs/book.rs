//! Where runs are kept: in a database, or behind a URL. Either way the API's own endpoints answer. Must not know what is printed.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::api::{self, JSON};
use crate::cli::failure::Failure;
use crate::config::BaseUrl;
use crate::domain::run::{Exclusion, ExclusionRequest, RunChoice, RunDocument};
use crate::http::endpoints::runs::{self, NewExclusion, NewRun, Nothing, RunsDocument};
use crate::http::problem::Problem;
use crate::store::Store;

/// Where runs are kept.
pub enum RunBook {
    /// A database.
    Store(Store),
    /// The one URL, or an arm's.
    Url(BaseUrl),
}

impl RunBook {
    /// Declares a run.
    pub async fn declare(&self, run: &NewRun) -> Result<RunDocument, Failure> {
        let (path, body) = ("/api/runs", body(run)?);
        let answer = match self {
            RunBook::Store(store) => api::answered(path, runs::declare(store, &json(), None, body.as_bytes()).await).await,
            RunBook::Url(url) => api::call(url, Method::POST, path, JSON, Some(body)).await,
        };
        read(&answer?)
    }

    /// The newest runs.
    pub async fn list(&self) -> Result<RunsDocument, Failure> {
        let path = "/api/runs";
        let answer = match self {
            RunBook::Store(store) => api::answered(path, runs::list(store, None).await).await,
            RunBook::Url(url) => api::call(url, Method::GET, path, JSON, None).await,
        };
        read(&answer?)
    }

    /// One run.
    pub async fn read(&self, run: &RunChoice) -> Result<RunDocument, Failure> {
        let path = format!("/api/runs/{run}");
        let answer = match self {
            RunBook::Store(store) => api::answered(&path, runs::read(store, &run.to_string(), None).await).await,
            RunBook::Url(url) => api::call(url, Method::GET, &path, JSON, None).await,
        };
        read(&answer?)
    }

    /// Ends a run.
    pub async fn end(&self, run: &RunChoice) -> Result<RunDocument, Failure> {
        let (path, body) = (format!("/api/runs/{run}/end"), body(&Nothing {})?);
        let answer = match self {
            RunBook::Store(store) => api::answered(&path, runs::end(store, &run.to_string(), &json(), None, body.as_bytes()).await).await,
            RunBook::Url(url) => api::call(url, Method::POST, &path, JSON, Some(body)).await,
        };
        read(&answer?)
    }

    /// Leaves minutes out.
    pub async fn exclude(&self, run: Option<&RunChoice>, exclusion: NewExclusion) -> Result<Exclusion, Failure> {
        match (self, run) {
            (RunBook::Store(store), run) => {
                let NewExclusion { from, to, reason } = exclusion;
                let excluded = store.exclude_minutes(run, ExclusionRequest { from, to, reason }).await;
                Ok(excluded.map_err(|error| api::refusal("/api/runs", &Problem::from(error)))?.item)
            }
            (RunBook::Url(_), None) => Err(Failure::input("name the run whose minutes these are: --run current, its id or its name")),
            (RunBook::Url(url), Some(run)) => {
                let path = format!("/api/runs/{run}/exclusions");
                read(&api::call(url, Method::POST, &path, JSON, Some(body(&exclusion)?)).await?)
            }
        }
    }
}

fn json() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, JSON)])
}

fn body(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::operation(&error))
}

fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    serde_json::from_str(answer).map_err(|error| Failure::Operation(format!("the answer is not as expected: {error}")))
}
