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
    let expected =
        "1,200 of 5,000 rows, 55.1 rows/s, about 69 seconds left: 1,190 done, 10 refused";
    assert_eq!(figures().line(), expected);
    let early = Figures { finished: 0, counts: [0; 6], rate: None, left: None, ..figures() };
    assert_eq!(early.line(), "0 of 5,000 rows");
}

#[test]
fn a_narrow_terminal_gets_what_matters() {
    let beside = |width| figures().beside(width, Style::PlainBar).0;
    assert_eq!(beside(80), "1,200/5,000  55.1/s  69s left  1,190 done  10 refused");
    assert_eq!(beside(50), "1,200/5,000  69s left  1,190 done  10 refused");
    assert_eq!(beside(40), "1,200/5,000  1,190 done  10 refused");
    assert_eq!(beside(30), "1,200/5,000  10 refused");
}

#[test]
fn colors_take_no_room() {
    let (plain, width) = figures().beside(80, Style::PlainBar);
    let (colored, same) = figures().beside(80, Style::ColoredBar);
    assert_eq!((plain.chars().count(), width), (same, same));
    assert!(colored.contains("\x1b[32m1,190 done\x1b[0m  \x1b[31m10 refused\x1b[0m"));
}

#[test]
fn times_and_rates_are_rounded() {
    let times = [0.2, 41.0, 90.0, 3_000.0, 90_000.0].map(|time| time_left_text(seconds(time)));
    let texts = times.map(|time| format!("{time} {time:#}"));
    let expected =
        ["1 second 1s", "41 seconds 41s", "2 minutes 2m", "50 minutes 50m", "25 hours 25h"];
    assert_eq!(texts, expected);
    assert_eq!(
        [0.5, 5.0, 99.94, 214.4].map(|rate| rate_text(rate, "rows")),
        ["30.0 rows/min", "5.0 rows/s", "99.9 rows/s", "214 rows/s"]
    );
}

/// The progress of `rows` rows, one every `interval`.
async fn lines(rows: usize, interval: Duration) -> String {
    let (stdout, stderr) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let console = Console::to(stdout.clone(), stderr.clone());
    let progress = Progress::new(console, Style::Lines, &Handle::current());
    progress.start(rows);
    for _ in 0..rows {
        tokio::time::sleep(interval).await;
        progress.count(State::Done);
    }
    progress.end();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(stdout.lock().unwrap().is_empty());
    String::from_utf8(stderr.lock().unwrap().clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_comes_every_five_seconds_and_none_after_the_end() {
    let text = lines(130, Duration::from_millis(99)).await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0], "50 of 130 rows, 10.0 rows/s, about 8 seconds left: 50 done");
}

#[tokio::test(start_paused = true)]
async fn a_short_run_shows_nothing() {
    assert_eq!(lines(48, Duration::from_millis(100)).await, "");
}
