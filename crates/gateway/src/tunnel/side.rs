//! One end of a tunnel: a socket that is read and written only when it is ready.

use std::io;

use tokio::net::{TcpStream, UnixStream};

pub(super) enum Side {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Side {
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        }
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self {
                Self::Tcp(stream) => stream.writable().await?,
                Self::Unix(stream) => stream.writable().await?,
            }
            match self.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the other end that nothing more will come.
    pub(super) fn end_writing(&self) -> io::Result<()> {
        let result = match self {
            Self::Tcp(stream) => rustix::net::shutdown(stream, rustix::net::Shutdown::Write),
            Self::Unix(stream) => rustix::net::shutdown(stream, rustix::net::Shutdown::Write),
        };
        Ok(result?)
    }
}
