//! Compares the rows with what the service really did.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use drillmaster_models::{Resolve, endpoint};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Body, Event};
use serde_json::Value;

use super::class::{Class, Learner};
use crate::Outcome;

/// A row of a result file, by column.
pub(super) type Row = HashMap<String, String>;

/// The result of the comparison.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Missing rows, and effects that a row claims and that did not happen.
    pub(super) lost: Vec<String>,
    /// Effects that happened more than once.
    pub(super) doubled: Vec<String>,
    /// Anything else that is wrong.
    pub(super) odd: Vec<String>,
}

impl Audit {
    /// Compares a class, its results and the service's own count.
    pub(super) fn of(class: &Class, rows: &[Row], writes: &Value) -> Self {
        let mut audit = Self::default();
        audit.compare_rows(class, rows);
        let by_email: HashMap<&str, &Row> =
            rows.iter().map(|row| (cell(row, "email"), row)).collect();
        for learner in &class.learners {
            if let Some(row) = by_email.get(learner.email.as_str()) {
                audit.judge(learner, row, writes);
            }
        }
        audit.count(class, writes);
        audit
    }

    /// Checks that every learner has one row, in the roster's order.
    fn compare_rows(&mut self, class: &Class, rows: &[Row]) {
        let expected: Vec<&str> =
            class.learners.iter().map(|learner| learner.email.as_str()).collect();
        let there: Vec<&str> = rows.iter().map(|row| cell(row, "email")).collect();
        let found: HashSet<&str> = there.iter().copied().collect();
        let lost = expected.iter().filter(|email| !found.contains(*email));
        self.lost.extend(lost.map(|email| format!("{email} has no row in the results")));
        if self.lost.is_empty() && there != expected {
            self.odd
                .push("the results have rows twice, or not in the order of the roster".to_owned());
        }
    }

    /// Checks that a done row did everything, and that a row in doubt says how to continue.
    fn judge(&mut self, learner: &Learner, row: &Row, writes: &Value) {
        let (email, state) = (&learner.email, cell(row, "state"));
        match state {
            "done" | "unchanged" => {
                let missing = learner
                    .owed
                    .iter()
                    .filter(|name| count(writes, name, learner.subject(name)) == 0);
                self.lost.extend(
                    missing.map(|name| {
                        format!("{email} is {state}, and {name} was never carried out")
                    }),
                );
                if cell(row, "link").is_empty() {
                    self.odd.push(format!("{email} is {state} and has no link"));
                }
            }
            "in-doubt" if !cell(row, "detail").contains("drillmaster resume") => {
                self.odd.push(format!("{email} is in doubt and does not say how to go on"));
            }
            "refused" | "failed" | "in-doubt" | "skipped" => {}
            other => self.odd.push(format!("{email} has the state `{other}`")),
        }
    }

    /// Checks that nothing happened twice, and nothing that nobody asked for.
    fn count(&mut self, class: &Class, writes: &Value) {
        for (name, subjects) in writes.as_object().into_iter().flatten() {
            let expected: HashSet<&str> = class
                .learners
                .iter()
                .filter(|learner| learner.owed.contains(&name.as_str()))
                .map(|learner| learner.subject(name))
                .collect();
            for (subject, times) in subjects.as_object().into_iter().flatten() {
                if comes_once(name) && times.as_u64() != Some(1) {
                    self.doubled
                        .push(format!("{name} was carried out {times} times for {subject}"));
                }
                if !expected.contains(subject.as_str()) {
                    self.odd
                        .push(format!("{name} was carried out for {subject}: it was not needed"));
                }
            }
        }
    }

    /// All findings.
    pub(super) fn findings(self) -> Vec<String> {
        [self.lost, self.doubled, self.odd].concat()
    }
}

/// Whether an effect must happen only once: not if its endpoint declares that a repeat is harmless, or that
/// its answer does not show whether something changed.
fn comes_once(name: &str) -> bool {
    let write = endpoint(name).ok().and_then(|endpoint| endpoint.metadata.effect.write());
    write.is_none_or(|write| write.tells && write.resolve != Resolve::Repeat)
}

