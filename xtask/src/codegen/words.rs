//! Sentences about declarations, shared by all generated documents.

use drillmaster_models::{
    Absence, Credential, Effect, EndpointDef, ErrorSpec, List, Means, Metadata, Paging, Payload,
    Removes, Reply, Resolve,
};

/// The documented refusals of an endpoint: those about the credential only if one is sent.
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

/// Whether a call changes anything, and how a write in doubt is resolved.
pub(crate) fn effect(metadata: &Metadata) -> String {
    let Effect::Write(write) = metadata.effect else {
        return "Effect: read.".to_owned();
    };
    let what = match write.removes {
        _ if write.irreversible => "removal that cannot be undone".to_owned(),
        Removes::Always => "removal".to_owned(),
        Removes::When(field) => format!("write, or removal if `{field}` is true"),
        Removes::Never => "write".to_owned(),
    };
    let silent = if write.tells {
        ""
    } else {
        " The answer does not show whether there was anything to change."
    };
    let resolved = match write.resolve {
        Resolve::Repeat => {
            "it is sent again, which is harmless and gives the same answer".to_owned()
        }
        Resolve::Refusal => {
            "it is sent again, which is harmless and refused if the first one took effect"
                .to_owned()
        }
        Resolve::Probe { endpoint, field, absence } => {
            let without = match absence {
                Absence::Repeatable => format!(
                    "it is sent once more after several checks of the complete list, the last of them at \
                     least {} s after the call",
                    write.effect_within.as_secs()
                ),
                Absence::Unproven => "a person has to decide".to_owned(),
            };
            format!(
                "an item of `{endpoint}` with the same `{field}` shows that it took effect; without one, {without}"
            )
        }
    };
    format!(
        "Effect: {what}. `{}` identifies the person.{silent} If there is no clear answer, {resolved}.",
        write.subject
    )
}

/// The list in the answer.
pub(crate) fn list(list: &List) -> String {
    let place = match list.items {
        "" => "The answer is a list".to_owned(),
        items => format!("The answer has a list in `{items}`"),
    };
    let id = match list.id {
        "" => String::new(),
        id => format!(" with the id `{id}`"),
    };
    let paging = match list.paging {
        Paging::Whole => "It has no pages.",
        Paging::NextPage => {
            "It has pages, counted from 0 in `page`; there is another page if `nextPage` is not null."
        }
        Paging::Pages => {
            "It has pages, counted from 0 in `page`; there is another page if `pages.next` or \
             `pages.nextUrl` is not null."
        }
    };
    format!("{place}{id}. {paging}")
}

/// The fields that are hidden unless asked for.
pub(crate) fn hidden(metadata: &Metadata) -> Option<String> {
    let names: Vec<String> = metadata.hidden.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => None,
        names => Some(format!("Hidden unless asked for: {}.", names.join(", "))),
    }
}

/// Where the fields are sent that are not in the path.
pub(crate) fn place(payload: Payload) -> &'static str {
    match payload {
        Payload::Query => "query",
        Payload::Json => "JSON body",
        Payload::Form => "form",
    }
}

/// Where the credential is sent.
pub(crate) fn credential(credential: Credential) -> String {
    match credential {
        Credential::None => "no credential".to_owned(),
        Credential::Header(name) => format!("the credential in the header `{name}`"),
        Credential::FormField(name) => format!("the credential in the form field `{name}`"),
    }
}

/// How the answer is wrapped, if it is.
pub(crate) fn wrapping(reply: Reply) -> Option<&'static str> {
    match reply {
        Reply::Bare => None,
        Reply::Data => Some("the answer in `data`"),
        Reply::One => Some("the answer in a list of one item; a bare answer is read too"),
        Reply::Location => Some("the answer is the `Location` of a redirect"),
    }
}
