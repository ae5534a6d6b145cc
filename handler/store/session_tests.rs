//! What a session makes of a server that ends it, whenever the connection follows.

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::clock::SystemClock;

/// AuthenticationOk, then ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
/// ErrorResponse: FATAL, 57P01.
const ENDED: &[u8] = b"E\0\0\0\x1cSFATAL\0C57P01\0Mthe end\0\0";
/// ErrorResponse: ERROR, 58000, then ReadyForQuery.
const FAILED: &[u8] = b"E\0\0\0\x1cSERROR\0C58000\0Mat work\0\0Z\0\0\0\x05I";

/// Speaks PostgreSQL's protocol, answers the first SELECT with `error`, and closes `closing` later.
async fn serve(mut stream: TcpStream, error: &'static [u8], closing: Option<Duration>) -> std::io::Result<()> {
    let startup = stream.read_i32().await?;
    stream.read_exact(&mut vec![0; usize::try_from(startup - 4).unwrap()]).await?;
    stream.write_all(WELCOME).await?;
    let mut is_select = false;
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_i32().await?;
        let mut body = vec![0; usize::try_from(length - 4).unwrap()];
        stream.read_exact(&mut body).await?;
        is_select |= kind == b'P' && body.windows(6).any(|word| word == b"SELECT");
        let answer: &[u8] = match kind {
            b'S' if is_select => error,
            _ if is_select => b"",
            // CommandComplete and ReadyForQuery, for what is set when a session begins.
            b'Q' => b"C\0\0\0\x08SET\0Z\0\0\0\x05I",
            b'P' => b"1\0\0\0\x04",
            b'D' => b"t\0\0\0\x06\0\0n\0\0\0\x04",
            b'B' => b"2\0\0\0\x04",
            b'E' => b"C\0\0\0\x08SET\0",
            b'C' => b"3\0\0\0\x04",
            b'S' => b"Z\0\0\0\x05I",
            _ => b"",
        };
        stream.write_all(answer).await?;
        if let (true, b'S', Some(closing)) = (is_select, kind, closing) {
            tokio::time::sleep(closing).await;
            return Ok(());
        }
    }
}

async fn outcome(error: &'static [u8], closing: Option<Duration>) -> DieselError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, error, closing).await
    });
    let config = format!("postgresql://u@127.0.0.1:{port}/d?sslmode=disable").parse().unwrap();
    let mut session = Session::connect(&config, None, Arc::new(SystemClock::new()), Duration::from_secs(30)).await.unwrap();
    sql_query("SELECT 1").execute(&mut session).await.unwrap_err()
}

#[tokio::test]
async fn a_session_the_server_ends_is_lost_even_where_the_connection_closes_late() {
    let error = outcome(ENDED, Some(Duration::from_millis(500))).await;
    assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)), "{error:?}");
}

#[tokio::test]
async fn a_statement_that_fails_on_a_connection_that_stays_is_no_lost_connection() {
    let error = outcome(FAILED, None).await;
    assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)), "{error:?}");
}
