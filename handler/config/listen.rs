//! Settings of where to listen. Must not know who calls there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::settings::Settings;

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address; none: every address of this machine, IPv6 and IPv4.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

impl Listen {
    /// Where this machine itself reaches what listens there.
    #[must_use]
    pub fn from_here(&self) -> SocketAddr {
        let own = self.address.filter(|address| !address.is_unspecified());
        SocketAddr::new(own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), self.port)
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Listen { address: Some(address.ip()), port: address.port() }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => SocketAddr::new(address, self.port).fmt(formatter),
            None => write!(formatter, "*:{}", self.port),
        }
    }
}

/// Where to listen, and whether the Functions host says so: then on loopback alone, since the host stands between.
pub(super) fn read(settings: &mut Settings) -> (Listen, bool) {
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("'{text}' is not a port"));
    let own = settings.parsed("PORT", 8080, port);
    let address = settings.parsed("SWITCHBACK_BIND", None, |text| match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(format!("'{text}' is not an IP address such as 127.0.0.1 or ::1")),
    });
    match settings.parsed("FUNCTIONS_CUSTOMHANDLER_PORT", None, |text| port(text).map(Some)) {
        Some(port) => (Listen { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), port }, true),
        None => (Listen { address, port: own }, false),
    }
}
