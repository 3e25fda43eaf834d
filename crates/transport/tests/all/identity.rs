//! When two requests are equal.

use drillmaster_models::{Method, wire};
use drillmaster_transport::cassette::identity;

fn request(method: Method, target: &str, kind: &str, body: &[u8]) -> wire::Request {
    wire::Request {
        method,
        target: target.to_owned(),
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.to_vec(),
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn order_does_not_matter_where_it_means_nothing() {
    let get = |target| identity(&request(Method::Get, target, JSON, b""));
    assert_eq!(get("/a?x=1&y=2"), get("/a?y=2&x=1"));

    let post = |kind, body: &str| identity(&request(Method::Post, "/a", kind, body.as_bytes()));
    assert_eq!(
        post(JSON, r#"{"a":1,"b":{"c":2,"d":[3]}}"#),
        post(JSON, r#"{ "b": {"d": [3], "c": 2}, "a": 1 }"#)
    );
    assert_eq!(post(FORM, "a=1&b=2"), post(FORM, "b=2&a=1"));
}

#[test]
fn headers_are_not_looked_at() {
    let mut other = request(Method::Get, "/a", JSON, b"");
    other.headers.clear();
    assert_eq!(identity(&request(Method::Get, "/a", JSON, b"")), identity(&other));
}

#[test]
fn anything_else_makes_another_request() {
    // 0xd7 0x6d 0xf8 is `1234` in base64.
    let others: [(Method, &str, &str, &[u8]); 22] = [
        (Method::Get, "/a", JSON, b""),
        (Method::Delete, "/a", JSON, b""),
        (Method::Get, "/b", JSON, b""),
        (Method::Get, "/A", JSON, b""),
        (Method::Get, "/a/", JSON, b""),
        (Method::Get, "/a?x=1", JSON, b""),
        (Method::Get, "/a?x=2", JSON, b""),
        (Method::Get, "/a?x=1&x=1", JSON, b""),
        (Method::Get, "/a?x=1&y=2", JSON, b""),
        (Method::Get, "/a?x=2&y=1", JSON, b""),
        (Method::Get, "/a?x=1%26y=2", JSON, b""),
        (Method::Get, "/", JSON, b"a"),
        (Method::Get, "/a", JSON, br#"{"a":1}"#),
        (Method::Get, "/a", JSON, br#"{"a":"1"}"#),
        (Method::Get, "/a", JSON, br#"{"a":[1,2]}"#),
        (Method::Get, "/a", JSON, br#"{"a":[2,1]}"#),
        (Method::Get, "/a", JSON, br#"{"a":null}"#),
        (Method::Get, "/a", JSON, b"1234"),
        (Method::Get, "/a", JSON, b"\"1234\""),
        (Method::Get, "/a", JSON, b"\xd7\x6d\xf8"),
        (Method::Get, "/a", FORM, b"a=1&b=2"),
        (Method::Get, "/a", FORM, b"a=2&b=1"),
    ];
    let hashes: Vec<_> = others
        .iter()
        .map(|(method, target, kind, body)| identity(&request(*method, target, kind, body)))
        .collect();
    for (index, hash) in hashes.iter().enumerate() {
        assert_eq!(hash.len(), 32);
        let twin = hashes[..index].iter().position(|other| other == hash);
        assert_eq!(twin, None, "{:?}", others[index]);
    }
}
