//! Walking through a message: each text of it with what its place holds, and what comes in its stead.

use std::cell::RefCell;
use std::collections::BTreeSet;

use drillmaster_models::{Dialect, EndpointDef, FieldKind, Reply, Sensitivity, Texts, wire};
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use super::json::{self, Key, Node, What};
use super::view::RESERVED;
use super::{Policy, names};
use crate::request::Response;

/// Who looks at the texts of a message.
pub(super) trait Look {
    /// Looks at a text; gives what comes in its place, where that is something else.
    fn text(&mut self, text: &str, holds: Option<Sensitivity>) -> Option<String>;

    /// Looks at what is no text.
    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>>;

    /// What follows is about one person,
    fn open(&mut self) {}

    /// up to here.
    fn close(&mut self) {}
}

/// A walk through the messages of an endpoint.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    policy: &'a Policy,
    /// `None`: no declaration tells what its fields hold.
    endpoint: Option<&'a EndpointDef>,
    /// Takes down which of the fields that the user named were met.
    met: Option<&'a Met>,
}

/// Names of fields, plain.
pub(super) type Met = RefCell<BTreeSet<String>>;

impl<'a> Walk<'a> {
    pub(super) fn of(policy: &'a Policy, endpoint: Option<&'a EndpointDef>) -> Self {
        Self { policy, endpoint, met: None }
    }

    pub(super) fn noting(self, met: &'a Met) -> Self {
        Self { met: Some(met), ..self }
    }

    pub(super) fn request(&self, request: &wire::Request, look: &mut dyn Look) -> wire::Request {
        let headers = request.headers.iter();
        wire::Request {
            method: request.method,
            target: self.target(&request.target, look),
            headers: headers
                .map(|(name, value)| (name.clone(), self.header(name, value, look)))
                .collect(),
            body: self.request_body(request, look),
        }
    }

    pub(super) fn response(&self, response: &Response, look: &mut dyn Look) -> Response {
        let headers = response.headers.iter();
        let failed = response.status >= 400;
        let texts = self.endpoint.filter(|_| !failed).map(EndpointDef::answer_texts);
        Response {
            status: response.status,
            headers: headers
                .map(|(name, value)| (name.clone(), self.header(name, value, look)))
                .collect(),
            body: self.answer_body(&response.body, texts, look),
        }
    }

    /// JSON that no declaration knows.
    pub(super) fn json(&self, text: &str, look: &mut dyn Look) -> Option<String> {
        let node = json::parse(text)?;
        let mut out = Out::of(text);
        self.node(&node, None, None, Place::Inside, &mut out, look);
        Some(out.end())
    }

    fn header(&self, name: &str, value: &str, look: &mut dyn Look) -> String {
        let changed = match name {
            name if PLAIN_HEADERS.contains(&name) => None,
            "location" => self.address(value, look),
            _ => look.text(value, names::holds(name)),
        };
        changed.unwrap_or_else(|| value.to_owned())
    }

    /// What a field holds: what is declared, else what its name tells; or what the user said, where that is
    /// more secret.
    fn holds(&self, name: &str, texts: Option<&Texts>) -> Option<Sensitivity> {
        let declared = texts.and_then(|texts| texts.sensitivity);
        let said = self.policy.holds(name);
        if let (Some(_), Some(met)) = (said, self.met) {
            met.borrow_mut().insert(names::plain(name));
        }
        declared.or_else(|| names::holds(name)).max(said)
    }

    fn request_field(&self, name: &str) -> Option<&Texts> {
        self.endpoint?.request_texts().field(name)
    }

    /// Whether a request has this field and it can hold no text: services echo such fields in the addresses
    /// of pages.
    fn is_measure(&self, name: &str, value: &str) -> bool {
        let fields = self.endpoint.map(EndpointDef::fields).into_iter().flatten();
        let kind = fields.filter(|field| field.name == name).map(|field| &field.kind).next();
        match kind {
            Some(FieldKind::Flag) => ["true", "false"].contains(&value),
            Some(FieldKind::Whole) => value.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        }
    }

