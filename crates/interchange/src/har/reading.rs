//! Reads HAR files, those of other tools leniently.

use std::collections::HashSet;

use drillmaster_models::{Mismatch, json};
use drillmaster_transport::cassette::{
    Body, ErrorEvent, RequestEvent, VERSION, identity, is_status,
};
use drillmaster_transport::{Error, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use super::super::ImportError;
use super::super::bodies::from_base64;
use super::super::call::{is_credential, is_imported_header, network_error};
use super::super::importer::Importer;
use super::super::skipped::Reason;
use super::{ErrorMark, LogMark, Mark, target_of};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Document {
    log: Log,
}

/// Only the fields that are imported. Those that a tool may omit or write as null are optional.
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
    response: Option<ResponseEntry>,
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
struct ResponseEntry {
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

/// Imports the requests of a HAR file.
pub(crate) fn import(text: &str, importer: &mut Importer<'_>) -> Result<(), ImportError> {
    let log = parse(text)?;
    if let Some(version) = log.version.as_deref().filter(|version| !version.starts_with("1.")) {
        let problem = format!("is {version:?}, which is not supported; save it as HAR 1.2");
        // Some tools leave it empty.
        if !version.trim().is_empty() {
            return Err(ImportError::value("log.version", problem));
        }
    }
    if let Some(LogMark { header, values }) = log.mark {
        if header.version != VERSION {
            let problem = format!("is {}, which is not supported", header.version);
            return Err(ImportError::value("log._drillmaster.header.version", problem));
        }
        importer.is_export = true;
        importer.recording.header = header;
        for value in &values {
            importer.reserve(&value.scope, value.ordinal);
        }
        importer.recording.values = values;
    }
    let mut foreign = Vec::new();
    let mut seen = HashSet::new();
    let mut started = Timestamp::MIN;
    for (index, mut entry) in log.entries.into_iter().enumerate() {
        let path = format!("log.entries[{index}]");
        if let Some(mark) = entry.mark.take() {
            if !seen.insert((mark.scope.clone(), mark.ordinal)) {
                let problem = "has the scope and number of an earlier request";
                return Err(ImportError::value(path, problem));
            }
            import_exported(mark, entry, &path, importer)?;
            continue;
        }
        // A request without a time comes after the one before it.
        let time = entry.started_date_time.as_deref().and_then(|time| time.trim().parse().ok());
        started = time.unwrap_or(started);
        foreign.push((started, path, entry));
    }
    foreign.sort_by_key(|(started, ..)| *started);
    for (_, path, entry) in foreign {
        import_entry(entry, &path, importer)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Log, ImportError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let document: Document =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| json_error(text, error))?;
    reader.end().map_err(|error| ImportError::NotJson {
        byte: byte_of(text, &error),
        path: String::new(),
    })?;
    Ok(document.log)
}

fn json_error(text: &str, error: serde_path_to_error::Error<serde_json::Error>) -> ImportError {
    // The last segment is unknown if the error is in the name of a field.
    let path = error.path().to_string().trim_end_matches(['?', '.']).to_owned();
    let error = error.into_inner();
    let byte = byte_of(text, &error);
    // serde_json does not report a file that ends inside a number, such as `1.`, as cut off.
    let ends_in_number = byte + 1 >= text.len() && text.ends_with(['-', '+', '.', 'e', 'E']);
    match error.classify() {
        Category::Eof => ImportError::CutOff { byte: text.len(), path },
        Category::Syntax if ends_in_number => ImportError::CutOff { byte: text.len(), path },
        Category::Syntax | Category::Io => ImportError::NotJson { byte, path },
        Category::Data => {
            let value = json::read(text.as_bytes()).unwrap_or_default();
            match Mismatch::read::<Document>(&value) {
                Err(Mismatch { path, misfit }) => ImportError::value(path, misfit.to_string()),
                // A JSON value has every field once.
                Ok(_) => ImportError::value(path, "has a field twice"),
            }
        }
    }
}

fn byte_of(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// Imports an exported request, unchanged except for added credentials.
fn import_exported(
    mark: Mark,
    entry: Entry,
    path: &str,
    importer: &mut Importer<'_>,
) -> Result<(), ImportError> {
    let invalid =
        |field: &str, problem: &str| ImportError::value(format!("{path}.{field}"), problem);
    let Some(request) = entry.request else { return Err(invalid("request", "is missing")) };
    let url = request.url.unwrap_or_default();
    let target =
        target_of(&url).ok_or_else(|| invalid("request.url", "was changed after the export"))?;
    let body = posted(request.post_data, path)?.unwrap_or_default();
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
    let wire = event.wire().map_err(|problem| invalid("request.method", &problem))?;
    event.hash = identity(&wire);
    let outcome = match (mark.error, entry.response) {
        (Some(ErrorMark { kind, detail }), _) => {
            let (scope, ordinal) = (event.scope.clone(), event.ordinal);
            let error =
                ErrorEvent { scope, ordinal, kind, detail, in_doubt_since: None }.into_error();
            Err(error.map_err(|problem| invalid("_drillmaster.lost.kind", &problem))?)
        }
        (None, None) => return Err(invalid("response", "is missing")),
        (None, Some(response)) => {
            let status = response.status.and_then(|status| u16::try_from(status).ok());
            let status = status.filter(|status| is_status(*status));
            let status =
                status.ok_or_else(|| invalid("response.status", "is not an HTTP status"))?;
            let headers =
                pairs(response.headers).filter(|(name, _)| !is_credential(name)).collect();
            let body = response.content.and_then(|content| Some((content.text?, content.encoding)));
            let body = body.map(|(text, encoding)| bytes_of(text, encoding.as_deref()));
            let body =
                body.transpose().map_err(|problem| invalid("response.content.text", &problem))?;
            Ok(Response { status, headers, body: body.unwrap_or_default() })
        }
    };
    importer.add(event, outcome);
    Ok(())
}

/// Imports a request of another tool if it is one to the services.
fn import_entry(entry: Entry, path: &str, importer: &mut Importer<'_>) -> Result<(), ImportError> {
    let Some(Request { method, url: Some(url), headers, post_data, body_size }) = entry.request
    else {
        importer.skipped.add(Reason::NoUrl, "");
        return Ok(());
    };
    let mut headers = lower_case(headers);
    let method = method.or_else(|| header(&headers, ":method")).unwrap_or_default();
    // Some tools save the target of the request line instead of a URL, and the host as a header.
    let host = header(&headers, ":authority").or_else(|| header(&headers, "host"));
    let url = match host {
        Some(host) if url.starts_with('/') => format!("https://{host}{url}"),
        _ => url,
    };
    let Some(call) = importer.recognise(&method, &url) else { return Ok(()) };
    let shown = || format!("{} {}", method, url.split(['?', '#']).next().unwrap_or_default());
    let content_type = post_data.as_ref().and_then(|data| data.mime_type.clone());
    let posted = posted(post_data, path)?;
    if posted.is_none() && body_size.is_some_and(|size| size > 0.0) {
        importer.skipped.add(Reason::NotSaved, &shown());
        return Ok(());
    }
    if let Some(value) =
        content_type.filter(|value| !value.is_empty() && header(&headers, "content-type").is_none())
    {
        headers.push(("content-type".to_owned(), value));
    }
    let coding = header(&headers, "content-encoding").unwrap_or_default();
    let body = importer.decompressor.decompress(&coding, posted.unwrap_or_default());
    let body =
        body.map_err(|problem| ImportError::value(format!("{path}.request.postData"), problem))?;
    let Some(outcome) = response_of(entry.response, path, importer)? else {
        importer.skipped.add(Reason::NotSaved, &shown());
        return Ok(());
    };
    importer.add_next(path, &call, &headers, &body, outcome)
}

/// The outcome of another tool's request; `None` if the file does not have the body of the response.
fn response_of(
    response: Option<ResponseEntry>,
    path: &str,
    importer: &mut Importer<'_>,
) -> Result<Option<Result<Response, Error>>, ImportError> {
    let Some(response) = response else { return Ok(Some(Err(network_error("")))) };
    let status = match response.status.unwrap_or(0) {
        // The request was blocked, or got no response.
        i64::MIN..=0 => {
            let detail = match response.error {
                Some(Value::String(error)) => error,
                _ => response.status_text.unwrap_or_default(),
            };
            return Ok(Some(Err(network_error(&detail))));
        }
        // The browser used the cached response, which the file has.
        304 => 200,
        status => {
            u16::try_from(status).ok().filter(|status| is_status(*status)).ok_or_else(|| {
                ImportError::value(
                    format!("{path}.response.status"),
                    format!("is {status}, which is not an HTTP status"),
                )
            })?
        }
    };
    let all = lower_case(response.headers);
    let mut headers: Vec<_> =
        all.iter().filter(|(name, _)| is_imported_header(name)).cloned().collect();
    let mut add = |name: &str, value: Option<String>| {
        let value = value.filter(|value| !matches!(value.as_str(), "" | "x-unknown"));
        if let Some(value) = value.filter(|_| header(&headers, name).is_none()) {
            headers.push((name.to_owned(), value));
        }
    };
    add("location", response.redirect);
    let content = response.content.unwrap_or(Content {
        size: None,
        mime_type: None,
        text: None,
        encoding: None,
    });
    add("content-type", content.mime_type);
    let was_cached = response.status == Some(304);
    let body = match content.text {
        Some(text) => {
            let invalid =
                |problem| ImportError::value(format!("{path}.response.content.text"), problem);
            let body = bytes_of(text, content.encoding.as_deref()).map_err(invalid)?;
            let coding = header(&all, "content-encoding").unwrap_or_default();
            importer.decompressor.decompress(&coding, body).map_err(invalid)?
        }
        None if was_cached || content.size.is_some_and(|size| size > 0.0) => return Ok(None),
        None => Vec::new(),
    };
    Ok(Some(Ok(Response { status, headers, body })))
}

/// The body of a request; `None` if the file does not have it.
fn posted(data: Option<PostData>, path: &str) -> Result<Option<Vec<u8>>, ImportError> {
    let Some(PostData { text, params, encoding, .. }) = data else { return Ok(None) };
    match (text.filter(|text| !text.is_empty()), params) {
        (Some(text), _) => bytes_of(text, encoding.as_deref()).map(Some).map_err(|problem| {
            ImportError::value(format!("{path}.request.postData.text"), problem)
        }),
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

/// The first header with a name in lower case.
fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let found = headers.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.clone())
}
