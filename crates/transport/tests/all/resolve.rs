//! How writes in doubt are resolved, and how often their effect takes place: at most once, however late the
//! service is and whatever its lists look like.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::veracode::Invite;
use drillmaster_models::{
    Absence, Effect, Endpoint, EndpointDef, Metadata, Resolve, Write, endpoint,
};
use drillmaster_sandbox::{InviteOutcome, Options, Sandbox};
use drillmaster_transport::{
    Capture, Connection, Error, FaultInjector, NetworkError, Request, ResolvePolicy, Resolver,
    Response, Transport,
};
use futures::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scripted::Scripted;

const STRANGER: &str = "ada.lovelace@example.com";

/// How the first invite is answered.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Status(u16),
    NetworkError(NetworkError),
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Status(500),
    Trouble::Status(502),
    Trouble::Status(503),
    Trouble::Status(504),
    Trouble::NetworkError(NetworkError::ConnectionLost),
    Trouble::NetworkError(NetworkError::Timeout),
];

/// What a list looks like.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Right,
    Empty,
    NoContent,
    Object,
    Maintenance,
    Null,
    OddElement,
    Text,
    Page,
    /// The same page for ever.
    Repeated,
    /// Each page says that there is one more, and is empty.
    Endless,
    /// A full page that does not say whether there are more.
    Untold,
    /// Somebody without an address.
    Nameless,
    /// Somebody whose address is empty.
    Blank,
    /// Nobody, not even the one who invites.
    Nobody,
}

const ODD: [Shape; 14] = [
    Shape::Empty,
    Shape::NoContent,
    Shape::Object,
    Shape::Maintenance,
    Shape::Null,
    Shape::OddElement,
    Shape::Text,
    Shape::Page,
    Shape::Repeated,
    Shape::Endless,
    Shape::Untold,
    Shape::Nameless,
    Shape::Blank,
    Shape::Nobody,
];

impl Shape {
    fn answer(self) -> Option<Response> {
        let user =
            |id: usize| json!({ "id": format!("u{id}"), "email": format!("u{id}@example.com") });
        let page = |users: Vec<Value>, next: Value| {
            Response::json(200, &json!({ "nextPage": next, "users": users }))
        };
        let bare = |status, body: &str| Response {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: body.as_bytes().to_vec(),
        };
        Some(match self {
            Self::Right => return None,
            Self::Empty => Response { headers: Vec::new(), ..bare(200, "") },
            Self::NoContent => Response { headers: Vec::new(), ..bare(204, "") },
            Self::Object => Response::json(200, &json!({})),
            Self::Maintenance => Response::json(200, &json!({ "message": "maintenance" })),
            Self::Null => Response::json(200, &json!({ "users": null })),
            Self::OddElement => Response::json(200, &json!({ "nextPage": null, "users": [1] })),
            Self::Text => Response::json(200, &json!({ "users": "none" })),
            Self::Page => bare(200, "<html>Sign in</html>"),
            Self::Repeated => page(vec![user(1)], json!("/api/users?page=1")),
            Self::Endless => page(Vec::new(), json!("/api/users?page=1")),
            Self::Untold => {
                Response::json(200, &json!({ "users": (0..50).map(user).collect::<Vec<_>>() }))
            }
            Self::Nameless => page(vec![json!({ "id": "u1" })], json!(null)),
            Self::Blank => page(vec![json!({ "id": "u1", "email": " " })], json!(null)),
            Self::Nobody => Response::json(
                200,
                &json!({ "nextPage": null, "users": [], "message": "maintenance" }),
            ),
        })
    }
}

/// A service that answers the first invite with trouble and carries it out later, or never.
struct Late {
    sandbox: Sandbox,
    trouble: Trouble,
    delay: Option<Duration>,
    shape: Shape,
    invites: AtomicUsize,
}

impl Late {
    /// One in which an invite that is sent twice is seen to be.
    fn new(trouble: Trouble, delay: Option<Duration>, shape: Shape) -> Arc<Self> {
        let options = Options { learners: 20, reinvite: true, ..Options::default() };
        let sandbox = Sandbox::new(options);
        Arc::new(Self { sandbox, trouble, delay, shape, invites: AtomicUsize::new(0) })
    }