    pub(super) fn target(&self, target: &str, look: &mut dyn Look) -> String {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let template = self.endpoint.and_then(|endpoint| template(endpoint, path));
        let mut names = template.into_iter().flat_map(|template| template.split('/'));
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                let name = names.next().and_then(|name| name.strip_prefix('{')?.strip_suffix('}'));
                let holds = name.and_then(|name| self.holds(name, self.request_field(name)));
                if segment.is_empty() || (template.is_some() && name.is_none()) {
                    return segment.to_owned();
                }
                encoded(segment, false, |plain| look.text(plain, holds))
            })
            .collect();
        let query = query.map(|query| format!("?{}", self.pairs(query, None, look)));
        segments.join("/") + &query.unwrap_or_default()
    }

    /// The pairs of a query or a form. What else than the declared is in it may be a secret, if `unknown`
    /// says so.
    fn pairs(&self, text: &str, unknown: Option<Sensitivity>, look: &mut dyn Look) -> String {
        let pairs: Vec<_> = text
            .split('&')
            .map(|pair| {
                let Some((name, value)) = pair.split_once('=') else {
                    return encoded(pair, true, |plain| look.text(plain, None));
                };
                let plain = percent_decode_str(name).decode_utf8_lossy();
                let texts = self.request_field(&plain);
                let is_count = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
                let is_harmless = is_count || self.is_measure(&plain, value);
                let holds = self.holds(&plain, texts).or(unknown.filter(|_| !is_harmless));
                let name = match texts {
                    Some(_) => name.to_owned(),
                    None => encoded(name, true, |plain| look.text(plain, None)),
                };
                let several = texts.is_some_and(Texts::is_list);
                let parts = value.split(|c| several && c == ',').map(|part| {
                    if several {
                        look.open();
                    }
                    let part = encoded(part, true, |plain| look.text(plain, holds));
                    if several {
                        look.close();
                    }
                    part
                });
                format!("{name}={}", parts.collect::<Vec<_>>().join(","))
            })
            .collect();
        pairs.join("&")
    }

    /// An address within a service: its query is looked at.
    fn address(&self, text: &str, look: &mut dyn Look) -> Option<String> {
        let Some((path, rest)) = text.split_once('?') else {
            return look.text(text, None);
        };
        let (query, fragment) =
            rest.split_once('#').map_or((rest, None), |(query, fragment)| (query, Some(fragment)));
        let path = prose(path, look);
        let query = self.pairs(query, Some(Sensitivity::Secret), look);
        let fragment = fragment.map(|text| format!("#{}", prose(text, look)));
        let address = format!("{path}?{query}{}", fragment.unwrap_or_default());
        (address != text).then_some(address)
    }

    fn request_body(&self, request: &wire::Request, look: &mut dyn Look) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(&request.body) else {
            return look.bytes(&request.body).unwrap_or_else(|| request.body.clone());
        };
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            return self.pairs(text, None, look).into_bytes();
        }
        let texts = self.endpoint.map(EndpointDef::request_texts);
        text_body(text, |node, out, look| self.node(node, texts, None, Place::Top, out, look), look)
    }

    fn answer_body(&self, body: &[u8], texts: Option<&Texts>, look: &mut dyn Look) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(body) else {
            return look.bytes(body).unwrap_or_else(|| body.to_vec());
        };
        let wraps = |reply: Reply| {
            let specs = Dialect::ALL
                .into_iter()
                .filter_map(|dialect| self.endpoint?.metadata(dialect).ok());
            specs.into_iter().any(|metadata| metadata.reply == reply)
        };
        let walk = |node: &Node, out: &mut Out, look: &mut dyn Look| match &node.what {
            What::Object(fields)
                if wraps(Reply::Data) && fields.iter().any(|(key, _)| key.text == "data") =>
            {
                for (key, value) in fields {
                    let texts = texts.filter(|_| key.text == "data");
                    self.node(value, texts, Some(&key.text), Place::Top, out, look);
                }
            }
            What::Array(items) if wraps(Reply::One) => {
                for item in items {
                    self.node(item, texts, None, Place::Top, out, look);
                }
            }
            _ => self.node(node, texts, None, Place::Top, out, look),
        };
        text_body(text, walk, look)
    }

    fn node(
        &self,
        node: &Node,
        texts: Option<&Texts>,
        name: Option<&str>,
        place: Place,
        out: &mut Out,
        look: &mut dyn Look,
    ) {
        let holds = || self.holds(name.unwrap_or_default(), texts);
        match &node.what {
            What::Object(fields) => {
                if place == Place::Inside {
                    look.open();
                }
                self.object(fields, texts, out, look);
                if place == Place::Inside {
                    look.close();
                }
            }
            What::Array(items) => {
                // Some lists come bare where an object with one is declared.
                let list = texts.filter(|texts| place == Place::Inside || texts.is_list());
                let list = list.or_else(|| texts.and_then(Texts::only_list));
                let own = list.and_then(Texts::items);
                for item in items {
                    let alone = !matches!(item.what, What::Object(_) | What::Array(_));
                    if alone {
                        look.open();
                    }
                    self.node(item, own, name, Place::Inside, out, look);
                    if alone {
                        look.close();
                    }
                }
            }
            What::Text(text) => {
                let changed = match holds() {
                    Some(Sensitivity::Address) => self.address(text, look),
                    holds => look.text(text, holds),
                };
                out.put(node, changed);
            }
            What::Number => {
                let holds = holds().filter(|holds| *holds > Sensitivity::Address);
                let number = &out.text[node.span.clone()];
                let changed = holds.and_then(|_| look.text(number, holds));
                out.put(node, changed);
            }
            What::Word => {}
        }
    }

    fn object(
        &self,
        fields: &[(Key, Node)],
        texts: Option<&Texts>,
        out: &mut Out,
        look: &mut dyn Look,
    ) {
        let declared = |key: &Key| texts.and_then(|texts| texts.field(&key.text));
        let is_person = |(key, _): &(Key, Node)| {
            self.holds(&key.text, declared(key)).is_some_and(Sensitivity::tells_people_apart)
        };
        let of_a_person = texts.is_none() && fields.iter().any(is_person);
        for (key, value) in fields {
            let own = declared(key);
            // Keys of a map are texts like others; names of fields are not.
            let is_field = own.is_some() && texts.is_some_and(|texts| texts.sensitivity.is_none());
            if !is_field {
                let changed = look.text(&key.text, texts.and_then(|texts| texts.sensitivity));
                out.replace(key.span.clone(), changed);
            }
            let name = match names::plain(&key.text).as_str() {
                "name" if of_a_person => "fullname",
                "id" if of_a_person => "userid",
                _ => &key.text,
            };
            // Some lists come wrapped where a bare one is declared.
            let wrapped = matches!(value.what, What::Array(_)) && texts.is_some_and(Texts::is_list);
            let own = own.or(texts.filter(|_| wrapped));
            self.node(value, own, Some(name), Place::Inside, out, look);
        }
    }
}

