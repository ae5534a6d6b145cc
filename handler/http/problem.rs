//! Errors as callers see them: `application/problem+json` (RFC 9457).
//!
//! Which constructor to use where: [`Problem::new`] with a [`ProblemKind`] whenever the caller can do something about it, with a detail that
//! says what; [`Problem::internal`] when it cannot, with the cause for the log line at the boundary. The cause never reaches a client.

use std::fmt;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use warp::Reply;

use crate::comparison::ComparisonError;
use crate::domain::run::RunRefusal;
use crate::store::StoreError;
use crate::store::runs::RunError;

/// Where every problem type is documented; a type is this address and the kind's slug.
pub const TYPE_BASE: &str = "/api/docs/problems#";

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident => $slug:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, in the terms of the documentation: one kind, one type address, one status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($(#[doc = $doc])+ $name,)+ }

        impl ProblemKind {
            /// Every kind there is.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$name,)+];

            /// Last part of the type's address.
            #[must_use]
            pub const fn slug(self) -> &'static str { match self { $(ProblemKind::$name => $slug,)+ } }

            /// The status the problem travels with.
            #[must_use]
            pub const fn status(self) -> StatusCode { match self { $(ProblemKind::$name => StatusCode::$status,)+ } }

            /// Short summary of the kind, the same for every problem of it.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(ProblemKind::$name => $title,)+ } }

            /// What the kind means and what a caller can do, for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str { match self { $(ProblemKind::$name => concat!($($doc),+).trim_ascii(),)+ } }
        }
    };
}

kinds! {
    /// A query parameter, header or JSON body is not as the API describes it; the detail names it.
    BadRequest => "bad-request", BAD_REQUEST, "The request is malformed";
    /// No API key came with the call, or one that is not known. Send a valid key in the x-api-key header.
    Unauthorized => "unauthorized", UNAUTHORIZED, "A valid API key is required";
    /// The API key is known but lacks the scope the call needs.
    Forbidden => "forbidden", FORBIDDEN, "The API key may not do this";
    /// Nothing lives at this path, or no item has this id.
    NotFound => "not-found", NOT_FOUND, "Not found";
    /// The path exists but not for this method; the Allow header lists those it takes.
    MethodNotAllowed => "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The body did not arrive in time, or the call took longer than the time limit.
    Timeout => "timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    /// The request contradicts what is stored.
    Conflict => "conflict", CONFLICT, "The request conflicts with the current state";
    /// Another import holds charges of the same provider, billing account, sub-account and billing period; the detail names it. Import with the dataset it belongs to, so that the newer export replaces the older; delete that import first; or say overlap=add if both are meant.
    Overlap => "overlap", CONFLICT, "Another import holds these charges";
    /// The dataset has a newer export of the billing period than this one. To go back all the same, delete the newer import first.
    StaleExport => "stale-export", CONFLICT, "A newer export is stored";
    /// A declared run's margins and horizon never change. End the run, and declare another under a name of its own.
    RunImmutable => "run-immutable", CONFLICT, "A declared run never changes";
    /// The body is larger than the limit.
    TooLarge => "too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The request's target and headers together are longer than 64 KiB.
    HeadTooLarge => "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large";
    /// The body's content type is not one the path takes; the detail lists those it does.
    UnsupportedMediaType => "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The file is not a FOCUS file: empty, not CSV, or without the required columns.
    NotFocus => "not-focus", UNPROCESSABLE_ENTITY, "The file is not FOCUS data";
    /// No row was accepted, or rows were refused or cells unreadable and the import was strict, so nothing was stored; problems[] and warnings[] name line, column and reason.
    RowsRefused => "rows-refused", UNPROCESSABLE_ENTITY, "Rows were refused";
    /// The Idempotency-Key was used before with another body.
    KeyReused => "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key was used with another body";
    /// The program failed in a way the caller cannot mend; the request id finds the log line.
    Internal => "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// More calls are being served than the limit allows. Try again after Retry-After.
    Overloaded => "overloaded", SERVICE_UNAVAILABLE, "Too many calls at once";
    /// The instance is about to stop and serves what is on its way. Send further calls through the one URL.
    Stopping => "stopping", SERVICE_UNAVAILABLE, "The instance is about to stop";
    /// The database cannot be reached, or its schema is not current. Try again after Retry-After.
    StoreUnavailable => "store-unavailable", SERVICE_UNAVAILABLE, "The database is unavailable";
    /// Neither arm is up. Try again after Retry-After.
    NoArm => "no-arm", SERVICE_UNAVAILABLE, "No arm is up";
    /// The call was not finished within the time limit.
    DeadlineExceeded => "deadline-exceeded", GATEWAY_TIMEOUT, "The call took too long";
}

