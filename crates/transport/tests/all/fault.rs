//! Trouble on purpose: what each fault does, and that it does so again.

use std::sync::Arc;

use async_trait::async_trait;
use drillmaster_models::thm::{AddSeat, ListUsers};
use drillmaster_transport::{
    Capture, Connection, Error, Fault, FaultPlan, Faults, Lost, Request, Response, Transport,
};
use serde_json::json;
use tokio::time::Instant;

use crate::scripted::request;

/// A service that always does as it is asked.
struct Willing;

#[async_trait]
impl Transport for Willing {
    async fn send(&self, _: Request) -> Result<Response, Error> {
        Ok(Response::json(200, &json!({ "status": "success", "data": { "username": "ada" } })))
    }
}

fn plan(text: &str) -> FaultPlan {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The error of a write that this happens to, and whether the service was asked to do it.
async fn struck(fault: &str) -> (Error, bool) {
    let service = Arc::new(Capture::new(Willing));
    let connection = Connection::new(Fault::new(service.clone(), plan(fault)));
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    let error = connection.send(&seat).await.unwrap_err();
    (error, !service.requests().is_empty())
}

#[tokio::test]
async fn each_fault_does_as_its_name_says() {
    for (fault, done, lost, status, in_doubt) in [
        ("reset-before=100%", false, Some(Lost::Reset), None, true),
        ("reset-after=100%", true, Some(Lost::Reset), None, true),
        ("429=100%", false, None, Some(429), false),
        ("429-retry=100%:2s", false, None, Some(429), false),
        ("500-before=100%", false, None, Some(500), true),
        ("500-after=100%", true, None, Some(500), true),
        ("truncate=100%", true, Some(Lost::Reset), None, true),
        ("garbage=100%", true, None, None, true),
        ("html=100%", true, None, Some(200), true),
    ] {
        let (error, was_done) = struck(fault).await;
        assert_eq!(was_done, done, "{fault}");
        assert_eq!(error.lost_how(), lost, "{fault}: {error}");
        assert_eq!(error.status(), status, "{fault}: {error}");
        assert_eq!(error.is_in_doubt(), in_doubt, "{fault}: {error}");
        assert_eq!(error.is_throttled(), status == Some(429), "{fault}: {error}");
    }
}

#[tokio::test]
async fn only_the_one_throttle_tells_a_time_rounded_up_to_seconds() {
    for (fault, told) in
        [("429@1", None), ("429-retry@1:2s", Some("2")), ("429-retry@1:1001ms", Some("2"))]
    {
        let answer = Fault::new(Willing, plan(fault)).send(request(&ListUsers {})).await.unwrap();
        assert_eq!(answer.header("retry-after"), told, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_let_the_call_through() {
    let fault = Fault::new(Willing, plan("delay=20ms,delay=100%:1s,delay@2:5s"));
    for expected in [1020, 6020] {
        let start = Instant::now();
        assert_eq!(fault.send(request(&ListUsers {})).await.unwrap().status, 200);
        assert_eq!(start.elapsed().as_millis(), expected);
    }
}

/// The numbers of those of 1,000 calls that something goes wrong with.
fn troubled(text: &str) -> Vec<usize> {
    let faults = Faults::new(plan(text));
    (1..=1000).filter(|_| faults.next(None).trouble.is_some()).collect()
}

#[test]
fn the_nth_call_is_struck_and_no_other() {
    assert_eq!(troubled("reset-after@10,20"), [10, 20]);
    assert_eq!(troubled("500-after@3,429@5"), [3, 5]);
}

#[test]
fn a_share_of_the_calls_is_struck() {
    for (text, least, most) in [("500-before=0%", 0, 0), ("500-before=100%", 1000, 1000)] {
        assert!((least..=most).contains(&troubled(text).len()), "{text}");
    }
    let struck = troubled("reset-before=5%,seed=7").len();
    assert!((30..=70).contains(&struck), "{struck}");
}

#[test]
fn the_same_seed_strikes_the_same_calls() {
    let text = "reset-before=5%,reset-after=5%,html=1%";
    assert_eq!(troubled(&format!("{text},seed=7")), troubled(&format!("seed=7,{text}")));
    assert_ne!(troubled(&format!("{text},seed=7")), troubled(&format!("{text},seed=8")));
    assert_eq!(plan(text).with_seed(8), plan(&format!("{text},seed=8")));
}

/// Two rules of the same share do not strike the same calls.
#[test]
fn rules_are_drawn_apart() {
    let both = troubled("html=10%,html=10%,seed=3").len();
    assert!((150..=230).contains(&both), "{both}");
}

#[test]
fn a_rule_for_an_entry_counts_the_calls_of_that_entry() {
    let faults = Faults::new(plan("veracode.invite:500-after@2"));
    let calls = ["veracode.invite", "veracode.users", "veracode.invite", "veracode.invite"];
    let struck: Vec<_> =
        calls.iter().map(|call| faults.next(Some(call)).trouble.is_some()).collect();
    assert_eq!(struck, [false, false, true, false]);
    assert!(faults.next(None).trouble.is_none());
}

#[test]
fn a_plan_reads_what_it_writes() {
    for (text, normal) in [
        ("", ""),
        ("seed=0", ""),
        ("delay=20ms", "delay=20ms"),
        ("delay=2s", "delay=2000ms"),
        ("delay=5%:20ms, delay@3:1s", "delay=5%:20ms,delay@3:1000ms"),
        ("seed=7,429-retry@10,20:2s,429=0.5%", "429-retry@10,20:2000ms,429=0.5%,seed=7"),
        ("veracode::invite:500-after=50%,", "veracode.invite:500-after=50%"),
        ("thm.users:429-retry=1%:2s", "thm.users:429-retry=1%:2000ms"),
    ] {
        let read = plan(text);
        assert_eq!(read.to_string(), normal, "{text}");
        assert_eq!(plan(normal), read, "{text}");
        assert_eq!(read.is_empty(), normal.is_empty());
    }
}

#[test]
fn what_is_no_plan_is_refused_with_its_part_and_a_way_out() {
    for (text, part, way) in [
        ("429=1%,reset=5%", "reset=5%", "there are delay, reset-before, reset-after, 429, "),
        ("html", "html", "it must say when: `=5%` of the calls, or `@3`"),
        ("html=5", "html=5", "`5` is no share; write it as 5%"),
        ("html=101%", "html=101%", "no share"),
        ("html=NaN%", "html=NaN%", "no share"),
        ("html@0", "html@0", "no numbers of calls"),
        ("html@3,x,delay=1s", "html@3,x", "write them as @3 or @10,20"),
        ("html=5%:2s", "html=5%:2s", "html takes no time"),
        ("429-retry=5%", "429-retry=5%", "429-retry needs a time"),
        ("delay=fast", "delay=fast", "`fast` is no time; write it as 20ms or 2s"),
        ("delay=9999999s", "delay=9999999s", "a day at most"),
        ("seed=x", "seed=x", "whole number"),
        ("veracode.invit:html=5%", "veracode.invit:html=5%", "did you mean `veracode.invite`?"),
    ] {
        let error = text.parse::<FaultPlan>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("fault `{part}`: ")), "{error}");
        assert!(error.contains(way), "{error}");
    }
}
