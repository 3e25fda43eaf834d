//! Every refusal that the documents list, and what makes words one of them.

use drillmaster_models::{Means, thm};

use super::{plain, read, refused, v2, with_key};

/// Every refusal of the documents: where, with which status, in which words, and what it means.
pub(super) const REFUSALS: [(&str, u16, &str, Means); 8] = [
    ("thm.add_seat", 400, "email is required.", Means::Refused),
    ("thm.add_seat", 400, "email not found.", Means::Refused),
    ("thm.add_seat", 400, "no available seats in dashboard.", Means::Exhausted),
    ("thm.add_seat", 400, "User already assigned to seat.", Means::Already),
    ("thm.remove_seat", 400, "email is required.", Means::Refused),
    ("thm.remove_seat", 400, "User is not currently in a company seat.", Means::Already),
    ("thm.scoreboard", 400, "roomCode query parameter is mandatory", Means::Refused),
    ("thm.scoreboard", 404, "Room not found.", Means::Refused),
];

#[test]
fn each_documented_refusal_has_its_meaning() {
    for (name, status, words, means) in REFUSALS {
        assert_eq!(read(name, &v2(status, words)), refused(status, words, means));
        assert_eq!(read(name, &plain(status, words)), refused(status, words, means));
    }
}

#[test]
fn the_declared_refusals_are_the_documented_ones() {
    let declared = thm::ENDPOINTS.iter().flat_map(|endpoint| {
        endpoint
            .metadata
            .errors
            .iter()
            .map(|spec| (endpoint.name(), spec.status, spec.says, spec.means))
    });
    // The one that is an answer has its own test.
    let declared: Vec<_> = declared.filter(|(name, ..)| *name != "thm.room_exists").collect();
    assert_eq!(declared, REFUSALS);
}

#[test]
fn words_count_and_neither_case_nor_full_stop_nor_status() {
    let words = "USER ALREADY ASSIGNED TO SEAT";
    assert_eq!(read("thm.add_seat", &plain(409, words)), refused(409, words, Means::Already));
}

#[test]
fn a_refused_key_is_one_at_every_entry_and_in_both_dialects() {
    let words = "API Key is invalid or has expired.";
    for (endpoint, dialect) in with_key() {
        for answer in [plain(403, words), v2(403, words)] {
            let read = endpoint.answer(&answer, dialect);
            assert_eq!(read, refused(403, words, Means::Credential), "{}", endpoint.name());
        }
    }
}
