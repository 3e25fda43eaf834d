//! Keeping keys, trying them, forgetting them.

use drillmaster_models::SERVICES;
use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};

use super::check;
use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{Ended, Workdir};

const FILE: &str = "config/drillmaster/config.toml";
const KEPT: &str = "config/drillmaster/keys/default-thm.key";

/// A workdir whose calls would go to this server.
fn workdir(server: &Server) -> Workdir {
    Workdir::empty()
        .setting("DRILLMASTER_THM_URL", &server.url)
        .setting("DRILLMASTER_VERACODE_URL", &server.url)
}

/// Compares what a person sees of a command, in which no key stands.
#[track_caller]
fn shown(name: &str, ended: &Ended, exit: i32) {
    let text = ended.to_string();
    assert!(!text.contains(THM_KEY) && !text.contains(VERACODE_KEY), "{text}");
    snapshot("cli", name, &text);
    ended.exits(exit);
}

#[test]
fn keys_are_tried() {
    let server = Server::start("");
    let bare = || workdir(&server);
    shown("auth_status", &bare().with_keys().run("auth status --format csv"), 0);
    shown("auth_status_none", &bare().run("auth status --format csv"), 2);
    let one = bare().setting("DRILLMASTER_THM_KEY", "another");
    shown("auth_status_refused", &one.run("auth status --format csv"), 4);
    // The columns are as wide as the port is long.
    let table = bare().with_keys().run("auth status");
    assert!(table.exits(0).out.starts_with("service   key "), "{table}");
    let json = bare().with_keys().run("auth status --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.exits(0).out).unwrap();
    assert_eq!(rows.len(), SERVICES.len());
    assert!(rows.iter().all(|row| row["accepted"] == true), "{json}");
}

#[test]
fn one_services_key_can_be_tried_alone() {
    let server = Server::start("");
    let workdir = workdir(&server).setting("DRILLMASTER_THM_KEY", THM_KEY);
    let one = workdir.run("auth status thm --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&one.exits(0).out).unwrap();
    assert!(rows.len() == 1 && rows[0]["service"] == "thm", "{one}");
    assert!(workdir.run("auth status veracode").exits(2).err.contains("auth login"));
    workdir.run("auth status thn").exits(2);
}

/// A key of which nothing was found out is not called refused.
#[test]
fn a_key_that_nobody_judged_is_not_refused() {
    let away =
        Workdir::empty().with_keys().run("auth status --format json --thm-url http://127.0.0.1:9");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&away.out).unwrap();
    assert_eq!(rows[0]["status"], "could not check");
    assert_eq!(rows[0]["accepted"], serde_json::Value::Null);
    away.exits(1);
}

/// One service's key has nothing to do with the other's.
#[test]
fn a_key_that_is_out_of_form_is_its_own_services_trouble() {
    let server = Server::start("");
    let workdir = workdir(&server).with_keys().setting("DRILLMASTER_VERACODE_KEY", "nocolon");
    let tried = workdir.run("auth status --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&tried.out).unwrap();
    assert_eq!(rows[0]["accepted"], true);
    assert_eq!(rows[1]["status"], "not checked");
    tried.exits(2);
}

#[test]
fn a_harmless_read_is_one() {
    let server = Server::start("");
    let before = server.writes();
    workdir(&server).with_keys().run("auth status --format csv").exits(0);
    assert_eq!(server.writes(), before);
}

#[test]
fn a_key_is_kept_tried_and_forgotten() {
    let server = Server::start("");
    let workdir = workdir(&server).with(FILE, "# mine\n[profile.other] # stays\nrate = \"1/s\"\n");
    let ended = workdir.run_with(&format!("{THM_KEY}\n"), "auth login thm");
    shown("auth_login", &ended, 0);
    assert_eq!(workdir.read(KEPT), format!("{THM_KEY}\n"));
    snapshot("cli", "auth_login_config", &workdir.read(FILE));
    shown("auth_status_kept", &workdir.run("auth status --format csv"), 0);
    shown("auth_logout", &workdir.run("auth logout thm"), 0);
    assert!(!workdir.path(KEPT).exists());
    snapshot("cli", "auth_logout_config", &workdir.read(FILE));
    shown("auth_logout_again", &workdir.run("auth logout thm"), 2);
}

#[test]
fn a_key_is_kept_for_each_profile_and_service() {
    let workdir = Workdir::empty();
    workdir.run_with("one", "auth login thm --profile a").exits(0);
    workdir.run_with("two:2", "auth login veracode --profile a").exits(0);
    workdir.run_with("three", "auth login thm --profile b").exits(0);
    workdir.run_with("four", "auth login thm --profile a").exits(0);
    snapshot("cli", "auth_login_profiles", &workdir.read(FILE));
    let kept = |name: &str| workdir.read(&format!("config/drillmaster/keys/{name}.key"));
    assert_eq!(["a-thm", "a-veracode", "b-thm"].map(kept), ["four\n", "two:2\n", "three\n"]);
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start("");
    let workdir = workdir(&server);
    workdir.run_with(THM_KEY, "auth login thm").exits(0);
    let mode =
        |file: &str| std::fs::metadata(workdir.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(KEPT), mode("config/drillmaster/keys"), mode(FILE)), (0o600, 0o700, 0o600));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(workdir.path(KEPT), open).unwrap();
    shown("auth_status_open_file", &workdir.run("auth status --format csv"), 0);
}

#[test]
fn a_key_of_another_form_is_not_kept() {
    let workdir = Workdir::empty();
    shown("auth_login_form", &workdir.run_with("only-a-key", "auth login veracode"), 2);
    workdir.run_with("", "auth login thm").exits(2);
    assert!(!workdir.path("config").exists());
}

#[test]
fn a_source_that_somebody_wrote_is_left_alone() {
    let text = "default = \"a\"\n[profile.a.thm]\ncommand = \"pass show hush\"\n";
    let workdir = Workdir::empty().with(FILE, text);
    shown("auth_login_elsewhere", &workdir.run_with(THM_KEY, "auth login thm"), 2);
    shown("auth_logout_elsewhere", &workdir.run("auth logout thm"), 2);
    assert_eq!(workdir.read(FILE), text);
    assert!(!workdir.path("config/drillmaster/keys").exists());
}

#[test]
fn a_key_is_kept_and_forgotten_whatever_way_the_tables_are_written_in() {
    for text in [
        "[profile.default]\nthm = { url = \"https://thm.example\" }\n",
        "profile = { default = { thm = { url = \"https://thm.example\" } } }\n",
        "profile.default.thm.url = \"https://thm.example\"\n",
        "[profile]\ndefault.thm = { url = \"https://thm.example\" } # mine\n",
    ] {
        let workdir = Workdir::empty().with(FILE, text);
        workdir.run_with("one", "auth login thm").exits(0);
        assert_eq!(workdir.read(KEPT), "one\n", "{text}");
        let shown = workdir.run("config show --origin --format csv");
        assert!(shown.exits(0).out.contains("thm.url,https://thm.example,profile"), "{shown}");
        assert!(shown.out.contains("keys/default-thm.key,profile default"), "{shown}");
        workdir.run("auth logout thm").exits(0);
        let shown = workdir.run("config show --origin --format csv");
        assert!(shown.exits(0).out.contains("thm.url,https://thm.example,profile"), "{shown}");
        assert!(shown.out.contains("thm.key,,default"), "{shown}");
    }
}

#[test]
fn an_unknown_service_is_told() {
    check("auth_unknown_service", &Workdir::empty(), "auth login thn", 2);
}

#[test]
fn a_variable_that_comes_before_what_is_kept_is_told() {
    let workdir = Workdir::empty().setting("DRILLMASTER_THM_KEY", THM_KEY);
    let ended = workdir.run_with("one", "auth login thm");
    assert!(ended.exits(0).err.contains("DRILLMASTER_THM_KEY is set"), "{ended}");
}
