//! Signing in and out: a browser presents an API key once, and has a session from then on.

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use warp::reply::Response;

use crate::config::keys::Scope;
use crate::http::auth::Trust;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::{self, see_other, wants_page};
use crate::http::request::{RequestParts, media_type};
use crate::http::session::{clear_cookie, set_cookie};
use crate::page::render_sign_in;

/// Largest form.
pub const MAX_BODY_BYTES: usize = 16_384;

/// The form that asks for a key.
///
/// # Errors
/// 400 for an unknown parameter.
#[utoipa::path(
    get,
    path = "/sign-in",
    tag = "pages",
    summary = "Ask for a key",
    description = "The page where a browser presents an API key once. Where no keys are set there is nothing to sign in to, and the answer leads on.",
    params(("next" = Option<String>, Query, description = "The path to go to afterwards; / where it is absent")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 303, description = "Nothing to sign in to"),
        (status = 400, description = "A parameter is unknown"),
    )
)]
pub fn ask(trust: &Trust, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let next = query.text("next")?.unwrap_or_default();
    query.finish()?;
    if !trust.takes_sessions() {
        return see_other(own_path(&next));
    }
    reply::page(StatusCode::OK, render_sign_in(own_path(&next), None))
}

/// Where a browser without a session is sent that asked for a page.
///
/// # Errors
/// An internal problem where the path can't stand in a header.
pub fn instead_of(request: &RequestParts) -> Result<Response, Problem> {
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    let next = form_urlencoded::Serializer::new(String::new()).append_pair("next", &format!("{}{query}", request.path())).finish();
    see_other(&format!("/sign-in?{next}"))
}

/// Begins a session for whoever presents a key.
///
/// # Errors
/// 401 for a key that is not known, 403 for another site's form, 415 for what is no form.
#[utoipa::path(
    post,
    path = "/sign-in",
    tag = "pages",
    summary = "Sign in with a key",
    description = "The form's `key` and `next`. The session is a cookie of this arm alone, HttpOnly, SameSite=Lax and Secure but on this machine; it ends after twelve hours and with its key. By itself it only reads.",
    request_body(content_type = "application/x-www-form-urlencoded", content = String, description = "key and next"),
    responses(
        (status = 303, description = "Signed in: Set-Cookie has the session, Location is next"),
        (status = 400, description = "The form is not as described"),
        (status = 401, description = "The key is not known"),
        (status = 403, description = "The form is another site's"),
        (status = 413, description = "The form is too large"),
        (status = 415, description = "The body is no form"),
    )
)]
pub fn sign_in(trust: &Trust, request: &RequestParts, body: &[u8]) -> Result<Response, Problem> {
    let [key, next] = fields(&request.headers, body, ["key", "next"])?;
    own_form(&request.headers)?;
    match trust.begin_session(&request.call, &key) {
        Ok(session) => {
            let mut response = see_other(own_path(&next))?;
            let cookie = set_cookie(&request.headers, &session).map_err(Problem::internal)?;
            response.headers_mut().insert(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(problem) if wants_page(&request.headers) => {
            reply::page(problem.kind.status(), render_sign_in(own_path(&next), Some(problem.words())))
        }
        Err(problem) => Err(problem),
    }
}

/// Ends the browser's session.
///
/// # Errors
/// 403 where the form is not of the session.
#[utoipa::path(
    post,
    path = "/sign-out",
    tag = "pages",
    summary = "Sign out",
    description = "The form's `token`. Removes the browser's cookie.",
    request_body(content_type = "application/x-www-form-urlencoded", content = String, description = "token"),
    responses(
        (status = 303, description = "Signed out: Location is the way to sign in again"),
        (status = 400, description = "The form is not as described"),
        (status = 403, description = "The form is not of this session"),
        (status = 413, description = "The form is too large"),
        (status = 415, description = "The body is no form"),
    )
)]
pub fn sign_out(trust: &Trust, request: &RequestParts, body: &[u8]) -> Result<Response, Problem> {
    let [token] = fields(&request.headers, body, ["token"])?;
    own_form(&request.headers)?;
    if let Ok(caller) = trust.admit(&request.call, &request.headers, Scope::Read) {
        caller.proves(&token)?;
    }
    let mut response = see_other("/sign-in")?;
    response.headers_mut().insert(SET_COOKIE, clear_cookie(&request.headers).map_err(Problem::internal)?);
    Ok(response)
}

/// The named fields of a form; those it leaves out are empty.
fn fields<const N: usize>(headers: &HeaderMap, body: &[u8], names: [&str; N]) -> Result<[String; N], Problem> {
    let sent_as = media_type(headers);
    if !sent_as.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = format!("'{sent_as}' is not how this form is sent: expected application/x-www-form-urlencoded");
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        let detail = format!("the form has a field {}: expected {}", name.chars().take(64).collect::<String>(), names.join(", "));
        return Err(Problem::new(ProblemKind::BadRequest, detail));
    }
    Ok(names.map(|name| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()))
}

/// Checks that no other site sent the form (Fetch Metadata: `Sec-Fetch-Site`): it could sign somebody in as somebody else.
fn own_form(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site") {
        return Err(Problem::new(ProblemKind::Forbidden, "the form was sent by another site"));
    }
    Ok(())
}

/// `next` where it is a path of this very site, else the first page: a sign-in leads nobody elsewhere.
fn own_path(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && next.starts_with('/') && !next.starts_with("//") { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn a_sign_in_leads_nowhere_but_to_this_site() {
        for own in ["/", "/costs?period=month&tag.a=b", "/runs/7"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nset-cookie: a=b", "/ä"] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }

    #[test]
    fn a_form_is_read_strictly() {
        let form = HeaderMap::from_iter([(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap())]);
        assert_eq!(fields(&form, b"key=a%2Bb&next=%2F", ["key", "next"]).unwrap(), ["a+b".to_owned(), "/".to_owned()]);
        assert_eq!(fields(&form, b"key=a&colour=red", ["key"]).unwrap_err().kind, ProblemKind::BadRequest);
        assert_eq!(fields(&HeaderMap::new(), b"key=a", ["key"]).unwrap_err().kind, ProblemKind::UnsupportedMediaType);
        for site in ["cross-site", "same-site"] {
            assert!(own_form(&HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), site.parse().unwrap())])).is_err());
        }
        assert!(own_form(&HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), "same-origin".parse().unwrap())])).is_ok());
    }
}
