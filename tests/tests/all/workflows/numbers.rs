//! The numbers of `class_report` are those that follow from the sandbox's state, reckoned here in another way.

use std::collections::{BTreeMap, BTreeSet};

use drillmaster_models::Dialect;
use serde_json::Value;

use super::{CLASS, cells, sandbox, workdir};

/// What a report says of a class.
#[derive(Debug, Default, PartialEq)]
struct Numbers {
    /// By stage.
    funnel: BTreeMap<String, u64>,
    /// By person.
    points: BTreeMap<String, u64>,
    /// By person, a share for each room and for Security Labs, in thousandths.
    shares: BTreeMap<String, Vec<Option<u64>>>,
    /// What was done, by day.
    days: BTreeMap<String, u64>,
    /// By role, in milliseconds, and how many of the class have it.
    time: BTreeMap<String, (u64, u64)>,
    /// Who has something to do, and what.
    needs: BTreeSet<(String, String)>,
}

fn thousandths(share: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    let whole = (share * 1000.0).round() as u64;
    whole
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The numbers of a report that was written as JSON.
fn of_report(report: &Value) -> Numbers {
    let mut numbers = Numbers::default();
    for stage in list(&report["funnel"]) {
        numbers.funnel.insert(text(&stage["name"]), stage["count"].as_u64().unwrap());
    }
    for line in list(&report["scoreboard"]) {
        let points = line["points"].as_f64().unwrap();
        numbers.points.insert(text(&line["who"]), thousandths(points) / 1000);
    }
    for line in list(&report["heatmap"]["rows"]) {
        let shares = list(&line["cells"]).map(|cell| cell.as_f64().map(thousandths)).collect();
        numbers.shares.insert(text(&line["who"]), shares);
    }
    for day in list(&report["burnup"]) {
        numbers.days.insert(text(&day["date"]), day["count"].as_u64().unwrap());
    }
    for role in list(&report["engagement"]) {
        let millis = thousandths(role["minutes"].as_f64().unwrap() * 60.0);
        let people = role["people"].as_u64().unwrap();
        numbers.time.insert(text(&role["role"]), (millis, people));
    }
    for need in list(&report["needs"]) {
        numbers.needs.insert((text(&need["who"]), text(&need["what"])));
    }
    numbers
}

/// A sandbox's state, as it is saved.
struct State(Value);

impl State {
    fn of_the_default() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        sandbox(Dialect::Current).save(&path).unwrap();
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    /// Whether TryHackMe shows somebody to the company.
    fn is_ours(&self, email: &str) -> bool {
        let thm = &self.0["thm"];
        let user = &thm["users"][email];
        let is_seated = list(&thm["seated"]).any(|seated| seated == email);
        !user.is_null() && (is_seated || !user["ext_user_id"].is_null())
    }

    /// The answers of somebody in a room, if they are in it.
    fn answers(&self, room: &str, email: &str) -> Option<&Value> {
        let member = &self.0["thm"]["rooms"][room]["members"][email];
        let is_in = self.is_ours(email) && member["left"] == false;
        is_in.then(|| &member["answers"])
    }

    fn questions(&self, room: &str) -> usize {
        list(&self.0["thm"]["rooms"][room]["tasks"]).map(|task| list(task).count()).sum()
    }

    fn team(&self) -> impl Iterator<Item = &Value> {
        self.0["veracode"]["team"]["users"].as_object().unwrap().values()
    }

    fn lab_points(&self, lab: &Value) -> u64 {
        let lessons = &self.0["veracode"]["catalogue"]["lessons"];
        lessons[lab.as_str().unwrap()]["points"].as_u64().unwrap()
    }

    /// The labs that all assignments require, each once.
    fn required(&self) -> BTreeMap<String, u64> {
        let campaigns = self.0["veracode"]["catalogue"]["campaigns"].as_object().unwrap();
        let assignments = campaigns
            .values()
            .flat_map(|campaign| campaign["assignments"].as_object().unwrap().values());
        let labs = assignments.flat_map(|assignment| list(&assignment["labs"]));
        labs.map(|lab| (text(lab), self.lab_points(lab))).collect()
    }

    /// The middle of the times that people of a role spent on labs, the lower of two.
    fn middle_of(&self, role: &str) -> Option<u64> {
        let people = self.team().filter(|user| list(&user["roles"]).any(|own| own == role));
        let labs = people.flat_map(|user| list(&user["labs"]));
        let mut spent: Vec<u64> = labs.map(|lab| lab["spent"].as_u64().unwrap()).collect();
        spent.sort_unstable();
        spent.get((spent.len().max(1) - 1) / 2).copied()
    }

    fn numbers(&self, rooms: &[&str]) -> Numbers {
        let mut numbers = Numbers::default();
        for stage in ["not signed up", "not started", "started", "finished"] {
            numbers.funnel.insert(stage.to_owned(), 0);
        }
        let required = self.required();
        let mut roles: BTreeMap<String, u64> = BTreeMap::new();
        for learner in cells(CLASS) {
            let (email, who) = (learner[0].to_lowercase(), learner[1].clone());
            let (mut points, mut started) = (0, false);
            let mut signed_up = self.is_ours(&email);
            let mut shares = Vec::new();
            for room in rooms {
                let share = self.answers(room, &email).map(|answers| {
                    started = true;
                    let solved = || list(answers).filter(|answer| !answer["solved"].is_null());
                    for answer in solved() {
                        *numbers
                            .days
                            .entry(text(&answer["solved"])[..10].to_owned())
                            .or_default() += 1;
                    }
                    points += list(answers).map(|own| own["points"].as_u64().unwrap()).sum::<u64>();
                    (solved().count() * 1000 + self.questions(room) / 2) / self.questions(room)
                });
                shares.push(share.map(|share| share as u64));
            }
            let member = self.team().find(|user| user["email"] == *email);
            let active = member.filter(|user| !user["last_active"].is_null());
            shares.push(active.map(|user| {
                signed_up = true;
                let labs = || list(&user["labs"]);
                started |= labs().count() > 0;
                let finished = || labs().filter(|lab| lab["finished"] == true);
                for lab in finished() {
                    let end = jiff::Timestamp::from_millisecond(lab["end_time"].as_i64().unwrap());
                    let day = end.unwrap().strftime("%Y-%m-%d").to_string();
                    *numbers.days.entry(day).or_default() += 1;
                }
                points += finished().map(|lab| self.lab_points(&lab["lesson"])).sum::<u64>();
                for role in list(&user["roles"]) {
                    *roles.entry(text(role)).or_default() += 1;
                }
                let done =
                    finished().filter_map(|lab| required.get(lab["lesson"].as_str().unwrap()));
                // The service tells whole percent.
                done.sum::<u64>() * 100 / required.values().sum::<u64>() * 10
            }));
            let stage = match () {
                () if !signed_up => "not signed up",
                () if shares.iter().all(|share| share.is_some_and(|share| share >= 1000)) => {
                    "finished"
                }
                () if started => "started",
                () => "not started",
            };
            *numbers.funnel.entry(stage.to_owned()).or_default() += 1;
            let need = match stage {
                "not signed up" => Some("has not signed up"),
                "not started" => Some("has signed up and not started"),
                _ => None,
            };
            numbers.needs.extend(need.map(|need| (who.clone(), need.to_owned())));
            numbers.points.insert(who.clone(), points);
            numbers.shares.insert(who, shares);
        }
        for (role, people) in roles {
            let name = text(&self.0["veracode"]["catalogue"]["roles"][&role]["name"]);
            let time = self.middle_of(&role).map(|millis| (name, (millis, people)));
            numbers.time.extend(time);
        }
        numbers
    }
}

#[test]
fn the_numbers_of_a_class_are_those_of_the_sandbox() {
    let state = State::of_the_default();
    for rooms in [&["linux1", "webbasics"][..], &["logs101", "acme-capstone", "linux2"]] {
        let workdir = workdir();
        let line = format!(
            "run scripts/class_report.rhai --roster scripts/examples/class.csv --set rooms={} \
             --report class.json",
            rooms.join(",")
        );
        workdir.run(&line).exits(0);
        let report = serde_json::from_str(&workdir.read("class.json")).unwrap();
        let (told, due) = (of_report(&report), state.numbers(rooms));
        assert_eq!(told, due, "{rooms:?}");
        // A class in which nothing has happened would agree with anything.
        assert!(due.points.values().sum::<u64>() > 0 && due.days.len() > 10 && due.time.len() > 1);
        assert!(due.funnel.values().filter(|count| **count > 0).count() > 2);
    }
}