fn count(writes: &Value, name: &str, subject: &str) -> u64 {
    writes[name][subject].as_u64().unwrap_or_default()
}

/// The cell in a column of a row; empty without such a column.
pub(super) fn cell<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

/// Reads a result file, CSV or JSON lines.
pub(super) fn results(path: &Path) -> Outcome<Vec<Row>> {
    let failed = |problem: String| format!("{}: {problem}", path.display());
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let row = |line: &str| {
            let fields: HashMap<String, Value> =
                serde_json::from_str(line).map_err(|error| failed(error.to_string()))?;
            let text =
                |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
        };
        return text.lines().map(row).collect();
    }
    let mut reader = csv::Reader::from_path(path).map_err(|error| failed(error.to_string()))?;
    let rows = reader.deserialize();
    rows.map(|row| row.map_err(|error| failed(error.to_string()))).collect()
}

/// The rows that ever had writes in doubt, with their number: the writes in a journal that were sent, or may
/// have been, and got no clear answer.
pub(super) fn doubts(journal: &Path) -> Outcome<BTreeMap<String, usize>> {
    let failed = |error: drillmaster_transport::cassette::ReadError| error.to_string();
    let mut open = HashMap::new();
    let mut doubtful = HashSet::new();
    for event in EventReader::open(journal).map_err(failed)? {
        match event.map_err(failed)? {
            Event::Request(request) => {
                let writes = endpoint(&request.endpoint)
                    .is_ok_and(|endpoint| !endpoint.metadata.effect.is_read());
                let place = (request.scope.clone(), request.ordinal);
                if writes && let Some(earlier) = open.insert(place, (request.scope, request.hash)) {
                    doubtful.insert(earlier);
                }
            }
            Event::Response(answer) => {
                let clear = answer.status < 500 && matches!(answer.body, Some(Body::Json(_)));
                let write = open.remove(&(answer.scope, answer.ordinal));
                doubtful.extend(write.filter(|_| !clear));
            }
            Event::Error(loss) => {
                let sent = !["unsent", "unreachable"].contains(&loss.kind.as_str());
                let write = open.remove(&(loss.scope, loss.ordinal));
                doubtful.extend(write.filter(|_| sent));
            }
            _ => {}
        }
    }
    doubtful.extend(open.into_values());
    let mut rows = BTreeMap::new();
    for (scope, _) in doubtful {
        *rows.entry(scope).or_default() += 1;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use drillmaster_journal::Journal;
    use drillmaster_transport::cassette::{ErrorEvent, Header, RequestEvent, ResponseEvent};
    use serde_json::json;

    use super::*;

    /// A small class with correct rows and writes.
    fn right() -> (Class, Vec<Row>, Value) {
        let owed: [&[&'static str]; 3] = [
            &["thm.authenticate"],
            &["thm.authenticate", "veracode.invite"],
            &["thm.add_seat", "thm.authenticate", "veracode.invite"],
        ];
        let learners = owed.iter().enumerate().map(|(n, owed)| Learner {
            email: format!("{n}@example.com"),
            id: format!("torture-{n}"),
            roles: "",
            owed: owed.to_vec(),
        });
        let class = Class { learners: learners.collect() };
        let row = |learner: &Learner| {
            let cells = [("email", learner.email.as_str()), ("state", "done"), ("link", "x")];
            cells.into_iter().map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
        };
        let mut writes = json!({});
        for learner in &class.learners {
            for name in &learner.owed {
                writes[*name][learner.subject(name)] = 1.into();
            }
        }
        let rows = class.learners.iter().map(row).collect();
        (class, rows, writes)
    }

    fn check(change: impl FnOnce(&mut Vec<Row>, &mut Value), expected: [usize; 3]) {
        let (class, mut rows, mut writes) = right();
        change(&mut rows, &mut writes);
        let audit = Audit::of(&class, &rows, &writes);
        let found = [audit.lost.len(), audit.doubled.len(), audit.odd.len()];
        assert_eq!(found, expected, "{audit:?}");
    }

    fn invites(writes: &mut Value) -> &mut serde_json::Map<String, Value> {
        writes["veracode.invite"].as_object_mut().unwrap()
    }

    #[test]
    fn what_is_right_is_left_alone() {
        check(|_, _| (), [0, 0, 0]);
    }

    #[test]
    fn a_missing_row_is_lost() {
        check(|rows, _| drop(rows.remove(1)), [1, 0, 0]);
    }

    #[test]
    fn rows_twice_or_in_another_order_are_odd() {
        check(|rows, _| rows.push(rows[0].clone()), [0, 0, 1]);
        check(|rows, _| rows.swap(0, 1), [0, 0, 1]);
    }

    #[test]
    fn an_effect_that_a_row_claims_and_nobody_saw_is_lost() {
        let forget = |writes: &mut Value| {
            let first = invites(writes).keys().next().unwrap().clone();
            invites(writes).remove(&first);
        };
        check(|_, writes| forget(writes), [1, 0, 0]);
    }

    #[test]
    fn an_invite_that_came_twice_is_doubled_and_a_link_is_not() {
        let twice = |name: &'static str| {
            move |_: &mut Vec<Row>, writes: &mut Value| {
                let (_, times) = writes[name].as_object_mut().unwrap().iter_mut().next().unwrap();
                *times = 2.into();
            }
        };
        check(twice("veracode.invite"), [0, 1, 0]);
        check(twice("thm.authenticate"), [0, 0, 0]);
    }

    #[test]
    fn an_effect_without_a_row_is_odd() {
        check(
            |_, writes| drop(invites(writes).insert("x@example.com".into(), 1.into())),
            [0, 0, 1],
        );
    }

    #[test]
    fn a_row_in_doubt_must_say_how_to_go_on() {
        let doubt = |detail: &'static str| {
            move |rows: &mut Vec<Row>, _: &mut Value| {
                rows[0].insert("state".to_owned(), "in-doubt".to_owned());
                rows[0].insert("detail".to_owned(), detail.to_owned());
            }
        };
        check(doubt("it is not known"), [0, 0, 1]);
        check(doubt("it is not known; `drillmaster resume x` looks again"), [0, 0, 0]);
    }

    #[test]
    fn writes_without_a_clear_answer_are_doubts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let journal = Journal::create(&path, Header::default()).unwrap();
        let sent = |scope: &str, name: &str| {
            let event = json!({ "event": "request", "scope": scope, "ordinal": 1, "entry": name,
                "hash": scope, "method": "POST", "target": "/" });
            let request: Event = serde_json::from_value(event).unwrap();
            assert!(matches!(request, Event::Request(RequestEvent { .. })));
            journal.append(&request).unwrap();
        };
        let answered = |scope: &str, status, body| {
            let body = Some(body);
            let (scope, headers) = (scope.to_owned(), Vec::new());
            let answer =
                ResponseEvent { scope, ordinal: 1, status, headers, body, in_doubt_since: None };
            journal.append(&Event::Response(answer)).unwrap();
        };
        let lost = |scope: &str, kind: &str| {
            let (scope, kind, detail) = (scope.to_owned(), kind.to_owned(), String::new());
            journal
                .append(&Event::Error(ErrorEvent {
                    scope,
                    ordinal: 1,
                    kind,
                    detail,
                    in_doubt_since: None,
                }))
                .unwrap();
        };
        for scope in ["clear", "broken", "garbage", "reset", "closed", "open"] {
            sent(scope, "veracode.invite");
        }
        sent("read", "veracode.users");
        answered("clear", 400, Body::Json(json!({})));
        answered("broken", 500, Body::Json(json!({})));
        answered("garbage", 200, Body::Text("{".to_owned()));
        lost("reset", "reset");
        lost("closed", "unreachable");
        drop(journal);
        let doubts = doubts(&path).unwrap();
        assert_eq!(doubts.keys().collect::<Vec<_>>(), ["broken", "garbage", "open", "reset"]);
    }
}
