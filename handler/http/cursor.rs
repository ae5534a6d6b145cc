//! Pages of long lists: how many items, where the page begins, and the link to the next.
//!
//! A cursor is opaque to callers and means the same on both arms: it holds the last item's place in the order, not a page number, so
//! that no item is repeated or skipped when others are added or removed between two calls.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use time::OffsetDateTime;
use uuid::Uuid;
use warp::reply::Response;

use super::problem::Problem;
use super::query::{Query, refusal};
use crate::store::ChargePosition;

/// Most items of one page.
pub const MAX_ITEMS: i64 = 1_000;
const DEFAULT_ITEMS: i64 = 100;

/// The page a caller asks for.
#[derive(Debug)]
pub struct Page<C> {
    /// Most items on it.
    pub limit: i64,
    /// The place it begins after; none for the first page.
    pub after: Option<C>,
}

/// A place in an order, as a cursor holds it. The first byte says which order it belongs to.
pub trait Cursor: Sized {
    /// The place as bytes.
    fn encode(&self) -> Vec<u8>;
    /// The place the bytes stand for.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

const CHARGES: u8 = 1;
const IMPORTS: u8 = 2;

impl Cursor for ChargePosition {
    fn encode(&self) -> Vec<u8> {
        let microseconds = self.period_start.unix_timestamp_nanos() / 1_000;
        let microseconds = i64::try_from(microseconds).unwrap_or(i64::MAX);
        [&[CHARGES][..], &microseconds.to_be_bytes(), self.id.as_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (start, id) = bytes.strip_prefix(&[CHARGES])?.split_first_chunk::<8>()?;
        let nanoseconds = i128::from(i64::from_be_bytes(*start)) * 1_000;
        let period_start = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
        Some(ChargePosition { period_start, id: Uuid::from_slice(id).ok()? })
    }
}

impl Cursor for Uuid {
    fn encode(&self) -> Vec<u8> {
        [&[IMPORTS][..], self.as_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes.strip_prefix(&[IMPORTS])?).ok()
    }
}

impl<C: Cursor> Page<C> {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// A 400 problem where one of them is wrong.
    pub fn read(query: &mut Query) -> Result<Page<C>, Problem> {
        let in_bounds = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_ITEMS).contains(limit));
        let limit = query.parsed("limit", "a whole number from 1 to 1000", in_bounds)?.unwrap_or(DEFAULT_ITEMS);
        let after = match query.text("cursor")? {
            Some(text) => Some(decode(&text).ok_or_else(|| refusal("cursor", "is not one this path has given out"))?),
            None => None,
        };
        Ok(Page { limit, after })
    }
}

/// The cursor of the page that begins after `place`.
#[must_use]
pub fn encode(place: &impl Cursor) -> String {
    URL_SAFE_NO_PAD.encode(place.encode())
}

fn decode<C: Cursor>(text: &str) -> Option<C> {
    C::decode(&URL_SAFE_NO_PAD.decode(text).ok()?)
}

/// Adds `Link: <path?query&cursor=…>; rel="next"`, relative to whichever arm or URL was called.
#[must_use]
pub fn with_next(mut response: Response, path: &str, raw_query: Option<&str>, cursor: Option<&str>) -> Response {
    let Some(cursor) = cursor else { return response };
    let kept = form_urlencoded::parse(raw_query.unwrap_or_default().as_bytes()).filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", cursor).finish();
    // A query this serialiser has written is visible ASCII.
    if let Ok(link) = HeaderValue::try_from(format!("<{path}?{query}>; rel=\"next\"")) {
        response.headers_mut().insert(http::header::LINK, link);
    }
    response
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn cursors_round_trip_and_belong_to_one_order() {
        let place = ChargePosition { period_start: datetime!(2024-09-18 22:00:00.123_456 UTC), id: Uuid::from_u128(7) };
        assert_eq!(decode::<ChargePosition>(&encode(&place)), Some(place));
        assert_eq!(decode::<Uuid>(&encode(&Uuid::from_u128(7))), Some(Uuid::from_u128(7)));
        assert_eq!(decode::<Uuid>(&encode(&place)), None);
        for text in ["", "AQ", "not base64!", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(decode::<ChargePosition>(text), None, "{text}");
        }
        let end = [&[CHARGES][..], &i64::MAX.to_be_bytes(), &[0; 16]].concat();
        assert_eq!(ChargePosition::decode(&end), None);
    }

    #[test]
    fn the_link_keeps_the_other_parameters() {
        let response = with_next(Response::default(), "/api/charges", Some("tag.a%20b=c%26d&cursor=old&limit=2"), Some("new"));
        assert_eq!(response.headers()["link"], "</api/charges?tag.a+b=c%26d&limit=2&cursor=new>; rel=\"next\"");
        assert!(with_next(Response::default(), "/api/charges", None, None).headers().is_empty());
    }
}
