//! Each documented refusal has its own type, and keeps the service's message.

use async_trait::async_trait;
use drillmaster_models::{SERVICES, wire};
use drillmaster_transport as transport;
use drillmaster_veracode::{Client, Error, ListUsers, Refusal, ShowOnboarding};

/// A service that refuses everything with this message.
struct Refuses(u16, String);

#[async_trait]
impl transport::Transport for Refuses {
    async fn send(&self, _: transport::Request) -> Result<wire::Response, transport::Error> {
        let body = serde_json::json!({ "message": self.1 });
        Ok(wire::Response::json(self.0, &body))
    }
}

async fn refused(status: u16, words: &str) -> Error {
    let client = Client::new(Refuses(status, words.to_owned()));
    client.send(&ListUsers::default()).await.unwrap_err()
}

async fn reads(words: &str) -> Refusal {
    refused(400, words).await.refusal().unwrap()
}

#[tokio::test]
async fn every_documented_refusal_has_its_own_variant() {
    let service = SERVICES.iter().find(|service| service.name == "veracode").unwrap();
    let own = service.endpoints().flat_map(|endpoint| endpoint.metadata.errors);
    for spec in own.chain(service.errors) {
        let words = spec.says.replace(['{', '}'], "");
        let error = refused(spec.status, &words).await;
        let refusal = error.refusal().unwrap();
        assert_ne!(refusal, Refusal::Other, "{words}");
        assert_eq!(error.words(), Some(words.as_str()));
    }
}

#[tokio::test]
async fn refusals_have_the_ids_that_the_service_names() {
    let ids = vec!["5f5f".to_owned(), "6a6a".to_owned()];
    assert_eq!(
        reads("Role(s) not found by id(s): 5f5f,6a6a").await,
        Refusal::RoleNotFound { ids: ids.clone() }
    );
    assert_eq!(
        reads("Assignments(s) not found by id(s): 5f5f, 6a6a.").await,
        Refusal::AssignmentNotFound { ids: ids.clone() }
    );
    assert_eq!(
        reads("Invalid campaign id: 5f5f").await,
        Refusal::InvalidId { of: "campaign", ids: ids[..1].to_vec() }
    );
    assert_eq!(reads("Role not found").await, Refusal::RoleNotFound { ids: Vec::new() });
}

#[tokio::test]
async fn the_message_decides_whatever_its_case_and_status() {
    assert_eq!(reads("sort is INVALID.").await, Refusal::InvalidField { field: "sort" });
    let error = refused(403, "Role does not belong to team").await;
    assert_eq!(error.refusal(), Some(Refusal::RoleOfAnotherTeam));
    assert!(!error.is_credential());
}

#[tokio::test]
async fn unknown_messages_are_kept() {
    let error = refused(418, "I am a teapot").await;
    assert_eq!(error.refusal(), Some(Refusal::Other));
    assert_eq!(error.words(), Some("I am a teapot"));
}

#[tokio::test]
async fn a_refused_credential_is_not_a_missing_item() {
    let error = refused(404, "ApiCredential missing").await;
    assert_eq!(error.refusal(), Some(Refusal::Credential));
    assert!(error.is_credential());
}

#[tokio::test]
async fn a_server_error_is_not_a_refusal() {
    let error = refused(500, "unknown").await;
    assert_eq!(error.refusal(), None);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn an_invalid_request_is_not_sent() {
    let client = Client::new(transport::RejectAll);
    let request = ShowOnboarding { start_time: Some(1), ..ShowOnboarding::default() };
    let error = client.onboarding(&request).await.unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().contains("endTime"), "{error}");
}
