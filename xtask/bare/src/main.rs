//! The same calls as the bench's scripts, in a bare reqwest loop.
//!
//! Usage: `drillmaster-bare read|write URL ROWS CONCURRENCY`, with the key in `DRILLMASTER_THM_KEY`.

use std::process::ExitCode;

use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, RequestBuilder};

/// The calls to make.
struct Calls {
    makes: fn(&Client, &str, u32) -> RequestBuilder,
    url: String,
    rows: u32,
    concurrency: usize,
    key: String,
}

fn main() -> ExitCode {
    let done = calls().and_then(|calls| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(make(&calls)).map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn calls() -> Result<Calls, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, url, rows, concurrency] = arguments.as_slice() else {
        return Err("four arguments are due: read|write URL ROWS CONCURRENCY".to_owned());
    };
    let makes = match work.as_str() {
        "read" => read,
        "write" => write,
        other => return Err(format!("`{other}` is neither read nor write")),
    };
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    let (rows, concurrency) = (number(rows)?, number(concurrency)? as usize);
    let key = std::env::var("DRILLMASTER_THM_KEY").map_err(|_| "DRILLMASTER_THM_KEY is not set")?;
    Ok(Calls { makes, url: url.clone(), rows, concurrency, key })
}

async fn make(calls: &Calls) -> reqwest::Result<()> {
    // Like the runner's client: no proxy for loopback.
    let client = Client::builder().no_proxy().build()?;
    stream::iter(0..calls.rows)
        .map(|row| {
            let request = (calls.makes)(&client, &calls.url, row).header("THM-API-KEY", &calls.key);
            async move { request.send().await?.error_for_status()?.bytes().await }
        })
        .buffer_unordered(calls.concurrency)
        .try_for_each(|_| async { Ok(()) })
        .await
}

fn read(client: &Client, url: &str, _row: u32) -> RequestBuilder {
    let address = format!("{url}/external/api/roomExists?roomCode=linux1");
    client.get(address).header("accept", "application/json")
}

fn write(client: &Client, url: &str, row: u32) -> RequestBuilder {
    client
        .post(format!("{url}/external/api/authenticate"))
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .body(format!(r#"{{"extUserId":"learner-{row:07}","roomCode":"linux1"}}"#))
}

#[cfg(test)]
mod tests {
    use drillmaster_models::{Dialect, endpoint};
    use serde_json::{Value, json};

    use super::*;

    /// Checks that the client makes the same call as a script of the bench.
    fn check(request: RequestBuilder, script: &str, name: &str, fields: &Value) {
        let wire = endpoint(name).unwrap().request(fields, Dialect::Current).unwrap();
        let bare = request.build().unwrap();
        assert_eq!(bare.method().as_str(), wire.method.as_str());
        assert_eq!(bare.url().as_str(), format!("http://x{}", wire.target));
        assert_eq!(bare.body().and_then(|body| body.as_bytes()).unwrap_or_default(), wire.body);
        for (name, value) in &wire.headers {
            assert_eq!(bare.headers()[name], value, "{name}");
        }
        let script = format!("{}/../bench/{script}.rhai", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(script).unwrap();
        assert!(script.contains(&name.replace('.', "::")), "{script}");
    }

    #[test]
    fn a_read_is_the_scripts_read() {
        let fields = json!({ "roomCode": "linux1" });
        check(read(&Client::new(), "http://x", 7), "read", "thm.room_exists", &fields);
    }

    #[test]
    fn a_write_is_the_scripts_write() {
        let fields = json!({ "extUserId": "learner-0000007", "roomCode": "linux1" });
        check(write(&Client::new(), "http://x", 7), "write", "thm.authenticate", &fields);
    }
}
