//! A syslog receiver: RFC 5424 over a local socket, UDP (RFC 5426) or TCP with counted octets (RFC 6587).

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use myksc_core::{Error, Result};
use myksc_store::AuditEntry;

/// Facility "log audit" of RFC 5424 section 6.2.1.
const FACILITY: u8 = 13;
/// How long the receiver may take for what is sent at once.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest HOSTNAME of RFC 5424 section 6.
const MAX_HOST_CHARS: usize = 255;

/// Where a receiver is: `unix:/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A datagram socket of this machine.
    Unix(PathBuf),
    /// Host and port, one message a datagram.
    Udp(String),
    /// Host and port, messages behind each other with their lengths.
    Tcp(String),
}

/// No receiver can be at this address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a syslog receiver: write unix:/dev/log, udp:HOST:PORT or tcp:HOST:PORT")]
pub struct InvalidAddress(String);

/// One receiver; connected when there is something to send.
pub struct Syslog {
    address: SyslogAddress,
    host: String,
    connection: Option<Connection>,
}

enum Connection {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl FromStr for SyslogAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let place = |place: &str| {
            let (host, port) = place.rsplit_once(':')?;
            let holds = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0);
            holds.then(|| place.to_owned())
        };
        let address = match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Some(Self::Unix(path.into())),
            Some(("udp", rest)) => place(rest).map(Self::Udp),
            Some(("tcp", rest)) => place(rest).map(Self::Tcp),
            _ => None,
        };
        address.ok_or_else(|| InvalidAddress(text.to_owned()))
    }
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp(place) => write!(f, "udp:{place}"),
            Self::Tcp(place) => write!(f, "tcp:{place}"),
        }
    }
}

impl Syslog {
    /// The receiver at an address.
    #[must_use]
    pub fn new(address: SyslogAddress) -> Self {
        Self { address, host: own_host(), connection: None }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &SyslogAddress {
        &self.address
    }

    /// Sends entries in their order.
    ///
    /// # Errors
    /// Unavailable with `audit_receiver_away`; some of the entries may have arrived.
    pub async fn send(&mut self, entries: &[AuditEntry]) -> Result<()> {
        let messages: Vec<_> = entries.iter().map(|entry| message(&self.host, entry)).collect();
        let sent = tokio::time::timeout(DEADLINE, self.send_messages(&messages)).await;
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
            self.connection = None;
            let detail = format!("the receiver {} does not take the audit log: {error}", self.address);
            Error::Unavailable { code: "audit_receiver_away", detail }
        })
    }

    async fn send_messages(&mut self, messages: &[String]) -> io::Result<()> {
        let connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => self.connection.insert(connection),
            None => self.connection.insert(Connection::open(&self.address).await?),
        };
        for message in messages {
            connection.send(message.as_bytes()).await?;
        }
        Ok(())
    }
}

impl Connection {
    async fn open(address: &SyslogAddress) -> io::Result<Self> {
        Ok(match address {
            SyslogAddress::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Self::Unix(socket)
            }
            SyslogAddress::Udp(place) => {
                let target = tokio::net::lookup_host(place).await?.next();
                let target = target.ok_or(io::ErrorKind::NotFound)?;
                let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(target).await?;
                Self::Udp(socket)
            }
            SyslogAddress::Tcp(place) => Self::Tcp(TcpStream::connect(place).await?),
        })
    }

    /// Whether the receiver is still there, as far as this side knows; what TCP takes after the other side closed is
    /// lost.
    fn is_open(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Udp(_) => true,
            Self::Tcp(stream) => {
                let mut byte = [0];
                matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
        }
    }

    async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.send(message).await.map(|_| ()),
            Self::Udp(socket) => socket.send(message).await.map(|_| ()),
            Self::Tcp(stream) => {
                let length = format!("{} ", message.len());
                stream.write_all(&[length.as_bytes(), message].concat()).await
            }
        }
    }
}

/// An entry as RFC 5424 has it; its text is the entry as JSON, in ASCII, so that no receiver needs to know its
/// encoding.
fn message(host: &str, entry: &AuditEntry) -> String {
    let severity = match entry.outcome.as_deref() {
        // Informational, notice and warning.
        None => 6,
        Some("done") => 5,
        Some(_) => 4,
    };
    let priority = FACILITY * 8 + severity;
    let process = std::process::id();
    let json = serde_json::to_string(entry).expect("numbers and texts are written as JSON");
    format!("<{priority}>1 {} {host} myksc {process} audit - {}", entry.at, ascii(&json))
}

/// The same JSON with every other character escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

fn own_host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String = name.chars().filter(char::is_ascii_graphic).take(MAX_HOST_CHARS).collect();
    if host.is_empty() { "-".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use myksc_core::Timestamp;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    fn entry(object: &str, outcome: Option<&str>) -> AuditEntry {
        AuditEntry {
            id: 7,
            at: Timestamp::from_millis(1_800_000_000_123),
            actor: "kim".to_owned(),
            action: "lock".to_owned(),
            object: object.to_owned(),
            address: "192.0.2.7".to_owned(),
            outcome: outcome.map(str::to_owned),
            ended_at: None,
        }
    }

    #[test]
    fn an_entry_is_one_message_of_ascii_with_its_severity() {
        let text = message("portal", &entry("결과 \"1\"", Some("done")));
        let (head, json) = text.split_once(" audit - ").unwrap();
        let process = std::process::id();
        assert_eq!(head, format!("<109>1 2027-01-15T08:00:00.123Z portal myksc {process}"));
        assert!(text.is_ascii() && !text.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!((&value["object"], &value["outcome"]), (&"결과 \"1\"".into(), &"done".into()));
        assert!(message("portal", &entry("", None)).starts_with("<110>1 "));
        assert!(message("portal", &entry("", Some("invalid"))).starts_with("<108>1 "));
        assert_eq!(ascii("😀"), "\\ud83d\\ude00");
    }

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in ["unix:/dev/log", "udp:log.example:514", "tcp:[2001:db8::7]:6514"] {
            assert_eq!(text.parse::<SyslogAddress>().unwrap().to_string(), text);
        }
        for text in ["", "/dev/log", "unix:dev/log", "udp:host", "tcp:host:0", "tcp::514", "http://host:1"] {
            assert!(text.parse::<SyslogAddress>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn over_tcp_each_message_has_its_length_and_a_closed_connection_is_opened_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp:{}", listener.local_addr().unwrap());
        let mut syslog = Syslog::new(address.parse().unwrap());
        for object in ["a", "b"] {
            let entries = [entry(object, Some("done")), entry(object, Some("done"))];
            let expected: String = entries
                .iter()
                .map(|entry| message(&syslog.host, entry))
                .map(|text| format!("{} {text}", text.len()))
                .collect();
            syslog.send(&entries).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut arrived = vec![0; expected.len()];
            stream.read_exact(&mut arrived).await.unwrap();
            assert_eq!(String::from_utf8(arrived).unwrap(), expected);
            drop(stream);
            closed(&mut syslog).await;
        }
        drop(listener);
        let error = syslog.send(&[entry("c", None)]).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { code: "audit_receiver_away", .. }), "{error:?}");
    }

    /// Waits until this side knows that the other one closed.
    async fn closed(syslog: &mut Syslog) {
        let Some(Connection::Tcp(stream)) = &syslog.connection else { panic!("not connected") };
        stream.readable().await.unwrap();
    }
}
