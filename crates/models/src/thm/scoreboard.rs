//! `GET /api/v2/external/scoreboard` · legacy: `GET /external/api/scoreboard/{room}`

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{get, legacy};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Reply};
use crate::{Endpoint, Extra, Legacy, LegacyForm, Moment, lenient};

/// Shows the scoreboard of a room.
///
/// The legacy dialect lists only users who were created by `thm.authenticate` and have joined the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowScoreboard {
    /// The room's code: the last part of its URL.
    pub room_code: String,
}

impl Endpoint for ShowScoreboard {
    type Response = Vec<Standing>;
    const METADATA: Metadata = Metadata {
        reply: Reply::Data,
        errors: &[
            ErrorSpec::new(400, "roomCode query parameter is mandatory"),
            ErrorSpec::new(404, "Room not found."),
        ],
        list: Some(List::whole("", "username")),
        ..get("thm.scoreboard", "/api/v2/external/scoreboard")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, Self>());
}

/// A user on a scoreboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The user name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: String,
    /// The points in this room.
    pub score: Option<Number>,
    /// The rank on the scoreboard, counted from 1.
    pub rank: Option<i64>,
    /// The user's level on the platform.
    pub level: Option<i64>,
    /// The URL of the user's picture.
    #[schemars(extend("x-sensitivity" = "avatar"))]
    pub avatar: Option<String>,
    /// The user's answers by task. The number of the task is a text.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tasks: IndexMap<String, Vec<Answered>>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user's work on a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The id of the answer. Not always present (seen).
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// The number of the question in its task.
    pub question_no: Option<Number>,
    /// Whether the question is answered correctly.
    pub correct: Option<bool>,
    /// The points for the question.
    pub score: Option<Number>,
    /// The number of attempts.
    pub attempts: Option<i64>,
    /// When the correct answer was given.
    pub time_correct: Option<Moment>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user on a legacy scoreboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyStanding {
    /// The user name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub name: String,
    /// Always `["", 0]` in the documentation.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub data: Vec<Value>,
    /// The user's answers, each with its task's number.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub task_data: Vec<LegacyAnswered>,
    /// The points in this room.
    pub total_score: Option<Number>,
    /// The rank on the scoreboard.
    pub rank_no: Option<i64>,
    /// The URL of the user's picture.
    #[schemars(extend("x-sensitivity" = "avatar"))]
    pub avatar: Option<String>,
    /// The user's level on the platform.
    pub level: Option<i64>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user's work on a question, in the legacy dialect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyAnswered {
    /// The task's number.
    pub task_no: i64,
    /// The number of the question in its task.
    pub question_no: Option<Number>,
    /// Whether the question is answered correctly.
    pub correct: Option<bool>,
    /// The points for the question.
    pub score: Option<Number>,
    /// When the correct answer was given.
    pub time_correct: Option<Moment>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// All users on a legacy scoreboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegacyScoreboard(
    /// The users.
    pub Vec<LegacyStanding>,
);

impl LegacyForm<Self> for ShowScoreboard {
    type Response = LegacyScoreboard;
    const METADATA: Metadata = Metadata {
        list: Some(List::whole("", "name")),
        ..legacy(<Self as Endpoint>::METADATA, "/external/api/scoreboard/{roomCode}")
    };
}

impl From<LegacyScoreboard> for Vec<Standing> {
    fn from(LegacyScoreboard(standings): LegacyScoreboard) -> Self {
        standings.into_iter().map(Standing::from).collect()
    }
}

impl From<Vec<Standing>> for LegacyScoreboard {
    fn from(standings: Vec<Standing>) -> Self {
        Self(standings.into_iter().map(LegacyStanding::from).collect())
    }
}

impl From<LegacyStanding> for Standing {
    fn from(legacy: LegacyStanding) -> Self {
        let mut tasks: IndexMap<String, Vec<Answered>> = IndexMap::new();
        for answered in legacy.task_data {
            tasks.entry(answered.task_no.to_string()).or_default().push(answered.into());
        }
        let mut extra = legacy.extra;
        if !legacy.data.is_empty() && legacy.data != constant_pair() {
            extra.insert("data".to_owned(), legacy.data.into());
        }
        Self {
            username: legacy.name,
            score: legacy.total_score,
            rank: legacy.rank_no,
            level: legacy.level,
            avatar: legacy.avatar,
            tasks,
            extra,
        }
    }
}

impl From<Standing> for LegacyStanding {
    fn from(standing: Standing) -> Self {
        let task_data = standing.tasks.into_iter().flat_map(|(task, answers)| {
            let task_no = task.parse().unwrap_or_default();
            answers.into_iter().map(move |answered| LegacyAnswered::new(task_no, answered))
        });
        Self {
            name: standing.username,
            data: constant_pair(),
            task_data: task_data.collect(),
            total_score: standing.score,
            rank_no: standing.rank,
            avatar: standing.avatar,
            level: standing.level,
            extra: standing.extra,
        }
    }
}

/// The documented value of `data`. It has no meaning, so callers do not see it.
fn constant_pair() -> Vec<Value> {
    vec!["".into(), 0.into()]
}

// The documentation has neither ids nor attempts. If a service sends them, they are in `extra` and replace the
// empty fields when the answer is written as JSON.
impl From<LegacyAnswered> for Answered {
    fn from(legacy: LegacyAnswered) -> Self {
        Self {
            id: None,
            question_no: legacy.question_no,
            correct: legacy.correct,
            score: legacy.score,
            attempts: None,
            time_correct: legacy.time_correct,
            extra: legacy.extra,
        }
    }
}

impl LegacyAnswered {
    fn new(task_no: i64, answered: Answered) -> Self {
        Self {
            task_no,
            question_no: answered.question_no,
            correct: answered.correct,
            score: answered.score,
            time_correct: answered.time_correct,
            extra: answered.extra,
        }
    }
}
