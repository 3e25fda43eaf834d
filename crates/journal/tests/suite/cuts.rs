//! A journal that is cut anywhere can be continued; one that is changed anywhere is refused.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use drillmaster_journal::{History, Journal};
use drillmaster_transport::Scope;
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{ErrorEvent, Event, Header, ValueEvent, parse};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::{again, answered, asked, left, place, refusing, row, saying, scores, seat};

/// One event of each kind that can occur in the middle.
fn events() -> Vec<Event> {
    let lost = Event::Error(ErrorEvent {
        scope: "bob".to_owned(),
        ordinal: 0,
        kind: "timeout".to_owned(),
        detail: "no answer".to_owned(),
        in_doubt_since: None,
    });
    let value = Event::Value(ValueEvent {
        scope: Scope::MAIN.to_owned(),
        ordinal: 0,
        name: "now".to_owned(),
        value: json!({ "at": "\u{e4}\u{1f600}" }),
    });
    vec![
        value,
        asked(&seat("ada", 0)),
        asked(&seat("bob", 0)),
        answered(&seat("ada", 0), &saying("Ad\u{e4}")),
        lost,
        row("ada", "done"),
        again("bob"),
        asked(&scores("ada", 1)),
    ]
}

fn read(path: &Path) -> Vec<Event> {
    EventReader::open(path).unwrap().map(Result::unwrap).collect()
}

fn whole_lines(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).count()
}

#[test]
fn events_are_read_as_they_were_written() {
    let (_folder, path) = place();
    left(&path, &events());
    assert_eq!(read(&path), events());
}

#[test]
fn a_line_is_an_event_with_its_checksum() {
    for event in events() {
        let line = line(&event);
        let mut value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let (last, sum) = value.as_object().unwrap().iter().next_back().unwrap();
        assert_eq!((last.as_str(), sum.as_str().unwrap().len()), ("sum", 8));
        value.as_object_mut().unwrap().shift_remove("sum");
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }
}

#[tokio::test]
async fn a_journal_of_one_part_is_a_cassette() {
    let (_folder, path) = place();
    let journal = Journal::create(&path, Header::default()).unwrap();
    for event in events() {
        journal.append(&event).unwrap();
    }
    journal.append(&answered(&scores("ada", 1), &saying("Ad\u{e4}"))).unwrap();
    journal.close().await.unwrap();
    let tape = parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((tape.interactions.len(), tape.values.len()), (3, 1));
}

/// Whole lines before the cut are kept, and new ones follow them.
#[test]
fn a_journal_that_is_cut_anywhere_can_be_continued() {
    let (_folder, path) = place();
    left(&path, &events());
    let whole = fs::read(&path).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in 0..=whole.len() {
        // A new file each time: overwriting one would wait for the disk.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &whole[..cut]).unwrap();
        if cut < header {
            assert!(Journal::open(&path).err().unwrap().is_empty(), "cut at {cut}");
            continue;
        }
        let (journal, _) = Journal::open(&path).unwrap();
        journal.append(&again("next")).unwrap();
        drop(journal);
        let lines = whole_lines(&whole[header..cut]);
        let mut expected = events()[..lines].to_vec();
        expected.push(again("next"));
        assert_eq!(read(&path), expected, "cut at {cut}");
    }
}

/// Every bit of every byte. Only losing the last line feed looks like a cut.
#[test]
fn a_flipped_bit_is_refused_with_its_position() {
    let (_folder, path) = place();
    left(&path, &events());
    let whole = fs::read(&path).unwrap();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    let mut put = |byte: usize, value: u8| {
        file.seek(SeekFrom::Start(byte as u64)).unwrap();
        file.write_all(&[value]).unwrap();
    };
    for byte in 0..whole.len() - 1 {
        let start = whole[..byte].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for bit in 0..8 {
            put(byte, whole[byte] ^ (1 << bit));
            let refused = History::read(&path).unwrap_err();
            if start > 0 {
                assert_eq!(refused.damaged_at(), Some(start as u64), "bit {bit} of byte {byte}");
            }
        }
        put(byte, whole[byte]);
    }
    put(whole.len() - 1, b'?');
    assert_eq!(read(&path), events()[..events().len() - 1]);
}

#[test]
fn an_error_about_damage_says_what_to_do() {
    let (_folder, path) = place();
    left(&path, &events());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("bob@example.com", "eve@example.com")).unwrap();
    let refused = Journal::open(&path).err().unwrap();
    let at = text.find("{\"event\":\"request\",\"scope\":\"bob\"").unwrap();
    assert_eq!(refused.damaged_at(), Some(at as u64));
    let told = refused.to_string();
    assert!(told.starts_with(&path.display().to_string()), "{told}");
    assert!(told.contains(&format!("damaged at byte {at}: its checksum")), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap().len(), text.len(), "it is left as it is");
}

