//! The labs that a summary counts, and the progress of users in them.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use drillmaster_models::veracode::Milestone;
use serde_json::Number;

use super::catalogue::{Assignment, Catalogue};
use super::id::Id;
use super::reading::{Read, ids, known};
use super::team::{Lab, User};
use crate::call::{Call, Refusal};

/// The labs that count in a summary.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    catalogue: &'a Catalogue,
    /// The selected assignments; all by default.
    pub(crate) assignments: Vec<&'a Assignment>,
    /// The selected labs; `None` for all.
    pub(crate) labs: Option<HashSet<Id>>,
    /// The required labs of the assignments.
    required: HashSet<Id>,
    /// The period to count.
    window: Option<RangeInclusive<i64>>,
}

/// A user's work in the counted labs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    /// The number of started labs, including finished ones.
    pub(crate) started: usize,
    pub(crate) finished: usize,
    pub(crate) points: u64,
    pub(crate) required_points: u64,
}

/// A user's progress in a counted lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    Started,
    Finished,
}

impl<'a> Content<'a> {
    /// All content.
    pub(crate) fn all(catalogue: &'a Catalogue) -> Self {
        let campaigns = catalogue.campaigns.values();
        let assignments = campaigns.flat_map(|campaign| campaign.assignments.values()).collect();
        Self::of_assignments(catalogue, assignments)
    }

    fn of_assignments(catalogue: &'a Catalogue, assignments: Vec<&'a Assignment>) -> Self {
        let required =
            assignments.iter().flat_map(|assignment| &assignment.labs).copied().collect();
        Self { catalogue, assignments, labs: None, required, window: None }
    }

    /// The content selected by `campaignIds`.
    pub(crate) fn of_campaigns(call: &Call, catalogue: &'a Catalogue) -> Read<Self> {
        let campaigns = ids(call, "campaignIds", "campaign")?;
        known(&campaigns, "Campaign(s)", |id| catalogue.campaigns.contains_key(id))?;
        if campaigns.is_empty() {
            return Ok(Self::all(catalogue));
        }
        let chosen = catalogue.campaigns.iter().filter(|(id, _)| campaigns.contains(id));
        let assignments = chosen.flat_map(|(_, campaign)| campaign.assignments.values()).collect();
        let content = Self::of_assignments(catalogue, assignments);
        Ok(content.with_optional_labs())
    }

    /// The content selected by either `campaignIds` or `assignmentIds`.
    pub(crate) fn of_campaigns_or_assignments(call: &Call, catalogue: &'a Catalogue) -> Read<Self> {
        if call.text("assignmentIds").is_some() && call.text("campaignIds").is_some() {
            let words = "assignmentIds and campaignIds are mutually exclusive";
            return Err(Refusal::new(400, words));
        }
        let chosen = ids(call, "assignmentIds", "assignment")?;
        if chosen.is_empty() {
            return Self::of_campaigns(call, catalogue);
        }
        let all = || catalogue.campaigns.values().flat_map(|campaign| &campaign.assignments);
        // The documentation spells it like this.
        known(&chosen, "Assignments(s)", |id| all().any(|(own, _)| own == id))?;
        let assignments = all().filter(|(id, _)| chosen.contains(id)).map(|(_, own)| own).collect();
        Ok(Self::of_assignments(catalogue, assignments).with_optional_labs())
    }

    /// Counts only the required labs of the assignments.
    pub(crate) fn with_required_labs(self) -> Self {
        Self { labs: Some(self.required.clone()), ..self }
    }

    /// Counts all labs of the assignments.
    pub(crate) fn with_optional_labs(self) -> Self {
        let optional = self.assignments.iter().flat_map(|assignment| &assignment.optional);
        let labs = self.required.iter().chain(optional).copied().collect();
        Self { labs: Some(labs), ..self }
    }

