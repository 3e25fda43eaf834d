//! Reading HAR as anybody writes it.

use std::collections::HashSet;

use drillmaster_transport::cassette::{
    Body, ErrorEvent, RequestEvent, VERSION, identity, is_status,
};
use drillmaster_transport::{Error, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::bodies::from_base64;
use super::super::call::{is_credential, lost, means_something};
use super::super::skipped::Reason;
use super::super::{Gathering, Refused};
use super::{LogMark, LostMark, Mark, target_of};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Document {
    log: Log,
}

/// Only what is needed. All that a tool may leave out, or write as null, is optional.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Log {
    version: Option<String>,
    entries: Vec<Entry>,
    #[serde(rename = "_drillmaster")]
    mark: Option<LogMark>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Entry {
    started_date_time: Option<String>,
    request: Option<Request>,
    response: Option<Answer>,
    #[serde(rename = "_drillmaster")]
    mark: Option<Mark>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Request {
    method: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: Option<Vec<Pair>>,
    post_data: Option<PostData>,
    body_size: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct PostData {
    mime_type: Option<String>,
    text: Option<String>,
    params: Option<Vec<Pair>>,
    #[serde(alias = "_encoding")]
    encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Answer {
    status: Option<i64>,
    headers: Option<Vec<Pair>>,
    content: Option<Content>,
    #[serde(rename = "redirectURL")]
    redirect: Option<String>,
    #[serde(rename = "_error")]
    error: Option<Value>,
    #[serde(rename = "statusText")]
    status_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Content {
    size: Option<f64>,
    mime_type: Option<String>,
    text: Option<String>,
    encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Pair {
    name: Option<String>,
    value: Option<String>,
}

/// Gathers the requests of a HAR file.
pub(crate) fn gather<'a>(
    text: &str,
    mut gathering: Gathering<'a>,
) -> Result<Gathering<'a>, Refused> {
    let log = parse(text)?;
    if let Some(version) = log.version.as_deref().filter(|version| !version.starts_with("1.")) {
        let problem = format!("HAR {version:?} is not understood; save it as HAR 1.2");
        // Some tools leave it empty.
        if !version.trim().is_empty() {
            return Err(Refused::wrong("log.version", problem));
        }
    }
    if let Some(LogMark { header, values }) = log.mark {
        if header.version != VERSION {
            let problem = format!("version {} is not understood", header.version);
            return Err(Refused::wrong("log._drillmaster.header.version", problem));
        }
        gathering.left_out.is_of_ours();
        gathering.tape.header = header;
        for value in &values {
            gathering.reserve(&value.scope, value.ordinal);
        }
        gathering.tape.values = values;
    }
    let mut foreign = Vec::new();
    let mut places = HashSet::new();
    let mut started = Timestamp::MIN;
    for (index, mut entry) in log.entries.into_iter().enumerate() {
        let place = format!("log.entries[{index}]");
        if let Some(mark) = entry.mark.take() {
            if !places.insert((mark.scope.clone(), mark.ordinal)) {
                let problem = "a request with the scope and number of another";
                return Err(Refused::wrong(place, problem));
            }
            take_ours(mark, entry, &place, &mut gathering)?;
            continue;
        }
        // One without a time follows the one before it.
        let told = entry.started_date_time.as_deref().and_then(|time| time.trim().parse().ok());
        started = told.unwrap_or(started);
        foreign.push((started, place, entry));
    }
    foreign.sort_by_key(|(started, ..)| *started);
    for (_, place, entry) in foreign {
        take(entry, &place, &mut gathering)?;
    }
    Ok(gathering)
}

fn parse(text: &str) -> Result<Log, Refused> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let document: Document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refused::by_json(text, error))?;
    reader.end().map_err(|_| Refused::Damaged {
        byte: text.trim_end().len(),
        place: String::new(),
        problem: "something follows the end".to_owned(),
    })?;
    Ok(document.log)
}

/// Takes a request that was exported: to the letter, except what lets somebody in.
fn take_ours(
    mark: Mark,
    entry: Entry,
    place: &str,
    gathering: &mut Gathering<'_>,
) -> Result<(), Refused> {
    let wrong = |field: &str, problem: &str| Refused::wrong(format!("{place}.{field}"), problem);
    let Some(request) = entry.request else { return Err(wrong("request", "is missing")) };
    let url = request.url.unwrap_or_default();
    let target =
        target_of(&url).ok_or_else(|| wrong("request.url", "is not as it was exported"))?;
    let body = posted(request.post_data, place)?.unwrap_or_default();
    let mut event = RequestEvent {
        scope: mark.scope,
        ordinal: mark.ordinal,
        endpoint: mark.endpoint,
        hash: String::new(),
        method: request.method.unwrap_or_default(),
        target: target.to_owned(),
        headers: pairs(request.headers).filter(|(name, _)| !is_credential(name)).collect(),
        body: (!body.is_empty()).then(|| Body::new(&body)),
        repeats: None,
    };
    let wire = event.wire().map_err(|problem| wrong("request.method", &problem))?;
    event.hash = identity(&wire);
    let outcome = match (mark.lost, entry.response) {
        (Some(LostMark { kind, detail }), _) => {
            let (scope, ordinal) = (event.scope.clone(), event.ordinal);
            let lost =
                ErrorEvent { scope, ordinal, kind, detail, in_doubt_since: None }.into_error();
            Err(lost.map_err(|problem| wrong("_drillmaster.lost.kind", &problem))?)
        }
        (None, None) => return Err(wrong("response", "is missing")),
        (None, Some(answer)) => {
            let status = answer.status.and_then(|status| u16::try_from(status).ok());
            let status = status.filter(|status| is_status(*status));
            let status = status.ok_or_else(|| wrong("response.status", "is no HTTP status"))?;
            let headers = pairs(answer.headers).filter(|(name, _)| !is_credential(name)).collect();
            let body = answer.content.and_then(|content| Some((content.text?, content.encoding)));
            let body = body.map(|(text, encoding)| bytes_of(text, encoding.as_deref()));
            let body =
                body.transpose().map_err(|problem| wrong("response.content.text", &problem))?;
            Ok(Response { status, headers, body: body.unwrap_or_default() })
        }
    };
    gathering.add(event, outcome);
    Ok(())
}

/// Takes a request of another tool, if it is one to the services.
fn take(entry: Entry, place: &str, gathering: &mut Gathering<'_>) -> Result<(), Refused> {
    let Some(Request { method, url: Some(url), headers, post_data, body_size }) = entry.request
    else {
        gathering.left_out.add(Reason::NoAddress, "");
        return Ok(());
    };
    let mut headers = lower_case(headers);
    let method = method.or_else(|| header(&headers, ":method")).unwrap_or_default();
    // Some tools keep the request line, and the host where HTTP has it.
    let host = header(&headers, ":authority").or_else(|| header(&headers, "host"));
    let url = match host {
        Some(host) if url.starts_with('/') => format!("https://{host}{url}"),
        _ => url,
    };
    let Some(call) = gathering.recognise(&method, &url) else { return Ok(()) };
    let not_saved = || format!("{} {}", method, url.split(['?', '#']).next().unwrap_or_default());
    let kind = post_data.as_ref().and_then(|data| data.mime_type.clone());
    let posted = posted(post_data, place)?;
    if posted.is_none() && body_size.is_some_and(|size| size > 0.0) {
        gathering.left_out.add(Reason::NotSaved, &not_saved());
        return Ok(());
    }
    if let Some(kind) =
        kind.filter(|kind| !kind.is_empty() && header(&headers, "content-type").is_none())
    {
        headers.push(("content-type".to_owned(), kind));
    }
    let coding = header(&headers, "content-encoding").unwrap_or_default();
    let body = gathering.unpacking.unpack(&coding, posted.unwrap_or_default());
    let body =
        body.map_err(|problem| Refused::wrong(format!("{place}.request.postData"), problem))?;
    let Some(outcome) = answered(entry.response, place, gathering)? else {
        gathering.left_out.add(Reason::NotSaved, &not_saved());
        return Ok(());
    };
    gathering.add_next(place, &call, &headers, &body, outcome)
}

/// What became of a request of another tool; `None` where its answer was not kept.
fn answered(
    answer: Option<Answer>,
    place: &str,
    gathering: &mut Gathering<'_>,
) -> Result<Option<Result<Response, Error>>, Refused> {
    let Some(answer) = answer else { return Ok(Some(Err(lost("")))) };
    let status = match answer.status.unwrap_or(0) {
        // Blocked, broken or never answered.
        i64::MIN..=0 => {
            let told = match answer.error {
                Some(Value::String(told)) => told,
                _ => answer.status_text.unwrap_or_default(),
            };
            return Ok(Some(Err(lost(&told))));
        }
        // The answer came out of a browser's store, and was this one.
        304 => 200,
        status => {
            u16::try_from(status).ok().filter(|status| is_status(*status)).ok_or_else(|| {
                Refused::wrong(
                    format!("{place}.response.status"),
                    format!("{status} is no HTTP status"),
                )
            })?
        }
    };
    let all = lower_case(answer.headers);
    let mut headers: Vec<_> =
        all.iter().filter(|(name, _)| means_something(name)).cloned().collect();
    let mut add = |name: &str, value: Option<String>| {
        let value = value.filter(|value| !matches!(value.as_str(), "" | "x-unknown"));
        if let Some(value) = value.filter(|_| header(&headers, name).is_none()) {
            headers.push((name.to_owned(), value));
        }
    };
    add("location", answer.redirect);
    let content = answer.content.unwrap_or(Content {
        size: None,
        mime_type: None,
        text: None,
        encoding: None,
    });
    add("content-type", content.mime_type);
    let was_cached = answer.status == Some(304);
    let body = match content.text {
        Some(text) => {
            let wrong = |problem| Refused::wrong(format!("{place}.response.content.text"), problem);
            let body = bytes_of(text, content.encoding.as_deref()).map_err(wrong)?;
            let coding = header(&all, "content-encoding").unwrap_or_default();
            gathering.unpacking.unpack(&coding, body).map_err(wrong)?
        }
        None if was_cached || content.size.is_some_and(|size| size > 0.0) => return Ok(None),
        None => Vec::new(),
    };
    Ok(Some(Ok(Response { status, headers, body })))
}

/// What was posted; `None` where the file does not have it.
fn posted(data: Option<PostData>, place: &str) -> Result<Option<Vec<u8>>, Refused> {
    let Some(PostData { text, params, encoding, .. }) = data else { return Ok(None) };
    match (text.filter(|text| !text.is_empty()), params) {
        (Some(text), _) => bytes_of(text, encoding.as_deref())
            .map(Some)
            .map_err(|problem| Refused::wrong(format!("{place}.request.postData.text"), problem)),
        (None, Some(params)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs(Some(params)));
            Ok(Some(form.finish().into_bytes()))
        }
        (None, None) => Ok(None),
    }
}

fn bytes_of(text: String, encoding: Option<&str>) -> Result<Vec<u8>, String> {
    match encoding {
        Some(encoding) if encoding.eq_ignore_ascii_case("base64") => from_base64(&text),
        _ => Ok(text.into_bytes()),
    }
}

fn pairs(pairs: Option<Vec<Pair>>) -> impl Iterator<Item = (String, String)> {
    let pairs = pairs.unwrap_or_default().into_iter();
    pairs.map(|pair| (pair.name.unwrap_or_default(), pair.value.unwrap_or_default()))
}

fn lower_case(headers: Option<Vec<Pair>>) -> Vec<(String, String)> {
    pairs(headers).map(|(name, value)| (name.trim().to_lowercase(), value)).collect()
}

/// The first header of a (lower-case) name.
fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let found = headers.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.clone())
}