#[test]
fn a_file_that_is_not_a_journal_is_refused() {
    let (_folder, path) = place();
    let sealed = |text: &str| {
        let text = text.trim_end_matches('}');
        format!("{text},\"sum\":\"{:08x}\"}}\n", crc32fast::hash(text.as_bytes()))
    };
    let header = sealed("{\"event\":\"cassette\",\"version\":1,\"program\":\"x\"}");
    let after = |event: &str| header.clone() + &sealed(event);
    for (text, told) in [
        ("# a text\n".to_owned(), "not a journal"),
        ("x".to_owned(), "not a journal"),
        ("{\"event\":\"cassette\",\"version\":9,\"how\":\"new\"}\n".to_owned(), "version 9"),
        ("{\"event\":\"cassette\",\"version\":1,\"program\":\"x\"}\n".to_owned(), "checksum"),
        (sealed("{\"event\":\"cassette\",\"version\":1,\"program\":1}"), "damaged at byte 0"),
        (sealed("{\"event\":\"cassette\",\"program\":\"x\"}"), "version is missing"),
        (after("{\"event\":\"dance\"}"), "`dance` is not an event"),
        (after("[1"), "damaged"),
        (after("{\"event\":\"request\",\"scope\":\"a\",\"ordinal\":0}"), "hash"),
        (after("{\"event\":\"response\",\"scope\":\"a\",\"ordinal\":0}"), "without a request"),
        (after("{\"event\":\"end\",\"interactions\":4}"), "it should have 4 requests"),
        (after("{\"event\":\"end\",\"interactions\":0}") + &sealed("{\"event\":\"again\"}"), "end"),
    ] {
        fs::write(&path, &text).unwrap();
        let refused = History::read(&path).unwrap_err().to_string();
        assert!(refused.contains(told), "{text}: {refused}");
    }
    let missing = History::read(path.with_extension("other")).unwrap_err().to_string();
    assert!(missing.contains("run.other"), "{missing}");
}

/// In version 1, each line has a checksum of its own and no hash of the lines before it.
#[tokio::test]
async fn a_journal_of_version_1_is_continued_in_version_1() {
    let (_folder, path) = place();
    let before: Vec<u8> = [Event::Cassette(Header::default())]
        .iter()
        .chain(&events())
        .chain(&[Event::End { interactions: 3 }])
        .flat_map(line)
        .collect();
    fs::write(&path, &before).unwrap();
    assert!(!History::read(&path).unwrap().is_chained());
    let (journal, history) = Journal::open(&path).unwrap();
    journal.append(&row("eve", "done")).unwrap();
    journal.close().await.unwrap();
    drop(journal);
    assert_eq!(history.rows().count(), 1);
    let lines = [row("eve", "done"), Event::End { interactions: 3 }];
    let end = line(&Event::End { interactions: 3 }).len();
    let expected =
        [&before[..before.len() - end], &lines.iter().flat_map(line).collect::<Vec<_>>()];
    assert_eq!(fs::read(&path).unwrap(), expected.concat());
    let mut events = events();
    events.extend(lines);
    assert_eq!(read(&path), events);
}

proptest! {
    /// Any bytes after a header, and any cut.
    #[test]
    fn reading_says_something_of_any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        let (_folder, path) = place();
        let mut text = line(&Event::Cassette(Header::default()));
        text.extend_from_slice(&bytes);
        fs::write(&path, &text).unwrap();
        let whole = bytes.contains(&b'\n');
        prop_assert_eq!(History::read(&path).is_err(), whole);
    }

    /// Any run, killed anywhere, any number of times: whole lines stay, in order.
    #[test]
    fn any_events_and_cuts_keep_what_was_whole(parts in vec((vec(0..5u8, 0..6), 0..400usize), 1..5)) {
        let (_folder, path) = place();
        left(&path, &[]);
        let header = fs::read(&path).unwrap().len();
        let mut expected = Vec::new();
        let mut next = 0;
        for (kinds, cut) in parts {
            let (journal, _) = Journal::open(&path).unwrap();
            for kind in kinds {
                next += 1;
                let (read, write) = (scores("ada", next), seat("bob", next));
                let group = match kind {
                    0 => vec![asked(&read), answered(&read, &saying("x"))],
                    1 => vec![asked(&write), answered(&write, &refusing())],
                    2 => vec![asked(&write)],
                    3 => vec![row("bob", "failed")],
                    _ => vec![again("bob")],
                };
                for event in group {
                    journal.append(&event).unwrap();
                    expected.push(event);
                }
            }
            drop(journal);
            let whole = fs::read(&path).unwrap();
            let kept = whole.len().saturating_sub(cut).max(header);
            fs::write(&path, &whole[..kept]).unwrap();
            let lines = whole_lines(&whole[header..kept]);
            expected.truncate(lines);
            prop_assert_eq!(&read(&path), &expected);
        }
    }
}
