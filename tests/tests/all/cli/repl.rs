//! `drillmaster repl`, piped and on a terminal.

use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{CLASS, Door, Workdir};

/// Compares the output of piped lines.
#[track_caller]
fn check(name: &str, workdir: &Workdir, lines: &str, line: &str, exit: i32) {
    let ended = workdir.run_with(lines, line);
    snapshot("cli", name, &ended.to_string());
    ended.exits(exit);
}

const ROOMS: &str = "\
let rooms = thm::rooms().roomInfo;
rooms.len() > 1
rooms.filter(|room| room.code == \"linux1\")
#{ rooms: rooms.map(|room| room.code).len() > 0, first: \"linux1\" }
\"a text\"
1.5
";

#[test]
fn values_are_shown_as_tables_or_json() {
    check("repl_table", &Workdir::empty(), ROOMS, "repl", 0);
    check("repl_json", &Workdir::empty(), ROOMS, "repl --format json", 0);
}

#[test]
fn an_error_has_its_place_and_the_next_line_still_runs() {
    let lines = "\
let email = \"ada@example.com\";
thm::add_seat(#{ emial: email })
if true {
    print(`in a
block`);
    prnt(email)
}
let answer = 6 * ;
throw \"no\"
print(email);
";
    check("repl_mistakes", &Workdir::empty(), lines, "repl", 3);
}

#[test]
fn rows_run_and_are_summarized() {
    let lines = "\
let rows = each(roster(), |row| { if row.email.contains(\"a\") { #{ name: row.email.len() > 3 } } else { throw \"no a\" } });
rows.failed()
rows.len()
";
    let class = CLASS.lines().take(4).collect::<Vec<_>>().join("\n") + "\n";
    let workdir = Workdir::empty().with("class.csv", class + "bob@test.test,Bob,x9,\n");
    check("repl_rows", &workdir, lines, "repl --roster class.csv", 1);
}

#[test]
fn inputs_are_set_or_reported_missing() {
    let lines =
        "input(\"room\", \"where\") + input(\"b\", \"\", 1)\ninput(\"seats\", \"how many\")\n";
    check("repl_inputs", &Workdir::empty(), lines, "repl --set room=linux1 --set other=1", 2);
}

#[test]
fn answers_to_questions_are_hidden_without_reveal() {
    let lines = "thm::questions(#{ roomCode: \"linux1\" })\n";
    let seen = |line: &str| Workdir::empty().run_with(lines, line).exits(0).out.clone();
    let hidden = seen("repl --format json");
    assert!(hidden.contains("[hidden; use --reveal to show]"), "{hidden}");
    assert!(!seen("repl --format json --reveal").contains("[hidden"));
}

const DELETE: &str = "\
let user = veracode::users_details(#{ limit: 1 }).users[0];
veracode::delete_user(#{ id: user.id });
veracode::users_details(#{ limit: 1 }).users[0].id == user.id
";

#[test]
fn irreversible_calls_need_yes() {
    let stopped = Workdir::empty().run_with(DELETE, "repl");
    assert!(stopped.exits(4).err.contains("allow it with --yes"), "{stopped}");
    assert_eq!(stopped.out, "true\n");
    assert_eq!(Workdir::empty().run_with(DELETE, "repl --yes").exits(0).out, "false\n");
}

#[test]
fn removals_are_counted_across_lines() {
    let lines = "\
let seats = thm::users().users.map(|user| user.email);
thm::remove_seat(#{ email: seats[0] });
thm::remove_seat(#{ email: seats[1] });
thm::add_seat(#{ email: seats[1] }).unchanged
";
    let ended = Workdir::empty().run_with(lines, "repl --max-removals 1");
    assert!(ended.exits(4).err.contains("--max-removals"), "{ended}");
    assert_eq!(ended.out, "true\n");
}

#[test]
fn a_key_is_needed_only_when_its_service_is_called() {
    let door = Door::closed();
    let line = format!("repl {}", door.flags());
    let ended = Workdir::empty().run_with("let a = 1;\nthm::rooms()\na\n", &line);
    assert!(ended.exits(2).err.contains("DRILLMASTER_THM_KEY is not set"), "{ended}");
    assert_eq!(ended.out, "1\n");
    assert!(!door.was_knocked_at());
}

#[test]
fn a_live_service_is_called_and_keeps_writes() {
    let server = Server::start("");
    let lines = "let user = thm::users().users[0];\nthm::remove_seat(#{ email: user.email });\n";
    let ended = Workdir::empty().with_keys().run_with(lines, &format!("repl {}", server.flags()));
    assert_eq!(ended.exits(0).out, "");
    let removed = server.writes()["thm.remove_seat"].as_object().unwrap().len();
    assert_eq!(removed, 1);
}

#[test]
fn exit_and_help_are_commands_unless_the_script_declares_them() {
    let ended = Workdir::empty().run_with("help\n1\nquit\n2\n", "repl");
    assert_eq!(ended.exits(0).out, "1\n");
    assert!(ended.err.contains("exit, quit or Ctrl-D"), "{ended}");
    let ended = Workdir::empty().run_with("prnt(1)\nexit;\n2\n", "repl");
    assert_eq!(ended.exits(3).out, "");
    let ended = Workdir::empty().run_with("let help = 5;\nhelp\n", "repl");
    assert_eq!(ended.exits(0).out, "5\n");
}

#[test]
fn empty_input_does_nothing() {
    let ended = Workdir::empty().run_with("", "repl");
    assert_eq!((ended.exits(0).out.as_str(), ended.err.as_str()), ("", ""));
}

#[cfg(unix)]
mod on_a_terminal {
    use std::os::unix::fs::PermissionsExt;

    use crate::terminal::{On, Terminal};
    use crate::workdir::Workdir;

    const DOWN: &str = "\x04";
    const INTERRUPT: &str = "\x03";

    fn on_a_terminal(workdir: &Workdir) -> Terminal {
        Terminal::of(workdir.command("repl"), 80, On::All)
    }

    #[test]
    fn unfinished_blocks_continue_and_ctrl_c_discards_a_line() {
        let mut terminal = on_a_terminal(&Workdir::empty());
        terminal.shows("using the embedded sandbox").shows("> ");
        terminal.types("for x in [20, 22] {\r").types("print(x * 100);\r").types("}\r");
        terminal.shows("2000").shows("2200").shows("> ");
        terminal.types("print(111 * ").types(INTERRUPT).shows("> ");
        terminal.types("2 * 21\r").shows("42").shows("> ").types(DOWN);
        let (seen, exit) = terminal.ends();
        assert_eq!(exit, Some(0), "{seen}");
    }

    #[test]
    fn leaving_after_an_error_is_success() {
        let mut terminal = on_a_terminal(&Workdir::empty());
        terminal.shows("> ").types("prnt(1)\r");
        terminal.shows("there is no function `prnt`").shows("> ").types(DOWN);
        assert_eq!(terminal.ends().1, Some(0));
    }

    #[test]
    fn ctrl_c_stops_only_the_running_line() {
        let mut terminal = on_a_terminal(&Workdir::empty());
        terminal.shows("> ").types("let kept = 40; print(\"run\" + \"ning\"); loop { }\r");
        terminal.shows("running").interrupts().shows("interrupted").shows("> ");
        terminal.types("kept + 2\r").shows("42").shows("> ").types(DOWN);
        assert_eq!(terminal.ends().1, Some(0));
    }

    #[test]
    fn help_and_exit_work() {
        let mut terminal = on_a_terminal(&Workdir::empty());
        terminal.shows("> ").types("help\r").shows("calls an endpoint").shows("> ");
        terminal.types("exit\r");
        assert_eq!(terminal.ends().1, Some(0));
    }

    #[test]
    fn tab_completes() {
        let mut terminal = on_a_terminal(&Workdir::empty());
        terminal.shows("> ").types("thm::scoreb\t(#{ roomC\t\"linux1\" }).len() > 0\r");
        terminal.shows("true").shows("> ").types(DOWN);
        assert_eq!(terminal.ends().1, Some(0));
    }

    #[test]
    fn the_history_is_private_and_has_no_secrets() {
        let workdir = Workdir::empty();
        let mut terminal = on_a_terminal(&workdir);
        for line in ["let kept = 1;", " let unkept = 2;", "let token = \"b4c0ffee99\";"] {
            terminal.shows("> ").types(line).types("\r");
        }
        terminal.shows("> ").types(DOWN);
        assert_eq!(terminal.ends().1, Some(0));
        let file = workdir.path("state/drillmaster/repl-history");
        let history = std::fs::read_to_string(&file).unwrap();
        assert!(history.contains("let kept = 1;"), "{history}");
        assert!(!history.contains("unkept") && !history.contains("token"), "{history}");
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        // The next session has the history.
        let mut terminal = on_a_terminal(&workdir);
        terminal.shows("> ").types("\x1b[A").shows("let kept = 1;").types("\r");
        terminal.shows("> ").types("kept + 41\r").shows("42").shows("> ").types(DOWN);
        assert_eq!(terminal.ends().1, Some(0));
    }
}
