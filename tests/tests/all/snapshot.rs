//! Snapshots of what people see.

/// Compares a text with the snapshot of this name. What differs from one machine or release to the next is
/// left out.
pub(crate) fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("{}/snapshots/{folder}", env!("CARGO_MANIFEST_DIR")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b", "[run]");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "[time]");
    settings
        .add_filter(r"\d+ requests in [\d.]+ s, [\d.]+ per second", "[some] requests in [a while]");
    settings.add_filter(r"in [0-9hms ]+, at \d\d:\d\d:\d\d UTC", "in [a while], at [time]");
    settings.add_filter(r"(/[\w.-]+)*/\.tmp\w{6}", "[workdir]");
    settings.add_filter(r"drillmaster-under-test(\.exe)?", "drillmaster");
    settings.add_filter(r"drillmaster \d+\.\d+\.\d+", "drillmaster [version]");
    settings.add_filter(r"127\.0\.0\.1:\d\d+", "[address]");
    settings.add_filter(r" \(os error \d+\)", "");
    settings.bind(|| insta::assert_snapshot!(name, text));
}