    fn effects(&self) -> u64 {
        self.sandbox.writes()["veracode.invite"][STRANGER].as_u64().unwrap_or(0)
    }

    fn sent(&self) -> usize {
        self.invites.load(Ordering::Relaxed)
    }

    /// The fields of an invite, from an administrator.
    async fn fields(&self) -> Value {
        let users = endpoint("veracode.users").unwrap();
        let page = Connection::new(self.sandbox.clone()).call(users, &json!({})).await.unwrap();
        json!({ "email": STRANGER, "senderId": page["users"][0]["id"] })
    }
}

#[async_trait]
impl Transport for Late {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let (name, answer) = (request.metadata.name, self.shape.answer());
        if name == "veracode.users"
            && let Some(answer) = answer
        {
            return Ok(answer);
        }
        let is_first = || self.invites.fetch_add(1, Ordering::Relaxed) == 0;
        if name != "veracode.invite" || !is_first() {
            return self.sandbox.send(request).await;
        }
        if let Some(delay) = self.delay {
            let sandbox = self.sandbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                sandbox.send(request).await.unwrap();
            });
        }
        match self.trouble {
            Trouble::Status(status) => {
                Ok(Response::json(status, &json!({ "message": "unknown error" })))
            }
            Trouble::NetworkError(how) => Err(Error::network(how, "on the way")),
        }
    }
}

fn invite() -> &'static EndpointDef {
    endpoint("veracode.invite").unwrap()
}

/// Invites somebody at this service, and waits until nothing is on its way any more.
async fn invited(service: &Arc<Late>, policy: ResolvePolicy) -> Result<Value, Error> {
    let fields = service.fields().await;
    let connection = Connection::new(service.clone()).resolving(policy);
    let outcome = connection.call_and_resolve(invite(), &fields).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    outcome
}

fn patient() -> ResolvePolicy {
    ResolvePolicy { wait: true, ..ResolvePolicy::default() }
}

/// From at once to beyond every look of a run, and inside the horizon.
const DELAYS: [u64; 6] = [0, 150, 400, 2_000, 6_000, 119_000];

