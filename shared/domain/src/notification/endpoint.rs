//! Which addresses a web push may go to.
//!
//! A browser tells the shop where to send its pushes, so whoever holds a token can name any address and have the
//! shop's functions ask it. Two rules keep them outside: the address belongs to a push service that is known by name,
//! and the machine that the name leads to is one of the public internet. The first is [`EndpointOrigins::admit`], asked
//! when a subscription is kept and again before each push; the second is [`is_public`], asked of each address that a
//! connection is about to be made to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use url::{Host, Url};

/// The push services of Chrome and its kin, Firefox, Safari and Edge.
const KNOWN: [&str; 4] = [
    "https://fcm.googleapis.com",
    "https://*.push.services.mozilla.com",
    "https://*.push.apple.com",
    "https://*.notify.windows.com",
];

/// The longest endpoint that is kept, in bytes. Those of Windows are the longest there are, with some 500.
pub const MAX_ENDPOINT: usize = 2_048;

/// Whose addresses are endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOrigins(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// One host of a push service of the public internet, with https on its own port.
    Host(String),
    /// `*.` before a name: one label stands for the star, as in a certificate.
    Below(String),
    /// What an operator named to the letter, wherever it is.
    Own(String),
}

/// An address that pushes may go to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    is_own: bool,
}

/// Why an address is none that pushes may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// No browser writes an address like this.
    #[error("expected the address that the browser gave, as it gave it")]
    NotAsWritten,
    /// It is longer than [`MAX_ENDPOINT`].
    #[error("expected at most {MAX_ENDPOINT} bytes")]
    TooLong,
    /// It belongs to nobody who delivers pushes.
    #[error("expected the address of a push service")]
    Stranger,
}

/// The text is no list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected origins such as https://push.example.com or https://*.push.example.com, not {0:?}")]
pub struct NoOrigins(String);

impl Default for EndpointOrigins {
    fn default() -> Self {
        let read = |text: &str| match text.trim_start_matches("https://").strip_prefix("*.") {
            Some(name) => Pattern::Below(name.into()),
            None => Pattern::Host(text.trim_start_matches("https://").into()),
        };
        Self(KNOWN.map(read).into())
    }
}

impl EndpointOrigins {
    /// Reads origins separated by commas, which take the place of the known ones; nothing leaves the known ones.
    pub fn parse(text: &str) -> Result<Self, NoOrigins> {
        let named: Vec<_> = text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
        if named.is_empty() {
            return Ok(Self::default());
        }
        named
            .into_iter()
            .map(|origin| Pattern::parse(origin).ok_or_else(|| NoOrigins(origin.into())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The names of the machines that an operator named to the letter: they may be anywhere.
    pub fn own_hosts(&self) -> Vec<String> {
        let own = self.0.iter().filter_map(|pattern| match pattern {
            Pattern::Own(origin) => Url::parse(origin).ok(),
            Pattern::Host(_) | Pattern::Below(_) => None,
        });
        own.filter_map(|url| url.host_str().map(str::to_owned)).collect()
    }

    /// Whether pushes may go to `endpoint`.
    ///
    /// It must be written as a browser writes it, to the byte: whatever two readers could read differently is refused
    /// before anybody asks whose it is.
    pub fn admit(&self, endpoint: &str) -> Result<Endpoint, NoEndpoint> {
        if endpoint.len() > MAX_ENDPOINT {
            return Err(NoEndpoint::TooLong);
        }
        let url = Url::parse(endpoint).map_err(|_| NoEndpoint::NotAsWritten)?;
        let names_somebody = !url.username().is_empty() || url.password().is_some();
        if url.as_str() != endpoint || names_somebody || url.fragment().is_some() {
            return Err(NoEndpoint::NotAsWritten);
        }
        let pattern = self.0.iter().find(|pattern| pattern.admits(&url)).ok_or(NoEndpoint::Stranger)?;
        let is_own = matches!(pattern, Pattern::Own(_));
        Ok(Endpoint { url, is_own })
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("https://*.") {
            let stands_below = name.contains('.') && !name.contains('*');
            // Read as a name with one label before it: the star itself is in no name.
            let url = Url::parse(&format!("https://a.{name}")).ok()?;
            let is_name = matches!(url.host(), Some(Host::Domain(host)) if host == format!("a.{name}"));
            return (stands_below && is_name && url.path() == "/").then(|| Self::Below(name.into()));
        }
        let url = Url::parse(text).ok()?;
        let is_origin = url.origin().ascii_serialization() == text;
        (is_origin && !text.contains('*') && ["http", "https"].contains(&url.scheme()))
            .then(|| Self::Own(text.into()))
    }

    fn admits(&self, url: &Url) -> bool {
        let is_plain_https = url.scheme() == "https" && url.port().is_none();
        let Some(Host::Domain(host)) = url.host().filter(|_| is_plain_https) else {
            return matches!(self, Self::Own(origin) if url.origin().ascii_serialization() == *origin);
        };
        match self {
            Self::Host(name) => host == name,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .and_then(|label| label.strip_suffix('.'))
                .is_some_and(is_label),
            Self::Own(origin) => url.origin().ascii_serialization() == *origin,
        }
    }
}

/// Stricter than what a parser of addresses lets stand in a name, a star among it.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Endpoint {
    /// The address.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Scheme, host and port: whom a VAPID token is for.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether an operator named its origin to the letter, and may have a machine of the shop's own in mind.
    pub const fn is_own(&self) -> bool {
        self.is_own
    }
}

impl fmt::Debug for Endpoint {
    /// The path is a secret: whoever knows it can push.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.origin())
    }
}

/// Whether the machine at `address` is one that everybody can reach, rather than one of our own network, this machine
/// itself, or nobody's. After the special-purpose registries of IANA; what only leads elsewhere (6to4, NAT64, Teredo,
/// mapped addresses) counts as nobody's, since where it leads would have to be judged in turn.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const RESERVED: [(Ipv4Addr, u32); 15] = [
        (Ipv4Addr::UNSPECIFIED, 8),           // this network
        (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
        (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by customers of a provider
        (Ipv4Addr::new(127, 0, 0, 0), 8),     // this machine
        (Ipv4Addr::new(169, 254, 0, 0), 16),  // this link, and the clouds' metadata
        (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
        (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocols
        (Ipv4Addr::new(192, 0, 2, 0), 24),    // documents
        (Ipv4Addr::new(192, 88, 99, 0), 24),  // relays of 6to4
        (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
        (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
        (Ipv4Addr::new(198, 51, 100, 0), 24), // documents
        (Ipv4Addr::new(203, 0, 113, 0), 24),  // documents
        (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
        (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and everybody on this link
    ];
    let is_in = |(network, length): &(Ipv4Addr, u32)| {
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length
    };
    !RESERVED.iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    const GIVEN_OUT: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    const RESERVED: [(Ipv6Addr, u32); 4] = [
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols, Teredo, benchmarks
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documents
        (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documents
    ];
    let is_in = |(network, length): &(Ipv6Addr, u32)| {
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length
    };
    is_in(&GIVEN_OUT) && !RESERVED.iter().any(is_in)
}
