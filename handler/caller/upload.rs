//! Sending a file through the one URL: the redirect is asked for first, so that the bytes travel once and not once per redirect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Client, Url};
use serde::Deserialize;

use crate::config::BaseUrl;
use crate::contract::API_KEY;
use crate::domain::import::{ImportOrder, OverlapRule, RowProblem, Warning};
use crate::outgoing::{ClientError, http_client};

/// What the API said of a file.
#[derive(Debug)]
pub enum Uploaded {
    /// It was stored, or had been before.
    Stored {
        /// Whether these bytes had been imported before.
        again: bool,
        /// The import.
        import: ImportAnswer,
    },
    /// It was refused.
    Refused(ProblemAnswer),
}

/// An import as the API describes it.
#[derive(Debug, Deserialize)]
pub struct ImportAnswer {
    /// Its id.
    pub id: String,
    /// Rows stored.
    pub accepted: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Imports it took billing periods from.
    #[serde(default)]
    pub replaced: Vec<String>,
    /// The first refused rows.
    #[serde(default)]
    pub problems: Vec<RowProblem>,
    /// What could not be read.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// A problem document, as far as it is shown.
#[derive(Debug, Deserialize)]
pub struct ProblemAnswer {
    /// What kind of problem.
    pub title: String,
    /// Its status.
    pub status: u16,
    /// What is wrong this time.
    pub detail: Option<String>,
    /// Refused rows, where there are some.
    #[serde(default)]
    pub problems: Vec<RowProblem>,
    /// What could not be read.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// Why a file could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// No client could be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The other end did not answer, or not with what the API promises.
    #[error("the upload failed")]
    Http(#[from] reqwest::Error),
    /// A redirect led nowhere.
    #[error("the redirect names no usable address")]
    Redirect,
}

/// Sends files to one URL.
#[derive(Debug)]
pub struct Uploader {
    client: Client,
    url: BaseUrl,
    key: Option<String>,
}

impl Uploader {
    /// An uploader to `url` that presents `key`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(url: BaseUrl, key: Option<String>) -> Result<Uploader, ClientError> {
        Ok(Uploader { client: http_client()?, url, key })
    }

    /// Sends one file. One whose SHA-256 is named need not be sent where the other end has it already.
    ///
    /// # Errors
    /// [`UploadError`] where no answer came; a refusal is an answer.
    pub async fn upload<E>(
        &self,
        file: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        order: &ImportOrder,
        strict: bool,
        digest: Option<[u8; 32]>,
    ) -> Result<Uploaded, UploadError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let body = Body::wrap_stream(file);
        let mut request = self.client.post(self.target(order, strict).await?).header(CONTENT_TYPE, "application/octet-stream").body(body);
        if let Some(key) = &self.key {
            request = request.header(API_KEY, key);
        }
        if let Some(digest) = digest {
            request = request.header("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest)));
        }
        if let Some(name) = order.file_name.as_ref().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')) {
            request = request.header(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
        }
        let response = request.send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Uploaded::Stored { again: status == http::StatusCode::OK, import: response.json().await? });
        }
        Ok(Uploaded::Refused(response.json().await?))
    }

    /// The arm's address for this minute, where the URL is the router's; else the URL's own.
    async fn target(&self, order: &ImportOrder, strict: bool) -> Result<Url, UploadError> {
        let mut url = Url::parse(&format!("{}/api/imports", self.url)).map_err(|_| UploadError::Redirect)?;
        url.query_pairs_mut().append_pair("strict", if strict { "true" } else { "false" });
        if let Some(dataset) = &order.dataset {
            url.query_pairs_mut().append_pair("dataset", dataset.as_str());
        }
        if order.overlap == OverlapRule::Add {
            url.query_pairs_mut().append_pair("overlap", "add");
        }
        let asked = self.client.head(url).send().await?;
        let base = asked.url().clone();
        if !asked.status().is_redirection() {
            return Ok(base);
        }
        let location = asked.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        location.and_then(|location| base.join(location).ok()).ok_or(UploadError::Redirect)
    }
}
