//! Connections that can be broken on purpose, since an HTTP server always completes its answers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::stream::{self, StreamExt};
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Breaks the connection that it belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker(Arc<AtomicBool>);

impl Breaker {
    /// Resets the connection at the next attempt to write.
    pub(crate) fn break_off(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection that can be broken.
pub(crate) struct Line {
    stream: TcpStream,
    breaker: Breaker,
}

impl Line {
    /// Wraps an accepted connection.
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Answers are small and complete: waiting for more data only delays them.
        let _ = stream.set_nodelay(true);
        Self { stream, breaker: Breaker::default() }
    }

    /// The breaker of this connection.
    pub(crate) fn breaker(&self) -> Breaker {
        self.breaker.clone()
    }

    /// The stream, unless it has been broken. With zero linger, dropping it sends a reset.
    fn writable(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.breaker.is_broken() {
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writable()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writable()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable()?.poll_shutdown(context)
    }
}

/// Cuts an answer: half of its body is sent with the length of the whole, then the connection is closed.
pub(crate) fn cut(answer: Response<Body>, body: &[u8]) -> Response<Body> {
    let half = Frame::data(body[..body.len() / 2].to_vec().into());
    let end = stream::once(async {
        // Let the first half be sent before the connection is closed.
        tokio::task::yield_now().await;
        Err(io::Error::other("the answer is cut on purpose"))
    });
    let cut = StreamBody::new(stream::iter([Ok(half)]).chain(end));
    let mut cut = answer.map(|_| cut.boxed_unsync());
    // An answer without a body is cut before its first byte.
    cut.headers_mut().insert(CONTENT_LENGTH, body.len().max(1).into());
    cut
}
