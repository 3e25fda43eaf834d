//! The content: roles, lessons and campaigns.
//!
//! It is the same for every seed and includes the ids in the documentation's samples, because no endpoint lists the
//! ids of campaigns.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::id::Id;

/// A role of a team. It determines which lessons a user can take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// Whether every invited user gets it.
    pub(crate) default: bool,
    /// Whether users can choose it themselves.
    pub(crate) public: bool,
    /// The team that it belongs to. Roles of other teams exist, but cannot be used.
    pub(crate) team: Id,
}

/// A lesson. The summaries call it a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lesson {
    pub(crate) title: String,
    pub(crate) module: String,
    pub(crate) points: u16,
    /// The roles that can take it.
    pub(crate) roles: Vec<Id>,
    /// Topics and technologies, for searches.
    pub(crate) tags: Vec<String>,
    pub(crate) topic: String,
    pub(crate) stack: String,
    pub(crate) description: String,
    pub(crate) challenge: bool,
    pub(crate) url: String,
}

/// A set of assignments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Campaign {
    pub(crate) title: String,
    pub(crate) assignments: IndexMap<Id, Assignment>,
}

/// A set of labs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) title: String,
    /// The required labs.
    pub(crate) labs: Vec<Id>,
    /// The optional labs.
    pub(crate) optional: Vec<Id>,
}

/// All content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Catalogue {
    pub(crate) roles: IndexMap<Id, Role>,
    pub(crate) lessons: IndexMap<Id, Lesson>,
    pub(crate) campaigns: IndexMap<Id, Campaign>,
}

/// The catalogue in its file: by name, with ids only if they are from the documentation.
#[derive(Deserialize)]
struct Written {
    roles: Vec<WrittenRole>,
    campaigns: Vec<WrittenCampaign>,
    lessons: Vec<WrittenLesson>,
}

#[derive(Deserialize)]
struct WrittenRole {
    id: Id,
    name: String,
    default: bool,
    public: bool,
}

#[derive(Deserialize)]
struct WrittenCampaign {
    id: Id,
    title: String,
    assignments: Vec<WrittenAssignment>,
}

#[derive(Deserialize)]
struct WrittenAssignment {
    title: String,
    labs: Vec<String>,
    optional: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenLesson {
    id: Option<Id>,
    module: String,
    title: String,
    points: u16,
    roles: Vec<String>,
    stack: String,
    challenge: bool,
    tags: Vec<String>,
    topic: String,
    description: String,
}

impl Catalogue {
    /// The catalogue of this team. It also has a role of another team.
    pub(crate) fn of_team(team: Id) -> Self {
        let written: Written = serde_json::from_str(include_str!("catalogue.json"))
            .expect("the catalogue is part of the program and tested");
        let mut roles: IndexMap<Id, Role> = written
            .roles
            .into_iter()
            .map(|WrittenRole { id, name, default, public }| {
                (id, Role { name, default, public, team })
            })
            .collect();
        let of_names = |names: &[String]| -> Vec<Id> {
            let ids = roles.iter().filter(|(_, role)| names.contains(&role.name));
            ids.map(|(id, _)| *id).collect()
        };
        let lessons: IndexMap<Id, Lesson> = written
            .lessons
            .into_iter()
            .map(|lesson| {
                let id = lesson.id.unwrap_or_else(|| lasting("lesson", &lesson.title));
                let lesson = Lesson {
                    roles: of_names(&lesson.roles),
                    url: format!("/lesson/{}", slug(&lesson.title)),
                    title: lesson.title,
                    module: lesson.module,
                    points: lesson.points,
                    tags: lesson.tags,
                    topic: lesson.topic,
                    stack: lesson.stack,
                    description: lesson.description,
                    challenge: lesson.challenge,
                };
                (id, lesson)
            })
            .collect();
        let of_titles = |titles: &[String]| -> Vec<Id> {
            let find = |title: &String| lessons.iter().find(|(_, lesson)| lesson.title == *title);
            titles.iter().filter_map(find).map(|(id, _)| *id).collect()
        };
        let campaigns = written.campaigns.into_iter().map(|campaign| {
            let assignments = campaign.assignments.into_iter().map(|assignment| {
                let id = lasting("assignment", &assignment.title);
                let labs = of_titles(&assignment.labs);
                let optional = of_titles(&assignment.optional);
                (id, Assignment { title: assignment.title, labs, optional })
            });
            let assignments = assignments.collect();
            (campaign.id, Campaign { title: campaign.title, assignments })
        });
        let campaigns = campaigns.collect();
        let stranger = Role {
            name: "Designers".to_owned(),
            default: true,
            public: true,
            team: lasting("team", "another"),
        };
        roles.insert(lasting("role", &stranger.name), stranger);
        Self { roles, lessons, campaigns }
    }
}

/// An id that is the same for every seed.
pub(crate) fn lasting(kind: &str, name: &str) -> Id {
    Id::from_name(0, kind, name)
}

/// `Someone Else's Invoice` as `someone-elses-invoice`.
fn slug(title: &str) -> String {
    let kept = title.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ');
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        Catalogue::of_team(lasting("team", "ours"))
    }

    #[test]
    fn every_name_in_the_catalogue_is_known() {
        let written: Written = serde_json::from_str(include_str!("catalogue.json")).unwrap();
        let Catalogue { lessons, campaigns, .. } = catalogue();
        assert_eq!(written.lessons.len(), lessons.len());
        for lesson in &written.lessons {
            let own = lessons.values().find(|own| own.title == lesson.title).unwrap();
            assert_eq!(own.roles.len(), lesson.roles.len(), "{}", lesson.title);
        }
        for (written, own) in written.campaigns.iter().zip(campaigns.values()) {
            for (written, own) in written.assignments.iter().zip(own.assignments.values()) {
                assert_eq!(written.labs.len(), own.labs.len(), "{}", written.title);
                assert_eq!(written.optional.len(), own.optional.len(), "{}", written.title);
            }
        }
    }

    #[test]
    fn one_role_is_another_teams() {
        let ours = lasting("team", "ours");
        assert_eq!(catalogue().roles.values().filter(|role| role.team != ours).count(), 1);
    }

    #[test]
    fn an_address_is_made_from_the_title() {
        assert_eq!(slug("Someone Else's Invoice"), "someone-elses-invoice");
    }
}