/// Seconds a caller is asked to wait where a problem passes by itself.
const RETRY_AFTER_S: &str = "2";

/// A problem as it is sent (RFC 9457), as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument<'call> {
    /// The address that documents this type of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/api/docs/problems#not-found")]
    kind: String,
    /// Short summary of the type; the same for every problem of it.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The status it was sent with.
    #[schema(example = 404)]
    status: u16,
    /// What went wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "there is no import with this id")]
    detail: Option<&'call str>,
    /// The path that was called.
    #[schema(format = "uri-reference", example = "/api/imports/01a20884-36b2-7617-80dc-da0b32511652")]
    instance: &'call str,
    /// The call's id, which finds its log line.
    #[schema(example = "01a20884-36b2-7617-80dc-da0b32511652")]
    request_id: &'call str,
    /// What this type of problem says beside: `parameter` names a wrong one, `problems` lists refused rows or charges.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, Value>)]
    extensions: Map<String, Value>,
}

/// One problem, ready to be a reply. `instance` and `request_id` are filled in at the boundary, which also logs the cause.
pub struct Problem {
    /// What went wrong.
    pub kind: ProblemKind,
    detail: Option<String>,
    extensions: Vec<(String, Value)>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What the Allow header says.
    allow: Option<String>,
}

impl Problem {
    /// A problem the caller can understand; `detail` is for them.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem { kind, detail: Some(detail.into()), extensions: Vec::new(), cause: None, allow: None }
    }

    /// A failure of ours: the caller learns only the request id, the log line gets the cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Problem { kind: ProblemKind::Internal, detail: None, extensions: Vec::new(), cause: Some(cause.into()), allow: None }
    }

    /// Whether the database was lost while it was asked: asking once more may find it again.
    #[must_use]
    pub fn is_lost_connection(&self) -> bool {
        self.cause.as_ref().and_then(|cause| cause.downcast_ref::<StoreError>()).is_some_and(|error| matches!(error, StoreError::Lost(_)))
    }

    /// 405 with the methods the path does take, as in `GET, POST`.
    #[must_use]
    pub fn method_not_allowed(allowed: &str) -> Self {
        let mut problem = Problem::new(ProblemKind::MethodNotAllowed, format!("this path takes {allowed}"));
        problem.allow = Some(allowed.to_owned());
        problem
    }

    /// What a person can be told of it.
    #[must_use]
    pub fn words(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.kind.title())
    }

    /// The same problem with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same problem with an extension member (RFC 9457, section 3.2).
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.push((member.to_owned(), value.into()));
        self
    }

    /// The whole chain of causes, for the log line; empty where there is none.
    #[must_use]
    pub fn cause_chain(&self) -> String {
        self.cause.as_deref().map_or_else(String::new, |cause| crate::causes::chain(cause))
    }

    /// The problem as a document about the call `request_id` to `path`.
    #[must_use]
    pub fn document(&self, path: &str, request_id: &str) -> Value {
        let document = ProblemDocument {
            kind: format!("{TYPE_BASE}{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.as_deref(),
            instance: path,
            request_id,
            extensions: self.extensions.iter().cloned().collect(),
        };
        serde_json::to_value(document).unwrap_or_default()
    }

    /// The finished reply.
    #[must_use]
    pub fn response(&self, path: &str, request_id: &str) -> warp::reply::Response {
        let mut response = Response::new(self.document(path, request_id).to_string().into());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.kind {
            ProblemKind::Overloaded | ProblemKind::Stopping | ProblemKind::StoreUnavailable | ProblemKind::NoArm => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
            }
            ProblemKind::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey header=\"x-api-key\""));
            }
            _ => {}
        }
        if let Some(allow) = self.allow.as_ref().and_then(|allowed| HeaderValue::from_str(allowed).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Problem")
            .field("kind", &self.kind)
            .field("detail", &self.detail)
            .field("cause", &self.cause_chain())
            .finish()
    }
}

/// Carries a problem out of the routes to the boundary, which knows the path and the request id.
#[derive(Clone)]
pub(super) struct Carried(pub(super) std::sync::Arc<Problem>);

