//! Visiting the texts of a message: each with how sensitive its place is, and with the chance to replace it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use drillmaster_models::{Dialect, EndpointDef, FieldKind, Reply, Sensitivity, Texts, wire};
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::decode::RESERVED;
use crate::json::{self, Key, Node, What};
use crate::names;
use crate::policy::Policy;

/// Visits the texts of a message.
pub(crate) trait Visitor {
    /// Visits a text. Returns its replacement, if it has one.
    fn text(&mut self, text: &str, sensitivity: Option<Sensitivity>) -> Option<String>;

    /// Visits a body that is not UTF-8.
    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>>;

    /// The texts from here on are about one person,
    fn begin_person(&mut self) {}

    /// up to here.
    fn end_person(&mut self) {}
}

/// Takes visitors through the messages of an endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    policy: &'a Policy,
    /// `None`: nothing declares the fields.
    endpoint: Option<&'a EndpointDef>,
    /// Collects which fields of the policy occur.
    seen: Option<&'a SeenFields>,
}

/// Names of fields, normalized.
pub(crate) type SeenFields = RefCell<BTreeSet<String>>;

impl<'a> Walk<'a> {
    pub(crate) fn new(policy: &'a Policy, endpoint: Option<&'a EndpointDef>) -> Self {
        Self { policy, endpoint, seen: None }
    }

    pub(crate) fn noting(self, seen: &'a SeenFields) -> Self {
        Self { seen: Some(seen), ..self }
    }

    pub(crate) fn request(
        &self,
        request: &wire::Request,
        visitor: &mut dyn Visitor,
    ) -> wire::Request {
        wire::Request {
            method: request.method,
            target: self.target(&request.target, visitor),
            headers: self.headers(&request.headers, visitor),
            body: self.request_body(request, visitor),
        }
    }

    pub(crate) fn response(
        &self,
        response: &wire::Response,
        visitor: &mut dyn Visitor,
    ) -> wire::Response {
        let failed = response.status >= 400;
        let texts = self.endpoint.filter(|_| !failed).map(EndpointDef::answer_texts);
        wire::Response {
            status: response.status,
            headers: self.headers(&response.headers, visitor),
            body: self.response_body(&response.body, texts, visitor),
        }
    }

    /// Visits JSON that nothing declares.
    pub(crate) fn json(&self, text: &str, visitor: &mut dyn Visitor) -> Option<String> {
        let node = json::parse(text)?;
        let mut out = Out::new(text);
        self.node(&node, None, None, Place::Inside, &mut out, visitor);
        Some(out.finish())
    }

    fn headers(
        &self,
        headers: &[(String, String)],
        visitor: &mut dyn Visitor,
    ) -> Vec<(String, String)> {
        let headers = headers.iter();
        headers.map(|(name, value)| (name.clone(), self.header(name, value, visitor))).collect()
    }

    fn header(&self, name: &str, value: &str, visitor: &mut dyn Visitor) -> String {
        let changed = match name {
            name if PLAIN_HEADERS.contains(&name) => None,
            "location" => self.address(value, visitor),
            _ => visitor.text(value, names::sensitivity_of(name)),
        };
        changed.unwrap_or_else(|| value.to_owned())
    }

    /// How sensitive a field is: as declared, or else as its name says. The policy can only raise it.
    fn sensitivity_of(&self, name: &str, texts: Option<&Texts>) -> Option<Sensitivity> {
        let declared = texts.and_then(|texts| texts.sensitivity);
        let by_policy = self.policy.sensitivity_of(name);
        if let (Some(_), Some(seen)) = (by_policy, self.seen) {
            seen.borrow_mut().insert(names::normalized(name));
        }
        declared.or_else(|| names::sensitivity_of(name)).max(by_policy)
    }

    fn request_field(&self, name: &str) -> Option<&Texts> {
        self.endpoint?.request_texts().field(name)
    }

    /// Whether a request declares this field as a number or a flag. Services repeat such fields in the URLs of pages.
    fn is_measure(&self, name: &str, value: &str) -> bool {
        let fields = self.endpoint.map(EndpointDef::fields).into_iter().flatten();
        let kind = fields.filter(|field| field.name == name).map(|field| &field.kind).next();
        match kind {
            Some(FieldKind::Flag) => ["true", "false"].contains(&value),
            Some(FieldKind::Whole) => value.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        }
    }