/// Headers that hold nothing private, whatever is in them.
pub(super) const PLAIN_HEADERS: [&str; 3] = ["content-type", "accept", "retry-after"];

/// The path that an endpoint declares in the dialect of this one.
pub(super) fn template(endpoint: &EndpointDef, path: &str) -> Option<&'static str> {
    let specs = Dialect::ALL.into_iter().filter_map(|dialect| endpoint.metadata(dialect).ok());
    specs.map(|metadata| metadata.path).find(|template| wire::match_path(template, path).is_some())
}

/// Where a value stands: what surrounds the topmost one is about the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Inside,
}

/// A text in which some parts are replaced, from its beginning to its end.
struct Out<'a> {
    text: &'a str,
    done: String,
    at: usize,
}

impl<'a> Out<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, done: String::with_capacity(text.len()), at: 0 }
    }

    fn put(&mut self, node: &Node, changed: Option<String>) {
        self.replace(node.span.clone(), changed);
    }

    /// Puts a quoted text in a place.
    fn replace(&mut self, span: std::ops::Range<usize>, changed: Option<String>) {
        if let Some(changed) = changed {
            self.done.push_str(&self.text[self.at..span.start]);
            self.done.push_str(&serde_json::Value::from(changed).to_string());
            self.at = span.end;
        }
    }

    fn end(mut self) -> String {
        self.done.push_str(&self.text[self.at..]);
        self.done
    }
}

fn text_body(
    text: &str,
    walk: impl Fn(&Node, &mut Out, &mut dyn Look),
    look: &mut dyn Look,
) -> Vec<u8> {
    match json::parse(text) {
        Some(node) => {
            let mut out = Out::of(text);
            walk(&node, &mut out, look);
            out.end().into_bytes()
        }
        None if text.is_empty() => Vec::new(),
        None => prose(text, look).into_bytes(),
    }
}

/// A text that no declaration knows.
fn prose(text: &str, look: &mut dyn Look) -> String {
    look.text(text, None).unwrap_or_else(|| text.to_owned())
}

/// Looks at a percent-encoded text as it is meant, and encodes what comes in its place.
fn encoded(text: &str, spaced: bool, look: impl FnOnce(&str) -> Option<String>) -> String {
    let read = if spaced { text.replace('+', " ") } else { text.to_owned() };
    let changed = match percent_decode_str(&read).decode_utf8() {
        Ok(plain) => look(&plain).map(|new| utf8_percent_encode(&new, RESERVED).to_string()),
        Err(_) => look(text),
    };
    changed.unwrap_or_else(|| text.to_owned())
}
