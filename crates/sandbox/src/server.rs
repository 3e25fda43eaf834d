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

/// The largest body that is read. No request of either service comes near it.
const LARGEST_BODY: usize = 1024 * 1024;
/// How many connections are open at a time; further ones wait until one ends.
const MOST_CONNECTIONS: usize = 1000;
/// How long a client may take over the head of a request, and over its body; and how long a connection is kept that
/// nothing is asked on.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what is under way may still take when the server ends.
const GRACE: Duration = Duration::from_secs(1);
/// The wait after the system had no room for a connection.
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

/// Serves the sandbox until `shutdown` is over. What is under way then is finished, unless that takes longer than a
/// second: no client can keep the server from its end.
pub async fn serve_until(
    sandbox: Sandbox,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with_faults(sandbox, listener, FaultPlan::default(), shutdown).await
}

/// The same with trouble as the plan has it. Connections are really broken and answers really cut short.
/// Paths that begin with `/_sandbox/` are spared, and not counted. A write that is to take effect late does so even if
/// its caller is gone by then, and all that are still to come when the server ends take effect at that moment: a state
/// that is saved then has them.
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

/// The same, where clients may call this machine by further names. A request for another host is refused, so that no
/// page in a browser can reach the server by a name that it had resolve to this machine: it must be for `localhost`,
/// a loopback address, the address that was connected to, or one of these names.
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
            // How a client ends is its own affair.
            let _ = connection.await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let end = Instant::now() + GRACE;
    late.close();
    // Whoever is not through by then loses the connection, which ends with the set.
    let _ = timeout_at(end, graceful.shutdown()).await;
    let _ = timeout_at(end, late.finish()).await;
    Ok(())
}

/// The next connection, however long the system has no room for it.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(NO_ROOM).await,
        }
    }
}

/// Answers what comes on a connection.
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

/// What is served, and what goes wrong with it.
struct Served {
    sandbox: Sandbox,
    faults: Faults,
    late: Late,
    /// What this machine may be called.
    names: Vec<String>,
}

/// What takes effect only later, whatever becomes of the connection that asked for it.
#[derive(Clone, Default)]
struct Late {
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Late {
    /// Does something after this time, or when the server closes.
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

    /// Has all of it take effect now.
    fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Waits until all of it has.
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
            return sent(told(413, &format!("the body is larger than {LARGEST_BODY} bytes")));
        }
        Ok(Err(error)) => return sent(told(400, &format!("the body cannot be read: {error}"))),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return sent(told(408, &format!("the body did not arrive within {seconds} s")));
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

/// The sandbox's answer, made on a thread of its own: a list of 100,000 users takes its time, and others
/// need not wait for it.
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
    answering
        .await
        .unwrap_or_else(|_| told(500, "the sandbox failed at this request; its log says why"))
}

/// An answer of the server's own.
fn told(status: u16, words: &str) -> wire::Response {
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
