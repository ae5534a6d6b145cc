//! Imports: FOCUS files in, what became of them out.

use bytes::Buf;
use futures_util::Stream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use warp::Reply;
use warp::reply::Response;

use crate::domain::hex;
use crate::domain::import::{Import, Imported, RowProblem};
use crate::domain::moment;
use crate::http::cursor::{self, Page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::json;
use crate::import::focus::FocusError;
use crate::import::{ImportError, ReadLimits, import_chunks};
use crate::store::Store;

/// An import of a FOCUS file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportDocument {
    /// The import's id.
    #[schema(format = "uuid", example = "01a20884-36b2-7617-80dc-da0b32511652")]
    id: String,
    /// SHA-256 of the file's bytes after decompression: the same digest is the same import.
    sha256: String,
    /// Bytes of the file after decompression.
    bytes: u64,
    /// Rows stored as charges.
    accepted: u64,
    /// Rows refused.
    rejected: u64,
    /// When it was stored.
    #[schema(format = "date-time")]
    created_at: String,
    /// The first refused rows, at most 1,000; lists of imports leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<RowProblemDocument>>,
}

/// A refused row.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowProblemDocument {
    /// Line of the file the row begins on; the header is on line 1.
    line: u64,
    /// Column as the file's header names it; null where the whole row is wrong.
    column: Option<String>,
    /// What is wrong.
    reason: String,
    /// The beginning of what stood there.
    value: String,
}

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportsDocument {
    /// The imports, newest first.
    imports: Vec<ImportDocument>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

impl ImportDocument {
    fn of(import: Import) -> ImportDocument {
        let summary = import.summary;
        ImportDocument {
            id: import.id.to_string(),
            sha256: hex::encode(&summary.digest),
            bytes: summary.bytes,
            accepted: summary.accepted,
            rejected: summary.rejected,
            created_at: moment::format(import.created_at),
            problems: Some(summary.problems.into_iter().map(RowProblemDocument::of).collect()),
        }
    }

    fn listed(import: Import) -> ImportDocument {
        ImportDocument { problems: None, ..ImportDocument::of(import) }
    }
}

impl RowProblemDocument {
    fn of(problem: RowProblem) -> RowProblemDocument {
        let RowProblem { line, column, reason, value } = problem;
        RowProblemDocument { line, column, reason, value }
    }
}

/// Stores a FOCUS file's charges, once.
///
/// # Errors
/// 400 for a wrong parameter or a body that breaks off, 413, 415, 422 for what is no FOCUS file or, when strict, for refused rows.
#[utoipa::path(
    post,
    path = "/api/imports",
    tag = "imports",
    summary = "Import a FOCUS file",
    description = "Stores the charges of a FOCUS file (FOCUS 1.0 to 1.2, plus the provider columns of 1.3 and 1.4) once: the same bytes again are the same import.",
    request_body(content_type = "text/csv", content = String, description = "A FOCUS file: CSV, plain or gzip; application/gzip and application/octet-stream are taken too"),
    params(("strict" = Option<bool>, Query, description = "With true one refused row refuses the file")),
    responses(
        (status = 201, description = "Stored; Location names the import", body = ImportDocument),
        (status = 200, description = "The same bytes were imported before: that import", body = ImportDocument),
        (status = 400, description = "A parameter is wrong, or the body broke off"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "The content type is not that of a FOCUS file"),
        (status = 422, description = "No FOCUS file, or rows were refused and the import was strict: problems[] names them"),
    )
)]
pub async fn create<B: Buf, E: std::error::Error + Send + Sync + 'static>(
    store: &Store,
    max_bytes: u64,
    headers: &HeaderMap,
    raw_query: Option<&str>,
    body: &mut (impl Stream<Item = Result<B, E>> + Unpin),
) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let strict = query.parsed("strict", "true or false", |text| text.parse().ok())?.unwrap_or(false);
    query.finish()?;
    check_type(headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > max_bytes) {
        return Err(ImportError::from(FocusError::TooLarge { limit: max_bytes }).into());
    }
    let (status, import) = match import_chunks(store, body, ReadLimits { max_bytes, strict }).await? {
        Imported::New(import) => (StatusCode::CREATED, import),
        Imported::Again(import) => (StatusCode::OK, import),
    };
    let location = HeaderValue::try_from(format!("/api/imports/{}", import.id)).map_err(Problem::internal)?;
    let mut response = warp::reply::with_status(json(&ImportDocument::of(import)), status).into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// The imports, newest first.
