//! `drillmaster auth`: storing, checking and removing keys.

use drillmaster_models::SERVICES;
use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};

use super::check;
use crate::server::Server;
use crate::snapshot::snapshot;
use crate::workdir::{Ended, Workdir};

const FILE: &str = "config/drillmaster/config.toml";
const KEPT: &str = "config/drillmaster/keys/default-thm.key";

/// A workdir that calls this server.
fn workdir(server: &Server) -> Workdir {
    Workdir::empty()
        .setting("DRILLMASTER_THM_URL", &server.url)
        .setting("DRILLMASTER_VERACODE_URL", &server.url)
}

/// Compares the output of a command, which must not contain a key.
#[track_caller]
fn shown(name: &str, ended: &Ended, exit: i32) {
    let text = ended.to_string();
    assert!(!text.contains(THM_KEY) && !text.contains(VERACODE_KEY), "{text}");
    snapshot("cli", name, &text);
    ended.exits(exit);
}

#[test]
fn status_checks_keys() {
    let server = Server::start("");
    let bare = || workdir(&server);
    shown("auth_status", &bare().with_keys().run("auth status --format csv"), 0);
    shown("auth_status_none", &bare().run("auth status --format csv"), 2);
    let one = bare().setting("DRILLMASTER_THM_KEY", "another");
    shown("auth_status_refused", &one.run("auth status --format csv"), 4);
    // The width of the columns depends on the port.
    let table = bare().with_keys().run("auth status");
    assert!(table.exits(0).out.starts_with("service   key "), "{table}");
    let json = bare().with_keys().run("auth status --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.exits(0).out).unwrap();
    assert_eq!(rows.len(), SERVICES.len());
    assert!(rows.iter().all(|row| row["accepted"] == true), "{json}");
}

#[test]
fn status_can_check_one_service() {
    let server = Server::start("");
    let workdir = workdir(&server).setting("DRILLMASTER_THM_KEY", THM_KEY);
    let one = workdir.run("auth status thm --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&one.exits(0).out).unwrap();
    assert!(rows.len() == 1 && rows[0]["service"] == "thm", "{one}");
    assert!(workdir.run("auth status veracode").exits(2).err.contains("auth login"));
    workdir.run("auth status thn").exits(2);
}

#[test]
fn a_key_that_could_not_be_checked_is_not_rejected() {
    let away =
        Workdir::empty().with_keys().run("auth status --format json --thm-url http://127.0.0.1:9");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&away.out).unwrap();
    assert_eq!(rows[0]["status"], "could not check");
    assert_eq!(rows[0]["accepted"], serde_json::Value::Null);
    away.exits(1);
}

#[test]
fn a_malformed_key_affects_only_its_service() {
    let server = Server::start("");
    let workdir = workdir(&server).with_keys().setting("DRILLMASTER_VERACODE_KEY", "nocolon");
    let tried = workdir.run("auth status --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&tried.out).unwrap();
    assert_eq!(rows[0]["accepted"], true);
    assert_eq!(rows[1]["status"], "not checked");
    tried.exits(2);
}

#[test]
fn status_writes_nothing() {
    let server = Server::start("");
    let before = server.writes();
    workdir(&server).with_keys().run("auth status --format csv").exits(0);
    assert_eq!(server.writes(), before);
}

#[test]
fn a_key_is_stored_checked_and_removed() {
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
fn a_key_is_stored_per_profile_and_service() {
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
fn stored_keys_are_readable_by_their_owner_only() {
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
fn a_malformed_key_is_not_stored() {
    let workdir = Workdir::empty();
    shown("auth_login_form", &workdir.run_with("only-a-key", "auth login veracode"), 2);
    workdir.run_with("", "auth login thm").exits(2);
    assert!(!workdir.path("config").exists());
}

#[test]
fn a_key_source_set_by_hand_is_not_changed() {
    let text = "default = \"a\"\n[profile.a.thm]\ncommand = \"pass show hush\"\n";
    let workdir = Workdir::empty().with(FILE, text);
    shown("auth_login_elsewhere", &workdir.run_with(THM_KEY, "auth login thm"), 2);
    shown("auth_logout_elsewhere", &workdir.run("auth logout thm"), 2);
    assert_eq!(workdir.read(FILE), text);
    assert!(!workdir.path("config/drillmaster/keys").exists());
}

#[test]
fn login_and_logout_edit_any_toml_layout() {
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
fn an_unknown_service_is_an_error() {
    check("auth_unknown_service", &Workdir::empty(), "auth login thn", 2);
}

#[test]
fn login_warns_about_a_variable_that_overrides_the_key() {
    let workdir = Workdir::empty().setting("DRILLMASTER_THM_KEY", THM_KEY);
    let ended = workdir.run_with("one", "auth login thm");
    assert!(ended.exits(0).err.contains("DRILLMASTER_THM_KEY is set"), "{ended}");
}
