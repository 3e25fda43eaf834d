//! The sandbox as an HTTP server.

use std::future::{Future, pending};
use std::io;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::serve::ListenerExt;
use drillmaster_models::wire;
use serde_json::json;
use tokio::net::TcpListener;

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
    // Answers are small and whole: waiting for more to send only delays them.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let app = Router::new().fallback(answer).with_state(sandbox);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

async fn answer(State(sandbox): State<Sandbox>, request: Request) -> Response<Body> {
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
    // On a thread of its own: a list of 100,000 users takes its time, and others need not wait for it.
    let answering =
        tokio::task::spawn_blocking(move || sandbox.answer(&method, &target, &headers, &body));
    sent(answering.await.unwrap_or_else(|_| {
        let words = "the sandbox failed at this request; its log says why";
        wire::Response::json(500, &json!({ "message": words }))
    }))
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
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    /// Starts a server on a thread of its own, which ends with the test.
    fn start() -> SocketAddr {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(Sandbox::academy(1, 40, 30), listener).await.unwrap();
            });
        });
        told.recv().unwrap()
    }

    /// Sends bytes as they are and reads until the server has nothing more to say.
    fn exchange(server: SocketAddr, request: &[u8]) -> String {
        let mut connection = TcpStream::connect(server).unwrap();
        connection.write_all(request).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn one_connection_serves_several_requests() {
        let request = "GET /external/api/rooms HTTP/1.1\r\nhost: x\r\n";
        let twice = format!(
            "{request}thm-api-key: sandbox-thm-key\r\n\r\n{request}connection: close\r\n\r\n"
        );
        let answer = exchange(start(), twice.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    }

    #[test]
    fn a_body_that_is_too_large_is_refused_in_json() {
        let size = LARGEST_BODY + 1;
        let head = format!(
            "PUT /api/v2/external/seats/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {size}\r\n\r\n"
        );
        let request = [head.into_bytes(), vec![b' '; size]].concat();
        let answer = exchange(start(), &request);
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("{\"message\":\"the body is larger"), "{answer}");
    }

    #[tokio::test]
    async fn a_shutdown_ends_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::academy(1, 5, 5);
        serve_until(sandbox, listener, async {}).await.unwrap();
    }
}
