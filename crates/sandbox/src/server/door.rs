//! Refusing requests that are not for this server.

use std::net::{IpAddr, SocketAddr};

use drillmaster_models::wire;
use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use super::message;

/// Refuses a request for another host, to protect against DNS rebinding: a browser sends the host name of the page's
/// URL, even if it resolves to this machine. A request without a host name does not come from a browser.
pub(super) fn admit(
    head: &Parts,
    local: SocketAddr,
    names: &[String],
) -> Result<(), wire::Response> {
    let hosts = head.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let target = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    for host in hosts.chain(target) {
        let is_ours =
            Authority::try_from(host).is_ok_and(|host| is_ours(host.host(), local.ip(), names));
        if !is_ours {
            let host = String::from_utf8_lossy(host);
            return Err(message(
                421,
                &format!(
                    "`{host}` is not a name of this sandbox; use http://{local}, or let it listen on that name"
                ),
            ));
        }
    }
    Ok(())
}

fn is_ours(host: &str, local: IpAddr, names: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let Ok(address) = address.map(|address| address.to_canonical()) {
        return address.is_loopback() || address == local.to_canonical();
    }
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_request_must_be_for_this_machine() {
        let names = ["Sandbox.test".to_owned()];
        for (hosts, is_ours) in [
            (&[][..], true),
            (&["localhost:8080"], true),
            (&["LOCALHOST."], true),
            (&["thm.localhost:8080"], true),
            (&["127.0.0.1"], true),
            (&["127.3.2.1:80"], true),
            (&["[::1]:8080"], true),
            (&["[::ffff:127.0.0.1]"], true),
            (&["192.168.1.5:8080"], true),
            (&["sandbox.test:8080"], true),
            (&["192.168.1.6"], false),
            (&["evil.example"], false),
            (&["evil.example:8080"], false),
            (&["127.0.0.1.evil.example"], false),
            (&["localhost.evil.example"], false),
            (&["localhost@evil.example"], false),
            (&["2130706433"], false),
            (&["local host"], false),
            (&[""], false),
            (&["localhost", "evil.example"], false),
        ] {
            let mut request = Request::builder().uri("/external/api/rooms");
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            let local = "192.168.1.5:8080".parse().unwrap();
            let refused = admit(&head, local, &names).err().map(|refused| refused.status);
            assert_eq!(refused, (!is_ours).then_some(421), "{hosts:?}");
        }
    }

    #[test]
    fn a_target_with_a_host_must_be_for_this_machine_too() {
        for (target, is_ours) in [("http://localhost/x", true), ("http://evil.example/x", false)] {
            let (head, ()) = Request::get(target).body(()).unwrap().into_parts();
            assert_eq!(admit(&head, "127.0.0.1:80".parse().unwrap(), &[]).is_ok(), is_ours);
        }
    }
}
