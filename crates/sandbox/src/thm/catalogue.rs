//! The rooms that every academy starts with.

use indexmap::IndexMap;

use super::Room;

/// The rooms by their codes, without members.
pub(super) fn rooms() -> IndexMap<String, Room> {
    serde_json::from_str(include_str!("catalogue.json"))
        .expect("the catalogue is part of the program and tested")
}

#[cfg(test)]
mod tests {
    use super::rooms;

    #[test]
    fn every_room_has_questions_and_every_question_an_answer() {
        for (code, room) in rooms() {
            assert!(!room.tasks.is_empty(), "{code}");
            for question in room.tasks.iter().inspect(|task| assert!(!task.is_empty())).flatten() {
                assert!(!question.asks.is_empty() && !question.answer.is_empty(), "{code}");
            }
        }
    }
}
