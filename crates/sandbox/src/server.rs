//! The sandbox as an HTTP server.

mod door;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use drillmaster_models::wire;
use drillmaster_transport::fault::{FaultPlan, Faults, FaultyAnswer, Injection, TakesEffect};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::breaker::{Body, Breaker, Line, cut};
use crate::sandbox::{OWN_PATHS, Sandbox};

/// The maximum size of a request's body in bytes, far above that of any real request.
const LARGEST_BODY: usize = 1024 * 1024;
/// The maximum number of open connections. Further ones wait until one is closed.
const MOST_CONNECTIONS: usize = 1000;
/// The time limit for receiving the head of a request, for receiving its body, and for an idle connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time limit for finishing open requests at shutdown.
const GRACE: Duration = Duration::from_secs(1);
/// The delay after the system could not accept a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves the sandbox until the listener fails.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use drillmaster_sandbox::{Sandbox, serve};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// println!("listening on http://{}", listener.local_addr().unwrap());
/// let server = tokio::spawn(serve(Sandbox::default(), listener));
/// # server.abort();
/// # });
/// ```
pub async fn serve(sandbox: Sandbox, listener: TcpListener) -> io::Result<()> {
    serve_until(sandbox, listener, pending()).await
}

/// Serves the sandbox until `shutdown` completes. Open requests then have a second to finish.
pub async fn serve_until(
    sandbox: Sandbox,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with_faults(sandbox, listener, FaultPlan::default(), shutdown).await
}

/// Serves the sandbox with injected faults. Connections are really reset and answers really cut. Paths that begin
/// with `/_sandbox/` have no faults and are not counted. A write with a late effect takes effect even if its caller
/// has gone. At shutdown all pending writes take effect at once, so that a saved state has them.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use drillmaster_sandbox::{Sandbox, serve_with_faults};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let plan = "delay=20ms,reset-after=2%,veracode.invite:500-after@1".parse().unwrap();
/// let sandbox = Sandbox::default();
/// let server = tokio::spawn(serve_with_faults(sandbox, listener, plan, std::future::pending()));
/// # server.abort();
/// # });
/// ```
pub async fn serve_with_faults(
    sandbox: Sandbox,
    listener: TcpListener,
    plan: FaultPlan,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_as(sandbox, listener, plan, Vec::new(), shutdown).await
}

/// Serves the sandbox under additional host names. A request must be for `localhost`, a loopback address, the address
/// it was sent to, or one of these names. All others are refused, so that no web page can reach the server by DNS
/// rebinding.
pub async fn serve_as(
    sandbox: Sandbox,
    listener: TcpListener,
    plan: FaultPlan,
    names: Vec<String>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let late = Late::default();
    let served = Arc::new(Served { sandbox, faults: Faults::new(plan), late: late.clone(), names });
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        // Dropped with its connection.
        let permit = tokio::select! {
            () = &mut shutdown => break,
            permit = room.clone().acquire_owned() => permit,
        };
        let stream = tokio::select! {
            () = &mut shutdown => break,
            stream = accept(&listener) => stream,
        };
        let Ok(local) = stream.local_addr() else { continue };
        let connection = connection(&served, stream, local);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // An error of one client does not matter to the others.
            let _ = connection.await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let end = Instant::now() + GRACE;
    late.close();
    // Remaining connections are closed when the set is dropped.
    let _ = timeout_at(end, graceful.shutdown()).await;
    let _ = timeout_at(end, late.finish()).await;
    Ok(())
}

/// The next connection. Waits while the system cannot accept one.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(NO_ROOM).await,
        }
    }
}

/// Answers the requests on a connection.
fn connection(
    served: &Arc<Served>,
    stream: TcpStream,
    local: SocketAddr,
) -> impl hyper_util::server::graceful::GracefulConnection + use<> {
    let line = Line::new(stream);
    let (served, breaker) = (served.clone(), line.breaker());
    let answer = move |request| {
        let (served, breaker) = (served.clone(), breaker.clone());
        async move { Ok::<_, Infallible>(answer(&served, local, &breaker, request).await) }
    };
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(line), service_fn(answer))
}

/// The sandbox and its faults.
struct Served {
    sandbox: Sandbox,
    faults: Faults,
    late: Late,
    /// Additional host names.
    names: Vec<String>,
}

/// Writes that take effect later, even if their connection is closed.
#[derive(Clone, Default)]
struct Late {
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Late {
    /// Runs a future after a delay, or when the server shuts down.
    fn after<T: Send + 'static>(
        &self,
        time: Duration,
        done: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = closing.cancelled() => {}
            }
            done.await
        })
    }

    /// Lets all of them take effect now.
    fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Waits until all of them have taken effect.
    async fn finish(&self) {
        self.tasks.wait().await;
    }
}

async fn answer(
    Served { sandbox, faults, late, names }: &Served,
    local: SocketAddr,
    breaker: &Breaker,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refused) = door::admit(&head, local, names) {
        return sent(refused);
    }
    let body = match timeout(PATIENCE, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return sent(message(413, &format!("the body is larger than {LARGEST_BODY} bytes")));
        }
        Ok(Err(error)) => return sent(message(400, &format!("the body cannot be read: {error}"))),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return sent(message(408, &format!("the body did not arrive within {seconds} s")));
        }
    };
    let method = head.method.to_string();
    let target =
        head.uri.path_and_query().map_or_else(|| head.uri.path().to_owned(), ToString::to_string);
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let (mut injection, mut metadata) = (Injection::default(), None);
    if !faults.is_empty() && !target.starts_with(OWN_PATHS) {
        metadata = sandbox.metadata_at(&method, &target);
        injection = faults.next(metadata.map(|metadata| metadata.name));
    }
    if !injection.delay.is_zero() {
        tokio::time::sleep(injection.delay).await;
    }
    let real = real_answer(sandbox.clone(), method, target, headers, body, injection.visible_after);
    let Some(fault) = injection.fault else {
        return sent(real.await);
    };
    let done = match fault.takes_effect() {
        TakesEffect::Never => None,
        TakesEffect::BeforeAnswer => Some(real.await),
        TakesEffect::AfterAnswer(after) => {
            drop(late.after(after, real));
            None
        }
        TakesEffect::WithSlowAnswer(after) => late.after(after, real).await.ok(),
    };
    match fault.apply(done, metadata) {
        FaultyAnswer::Answer(answer) => sent(answer),
        FaultyAnswer::Cut(answer) => {
            let whole = answer.body.clone();
            cut(sent(answer), &whole)
        }
        FaultyAnswer::Reset => {
            breaker.break_off();
            // Never written: the attempt to do so resets the connection.
            Response::new(body_of(Bytes::new()))
        }
    }
}

/// The sandbox's answer. It runs on a blocking thread, because a list of 100,000 users takes long.
async fn real_answer(
    sandbox: Sandbox,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    visible_after: Duration,
) -> wire::Response {
    let answering = tokio::task::spawn_blocking(move || {
        sandbox.answer_lagging(&method, &target, &headers, &body, visible_after)
    });
    answering.await.unwrap_or_else(|_| message(500, "the sandbox failed; its log says why"))
}

/// A message of the server itself.
fn message(status: u16, words: &str) -> wire::Response {
    wire::Response::json(status, &json!({ "message": words }))
}

fn body_of(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn sent(answer: wire::Response) -> Response<Body> {
    let mut response = Response::new(body_of(answer.body.into()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests;
