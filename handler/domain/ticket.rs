//! Tickets: proof, carried by a call, of the minute and arm it was routed to. Proves routing; authenticates nobody.
//! Must not know where in a request a ticket travels.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::arm::Arm;
use super::hex;
use super::schedule::Minute;

/// Query parameter a ticket travels in.
pub const PARAMETER: &str = "sb-ticket";

const MAC_BYTES: usize = 16;
const FINGERPRINT_BYTES: usize = 8;

/// The key tickets are signed with; shared by the router and both arms.
#[derive(Clone)]
pub struct TicketKey(Vec<u8>);

impl TicketKey {
    /// Fewest characters of a key: 256 bits of printable secret.
    pub const SHORTEST: usize = 32;

    /// A key of at least [`TicketKey::SHORTEST`] bytes.
    ///
    /// # Errors
    /// [`TicketError::ShortKey`] for anything shorter.
    pub fn new(secret: &str) -> Result<Self, TicketError> {
        if secret.len() < Self::SHORTEST {
            return Err(TicketError::ShortKey);
        }
        Ok(TicketKey(secret.as_bytes().to_vec()))
    }

    /// The ticket of `minute` and `arm`, as `<minute>.<arm>.<mac>`; the MAC is HMAC-SHA-256 (RFC 2104) cut to 128 bits, in hex.
    #[must_use]
    pub fn issue(&self, minute: Minute, arm: Arm) -> String {
        format!("{}.{arm}.{}", minute.0, hex::encode(&self.mac(minute, arm)))
    }

    /// Reads a ticket and checks its MAC in constant time.
    ///
    /// # Errors
    /// [`TicketError::Malformed`] when it does not parse, [`TicketError::Forged`] when the MAC is not this key's.
    pub fn verify(&self, ticket: &str) -> Result<Ticket, TicketError> {
        let mut parts = ticket.splitn(3, '.');
        let (Some(minute), Some(arm), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TicketError::Malformed);
        };
        let minute = Minute(minute.parse().map_err(|_| TicketError::Malformed)?);
        let arm: Arm = arm.parse().map_err(|_| TicketError::Malformed)?;
        let mac = hex::decode::<MAC_BYTES>(mac).ok_or(TicketError::Malformed)?;
        if bool::from(self.mac(minute, arm).ct_eq(&mac)) { Ok(Ticket { minute, arm }) } else { Err(TicketError::Forged) }
    }

    /// A secret for choosing which calls telemetry records, alike on the router and both arms; it tells nothing of the key.
    #[must_use]
    pub fn sampling_secret(&self) -> [u8; MAC_BYTES] {
        self.cut_mac(&[b"switchback sampling v1"])
    }

    /// A secret that sessions of browsers rest on; it tells nothing of the key.
    #[must_use]
    pub fn session_secret(&self) -> [u8; MAC_BYTES] {
        self.cut_mac(&[b"switchback session v1"])
    }

    /// What tells this key from others; it tells nothing else of the key, and proves nothing.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint.copy_from_slice(&self.cut_mac(&[b"switchback fingerprint v1"])[..FINGERPRINT_BYTES]);
        fingerprint
    }

    fn mac(&self, minute: Minute, arm: Arm) -> [u8; MAC_BYTES] {
        self.cut_mac(&[b"switchback ticket v1\n", &minute.0.to_be_bytes(), arm.as_str().as_bytes()])
    }

    fn cut_mac(&self, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        // HMAC takes keys of any length, so this constructor cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        let full = mac.finalize().into_bytes();
        let mut cut = [0; MAC_BYTES];
        cut.copy_from_slice(&full[..MAC_BYTES]);
        cut
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TicketKey(redacted)")
    }
}

/// What a valid ticket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The minute in which the call was routed.
    pub minute: Minute,
    /// The arm it was routed to.
    pub arm: Arm,
}

/// Why a key or a ticket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// The key is too short to be one.
    #[error("a ticket key needs at least {} characters", TicketKey::SHORTEST)]
    ShortKey,
    /// The text is no ticket.
    #[error("a ticket reads <minute>.<arm>.<mac>")]
    Malformed,
    /// The MAC was not made with this key.
    #[error("the ticket's signature does not verify")]
    Forged,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TicketKey {
        TicketKey::new("0123456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn a_ticket_comes_back_as_issued() {
        let ticket = key().issue(Minute(29_000_001), Arm::Odd);
        assert_eq!(key().verify(&ticket), Ok(Ticket { minute: Minute(29_000_001), arm: Arm::Odd }));
    }

    #[test]
    fn another_minute_arm_or_key_does_not_verify() {
        let ticket = key().issue(Minute(29_000_001), Arm::Odd);
        assert_eq!(key().verify(&ticket.replace("29000001", "29000003")), Err(TicketError::Forged));
        assert_eq!(key().verify(&ticket.replace("odd", "even")), Err(TicketError::Forged));
        let other = TicketKey::new("fedcba9876543210fedcba9876543210").unwrap();
        assert_eq!(other.verify(&ticket), Err(TicketError::Forged));
    }

    #[test]
    fn noise_is_malformed_and_never_a_panic() {
        for noise in ["", ".", "..", "1.even", "1.even.zz", "x.even.00", "1.both.00", "1.even.é0000000000000000000000000000000"] {
            assert_eq!(key().verify(noise), Err(TicketError::Malformed), "{noise}");
        }
    }

    #[test]
    fn a_short_key_is_refused_and_a_key_never_printed() {
        assert_eq!(TicketKey::new("short").unwrap_err(), TicketError::ShortKey);
        assert_eq!(format!("{:?}", key()), "TicketKey(redacted)");
    }
}