impl Reply for Problem {
    fn into_response(self) -> warp::reply::Response {
        let mut response = Response::new(Default::default());
        *response.status_mut() = self.kind.status();
        response.extensions_mut().insert(Carried(std::sync::Arc::new(self)));
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) | StoreError::Lost(_) => {
                Problem::new(ProblemKind::StoreUnavailable, "the database cannot be reached; try again shortly").because(error)
            }
            StoreError::Busy(_) => Problem::new(ProblemKind::Overloaded, format!("{error}; try again shortly")).because(error),
            StoreError::ReadOnly(_) => {
                Problem::new(ProblemKind::StoreUnavailable, "the database takes no writes at the moment; try again shortly").because(error)
            }
            StoreError::SchemaNotCurrent => {
                Problem::new(ProblemKind::StoreUnavailable, "the database's schema is not current").because(error)
            }
            StoreError::Timeout(_) => {
                Problem::new(ProblemKind::DeadlineExceeded, "the database took too long; ask for less at once").because(error)
            }
            _ => Problem::internal(error),
        }
    }
}

impl From<RunRefusal> for Problem {
    fn from(refusal: RunRefusal) -> Self {
        let kind = match &refusal {
            RunRefusal::Unknown(_) => ProblemKind::NotFound,
            RunRefusal::Immutable(_) => ProblemKind::RunImmutable,
            RunRefusal::NoSetUp | RunRefusal::NameTaken(_) | RunRefusal::Underway { .. } => ProblemKind::Conflict,
            RunRefusal::Margin(_)
            | RunRefusal::BadLength
            | RunRefusal::BadExclusion
            | RunRefusal::BadReason
            | RunRefusal::OutsideRun(_) => ProblemKind::BadRequest,
        };
        Problem::new(kind, refusal.to_string())
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Refused(refusal) => refusal.into(),
            RunError::Store(error) => error.into(),
        }
    }
}

impl From<ComparisonError> for Problem {
    fn from(error: ComparisonError) -> Self {
        match error {
            ComparisonError::Store(error) => error.into(),
            ComparisonError::Busy => Problem::new(ProblemKind::Overloaded, format!("{error}; try again shortly")).because(error),
            ComparisonError::NoSuchRun(refusal) => refusal.into(),
            ComparisonError::SeedUnknown(_) => Problem::new(ProblemKind::Conflict, error.to_string()),
            ComparisonError::Decisions(_) | ComparisonError::Arithmetic(_) => Problem::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_comparison_whose_task_failed_is_internal_and_one_whose_store_failed_is_the_stores() {
        let failed = tokio::spawn(async { panic!("on purpose") }).await.expect_err("a panic");
        let problem = Problem::from(ComparisonError::Arithmetic(failed));
        assert_eq!(problem.kind, ProblemKind::Internal);
        assert!(problem.cause_chain().starts_with("the task that makes the report failed: "), "{}", problem.cause_chain());
        let away = Problem::from(ComparisonError::Store(StoreError::Unavailable("connection refused".into())));
        assert_eq!(away.kind, ProblemKind::StoreUnavailable);
        let refused = Problem::from(ComparisonError::Busy).response("/api/report", "r1");
        assert!(refused.status() == StatusCode::SERVICE_UNAVAILABLE && refused.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn every_kind_has_its_own_slug_an_error_status_and_a_meaning() {
        let mut slugs = std::collections::HashSet::new();
        for kind in ProblemKind::ALL {
            assert!(slugs.insert(kind.slug()), "{kind:?} repeats a slug");
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            assert!(kind.meaning().ends_with('.'), "{kind:?} is not explained");
        }
    }

    #[test]
    fn the_cause_reaches_the_log_and_never_the_document() {
        let problem = Problem::internal(std::io::Error::other("password=hunter2"));
        assert_eq!(problem.cause_chain(), "password=hunter2");
        assert!(!problem.document("/api/costs", "r1").to_string().contains("hunter2"));
    }

    #[test]
    fn the_document_follows_rfc_9457() {
        let problem = Problem::new(ProblemKind::BadRequest, "limit must be a number").with("parameter", "limit");
        let expected = json!({
            "type": "/api/docs/problems#bad-request", "title": "The request is malformed", "status": 400,
            "detail": "limit must be a number", "instance": "/api/charges", "request_id": "r1", "parameter": "limit"
        });
        assert_eq!(problem.document("/api/charges", "r1"), expected);
        let response = problem.response("/api/charges", "r1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
