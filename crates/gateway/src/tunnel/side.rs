//! One end of a tunnel: a socket whose halves are read and written only when they are ready.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio_rustls::server::TlsStream;

use crate::connection::ClientStream;
use crate::upstream::AppStream;

pub(super) enum Side {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Both directions go through one state of TLS; one task drives both, and neither keeps it over an await.
    Tls(RefCell<Box<TlsStream<TcpStream>>>),
}

/// What comes from one end.
pub(super) enum Reader<'a> {
    Tcp(tcp::ReadHalf<'a>),
    Unix(unix::ReadHalf<'a>),
    Tls(&'a RefCell<Box<TlsStream<TcpStream>>>),
}

/// What goes to one end.
pub(super) enum Writer<'a> {
    Tcp(tcp::WriteHalf<'a>),
    Unix(unix::WriteHalf<'a>),
    Tls(&'a RefCell<Box<TlsStream<TcpStream>>>),
}

impl Side {
    pub(super) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Self::Unix(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
            Self::Tls(stream) => (Reader::Tls(stream), Writer::Tls(stream)),
        }
    }
}

impl From<AppStream> for Side {
    fn from(stream: AppStream) -> Self {
        match stream {
            AppStream::Unix(stream) => Self::Unix(stream),
            AppStream::Tcp(stream) => Self::Tcp(stream),
        }
    }
}

impl From<ClientStream> for Side {
    fn from(stream: ClientStream) -> Self {
        match stream {
            ClientStream::Plain(stream) => Self::Tcp(stream),
            ClientStream::Tls(stream) => Self::Tls(RefCell::new(stream)),
        }
    }
}

impl Reader<'_> {
    /// Reads what is there into the front of `buffer`; 0 bytes are the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        // Reading by readiness and `try_read` would cost a second system call each time, which finds nothing: only
        // `poll_read` takes a short read for the end of what is there.
        let mut buffer = ReadBuf::new(buffer);
        let result = match self {
            Self::Tcp(reader) => Pin::new(reader).poll_read(cx, &mut buffer),
            Self::Unix(reader) => Pin::new(reader).poll_read(cx, &mut buffer),
            Self::Tls(stream) => Pin::new(&mut **stream.borrow_mut()).poll_read(cx, &mut buffer),
        };
        result.map_ok(|()| buffer.filled().len())
    }
}

impl Writer<'_> {
    /// Writes what can be written at once; `WouldBlock` if that is nothing.
    pub(super) fn try_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(writer) => writer.try_write(bytes),
            Self::Unix(writer) => writer.try_write(bytes),
            Self::Tls(stream) => match Pin::new(&mut **stream.borrow_mut()).poll_write(cx, bytes) {
                Poll::Ready(written) => written,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            },
        }
    }

    /// Whether everything written so far is with the kernel; TLS keeps what the kernel does not take yet.
    pub(super) fn is_flushed(&self, cx: &mut Context<'_>) -> io::Result<bool> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Ok(true),
            Self::Tls(_) => match self.poll_flush(cx) {
                Poll::Ready(flushed) => flushed.map(|()| true),
                Poll::Pending => Ok(false),
            },
        }
    }

    /// Writes everything, also what an earlier call left in a buffer.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match poll_fn(|cx| self.poll_write(cx, bytes)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => bytes = &bytes[written..],
            }
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Tells the other end that nothing more will come.
    pub(super) async fn end_writing(&self) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => Ok(rustix::net::shutdown(writer.as_ref(), rustix::net::Shutdown::Write)?),
            Self::Unix(writer) => Ok(rustix::net::shutdown(writer.as_ref(), rustix::net::Shutdown::Write)?),
            Self::Tls(stream) => poll_fn(|cx| Pin::new(&mut **stream.borrow_mut()).poll_shutdown(cx)).await,
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self {
                Self::Tcp(writer) => ready!(writer.as_ref().poll_write_ready(cx))?,
                Self::Unix(writer) => ready!(writer.as_ref().poll_write_ready(cx))?,
                Self::Tls(stream) => return Pin::new(&mut **stream.borrow_mut()).poll_write(cx, bytes),
            }
            match self.try_write(cx, bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(&mut **stream.borrow_mut()).poll_flush(cx),
        }
    }
}