    pub(crate) fn target(&self, target: &str, visitor: &mut dyn Visitor) -> String {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let template = self.endpoint.and_then(|endpoint| template(endpoint, path));
        let mut names = template.into_iter().flat_map(|template| template.split('/'));
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                let name = names.next().and_then(|name| name.strip_prefix('{')?.strip_suffix('}'));
                let sensitivity =
                    name.and_then(|name| self.sensitivity_of(name, self.request_field(name)));
                if segment.is_empty() || (template.is_some() && name.is_none()) {
                    return segment.to_owned();
                }
                decoded(segment, false, |plain| visitor.text(plain, sensitivity))
            })
            .collect();
        let query = query.map(|query| format!("?{}", self.pairs(query, None, visitor)));
        segments.join("/") + &query.unwrap_or_default()
    }

    /// The pairs of a query or a form. Pairs that nothing declares have the sensitivity `unknown`.
    fn pairs(&self, text: &str, unknown: Option<Sensitivity>, visitor: &mut dyn Visitor) -> String {
        let pairs: Vec<_> = text
            .split('&')
            .map(|pair| {
                let Some((name, value)) = pair.split_once('=') else {
                    return decoded(pair, true, |plain| visitor.text(plain, None));
                };
                let plain = percent_decode_str(name).decode_utf8_lossy();
                let texts = self.request_field(&plain);
                let is_count = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
                let is_harmless = is_count || self.is_measure(&plain, value);
                let sensitivity =
                    self.sensitivity_of(&plain, texts).or(unknown.filter(|_| !is_harmless));
                let name = match texts {
                    Some(_) => name.to_owned(),
                    None => decoded(name, true, |plain| visitor.text(plain, None)),
                };
                let is_list = texts.is_some_and(Texts::is_list);
                let items = value.split(|c| is_list && c == ',').map(|item| {
                    if is_list {
                        visitor.begin_person();
                    }
                    let item = decoded(item, true, |plain| visitor.text(plain, sensitivity));
                    if is_list {
                        visitor.end_person();
                    }
                    item
                });
                format!("{name}={}", items.collect::<Vec<_>>().join(","))
            })
            .collect();
        pairs.join("&")
    }

    /// A URL within a service.
    fn address(&self, text: &str, visitor: &mut dyn Visitor) -> Option<String> {
        let Some((path, rest)) = text.split_once('?') else {
            return visitor.text(text, None);
        };
        let (query, fragment) =
            rest.split_once('#').map_or((rest, None), |(query, fragment)| (query, Some(fragment)));
        let path = prose(path, visitor);
        let query = self.pairs(query, Some(Sensitivity::Secret), visitor);
        let fragment = fragment.map(|text| format!("#{}", prose(text, visitor)));
        let address = format!("{path}?{query}{}", fragment.unwrap_or_default());
        (address != text).then_some(address)
    }

    fn request_body(&self, request: &wire::Request, visitor: &mut dyn Visitor) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(&request.body) else {
            return visitor.bytes(&request.body).unwrap_or_else(|| request.body.clone());
        };
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            return self.pairs(text, None, visitor).into_bytes();
        }
        let texts = self.endpoint.map(EndpointDef::request_texts);
        let walk = |node: &Node, out: &mut Out, visitor: &mut dyn Visitor| {
            self.node(node, texts, None, Place::Top, out, visitor);
        };
        text_body(text, walk, visitor)
    }

    fn response_body(
        &self,
        body: &[u8],
        texts: Option<&Texts>,
        visitor: &mut dyn Visitor,
    ) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(body) else {
            return visitor.bytes(body).unwrap_or_else(|| body.to_vec());
        };
        let wraps = |reply: Reply| {
            let forms = Dialect::ALL
                .into_iter()
                .filter_map(|dialect| self.endpoint?.metadata(dialect).ok());
            forms.into_iter().any(|metadata| metadata.reply == reply)
        };
        let walk = |node: &Node, out: &mut Out, visitor: &mut dyn Visitor| match &node.what {
            What::Object(fields)
                if wraps(Reply::Data) && fields.iter().any(|(key, _)| key.text == "data") =>
            {
                for (key, value) in fields {
                    let texts = texts.filter(|_| key.text == "data");
                    self.node(value, texts, Some(&key.text), Place::Top, out, visitor);
                }
            }
            What::Array(items) if wraps(Reply::One) => {
                for item in items {
                    self.node(item, texts, None, Place::Top, out, visitor);
                }
            }
            _ => self.node(node, texts, None, Place::Top, out, visitor),
        };
        text_body(text, walk, visitor)
    }

    fn node(
        &self,
        node: &Node,
        texts: Option<&Texts>,
        name: Option<&str>,
        place: Place,
        out: &mut Out,
        visitor: &mut dyn Visitor,
    ) {
        let sensitivity = || self.sensitivity_of(name.unwrap_or_default(), texts);
        match &node.what {
            What::Object(fields) => {
                if place == Place::Inside {
                    visitor.begin_person();
                }
                self.object(fields, texts, out, visitor);
                if place == Place::Inside {
                    visitor.end_person();
                }
            }
            What::Array(items) => {
                // Some lists come bare where an object with a list is declared.
                let list = texts.filter(|texts| place == Place::Inside || texts.is_list());
                let list = list.or_else(|| texts.and_then(Texts::only_list));
                let item_texts = list.and_then(Texts::items);
                for item in items {
                    let is_single = !matches!(item.what, What::Object(_) | What::Array(_));
                    if is_single {
                        visitor.begin_person();
                    }
                    self.node(item, item_texts, name, Place::Inside, out, visitor);
                    if is_single {
                        visitor.end_person();
                    }
                }
            }
            What::Text(text) => {
                let changed = match sensitivity() {
                    Some(Sensitivity::Address) => self.address(text, visitor),
                    sensitivity => visitor.text(text, sensitivity),
                };
                out.replace(node.span.clone(), changed);
            }
            What::Number => {
                let private = sensitivity().filter(|own| *own > Sensitivity::Address);
                let number = &out.text[node.span.clone()];
                let changed = private.and_then(|_| visitor.text(number, private));
                out.replace(node.span.clone(), changed);
            }
            What::Word => {}
        }
    }

    fn object(
        &self,
        fields: &[(Key, Node)],
        texts: Option<&Texts>,
        out: &mut Out,
        visitor: &mut dyn Visitor,
    ) {
        let declared = |key: &Key| texts.and_then(|texts| texts.field(&key.text));
        let tells_people_apart = |(key, _): &(Key, Node)| {
            let sensitivity = self.sensitivity_of(&key.text, declared(key));
            sensitivity.is_some_and(Sensitivity::tells_people_apart)
        };
        let is_person = texts.is_none() && fields.iter().any(tells_people_apart);
        for (key, value) in fields {
            let own = declared(key);
            // The keys of a map are values, and not names of fields.
            let is_field = own.is_some() && texts.is_some_and(|texts| texts.sensitivity.is_none());
            if !is_field {
                let changed = visitor.text(&key.text, texts.and_then(|texts| texts.sensitivity));
                out.replace(key.span.clone(), changed);
            }
            let name = match names::normalized(&key.text).as_str() {
                "name" if is_person => "fullname",
                "id" if is_person => "userid",
                _ => &key.text,
            };
            // Some lists come wrapped where a bare list is declared.
            let wrapped = matches!(value.what, What::Array(_)) && texts.is_some_and(Texts::is_list);
            let own = own.or(texts.filter(|_| wrapped));
            self.node(value, own, Some(name), Place::Inside, out, visitor);
        }
    }
}

