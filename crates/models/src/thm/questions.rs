//! `GET /external/api/questions` · legacy: `GET /external/api/questions/{room}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{get, legacy};
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Legacy, LegacyForm, lenient};

/// Lists the questions of a room with their answers.
///
/// The room must be public or your own. The answers are hidden in output and recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListQuestions {
    /// The room's code: the last part of its URL.
    pub room_code: String,
}

impl Endpoint for ListQuestions {
    type Response = Questions;
    const METADATA: Metadata = Metadata {
        list: Some(List::whole("questions", "taskNo")),
        hidden: &["answer"],
        ..get("thm.questions", "/external/api/questions")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, Self>());
}

/// A room's questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Questions {
    /// The tasks of the room.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub questions: Vec<Task>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A task of a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The task's number in the room.
    pub task_no: i64,
    /// The task's questions.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub info_list: Vec<Question>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A question of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The question's number in its task.
    pub question_no: i64,
    /// The text of the question.
    pub question: Option<String>,
    /// The correct answer.
    #[schemars(extend("x-sensitivity" = "answer"))]
    pub answer: Option<String>,
    /// A hint.
    pub hint: Option<String>,
    /// Extra points for the question.
    pub extra_points: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LegacyForm<Self> for ListQuestions {
    type Response = Questions;
    const METADATA: Metadata =
        legacy(<Self as Endpoint>::METADATA, "/external/api/questions/{roomCode}");
}
