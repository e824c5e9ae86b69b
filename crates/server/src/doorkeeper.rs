//! Bounds HTTP connections: how many there are, and how long one may say nothing at all.
//!
//! hyper's limit on the head of a request begins only once the connection's first bytes have told HTTP/1 from HTTP/2.
//! Until then it waits for ever, so that is limited here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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

impl<A, I, S> Accept<I, S> for Doorkeeper<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Bounded<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let place = self.places.clone().try_acquire_owned();
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let place = place.map_err(|_| io::Error::other("too many connections"))?;
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