#[tokio::test(start_paused = true)]
async fn an_invite_that_is_carried_out_late_is_sent_once() {
    for trouble in TROUBLES {
        for delay in DELAYS.map(Duration::from_millis) {
            let service = Late::new(trouble, Some(delay), Shape::Right);
            let outcome = invited(&service, ResolvePolicy::default()).await;
            assert_eq!((service.effects(), service.sent()), (1, 1), "{trouble:?} {delay:?}");
            let in_doubt = outcome.is_err_and(|error| error.is_in_doubt());
            assert_eq!(in_doubt, delay > Duration::from_secs(30), "{trouble:?} {delay:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_horizon_learns_what_became_of_it() {
    for trouble in TROUBLES {
        for delay in DELAYS.map(Duration::from_millis) {
            let service = Late::new(trouble, Some(delay), Shape::Right);
            let outcome = invited(&service, patient()).await;
            assert_eq!(outcome.unwrap()["email"], STRANGER);
            assert_eq!((service.effects(), service.sent()), (1, 1), "{trouble:?} {delay:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invite_that_never_arrived_is_sent_once_more_past_its_horizon_and_not_before() {
    for trouble in TROUBLES {
        let service = Late::new(trouble, None, Shape::Right);
        let outcome = invited(&service, ResolvePolicy::default()).await;
        assert!(outcome.unwrap_err().is_in_doubt());
        assert_eq!(service.sent(), 1, "{trouble:?}");

        let service = Late::new(trouble, None, Shape::Right);
        assert!(invited(&service, patient()).await.is_ok());
        assert_eq!((service.effects(), service.sent()), (1, 2), "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_odd_list_shows_nobody_absent() {
    for trouble in TROUBLES {
        for shape in ODD {
            for delay in [Some(Duration::ZERO), Some(Duration::from_secs(6)), None] {
                let service = Late::new(trouble, delay, shape);
                let outcome = invited(&service, patient()).await;
                assert!(outcome.unwrap_err().is_in_doubt(), "{trouble:?} {shape:?}");
                assert_eq!(service.sent(), 1, "{trouble:?} {shape:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn nobody_is_invited_twice(
        trouble in proptest::sample::select(&TROUBLES[..]),
        delay in proptest::option::of(0_u64..120_000),
        shape in proptest::sample::select(ODD.iter().copied().chain([Shape::Right; 8]).collect::<Vec<_>>()),
        within in 120_u64..240,
        probe_for in 0_u64..600,
        wait in any::<bool>(),
        // Whoever says that absence need not be shown says so after a look of their own.
        repeat_unproven in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let service = Late::new(trouble, delay.map(Duration::from_millis), shape);
            let policy = ResolvePolicy {
                effect_within: Some(Duration::from_secs(within)),
                probe_for: Duration::from_secs(probe_for),
                wait,
                repeat_unproven: repeat_unproven && delay.is_none(),
            };
            let outcome = invited(&service, policy).await;
            prop_assert!(service.effects() <= 1, "{} effects", service.effects());
            prop_assert!(service.sent() <= 2);
            // What is told as done is done.
            prop_assert!(outcome.is_err() || service.effects() == 1);
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn people_are_found_however_their_address_is_written() {
    for (invited, listed) in [
        ("\u{c9}VA@example.com", "\u{e9}va@example.com"),
        ("bob@m\u{fc}ller.example", "bob@xn--mller-kva.example"),
        ("eve@example.com", "eve@example.com "),
    ] {
        let users = json!({ "nextPage": null, "users": [{ "id": "u1", "email": listed }] });
        let broken = Response::json(500, &json!({ "message": "unknown error" }));
        let service = Scripted::new([Ok(broken), Ok(Response::json(200, &users))]);
        let fields = json!({ "email": invited, "senderId": "a" });
        let outcome = Connection::new(service).call_and_resolve(invite(), &fields).await;
        assert_eq!(outcome.unwrap()["email"], invited);
    }
}

/// An invite of which absence proves nothing.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
struct Unproven(Invite);

impl Endpoint for Unproven {
    type Response = drillmaster_models::veracode::Invited;

    const METADATA: Metadata = Metadata {
        effect: Effect::Write(Write {
            resolve: Resolve::Probe {
                endpoint: "veracode.users",
                field: "email",
                absence: Absence::Unproven,
            },
            ..Write::on("email")
        }),
        ..Invite::METADATA
    };
}

static UNPROVEN: EndpointDef = EndpointDef::new::<Unproven>(&drillmaster_models::veracode::SERVICE);

#[tokio::test(start_paused = true)]
async fn where_absence_proves_nothing_only_a_person_may_have_it_sent_again() {
    for (repeat_unproven, sent) in [(false, 1), (true, 2)] {
        let service = Late::new(Trouble::Status(500), None, Shape::Right);
        let fields = service.fields().await;
        let policy = ResolvePolicy { repeat_unproven, ..patient() };
        let connection = Connection::new(service.clone()).resolving(policy);
        let outcome = connection.call_and_resolve(&UNPROVEN, &fields).await;
        assert_eq!(outcome.is_ok(), repeat_unproven);
        assert_eq!(service.sent(), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn writes_in_doubt_share_their_looks() {
    let service = Late::new(Trouble::Status(500), None, Shape::Right);
    let sender = service.fields().await["senderId"].clone();
    let capture = Arc::new(Capture::new(FaultInjector::new(
        service.sandbox.clone(),
        "veracode.invite:500-after=100%".parse().unwrap(),
    )));
    let connection = Connection::new(capture.clone());
    let resolver = Resolver::default();
    let mut outcomes = Vec::new();
    for number in 0..40 {
        let fields = json!({ "email": format!("p{number}@example.com"), "senderId": sender });
        let doubt = connection.call_or_in_doubt(invite(), &fields).await.unwrap().err().unwrap();
        outcomes.push(resolver.add(doubt));
    }
    let done = join_all(outcomes);
    tokio::select! {
        outcomes = done => assert!(outcomes.into_iter().all(|outcome| outcome.unwrap().is_ok())),
        () = resolver.run() => {}
    }
    let looks =
        capture.requests().iter().filter(|sent| sent.metadata.name == "veracode.users").count();
    // Two pages.
    assert_eq!(looks, 2);
}

/// Calls an endpoint and resolves what is in doubt. Gives the answer, and what was sent.
async fn resolved(
    sandbox: &Sandbox,
    faults: &str,
    name: &str,
    fields: Value,
) -> (Result<Value, Error>, Vec<&'static str>) {
    let capture =
        Arc::new(Capture::new(FaultInjector::new(sandbox.clone(), faults.parse().unwrap())));
    let connection = Connection::new(capture.clone());
    let answer = connection.call_and_resolve(endpoint(name).unwrap(), &fields).await;
    (answer, capture.requests().iter().map(|request| request.metadata.name).collect())
}

fn academy() -> Sandbox {
    Sandbox::default()
}

/// Somebody who has an account and no seat.
const WAITING: &str = "kian.rutherford@example.com";

#[tokio::test(start_paused = true)]
async fn an_invite_answered_500_is_found_by_a_look() {
    let sandbox = academy().answering_invites(InviteOutcome::Unknown);
    let users = endpoint("veracode.users").unwrap();
    let page = Connection::new(sandbox.clone()).call(users, &json!({})).await.unwrap();
    let fields = json!({ "email": STRANGER, "senderId": page["users"][0]["id"] });
    let (answer, sent) = resolved(&sandbox, "seed=1", "veracode.invite", fields).await;
    assert_eq!(answer.unwrap()["email"], STRANGER);
    assert_eq!(sandbox.writes()["veracode.invite"][STRANGER], 1);
    assert_eq!(sent.iter().filter(|name| **name == "veracode.invite").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_seat_is_resolved_by_a_repeat_that_tells_whose_deed_it_was() {
    for (faults, is_already) in [
        ("reset-before@1", false),
        ("reset-after@1", true),
        ("500-before@1", false),
        ("500-after@1", true),
        ("garbage@1", true),
    ] {
        let sandbox = academy();
        let (answer, sent) =
            resolved(&sandbox, faults, "thm.add_seat", json!({ "email": WAITING })).await;
        assert_eq!(answer.is_err_and(|error| error.is_already()), is_already, "{faults}");
        assert_eq!(sandbox.writes()["thm.add_seat"][WAITING], 1, "{faults}");
        assert_eq!(sent, ["thm.add_seat", "thm.add_seat"], "{faults}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_repeat_says_that_nothing_was_done() {
    let fields = json!({ "email": "nobody@example.com" });
    let (answer, _) = resolved(&academy(), "reset-before@1", "thm.add_seat", fields).await;
    assert_eq!(answer.unwrap_err().words(), Some("email not found."));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_resolved_stays_in_doubt() {
    let sandbox = academy();
    let fields = json!({ "email": WAITING });
    let (answer, sent) = resolved(&sandbox, "reset-before=100%", "thm.add_seat", fields).await;
    assert!(answer.unwrap_err().is_in_doubt());
    // The call, at once, and after 1, 5, 15 and 30 s.
    assert_eq!(sent.len(), 6);
    assert!(sandbox.writes()["thm.add_seat"].is_null());
}

#[tokio::test(start_paused = true)]
async fn without_patience_nobody_waits() {
    for name in ["thm.add_seat", "veracode.invite"] {
        let sandbox = academy();
        let plan = format!("{name}:reset-before=100%").parse().unwrap();
        let policy = ResolvePolicy { probe_for: Duration::ZERO, ..ResolvePolicy::default() };
        let connection = Connection::new(FaultInjector::new(sandbox, plan)).resolving(policy);
        let fields = json!({ "email": WAITING, "senderId": "a" });
        let fields = if name == "thm.add_seat" { json!({ "email": WAITING }) } else { fields };
        let outcome = connection.call_and_resolve(endpoint(name).unwrap(), &fields).await;
        assert!(outcome.unwrap_err().is_in_doubt(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_way_of_a_repeat_does_not_hide_the_doubt() {
    let refused = Response::json(401, &json!({ "status": "error", "message": "Invalid API Key." }));
    for then in [Ok(refused), Err(Error::unwritten("the journal cannot be written"))] {
        let again = std::iter::repeat_with(move || then.clone()).take(6);
        let reset = Error::network(NetworkError::ConnectionLost, "in the middle");
        let connection = Connection::new(Scripted::new([Err(reset)].into_iter().chain(again)));
        let fields = json!({ "email": "ada@example.com" });
        let error = connection.call_and_resolve(endpoint("thm.add_seat").unwrap(), &fields).await;
        assert!(error.unwrap_err().is_in_doubt());
    }
}
