//! The sandbox as an HTTP server.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode};
use drillmaster_models::wire;
use drillmaster_transport::{FaultPlan, Faults, Outcome, Strike, TakesEffect};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::{Breakable, Breaker, cut};
use crate::sandbox::Sandbox;

/// The largest body that is read. No request of either service comes near it.
const LARGEST_BODY: usize = 1024 * 1024;

/// Serves the sandbox until the listener fails.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use drillmaster_sandbox::{Sandbox, serve};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// println!("listening on http://{}", listener.local_addr().unwrap());
/// let server = tokio::spawn(serve(Sandbox::academy(1, 200, 250), listener));
/// # server.abort();
/// # });
/// ```
pub async fn serve(sandbox: Sandbox, listener: TcpListener) -> io::Result<()> {
    serve_until(sandbox, listener, pending()).await
}

/// Serves the sandbox until `shutdown` is over, then finishes what it has begun.
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
/// let sandbox = Sandbox::academy(1, 200, 250);
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
    let late = Late::default();
    let served = Served { sandbox, faults: Faults::new(plan), late: late.clone() };
    let app = Router::new().fallback(answer).with_state(served);
    let ended =
        axum::serve(Breakable(listener), app.into_make_service_with_connect_info::<Breaker>())
            .with_graceful_shutdown(shutdown)
            .await;
    late.close().await;
    ended
}

/// What is served, and what goes wrong with it.
#[derive(Clone)]
struct Served {
    sandbox: Sandbox,
    faults: Faults,
    late: Late,
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
    async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What lies here is about the sandbox, not part of a service.
const OWN_PATHS: &str = "/_sandbox/";

async fn answer(
    State(Served { sandbox, faults, late }): State<Served>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        let words = format!("the body is larger than {LARGEST_BODY} bytes");
        return sent(wire::Response::json(413, &json!({ "message": words })));
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
    let (mut strike, mut spec) = (Strike::default(), None);
    if !faults.is_empty() && !target.starts_with(OWN_PATHS) {
        spec = sandbox.spec_at(&method, &target);
        strike = faults.next(spec.map(|spec| spec.name));
    }
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
    }
    let real = real_answer(sandbox, method, target, headers, body, strike.visible_after);
    let Some(trouble) = strike.trouble else {
        return sent(real.await);
    };
    let done = match trouble.takes_effect() {
        TakesEffect::Never => None,
        TakesEffect::First => Some(real.await),
        TakesEffect::Late(after) => {
            drop(late.after(after, real));
            None
        }
        TakesEffect::Slowly(after) => late.after(after, real).await.ok(),
    };
    match trouble.done_to(done, spec) {
        Outcome::Answer(answer) => sent(answer),
        Outcome::Cut(answer) => {
            let whole = answer.body.clone();
            cut(sent(answer), &whole)
        }
        Outcome::Reset => {
            breaker.break_off();
            // Never written: the attempt to do so resets the connection.
            Response::new(Body::empty())
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
    answering.await.unwrap_or_else(|_| {
        let words = "the sandbox failed at this request; its log says why";
        wire::Response::json(500, &json!({ "message": words }))
    })
}

fn sent(answer: wire::Response) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) =
            (axum::http::HeaderName::try_from(name), axum::http::HeaderValue::try_from(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests;
