//! What each injected fault does, and that a plan does the same each time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_models::{Dialect, endpoint, veracode};
use drillmaster_sandbox::{InviteOutcome, Options, Sandbox};
use drillmaster_transport::fault::{Calls, FaultInjector, FaultKind, FaultPlan, Faults, Shape};
use drillmaster_transport::{
    Capture, Connection, Error, NetworkError, Purpose, Request, Response, Transport,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::{Instant, advance, sleep};

use crate::scripted::request;

/// A service that always succeeds.
struct Willing;

#[async_trait]
impl Transport for Willing {
    async fn send(&self, _: Request) -> Result<Response, Error> {
        Ok(Response::json(200, &json!({ "status": "success", "data": { "username": "ada" } })))
    }
}

/// Who is invited.
const ADA: &str = "ada@example.com";

async fn invite(connection: &Connection) -> Result<Value, Error> {
    let users = connection.walk(endpoint("veracode.users").unwrap(), &json!({}));
    let sender = futures::StreamExt::next(&mut std::pin::pin!(users)).await.unwrap().unwrap();
    let fields = json!({ "email": ADA, "senderId": sender["id"] });
    connection.call(endpoint("veracode.invite").unwrap(), &fields).await
}

async fn is_listed(connection: &Connection) -> bool {
    let users = connection.items::<_, veracode::User>(&veracode::ListUsers::default());
    let users = futures::StreamExt::collect::<Vec<_>>(users).await;
    users.into_iter().any(|user| user.unwrap().email.as_deref() == Some(ADA))
}

fn invites(sandbox: &Sandbox) -> Value {
    sandbox.writes()["veracode.invite"][ADA].clone()
}

/// A sandbox with these faults, and a connection to it.
fn sandbox(faults: &str) -> (Sandbox, Arc<FaultInjector<Sandbox>>, Connection) {
    let sandbox = Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() });
    let fault = Arc::new(FaultInjector::new(sandbox.clone(), plan(faults)));
    let connection = Connection::new(fault.clone());
    (sandbox, fault, connection)
}

