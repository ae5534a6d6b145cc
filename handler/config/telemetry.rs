//! Settings of telemetry: where it goes and which share of calls is recorded. Must not know how anything is sent.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use super::database::{ManagedIdentity, read_identity};
use super::settings::{Settings, fraction};

const CONNECTION_STRING: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";
/// The platform's own setting for how agents authenticate, as in `Authorization=AAD;ClientId=…`.
const AUTHENTICATION_STRING: &str = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
/// The endpoint of connection strings that name none.
const GLOBAL_ENDPOINT: &str = "https://dc.services.visualstudio.com";
/// Share of calls recorded by default.
const DEFAULT_SAMPLING: f64 = 0.05;

/// Where telemetry goes, and how much of it.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// The Application Insights resource; none: logs and the metrics endpoint only.
    pub ingestion: Option<Ingestion>,
    /// Share of calls recorded, 0 to 1; failures and failovers are recorded whatever it is.
    pub sampling: f64,
}

/// An Application Insights resource.
#[derive(Clone)]
pub struct Ingestion {
    /// Which resource items belong to; whoever has it may write to the resource.
    pub instrumentation_key: String,
    /// Scheme and host of the ingestion service, without a final slash; plain HTTP only on this machine.
    pub endpoint: String,
    /// The identity to prove, where the resource takes no anonymous items.
    pub identity: Option<ManagedIdentity>,
}

impl fmt::Debug for Ingestion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ingestion").field("endpoint", &self.endpoint).field("identity", &self.identity).finish_non_exhaustive()
    }
}

pub(super) fn read(settings: &mut Settings) -> TelemetryConfig {
    let sampling = settings.parsed("SWITCHBACK_TELEMETRY_SAMPLING", DEFAULT_SAMPLING, fraction);
    let target = settings.parsed(CONNECTION_STRING, None, |text| parse_connection_string(text).map(Some));
    let entra = settings.parsed(AUTHENTICATION_STRING, None, |text| parse_authentication_string(text).map(Some));
    let identity = match (&target, entra) {
        (Some(_), Some(client_id)) => read_identity(settings, AUTHENTICATION_STRING)
            .map(|identity| ManagedIdentity { client_id: client_id.unwrap_or_else(|| identity.client_id.clone()), ..identity }),
        _ => None,
    };
    let ingestion = target.map(|(instrumentation_key, endpoint)| Ingestion { instrumentation_key, endpoint, identity });
    TelemetryConfig { ingestion, sampling }
}

/// The pairs of a `Name=value;Name=value` string, names in lower case; error texts repeat no value.
fn pairs(text: &str) -> Result<Vec<(String, &str)>, String> {
    let part = |part: &'_ str| -> Result<(String, usize), String> {
        let at = part.find('=').ok_or("must be Name=value pairs separated by semicolons")?;
        Ok((part[..at].trim().to_lowercase(), at + 1))
    };
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|text| part(text).map(|(name, value)| (name, text[value..].trim()))).collect()
}

/// Instrumentation key and endpoint of a connection string.
fn parse_connection_string(text: &str) -> Result<(String, String), String> {
    let pairs = pairs(text)?;
    let value = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| *value).filter(|value| !value.is_empty());
    let key = value("instrumentationkey").ok_or("has no InstrumentationKey: copy the whole connection string from the resource's page")?;
    let endpoint = match (value("ingestionendpoint"), value("endpointsuffix")) {
        (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
        (None, Some(suffix)) => {
            let location = value("location").map(|location| format!("{location}.")).unwrap_or_default();
            format!("https://{location}dc.{suffix}")
        }
        (None, None) => GLOBAL_ENDPOINT.to_owned(),
    };
    if is_safe(&endpoint) {
        Ok((key.to_owned(), endpoint))
    } else {
        Err("has an IngestionEndpoint that is not an https URL (http is for this machine only)".to_owned())
    }
}

fn is_safe(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => loopback,
        _ => false,
    }
}

/// The client id, if any, of an authentication string that asks for Microsoft Entra.
fn parse_authentication_string(text: &str) -> Result<Option<String>, String> {
    let pairs = pairs(text)?;
    let value = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| *value);
    match value("authorization") {
        Some(authorization) if authorization.eq_ignore_ascii_case("aad") => Ok(value("clientid").map(str::to_owned)),
        _ => Err("must be Authorization=AAD, with ;ClientId=… where the identity is not AZURE_CLIENT_ID's".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_read_as_the_portal_writes_them() {
        let endpoint = |text: &str| parse_connection_string(text).map(|(_, endpoint)| endpoint);
        let portal = "InstrumentationKey=k;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://l/;ApplicationId=a";
        assert_eq!(endpoint(portal).as_deref(), Ok("https://westeurope-5.in.applicationinsights.azure.com"));
        assert_eq!(endpoint("InstrumentationKey=k").as_deref(), Ok(GLOBAL_ENDPOINT));
        assert_eq!(endpoint("instrumentationkey=k;EndpointSuffix=ai.example;Location=west").as_deref(), Ok("https://west.dc.ai.example"));
        assert_eq!(endpoint("InstrumentationKey=k;IngestionEndpoint=http://127.0.0.1:8090").as_deref(), Ok("http://127.0.0.1:8090"));
        for wrong in [
            "",
            "k",
            "IngestionEndpoint=https://x",
            "InstrumentationKey=k;IngestionEndpoint=http://ingest.example",
            "InstrumentationKey=k;IngestionEndpoint=ftp://x",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_redacted_and_identity_is_the_platforms() {
        let pairs = [
            (CONNECTION_STRING, "InstrumentationKey=hunter2"),
            (AUTHENTICATION_STRING, "Authorization=AAD;ClientId=c2"),
            ("AZURE_CLIENT_ID", "c1"),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token"),
            ("IDENTITY_HEADER", "hunter3"),
        ];
        let mut settings = Settings::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let config = read(&mut settings);
        assert!(settings.into_mistakes().is_empty());
        assert_eq!(config.ingestion.as_ref().unwrap().identity.as_ref().unwrap().client_id, "c2");
        let printed = format!("{config:?}");
        assert!(!printed.contains("hunter"), "{printed}");
    }

    #[test]
    fn mistakes_are_named_without_their_values() {
        let pairs = [(CONNECTION_STRING, "hunter2"), (AUTHENTICATION_STRING, "Authorization=ikey"), ("SWITCHBACK_TELEMETRY_SAMPLING", "5")];
        let mut settings = Settings::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let _ = read(&mut settings);
        let mistakes = settings.into_mistakes();
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
        assert!(mistakes.iter().all(|mistake| !mistake.to_string().contains("hunter2")));
    }
}
