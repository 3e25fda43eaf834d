//! How fast messages are redacted: a roster's people are collected from a request and a response for each row, all
//! messages are redacted, and the results are checked for leaks. Prints seconds as JSON.
//!
//! ```text
//! cargo run --release --package drillmaster-redact --example redact_rate ROWS
//! ```

use std::error::Error;
use std::time::Instant;

use drillmaster_models::{Dialect, Message, endpoint, wire};
use drillmaster_redact::{Collector, Policy, Redactor, Rows};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).ok_or("usage: redact_rate ROWS")?.parse()?;
    let roster = Rows {
        columns: ["email", "name", "id"].map(str::to_owned).into(),
        cells: (0..count).map(cells).collect(),
    };
    let messages = roster.cells.iter().map(|row| messages(row)).collect::<Result<Vec<_>, _>>()?;
    let name = "thm.add_seat";
    let message = |index: usize| Message {
        endpoint: name,
        scope: roster.cells[index][0].as_str(),
        wire: &messages[index].0,
    };

    let start = Instant::now();
    let mut collector = Collector::new(Policy::default());
    (0..count).for_each(|index| collector.preview(message(index)));
    collector.add_roster(roster.clone());
    for (index, (_, response)) in messages.iter().enumerate() {
        collector.scope(&roster.cells[index][0]);
        collector.request(message(index));
        collector.response(message(index).response(response));
    }
    let collected = collector.finish();
    let collect = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut redacted = Vec::with_capacity(2 * count);
    for (index, (_, response)) in messages.iter().enumerate() {
        redacted.push(collected.redactor.request(message(index)).body);
        let response = message(index).response(response);
        redacted.push(collected.redactor.response(response).body);
    }
    let redact = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let check = collected.redactor.leak_check()?;
    redacted.iter().try_for_each(|body| check.bytes("a body", body))?;
    let leak_check = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let redactor = Redactor::new(&collected.scheme, Some(&roster));
    let open = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for body in redacted {
        std::hint::black_box(redactor.restore(wire::Response {
            status: 200,
            headers: Vec::new(),
            body,
        }));
    }
    let restore = start.elapsed().as_secs_f64();
    let figures = json!({
        "collect": collect, "redact": redact, "leak_check": leak_check, "open": open, "restore": restore,
    });
    println!("{figures}");
    Ok(())
}

fn cells(row: usize) -> Vec<String> {
    let id = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    vec![
        format!("person.{row:06}@corp{}.example", row % 7),
        format!("First{row} Last{}", row / 3),
        format!("{id:016x}"),
    ]
}

/// A request of a row, and a response with what services tell about a learner.
fn messages(row: &[String]) -> Result<(wire::Request, wire::Response), Box<dyn Error>> {
    let seat = endpoint("thm.add_seat")?;
    let request = seat.request(&json!({ "email": row[0] }), Dialect::Current)?;
    let learner = json!({
        "id": row[2], "email": row[0], "name": row[1], "status": "invited", "team": "blue",
        "joined": "2026-01-02T10:00:00Z", "roles": ["learner", "manager"],
        "progress": { "completed": 17, "of": 40, "rooms": ["linux1", "linux2", "external/login"] },
        "message": "The invitation was sent, and the certificate will follow after onboarding.",
    });
    let response = wire::Response::json(200, &json!({ "status": "success", "data": learner }));
    Ok((request, response))
}