#[tokio::test(start_paused = true)]
async fn a_late_effect_comes_after_the_failure_even_if_nobody_waits() {
    for answer in ["500", "502", "503", "504", "reset"] {
        let (sandbox, fault, connection) = sandbox(&format!("late-effect/{answer}@1:90s"));
        let error = invite(&connection).await.unwrap_err();
        assert_eq!(error.status(), answer.parse().ok());
        assert!(error.is_in_doubt(), "{answer}: {error}");
        assert_eq!((fault.pending(), invites(&sandbox)), (1, Value::Null));
        drop((fault, connection));
        sleep(Duration::from_secs(89)).await;
        assert_eq!(invites(&sandbox), Value::Null);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(invites(&sandbox), 1, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn pending_effects_can_be_carried_out_at_once() {
    let (sandbox, fault, connection) = sandbox("late-effect=90s");
    assert!(invite(&connection).await.unwrap_err().is_in_doubt());
    fault.carry_out_pending().await;
    assert_eq!((fault.pending(), invites(&sandbox)), (0, json!(1)));
}

/// The runner's runtimes end, and their timers end with them.
#[test]
fn an_effect_whose_runtime_has_ended_comes_with_the_next_call() {
    let (sandbox, _, connection) = sandbox("late-effect@1:1s");
    let runtime =
        || Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    assert!(runtime().block_on(invite(&connection)).is_err());
    assert_eq!(invites(&sandbox), Value::Null);
    let listed = runtime().block_on(async {
        advance(Duration::from_secs(2)).await;
        is_listed(&connection).await
    });
    assert!(listed);
    assert_eq!(invites(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_effect_comes_although_the_client_has_timed_out() {
    let (sandbox, fault, connection) = sandbox("slow-effect@1");
    let start = Instant::now();
    let error = invite(&connection).await.unwrap_err();
    assert_eq!(
        (error.network_error(), start.elapsed().as_secs()),
        (Some(NetworkError::Timeout), 60)
    );
    assert_eq!((fault.pending(), invites(&sandbox)), (1, Value::Null));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(invites(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_effect_is_answered_to_a_client_that_waits() {
    let (sandbox, _, connection) = sandbox("slow-effect@1:50s,slow-effect/504@1:50s");
    assert!(invite(&connection).await.is_ok());
    assert_eq!(invites(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_appears_in_lists_after_its_time_and_its_repeat_is_refused_at_once() {
    let (sandbox, _, connection) = sandbox("visible-after=30s");
    invite(&connection).await.unwrap();
    assert!(invite(&connection).await.unwrap_err().is_already());
    assert!(!is_listed(&connection).await);
    sleep(Duration::from_secs(29)).await;
    assert!(!is_listed(&connection).await);
    sleep(Duration::from_secs(2)).await;
    assert!(is_listed(&connection).await);
    assert_eq!(invites(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn an_invite_that_takes_effect_and_is_answered_500_appears_too() {
    let sandbox = Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() })
        .answering_invites(InviteOutcome::Unknown);
    let connection =
        Connection::new(FaultInjector::new(sandbox.clone(), plan("visible-after=30s")));
    assert!(invite(&connection).await.unwrap_err().is_in_doubt());
    assert!(!is_listed(&connection).await);
    sleep(Duration::from_secs(31)).await;
    assert!(is_listed(&connection).await);
}

#[tokio::test(start_paused = true)]
async fn a_late_effect_may_be_visible_even_later() {
    let (sandbox, _, connection) = sandbox("late-effect@1:10s,visible-after=10s");
    assert!(invite(&connection).await.is_err());
    sleep(Duration::from_secs(11)).await;
    assert_eq!((invites(&sandbox), is_listed(&connection).await), (json!(1), false));
    advance(Duration::from_secs(10)).await;
    assert!(is_listed(&connection).await);
}

/// The answer of a list with this fault.
async fn listless(name: &str, fault: &str) -> (u16, String) {
    let fields = endpoint(name).unwrap().fields().iter().filter(|field| field.required);
    let fields = fields.map(|field| (field.name.clone(), json!("linux1"))).collect();
    let draft =
        endpoint(name).unwrap().request(&Value::Object(fields), Dialect::default()).unwrap();
    let metadata = &endpoint(name).unwrap().metadata;
    let request = Request {
        wire: draft.into(),
        metadata,
        scope: "main".into(),
        ordinal: 1,
        purpose: Purpose::Call,
    };
    let fault = FaultInjector::new(
        Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() }),
        plan(fault),
    );
    let answer = fault.send(request).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[tokio::test]
async fn a_listless_answer_has_its_shape_and_status() {
    let told = [
        ("veracode.users", "listless/empty@1", 200, ""),
        ("veracode.users", "listless/204@1", 204, ""),
        ("veracode.users", "listless/object/503@1", 503, "{}"),
        ("veracode.users", "listless/message@1", 200, r#"{"message":"maintenance"}"#),
        ("veracode.users", "listless/null@1", 200, r#""users":null"#),
        ("veracode.users", "listless/kind@1", 200, r#""users":[7,{"#),
        ("veracode.roles", "listless/null@1", 200, "null"),
        ("veracode.roles", "listless/kind@1", 200, "[7,{"),
        ("thm.users", "listless/null@1", 200, r#""users":null"#),
        ("thm.scoreboard", "listless/null@1", 200, r#"{"status":"success","data":null}"#),
        ("thm.scoreboard", "listless/kind@1", 200, r#""data":[7,{"#),
    ];
    for (name, fault, status, body) in told {
        let answer = listless(name, fault).await;
        assert_eq!(answer.0, status, "{name} {fault}");
        let fits = if body.is_empty() { answer.1.is_empty() } else { answer.1.contains(body) };
        assert!(fits, "{name} {fault}: {}", answer.1);
    }
}

#[test]
fn the_seed_picks_answers_that_the_plan_leaves_open() {
    let troubles = |text: &str, name| {
        let faults = Faults::new(plan(text));
        (0..200).filter_map(|_| faults.next(Some(name)).fault).collect::<Vec<_>>()
    };
    let late = troubles("late-effect=2s,seed=3", "veracode.invite");
    for status in [Some(500), Some(502), Some(503), Some(504), None] {
        assert!(late.contains(&FaultKind::LateEffect { status, after: Duration::from_secs(2) }));
    }
    let lists = troubles("listless=100%,seed=3", "veracode.users");
    for shape in Shape::ALL {
        assert!(lists.contains(&FaultKind::Listless { shape, status: 200 }));
    }
    assert!(lists.contains(&FaultKind::Listless { shape: Shape::Empty, status: 204 }));
    assert_eq!(lists, troubles("listless=100%,seed=3", "veracode.users"));
    assert_ne!(lists, troubles("listless=100%,seed=4", "veracode.users"));
}

#[test]
fn faults_of_writes_and_of_lists_neither_hit_nor_count_other_calls() {
    let faults = Faults::new(plan("late-effect@2:1s,listless@2"));
    let calls = ["veracode.users", "veracode.invite", "thm.room_exists", "veracode.users"];
    let struck: Vec<_> = calls.iter().map(|call| faults.next(Some(call)).fault.is_some()).collect();
    assert_eq!(struck, [false, false, false, true]);
    assert!(faults.next(Some("veracode.invite")).fault.is_some());
    assert!(faults.next(None).fault.is_none());
}

/// One rule of a plan, as people may write it.
fn part() -> impl Strategy<Value = String> {
    let time = prop_oneof![
        (0..5000_u32).prop_map(|n| format!("{n}ms")),
        (0..90_u32).prop_map(|n| format!("{n}s"))
    ];
    let when = prop_oneof![
        (0..=1000_u32).prop_map(|n| format!("={}%", f64::from(n) / 10.0)),
        prop::collection::vec(1..50_u32, 1..4).prop_map(|n| format!(
            "@{}",
            n.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
        )),
    ];
    let of = prop_oneof![Just(""), Just("veracode.invite:"), Just("thm::users:")];
    let timed = prop_oneof![
        Just("delay"),
        Just("429-retry"),
        Just("late-effect"),
        Just("late-effect/503"),
        Just("late-effect/reset"),
        Just("slow-effect"),
        Just("slow-effect/504"),
        Just("visible-after"),
    ];
    let plain = prop_oneof![
        Just("reset-before"),
        Just("500-after"),
        Just("truncate"),
        Just("html"),
        Just("429"),
        Just("slow-effect"),
        Just("listless"),
        Just("listless/null"),
        Just("listless/503/kind"),
        Just("listless/empty/200"),
        Just("listless/204"),
    ];
    let alone = prop_oneof![
        Just("delay"),
        Just("late-effect"),
        Just("slow-effect/500"),
        Just("visible-after")
    ];
    prop_oneof![
        (of.clone(), timed, when.clone(), time.clone())
            .prop_map(|(of, kind, when, time)| format!("{of}{kind}{when}:{time}")),
        (of.clone(), plain, when).prop_map(|(of, kind, when)| format!("{of}{kind}{when}")),
        (of, alone, time).prop_map(|(of, kind, time)| format!("{of}{kind}={time}")),
        (0..100_u64).prop_map(|seed| format!("seed={seed}")),
    ]
}

proptest! {
    #[test]
    fn any_plan_reads_what_it_writes(parts in prop::collection::vec(part(), 0..6)) {
        let read = plan(&parts.join(", "));
        prop_assert_eq!(plan(&read.to_string()), read);
    }

    #[test]
    fn no_text_is_too_odd_to_be_read_or_refused(text in "[a-z0-9=@%:/,. -]{0,40}") {
        if let Ok(read) = text.parse::<FaultPlan>() {
            prop_assert_eq!(plan(&read.to_string()), read);
        }
    }
}

fn plan(text: &str) -> FaultPlan {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The error of a write with this fault, and whether the service got the request.
async fn write_with(fault: &str) -> (Error, bool) {
    let service = Arc::new(Capture::new(Willing));
    let connection = Connection::new(FaultInjector::new(service.clone(), plan(fault)));
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    let error = connection.send(&seat).await.unwrap_err();
    (error, !service.requests().is_empty())
}

#[tokio::test]
async fn each_fault_does_what_its_name_says() {
    for (fault, done, lost, status, in_doubt) in [
        ("reset-before=100%", false, Some(NetworkError::ConnectionLost), None, true),
        ("reset-after=100%", true, Some(NetworkError::ConnectionLost), None, true),
        ("429=100%", false, None, Some(429), false),
        ("429-retry=100%:2s", false, None, Some(429), false),
        ("500-before=100%", false, None, Some(500), true),
        ("500-after=100%", true, None, Some(500), true),
        ("truncate=100%", true, Some(NetworkError::ConnectionLost), None, true),
        ("garbage=100%", true, None, None, true),
        ("html=100%", true, None, Some(200), true),
        ("late-effect/reset=1s", false, Some(NetworkError::ConnectionLost), None, true),
        ("late-effect/502=1s", false, None, Some(502), true),
        ("slow-effect/504=0ms", true, None, Some(504), true),
    ] {
        let (error, was_done) = write_with(fault).await;
        assert_eq!(was_done, done, "{fault}");
        assert_eq!(error.network_error(), lost, "{fault}: {error}");
        assert_eq!(error.status(), status, "{fault}: {error}");
        assert_eq!(error.is_in_doubt(), in_doubt, "{fault}: {error}");
        assert_eq!(error.is_throttled(), status == Some(429), "{fault}: {error}");
    }
}

#[tokio::test]
async fn only_429_retry_says_how_long_rounded_up_to_seconds() {
    for (fault, told) in
        [("429@1", None), ("429-retry@1:2s", Some("2")), ("429-retry@1:1001ms", Some("2"))]
    {
        let answer =
            FaultInjector::new(Willing, plan(fault)).send(request(&ListUsers {})).await.unwrap();
        assert_eq!(answer.header("retry-after"), told, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_let_the_call_through() {
    let fault = FaultInjector::new(Willing, plan("delay=20ms,delay=100%:1s,delay@2:5s"));
    for expected in [1020, 6020] {
        let start = Instant::now();
        assert_eq!(fault.send(request(&ListUsers {})).await.unwrap().status, 200);
        assert_eq!(start.elapsed().as_millis(), expected);
    }
}

/// The numbers of the calls, of 1,000, that are hit.
fn hits(text: &str) -> Vec<usize> {
    let faults = Faults::new(plan(text));
    (1..=1000).filter(|_| faults.next(None).fault.is_some()).collect()
}

#[test]
fn the_nth_call_is_hit_and_no_other() {
    assert_eq!(hits("reset-after@10,20"), [10, 20]);
    assert_eq!(hits("500-after@3,429@5"), [3, 5]);
}

#[test]
fn a_share_of_the_calls_is_hit() {
    for (text, least, most) in [("500-before=0%", 0, 0), ("500-before=100%", 1000, 1000)] {
        assert!((least..=most).contains(&hits(text).len()), "{text}");
    }
    let struck = hits("reset-before=5%,seed=7").len();
    assert!((30..=70).contains(&struck), "{struck}");
}

#[test]
fn the_same_seed_hits_the_same_calls() {
    let text = "reset-before=5%,reset-after=5%,html=1%";
    assert_eq!(hits(&format!("{text},seed=7")), hits(&format!("seed=7,{text}")));
    assert_ne!(hits(&format!("{text},seed=7")), hits(&format!("{text},seed=8")));
    assert_eq!(plan(text).with_seed(8), plan(&format!("{text},seed=8")));
}

/// Two rules with the same share do not hit the same calls.
#[test]
fn rules_are_drawn_independently() {
    let both = hits("html=10%,html=10%,seed=3").len();
    assert!((150..=230).contains(&both), "{both}");
}

#[test]
fn a_rule_for_an_endpoint_counts_calls_of_that_endpoint() {
    let faults = Faults::new(plan("veracode.invite:500-after@2"));
    let calls = ["veracode.invite", "veracode.users", "veracode.invite", "veracode.invite"];
    let struck: Vec<_> = calls.iter().map(|call| faults.next(Some(call)).fault.is_some()).collect();
    assert_eq!(struck, [false, false, true, false]);
    assert!(faults.next(None).fault.is_none());
}

/// Every kind of fault, built and not parsed, does what it says.
#[test]
fn a_plan_that_is_built_injects_the_faults_it_was_given() {
    let time = Duration::from_secs(3);
    let kinds = [
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Throttled(None),
        FaultKind::Throttled(Some(time)),
        FaultKind::ErrorBefore,
        FaultKind::ErrorAfter,
        FaultKind::Truncated,
        FaultKind::Garbage,
        FaultKind::Html,
        FaultKind::LateEffect { status: None, after: time },
        FaultKind::LateEffect { status: Some(502), after: time },
        FaultKind::SlowEffect { status: None, after: time },
        FaultKind::SlowEffect { status: Some(504), after: time },
        FaultKind::Listless { shape: Shape::Null, status: 200 },
        FaultKind::Listless { shape: Shape::Empty, status: 204 },
    ];
    for kind in kinds {
        let is_list = matches!(kind, FaultKind::Listless { .. });
        let name = if is_list { "veracode.users" } else { "veracode.invite" };
        let calls = Calls::nth([2]).of(endpoint(name).unwrap());
        let plan = FaultPlan::default().fault(kind, calls).delay(time, Calls::all());
        let plan = plan.visible_after(time, Calls::share(100.0)).with_seed(9);
        assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
        let faults = Faults::new(plan);
        assert_eq!(faults.next(Some(name)).fault, None);
        assert_eq!(faults.next(Some("veracode.lessons")).fault, None);
        let injection = faults.next(Some(name));
        assert_eq!((injection.delay, injection.fault), (time, Some(kind)));
        assert_eq!(injection.visible_after, if is_list { Duration::ZERO } else { time });
    }
}

#[test]
fn a_plan_parses_what_it_displays() {
    for (text, normal) in [
        ("", ""),
        ("seed=0", ""),
        ("delay=20ms", "delay=20ms"),
        ("delay=2s", "delay=2000ms"),
        ("delay=5%:20ms, delay@3:1s", "delay=5%:20ms,delay@3:1000ms"),
        ("seed=7,429-retry@10,20:2s,429=0.5%", "429-retry@10,20:2000ms,429=0.5%,seed=7"),
        ("veracode::invite:500-after=50%,", "veracode.invite:500-after=50%"),
        ("thm.users:429-retry=1%:2s", "thm.users:429-retry=1%:2000ms"),
        ("late-effect=2s", "late-effect=2000ms"),
        (
            "late-effect/502=5%:2s,late-effect/reset@1,3:1s",
            "late-effect/502=5%:2000ms,late-effect/reset@1,3:1000ms",
        ),
        ("slow-effect@2,slow-effect=5%:62s", "slow-effect@2,slow-effect=5%"),
        ("slow-effect/504=70s,slow-effect=62s", "slow-effect/504=70000ms,slow-effect=62000ms"),
        ("visible-after=2s,visible-after@1:5ms", "visible-after=2000ms,visible-after@1:5ms"),
        (
            "listless/null/503@1,listless/204=5%,listless=100%",
            "listless/503/null@1,listless/204=5%,listless=100%",
        ),
    ] {
        let read = plan(text);
        assert_eq!(read.to_string(), normal, "{text}");
        assert_eq!(plan(normal), read, "{text}");
        assert_eq!(read.is_empty(), normal.is_empty());
    }
}

#[test]
fn an_invalid_plan_is_an_error_with_the_rule_and_a_way_out() {
    for (text, part, way) in [
        ("429=1%,reset=5%", "reset=5%", "use delay, reset-before, reset-after, 429, "),
        ("html", "html", "say when: `=5%` of the calls, or `@3`"),
        ("html=5", "html=5", "`5` is not a share; write it as 5%"),
        ("html=101%", "html=101%", "not a share"),
        ("html=NaN%", "html=NaN%", "not a share"),
        ("html@0", "html@0", "not numbers of calls"),
        ("html@3,x,delay=1s", "html@3,x", "write them as @3 or @10,20"),
        ("html=5%:2s", "html=5%:2s", "html does not take a time"),
        ("429-retry=5%", "429-retry=5%", "429-retry needs a time"),
        ("delay=fast", "delay=fast", "`fast` is not a time; write it as 20ms or 2s"),
        ("delay=9999999s", "delay=9999999s", "a day at most"),
        ("seed=x", "seed=x", "whole number"),
        ("late-effect=5%", "late-effect=5%", "late-effect needs a time"),
        ("late-effect/x=2s", "late-effect/x=2s", "use reset, or a status from 200 to 599"),
        ("slow-effect/reset@1", "slow-effect/reset@1", "use a status from 200 to 599"),
        ("listless/nul@1", "listless/nul@1", "use empty, object, message, null, kind, or a"),
        ("listless/100@1", "listless/100@1", "status from 200 to 599"),
        ("listless@1:2s", "listless@1:2s", "listless does not take a time"),
        ("html/503@1", "html/503@1", "html does not take `/503`"),
        ("veracode.invit:html=5%", "veracode.invit:html=5%", "did you mean `veracode.invite`?"),
    ] {
        let error = text.parse::<FaultPlan>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("fault `{part}`: ")), "{error}");
        assert!(error.contains(way), "{error}");
    }
}