///
/// # Errors
/// 400 for a wrong parameter.
#[utoipa::path(
    get,
    path = "/api/imports",
    tag = "imports",
    summary = "List imports",
    description = "The newest first, without their refused rows.",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1_000, description = "Items a page, 1 to 1000; 100 where it is absent"),
        ("cursor" = Option<String>, Query, description = "Where the page begins: next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page; Link names the next", body = ImportsDocument),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn list(store: &Store, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let page: Page<Uuid> = Page::read(&mut query)?;
    query.finish()?;
    let mut imports = store.imports(page.after, page.limit + 1).await?;
    let more = imports.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
    if more {
        imports.pop();
    }
    let next_cursor = imports.last().filter(|_| more).map(|last| cursor::encode(&last.id));
    let document = ImportsDocument { imports: imports.into_iter().map(ImportDocument::listed).collect(), next_cursor };
    Ok(cursor::with_next(json(&document), "/api/imports", raw_query, document.next_cursor.as_deref()))
}

/// One import with its refused rows.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/api/imports/{id}",
    tag = "imports",
    summary = "Read an import",
    description = "With its refused rows.",
    params(("id" = String, Path, description = "The import's id")),
    responses(
        (status = 200, description = "The import", body = ImportDocument),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no import with this id"),
    )
)]
pub async fn read(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let import = store.import_by_id(parse_id(id)?).await?.ok_or_else(missing)?;
    Ok(json(&ImportDocument::of(import)))
}

/// Removes an import with all its charges. Its file can then be imported again.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    delete,
    path = "/api/imports/{id}",
    tag = "imports",
    summary = "Remove an import",
    description = "With all its charges; its file can then be imported again.",
    params(("id" = String, Path, description = "The import's id")),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no import with this id"),
    )
)]
pub async fn delete(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    if store.delete_import(parse_id(id)?).await? { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(missing()) }
}

fn missing() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no import with this id")
}

fn parse_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| missing())
}

/// The file itself is the body; its first bytes tell whether it is compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_ascii_lowercase());
    if let Some(encoding) = text(CONTENT_ENCODING).filter(|encoding| !matches!(encoding.trim(), "" | "identity" | "gzip" | "x-gzip")) {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            format!("content encoding {encoding} is not supported: send it plain or as gzip"),
        ));
    }
    let Some(content_type) = text(CONTENT_TYPE) else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let hint = match essence {
        "" | "text/csv" | "application/csv" | "application/gzip" | "application/x-gzip" | "application/octet-stream" => {
            return check_charset(parts);
        }
        "application/x-www-form-urlencoded" => "; curl sends this by default: add -H 'content-type: text/csv'",
        "multipart/form-data" => "; send the file as the body, as curl's --data-binary @FILE does",
        _ => "",
    };
    let detail =
        format!("'{essence}' is not how a FOCUS file is sent: expected text/csv, application/gzip or application/octet-stream{hint}");
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

fn check_charset<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let charset = parameters.find_map(|parameter| parameter.strip_prefix("charset=")).map(|charset| charset.trim_matches('"'));
    match charset {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(Problem::new(ProblemKind::UnsupportedMediaType, format!("charset {other} is not supported: expected utf-8"))),
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let file = match error {
            ImportError::File(file) => file,
            ImportError::Store(store) => return store.into(),
            reader @ ImportError::Reader(_) => return Problem::internal(reader),
        };
        let detail = file.to_string();
        match file {
            FocusError::TooLarge { .. } => Problem::new(ProblemKind::TooLarge, detail),
            FocusError::Source(_) => Problem::new(ProblemKind::BadRequest, "the body broke off before its end").because(file),
            FocusError::Stopped => Problem::internal(file),
            FocusError::RowsRefused(summary) => {
                let problems: Vec<RowProblemDocument> = summary.problems.into_iter().map(RowProblemDocument::of).collect();
                let problem = Problem::new(ProblemKind::RowsRefused, format!("{detail}; nothing was stored"));
                problem
                    .with("accepted", 0)
                    .with("rejected", summary.rejected)
                    .with("problems", serde_json::to_value(problems).unwrap_or_default())
            }
            _ => Problem::new(ProblemKind::NotFocus, detail),
        }
    }
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