    /// Counts the lessons that are open to a role.
    pub(crate) fn with_lessons_of(self, role: Id) -> Self {
        let lessons =
            self.catalogue.lessons.iter().filter(|(_, lesson)| lesson.roles.contains(&role));
        let labs = lessons.map(|(id, _)| *id).collect();
        Self { labs: Some(labs), ..self }
    }

    /// Counts only activity in this period.
    pub(crate) fn within(self, window: Option<RangeInclusive<i64>>) -> Self {
        Self { window, ..self }
    }

    /// A user's progress in a lab; `None` if it is not counted.
    pub(crate) fn reached(&self, lab: &Lab) -> Option<Reached> {
        if self.labs.as_ref().is_some_and(|labs| !labs.contains(&lab.lesson)) {
            return None;
        }
        let then = |time: &i64| self.window.as_ref().is_none_or(|window| window.contains(time));
        match lab.end_time {
            Some(end) if lab.finished && then(&end) => Some(Reached::Finished),
            _ => then(&lab.start_time).then_some(Reached::Started),
        }
    }

    /// A user's score in this content.
    pub(crate) fn score(&self, user: &User) -> Score {
        let mut score = Score::default();
        for lab in &user.labs {
            let Some(reached) = self.reached(lab) else {
                continue;
            };
            score.started += 1;
            if reached == Reached::Finished {
                let points = self.catalogue.points(lab.lesson);
                score.finished += 1;
                score.points += points;
                if self.required.contains(&lab.lesson) {
                    score.required_points += points;
                }
            }
        }
        score
    }

    /// The points of the required labs.
    pub(crate) fn points_required(&self) -> u64 {
        self.required.iter().map(|lesson| self.catalogue.points(*lesson)).sum()
    }

    /// The completed share of the required content, in percent.
    pub(crate) fn percent_required(&self, score: &Score) -> Number {
        percent(score.required_points, self.points_required())
    }

    /// The number of counted labs.
    pub(crate) fn count(&self) -> usize {
        self.labs.as_ref().map_or(self.catalogue.lessons.len(), HashSet::len)
    }
}

impl Score {
    /// The milestone in the onboarding: one lab has to be finished.
    pub(crate) fn first_lab(&self, user: &User) -> Milestone {
        match self {
            Self { finished: 1.., .. } => Milestone::Finished,
            Self { started: 1.., .. } => Milestone::Started,
            _ if user.joined => Milestone::NotStarted,
            _ => Milestone::NotSignedUp,
        }
    }

    /// The milestone in campaigns: all labs have to be finished.
    pub(crate) fn all_labs(&self, labs: usize) -> Milestone {
        match self {
            Self { started: 0, .. } => Milestone::NotStarted,
            Self { finished, .. } if *finished >= labs => Milestone::Finished,
            _ => Milestone::Started,
        }
    }
}

impl Catalogue {
    /// The points for a lesson.
    pub(crate) fn points(&self, lesson: Id) -> u64 {
        self.lessons.get(&lesson).map_or(0, |lesson| lesson.points.into())
    }

    /// The points of all lessons that are open to one of these roles.
    pub(crate) fn points_possible(&self, roles: &[Id]) -> u64 {
        let open = self
            .lessons
            .values()
            .filter(|lesson| roles.iter().any(|role| lesson.roles.contains(role)));
        open.map(|lesson| u64::from(lesson.points)).sum()
    }

    /// The names of roles.
    pub(crate) fn role_names(&self, roles: &[Id]) -> Vec<String> {
        roles.iter().filter_map(|id| self.roles.get(id)).map(|role| role.name.clone()).collect()
    }

    /// Whether a role is one of this team.
    pub(crate) fn is_role_of(&self, team: Id, role: Id) -> bool {
        self.roles.get(&role).is_some_and(|role| role.team == team)
    }
}

/// A share in whole percent; 100 if the whole is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Number {
    (part * 100).checked_div(whole).unwrap_or(100).into()
}
