use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn figures() -> Figures {
    Figures {
        finished: 1_200,
        total: 5_000,
        counts: [1_190, 0, 10, 0, 0, 0],
        rate: Some(55.08),
        left: Some(seconds(69.0)),
    }
}

/// What is recent after so many rows in 100 seconds, for so many seconds, stretch after stretch.
fn after(stretches: &[(usize, usize)]) -> Recent {
    let mut recent = Recent::default();
    let (mut ticks, mut finished) = (0, 0);
    for (rate, length) in stretches {
        for _ in 0..length * 4 {
            ticks += 1;
            finished += rate;
            recent.note(TICK * ticks, finished / 400);
        }
    }
    recent
}

#[track_caller]
fn check_rate(recent: &Recent, due: f64) {
    let rate = recent.rate().unwrap();
    assert!((rate - due).abs() <= due * 0.1, "{rate} is not about {due}");
}

#[test]
fn the_rate_is_that_of_the_last_rows() {
    check_rate(&after(&[(5_000, 60)]), 50.0);
    check_rate(&after(&[(5_000, 60), (500, 16)]), 5.0);
    check_rate(&after(&[(25, 400)]), 0.25);
}

#[test]
fn a_standstill_brings_the_rate_down() {
    let rate = after(&[(5_000, 60), (0, 60)]).rate().unwrap();
    assert!(rate < 13.0, "{rate}");
}

#[test]
fn nothing_is_promised_by_rows_that_fly_by() {
    assert!(!after(&[(300_000, 1)]).is_steady());
    for length in 1..15 {
        assert!(!after(&[(300_000, 1), (500, length)]).is_steady(), "{length}");
    }
    let later = after(&[(300_000, 1), (500, 16)]);
    assert!(later.is_steady());
    check_rate(&later, 5.0);
}

#[test]
fn time_left_waits_for_a_settled_rate() {
    assert!(!after(&[(5_000, 2)]).is_steady());
    assert!(after(&[(5_000, 4)]).is_steady());
    assert!(after(&[(50, 60)]).is_steady());
    assert!(!after(&[(0, 60)]).is_steady());
}

#[test]
fn what_is_recent_stays_small() {
    assert!(after(&[(20_000, 600)]).samples.len() < 100);
    assert!(after(&[(1, 6_000)]).samples.len() < 100);
}

#[test]
fn a_line_says_it_all() {
    let told = "1,200 of 5,000 rows, 55.1 rows/s, about 70 s left: 1,190 done, 10 refused";
    assert_eq!(figures().line(), told);
    let early = Figures { finished: 0, counts: [0; 6], rate: None, left: None, ..figures() };
    assert_eq!(early.line(), "0 of 5,000 rows");
}

#[test]
fn a_narrow_terminal_gets_what_matters() {
    let beside = |width| figures().beside(width, Look::PlainBar).0;
    assert_eq!(beside(80), "1,200/5,000  55.1/s  70 s left  1,190 done  10 refused");
    assert_eq!(beside(50), "1,200/5,000  70 s left  1,190 done  10 refused");
    assert_eq!(beside(40), "1,200/5,000  1,190 done  10 refused");
    assert_eq!(beside(30), "1,200/5,000  10 refused");
}

#[test]
fn colours_take_no_room() {
    let (plain, width) = figures().beside(80, Look::PlainBar);
    let (coloured, same) = figures().beside(80, Look::ColouredBar);
    assert_eq!((plain.chars().count(), width), (same, same));
    assert!(coloured.contains("\x1b[32m1,190 done\x1b[0m  \x1b[31m10 refused\x1b[0m"));
}

#[test]
fn times_and_rates_are_told_as_a_person_would() {
    let times = [0.2, 4.0, 41.0, 89.0, 90.0, 3_000.0, 5_400.0, 90_000.0];
    let words = times.map(|time| in_words(seconds(time)));
    assert_eq!(words, ["5 s", "5 s", "45 s", "90 s", "2 min", "50 min", "1.5 h", "25.0 h"]);
    assert_eq!(
        [0.5, 5.0, 99.94, 214.4].map(|rate| paced(rate, "rows")),
        ["30.0 rows/min", "5.0 rows/s", "99.9 rows/s", "214 rows/s"]
    );
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}

/// What is told of `rows` rows, one every `every`.
async fn told(rows: usize, every: Duration) -> String {
    let (data, people) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let progress = Progress::new(Console::to(data.clone(), people.clone()), Look::Lines);
    let shown = progress.begin(rows, &Handle::current());
    for _ in 0..rows {
        tokio::time::sleep(every).await;
        progress.row(State::Done);
    }
    drop(shown);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(data.lock().unwrap().is_empty());
    String::from_utf8(people.lock().unwrap().clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_comes_every_five_seconds_and_none_after_the_end() {
    let told = told(130, Duration::from_millis(99)).await;
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert_eq!(lines[0], "50 of 130 rows, 10.0 rows/s, about 10 s left: 50 done");
}

#[tokio::test(start_paused = true)]
async fn a_short_run_tells_nothing() {
    assert_eq!(told(48, Duration::from_millis(100)).await, "");
}
