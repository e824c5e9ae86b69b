//! Bounds HTTP connections: how many there are, and how long one may say nothing at all; and lets messages leave at once.
//!
//! hyper's limit on the head of a request begins only once the connection's first bytes have told HTTP/1 from HTTP/2.
//! Until then it waits for ever, so that is limited here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::limit::HEAD_TIMEOUT;

/// The length of HTTP/2's connection preface (RFC 9113 section 3.4); every request of HTTP/1 is longer.
const PREFACE_BYTES: usize = 24;

/// Accepts what `inner` accepts, within the bounds.
#[derive(Debug, Clone)]
pub(crate) struct Doorkeeper<A> {
    inner: A,
    places: Arc<Semaphore>,
}

impl<A> Doorkeeper<A> {
    /// As many connections at a time as there are places.
    pub(crate) fn new(inner: A, places: Arc<Semaphore>) -> Self {
        Self { inner, places }
    }
}

impl<A, S> Accept<TcpStream, S> for Doorkeeper<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = Bounded<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // Else a message waits until the one before has been acknowledged, which a peer may put off for 40 ms.
        let is_prompt = stream.set_nodelay(true);
        let place = self.places.clone().try_acquire_owned();
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let place = place.map_err(|_| io::Error::other("too many connections"))?;
            is_prompt?;
            let (stream, service) = accepted.await?;
            let first_words = Some((Box::pin(sleep(HEAD_TIMEOUT)), PREFACE_BYTES));
            Ok((Bounded { stream, first_words, _place: place }, service))
        })
    }
}

/// A connection in its place.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    stream: S,
    /// Until when how many bytes more have to come; none once they have.
    first_words: Option<(Pin<Box<Sleep>>, usize)>,
    _place: OwnedSemaphorePermit,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let received = buffer.filled().len() - before;
        let Some((deadline, wanted)) = &mut self.first_words else { return read };
        *wanted = wanted.saturating_sub(received);
        if *wanted == 0 {
            self.first_words = None;
        } else if read.is_pending() && deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use axum_server::accept::DefaultAcceptor;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_said_leaves_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let _peer = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("it is there");
        let doorkeeper = Doorkeeper::new(DefaultAcceptor::new(), Arc::new(Semaphore::new(1)));
        let (bounded, ()) = doorkeeper.accept(stream, ()).await.expect("there is a place");
        assert!(bounded.stream.nodelay().expect("it is open"));
    }
}
