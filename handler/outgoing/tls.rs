//! Whom outgoing connections trust: the public roots compiled in, and private authorities named by configuration.
//!
//! One crypto provider, ring, for the whole program. Must not know what the connections carry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The private authority's file could not be read, or is not PEM.
    #[error("the certificate authority {path} could not be read: {reason}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The crypto provider offers none of the protocol versions.
    #[error("no TLS version can be spoken")]
    Protocol(#[from] rustls::Error),
}

/// TLS 1.2 or newer, certificate and name verified against the public roots and `private_authority`, a PEM file of one or more
/// certificates.
///
/// # Errors
/// [`TlsError::Authority`] where the file is missing, unreadable or holds no certificate.
pub fn client_config(private_authority: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = private_authority {
        add_authority(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn add_authority(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let refusal = |reason: String| TlsError::Authority { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refusal(error.to_string()))?;
    let mut added = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| refusal(error.to_string()))?;
        roots.add(certificate).map_err(|error| refusal(error.to_string()))?;
        added += 1;
    }
    if added == 0 { Err(refusal("it holds no PEM certificate".to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_authority_is_named() {
        let error = client_config(Some(Path::new("/nowhere/ca.pem"))).expect_err("no such file");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path())).expect_err("an empty file");
        assert!(error.to_string().contains("no PEM certificate"), "{error}");
        assert!(client_config(None).is_ok());
    }
}
