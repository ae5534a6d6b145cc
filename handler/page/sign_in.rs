//! The page where a browser signs in, and what a page says where it has nothing to show. Must not know what a key is.

use askama::Template;

use super::PageError;
use super::layout::{Frame, Visitor};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    next: &'a str,
    refusal: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    frame: Frame<'a>,
    detail: &'a str,
    request_id: &'a str,
}

/// The form that asks for a key, and leads to `next`; `refusal` is why the last one was not taken.
///
/// # Errors
/// [`PageError`].
pub fn render_sign_in(next: &str, refusal: Option<&str>) -> Result<String, PageError> {
    let visitor = Visitor::default();
    Ok(SignInPage { frame: Frame::served("Sign in", None, &visitor), next, refusal }.render()?)
}

/// What went wrong, for somebody who looked for a page.
///
/// # Errors
/// [`PageError`].
pub fn render_trouble(title: &str, detail: &str, request_id: &str) -> Result<String, PageError> {
    let visitor = Visitor::default();
    Ok(TroublePage { frame: Frame::served(title, None, &visitor), detail, request_id }.render()?)
}
