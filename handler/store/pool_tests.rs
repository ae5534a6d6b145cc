//! Connections to servers that should be trusted, and to others that should not.

use std::io::Write;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::config::database::{ManagedIdentity, from_url};

/// A private authority, as a PEM file, and a server certificate for `name` signed by it.
fn authority(name: &str) -> (NamedTempFile, rustls::ServerConfig) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("authority of {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(issuer.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (file, config)
}

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// ErrorResponse: FATAL, no such role; enough of PostgreSQL for a client to know that it has been understood.
const REFUSAL: &[u8] = b"E\0\0\0\x27SFATAL\0C28000\0Mreached the server\0\0";
/// AuthenticationCleartextPassword.
const ASK_PASSWORD: &[u8] = b"R\0\0\0\x08\0\0\0\x03";

/// A server that speaks the beginning of PostgreSQL's protocol, over TLS where it has a certificate; sends what it was given as password.
async fn server(tls: Option<rustls::ServerConfig>) -> (u16, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request, SSL_REQUEST, "nothing is said before TLS is asked for");
            match &tls {
                None => stream.write_all(b"N").await.unwrap(),
                Some(config) => {
                    stream.write_all(b"S").await.unwrap();
                    let _ = converse(stream, config.clone(), &sender).await;
                }
            }
        }
    });
    (port, receiver)
}

async fn converse(
    stream: TcpStream,
    config: rustls::ServerConfig,
    passwords: &tokio::sync::mpsc::UnboundedSender<Vec<u8>>,
) -> std::io::Result<()> {
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    let mut startup = vec![0; 4_096];
    let read = stream.read(&mut startup).await?;
    assert!(read > 8);
    stream.write_all(ASK_PASSWORD).await?;
    let mut message = vec![0; 4_096];
    let read = stream.read(&mut message).await?;
    let _ = passwords.send(message[5..read.saturating_sub(1).max(5)].to_vec());
    stream.write_all(REFUSAL).await?;
    stream.shutdown().await
}

async fn outcome(config: &DatabaseConfig) -> String {
    let connector = Connector::new(config, Arc::new(SystemClock::new())).unwrap();
    match connect(Arc::new(connector)).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn tried(port: u16, authority: &NamedTempFile) -> String {
    let url = format!("postgresql://u:p@localhost:{port}/d?sslmode=verify-full&sslrootcert={}", authority.path().display());
    outcome(&from_url(&url).unwrap()).await
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_its_name_alone() {
    let (trusted, right) = authority("localhost");
    let (other, wrong_name) = authority("db.example.net");
    let (port, mut passwords) = server(Some(right)).await;
    let answer = tried(port, &trusted).await;
    assert!(answer.contains("reached the server"), "{answer}");
    assert_eq!(passwords.recv().await.unwrap(), b"p");
    let unknown = tried(port, &other).await;
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let (port, mut passwords) = server(Some(wrong_name)).await;
    let misnamed = tried(port, &other).await;
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
    assert!(passwords.try_recv().is_err(), "no password is sent to a server that is not trusted");
}

#[tokio::test]
async fn no_plain_connection_is_made_to_a_server_without_tls() {
    let (trusted, _) = authority("localhost");
    let (port, _passwords) = server(None).await;
    let plain = tried(port, &trusted).await;
    assert!(plain.contains("server does not support TLS"), "{plain}");
}

#[tokio::test]
async fn an_entra_token_is_the_password() {
    use warp::Filter;
    let token = warp::path!("msi" / "token").map(|| r#"{"access_token": "the-token", "expires_on": "4102444800"}"#);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/msi/token", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(token).incoming(listener).run());
    let (trusted, right) = authority("localhost");
    let (port, mut passwords) = server(Some(right)).await;
    let url = format!("postgresql://u@localhost:{port}/d?sslmode=require&sslrootcert={}", trusted.path().display());
    let identity = ManagedIdentity { client_id: "7d7e".to_owned(), endpoint, header: Some("secret".to_owned()) };
    let config = DatabaseConfig { authentication: Authentication::Entra(identity), ..from_url(&url).unwrap() };
    assert!(outcome(&config).await.contains("reached the server"));
    assert_eq!(passwords.recv().await.unwrap(), b"the-token");
}

#[test]
fn everybody_who_waited_reads_why_until_it_explains_nothing_any_more() {
    let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
    let failure = LastFailure::new(Arc::new(clock.clone()));
    assert_eq!(failure.recent(), None);
    bb8::ErrorSink::sink(&failure, PoolError::ConnectionError(ConnectionError::BadConnection("refused".to_owned())));
    for _ in 0..2 {
        assert!(failure.recent().is_some_and(|reason| reason.contains("refused")));
    }
    clock.advance(EXPLAINS + Duration::from_millis(1));
    assert_eq!(failure.recent(), None, "what failed long ago is no reason");
}
