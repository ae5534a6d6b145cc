//! A URL that paths are appended to. Must not know whose it is.

use http::Uri;

/// An absolute http or https URL without query, fragment or user, and without a final slash: a path may be appended as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refusal = || format!("'{text}' is not a base URL such as https://even.example.net");
        let uri: Uri = text.parse().map_err(|_| refusal())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(refusal)?;
        let authority = uri.authority().map(http::uri::Authority::as_str).filter(|authority| !authority.is_empty()).ok_or_else(refusal)?;
        if authority.contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(format!("'{text}' must hold no user, query or fragment"));
        }
        let path = uri.path().trim_end_matches('/');
        Ok(BaseUrl(format!("{scheme}://{authority}{path}")))
    }
}