/// Headers that never have anything private.
pub(crate) const PLAIN_HEADERS: [&str; 3] = ["content-type", "accept", "retry-after"];

/// The path template that matches a path, in either dialect.
pub(crate) fn template(endpoint: &EndpointDef, path: &str) -> Option<&'static str> {
    let forms = Dialect::ALL.into_iter().filter_map(|dialect| endpoint.metadata(dialect).ok());
    forms.map(|metadata| metadata.path).find(|template| wire::match_path(template, path).is_some())
}

/// Where a value is. The topmost object is about the same person as the message around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Inside,
}

/// A text whose parts are replaced from its beginning to its end.
struct Out<'a> {
    text: &'a str,
    done: String,
    at: usize,
}

impl<'a> Out<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, done: String::with_capacity(text.len()), at: 0 }
    }

    /// Puts a JSON string in place of a part.
    fn replace(&mut self, span: std::ops::Range<usize>, changed: Option<String>) {
        if let Some(changed) = changed {
            self.done.push_str(&self.text[self.at..span.start]);
            self.done.push_str(&serde_json::Value::from(changed).to_string());
            self.at = span.end;
        }
    }

    fn finish(mut self) -> String {
        self.done.push_str(&self.text[self.at..]);
        self.done
    }
}

fn text_body(
    text: &str,
    walk: impl Fn(&Node, &mut Out, &mut dyn Visitor),
    visitor: &mut dyn Visitor,
) -> Vec<u8> {
    match json::parse(text) {
        Some(node) => {
            let mut out = Out::new(text);
            walk(&node, &mut out, visitor);
            out.finish().into_bytes()
        }
        None if text.is_empty() => Vec::new(),
        None => prose(text, visitor).into_bytes(),
    }
}

/// A text that nothing declares.
fn prose(text: &str, visitor: &mut dyn Visitor) -> String {
    visitor.text(text, None).unwrap_or_else(|| text.to_owned())
}

/// Visits a percent-encoded text decoded, and encodes its replacement.
fn decoded(text: &str, is_form: bool, visit: impl FnOnce(&str) -> Option<String>) -> String {
    let spaced = if is_form { text.replace('+', " ") } else { text.to_owned() };
    let changed = match percent_decode_str(&spaced).decode_utf8() {
        Ok(plain) => visit(&plain).map(|new| utf8_percent_encode(&new, RESERVED).to_string()),
        Err(_) => visit(text),
    };
    changed.unwrap_or_else(|| text.to_owned())
}
