//! Which base URLs are accepted.

use drillmaster_transport::base_url;

#[test]
fn https_is_accepted_for_any_host_and_plain_http_for_loopback_only() {
    for (text, accepted) in [
        ("https://training.example", true),
        ("https://training.example:8443/prefix/", true),
        ("https://10.0.0.1", true),
        ("http://127.0.0.1:8080", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:8080", true),
        ("http://localhost:8080", true),
        ("HTTP://LOCALHOST", true),
        ("http://training.example", false),
        ("http://10.0.0.1", false),
        ("http://0.0.0.0:8080", false),
        ("http://localhost.example", false),
        ("http://127.0.0.1.example", false),
        ("http://[::2]", false),
        ("ftp://training.example", false),
        ("file:///etc/hosts", false),
        ("training.example", false),
        ("/api", false),
        ("https://", false),
        ("https://training.example:99999", false),
        ("https://training.example?x=1", false),
        ("https://training.example#x", false),
        ("https://me@training.example", false),
        ("", false),
    ] {
        assert_eq!(base_url(text).is_ok(), accepted, "{text}");
    }
}

#[test]
fn an_error_says_what_to_do_and_shows_nothing_secret() {
    let plain = base_url("http://training.example").unwrap_err();
    assert!(plain.is_setup());
    assert!(plain.to_string().contains("use https"), "{plain}");
    for text in [
        "https://me:s3cret@training.example",
        "ftp://me:s3cret@training.example",
        "https://me:s3cret@",
        "https//me:s3cret@training.example",
        "https://training.example?key=s3cret",
        "https://training.example#s3cret",
        "training.example?key=s3cret",
    ] {
        let error = base_url(text).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{text}: {error}");
    }
}
