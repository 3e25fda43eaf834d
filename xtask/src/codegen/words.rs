//! What a declaration says, in sentences: shared by everything that people read.

use drillmaster_models::{
    Absence, Credential, Dialect, Effect, EndpointDef, ErrorSpec, List, Means, Metadata, Paging,
    Payload, Removes, Reply, Resolve,
};

/// The refusals to expect of a call: those of a credential only where one is sent.
pub(crate) fn errors(
    endpoint: &EndpointDef,
    metadata: &'static Metadata,
) -> Vec<&'static ErrorSpec> {
    let own = metadata.errors.iter();
    let general =
        endpoint.service().errors.iter().filter(|spec| {
            spec.means != Means::Credential || metadata.credential != Credential::None
        });
    own.chain(general).collect()
}

/// The declaration in a dialect, for the time of the program.
pub(crate) fn metadata(
    endpoint: &'static EndpointDef,
    dialect: Dialect,
) -> Option<&'static Metadata> {
    endpoint.metadata(dialect).ok()
}

/// Whether a call changes anything, and how one in doubt is resolved.
pub(crate) fn effect(metadata: &Metadata) -> String {
    let Effect::Write(write) = metadata.effect else {
        return "A read: it changes nothing.".to_owned();
    };
    let what = match write.removes {
        _ if write.irreversible => "A removal that cannot be undone".to_owned(),
        Removes::Always => "A removal".to_owned(),
        Removes::When(field) => format!("A write, and a removal where `{field}` is true"),
        Removes::Never => "A write".to_owned(),
    };
    let silent =
        if write.tells { "" } else { " It answers alike when there was nothing to change." };
    let resolved = match write.resolve {
        Resolve::Repeat => {
            "sending it again leaves the same state and gives the same answer".to_owned()
        }
        Resolve::Refusal => {
            "sending it again is harmless, and is refused if it was done".to_owned()
        }
        Resolve::Probe { endpoint, field, absence } => {
            let without = match absence {
                Absence::Repeatable => format!(
                    "it is sent once more when several complete looks did not show one, the last of them {} s \
                     or more after the call",
                    write.effect_within.as_secs()
                ),
                Absence::Unproven => "a person decides".to_owned(),
            };
            format!(
                "an item of `{endpoint}` with the same `{field}` shows that it was done; without one, {without}"
            )
        }
    };
    format!("{what}, about the one in `{}`.{silent} In doubt: {resolved}.", write.subject)
}

/// The list in the answer.
pub(crate) fn list(list: &List) -> String {
    let place = match list.items {
        "" => "The answer is a list".to_owned(),
        items => format!("The answer has a list in `{items}`"),
    };
    let told = match list.id {
        "" => String::new(),
        id => format!(", its items told apart by `{id}`"),
    };
    let goes_on = match list.paging {
        Paging::Whole => "It comes whole.",
        Paging::NextPage => {
            "It comes in pages, counted from 0 in `page`; there are more while `nextPage` is not \
             null."
        }
        Paging::Pages => {
            "It comes in pages, counted from 0 in `page`; there are more while `pages.next` or \
             `pages.nextUrl` is not null."
        }
    };
    format!("{place}{told}. {goes_on}")
}

/// The fields that are shown only when asked for.
pub(crate) fn hidden(metadata: &Metadata) -> Option<String> {
    let names: Vec<String> = metadata.hidden.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => None,
        names => Some(format!("Shown only when asked for: {}.", names.join(", "))),
    }
}

/// Where the fields travel that the path does not name.
pub(crate) fn place(payload: Payload) -> &'static str {
    match payload {
        Payload::Query => "query",
        Payload::Json => "JSON body",
        Payload::Form => "form",
    }
}

/// Where the credential goes.
pub(crate) fn credential(credential: Credential) -> String {
    match credential {
        Credential::None => "no credential".to_owned(),
        Credential::Header(name) => format!("the credential in the header `{name}`"),
        Credential::FormField(name) => format!("the credential in the form field `{name}`"),
    }
}

/// How the answer is wrapped, where it is.
pub(crate) fn wrapping(reply: Reply) -> Option<&'static str> {
    match reply {
        Reply::Bare => None,
        Reply::Data => Some("the answer in `data`"),
        Reply::One => Some("the answer in an array of one; a bare one is read too"),
        Reply::Location => Some("the answer is the `Location` of a redirect"),
    }
}
