//! `GET /api/v2/external/scoreboard` · legacy `GET /external/api/scoreboard/{room}`

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{get, legacy};
use crate::metadata::{ErrorSpec, List, Metadata, Reply};
use crate::{Endpoint, Extra, Legacy, LegacyForm, Moment, lenient};

/// Shows what your users scored in a room.
///
/// The legacy dialect lists only users that were created through `thm.authenticate` and have joined the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowScoreboard {
    /// The last part of the room's address.
    #[schemars(extend("x-sensitivity" = "harmless"))]
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
    const LEGACY: Option<Legacy> = Some(Legacy::of::<Self, Self>());
}

/// A user's line on a scoreboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The user's public name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: String,
    /// Points in this room.
    pub score: Option<Number>,
    /// The place on the scoreboard, 1 is the first.
    pub rank: Option<i64>,
    /// The user's level on the platform.
    pub level: Option<i64>,
    /// The address of a picture.
    #[schemars(extend("x-sensitivity" = "avatar"))]
    pub avatar: Option<String>,
    /// Answers by task number, which is a text.
    #[serde(default, deserialize_with = "lenient::or_empty")]
    #[schemars(extend("x-sensitivity" = "harmless"))]
    pub tasks: IndexMap<String, Vec<Answered>>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a user did with one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The service's id. Optional (seen: attempts without it).
    #[serde(rename = "_id")]
    #[schemars(extend("x-sensitivity" = "harmless"))]
    pub id: Option<String>,
    /// The question within the task.
    pub question_no: Option<Number>,
    /// Whether it is answered correctly by now.
    pub correct: Option<bool>,
    /// Points for it.
    pub score: Option<Number>,
    /// How often an answer was tried.
    pub attempts: Option<i64>,
    /// When the right answer was given.
    pub time_correct: Option<Moment>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user's line on a legacy scoreboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyStanding {
    /// The user's public name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub name: String,
    /// A constant pair in the document, `["", 0]`.
    #[serde(default, deserialize_with = "lenient::or_empty")]
    #[schemars(extend("x-sensitivity" = "harmless"))]
    pub data: Vec<Value>,
    /// Answers, each with its task's number.
    #[serde(default, deserialize_with = "lenient::or_empty")]
    pub task_data: Vec<LegacyAnswered>,
    /// Points in this room.
    pub total_score: Option<Number>,
    /// The place on the scoreboard.
    pub rank_no: Option<i64>,
    /// The address of a picture.
    #[schemars(extend("x-sensitivity" = "avatar"))]
    pub avatar: Option<String>,
    /// The user's level on the platform.
    pub level: Option<i64>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a user did with one question, in the legacy dialect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyAnswered {
    /// The task's number.
    pub task_no: i64,
    /// The question within the task.
    pub question_no: Option<Number>,
    /// Whether it is answered correctly by now.
    pub correct: Option<bool>,
    /// Points for it.
    pub score: Option<Number>,
    /// When the right answer was given.
    pub time_correct: Option<Moment>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LegacyForm<Self> for ShowScoreboard {
    type Response = Vec<LegacyStanding>;
    const METADATA: Metadata = Metadata {
        list: Some(List::whole("", "name")),
        ..legacy(<Self as Endpoint>::METADATA, "/external/api/scoreboard/{roomCode}")
    };

    fn request_down(request: Self) -> Self {
        request
    }

    fn answer_up(answer: Vec<LegacyStanding>) -> Vec<Standing> {
        answer.into_iter().map(LegacyStanding::up).collect()
    }

    fn request_up(self) -> Self {
        self
    }

    fn answer_down(answer: Vec<Standing>) -> Vec<LegacyStanding> {
        answer.into_iter().map(LegacyStanding::down).collect()
    }
}

impl LegacyStanding {
    fn up(self) -> Standing {
        let mut tasks: IndexMap<String, Vec<Answered>> = IndexMap::new();
        for answered in self.task_data {
            let task = answered.task_no.to_string();
            tasks.entry(task).or_default().push(answered.up());
        }
        let mut extra = self.extra;
        if !self.data.is_empty() && self.data != constant_pair() {
            extra.insert("data".to_owned(), self.data.into());
        }
        Standing {
            username: self.name,
            score: self.total_score,
            rank: self.rank_no,
            level: self.level,
            avatar: self.avatar,
            tasks,
            extra,
        }
    }

    fn down(standing: Standing) -> Self {
        let task_data = standing.tasks.into_iter().flat_map(|(task, answers)| {
            let task_no = task.parse().unwrap_or_default();
            answers.into_iter().map(move |answered| LegacyAnswered::down(task_no, answered))
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

/// What the legacy document has in `data`; it means nothing, so callers do not see it.
fn constant_pair() -> Vec<Value> {
    vec!["".into(), 0.into()]
}

impl LegacyAnswered {
    // The document has neither ids nor counts of attempts. Where they come all the same, they are extra, and
    // take the places of the empty ones when the answer is written as JSON.
    fn up(self) -> Answered {
        Answered {
            id: None,
            question_no: self.question_no,
            correct: self.correct,
            score: self.score,
            attempts: None,
            time_correct: self.time_correct,
            extra: self.extra,
        }
    }

    fn down(task_no: i64, answered: Answered) -> Self {
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
