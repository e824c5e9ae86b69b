//! Who a request is from: the address that it came from, and the account that is logged in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use signaling::RefusalCode;

use crate::problem::{Problem, RegisterCode};
use crate::register::account::Account;
use crate::register::audit::{Act, What};
use crate::register::login;
use crate::shared::Shared;

/// The cookie that holds the secret of a login.
pub(crate) const COOKIE_NAME: &str = "consilium_login";

/// Somebody, known by nothing but an address. A request that changes something does not come from another origin's page.
#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    /// Where the request came from; of one by a proxy that is trusted, where that says.
    pub(crate) address: IpAddr,
    /// The browser spoke HTTPS, to us or to such a proxy.
    pub(crate) is_secure: bool,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Whose login it is.
    pub(crate) account: Account,
    /// What the register keeps of the login's secret.
    pub(crate) login: Vec<u8>,
    /// Where the request came from.
    pub(crate) address: IpAddr,
}

impl FromRequestParts<Arc<Shared>> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let changes = parts.method != Method::GET && parts.method != Method::HEAD;
        if changes && !shared.is_own_page(&parts.headers) {
            let sentence = "Pages of this origin may not change anything here.";
            return Err(Problem::new(RegisterCode::WrongOrigin, sentence));
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let peer = peer.ok_or_else(|| Problem::new(RefusalCode::Internal, "The connection has no address."))?;
        let is_proxy = |address: &IpAddr| shared.administration.proxies.contains(address);
        let (address, of_proxy) = match is_proxy(&peer) {
            true => (forwarded_for(&parts.headers, is_proxy).unwrap_or(peer), was_https(&parts.headers)),
            false => (peer, false),
        };
        Ok(Self { address, is_secure: shared.administration.is_tls || of_proxy })
    }
}

impl FromRequestParts<Arc<Shared>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let Somebody { address, .. } = Somebody::from_request_parts(parts, shared).await?;
        let stranger = || Problem::new(RegisterCode::NotLoggedIn, "The request has no login, or one that is over.");
        let secret = cookie(&parts.headers).ok_or_else(stranger)?;
        let login = login::hash(secret);
        let found = {
            let login = login.clone();
            shared.administration.register.ask(move |database| login::find(database, &login)).await?
        };
        let account = found.ok_or_else(stranger)?;
        shared.administration.requests.count(Instant::now(), &account.id)?;
        Ok(Self { account, login, address })
    }
}

impl Person {
    /// What this person asks for, for the audit.
    pub(crate) fn act(&self, what: What, target: Option<&str>) -> Act {
        let who = Some(self.account.id.clone());
        Act { who, address: self.address, what, target: target.filter(|target| is_ids(target)).map(str::to_owned) }
    }
}

/// True for identifiers, of whatever. What else stands in an address may be anything, and the audit is kept for ever.
fn is_ids(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._- ".contains(&byte))
}

/// The secret of the login. Of two cookies of this name it cannot be said which is ours, so none counts.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut ours = all.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == COOKIE_NAME);
    match (ours.next(), ours.next()) {
        (Some((_, secret)), None) => Some(secret),
        _ => None,
    }
}

/// The last address that a proxy has added and that is no proxy of ours; what stands before it anybody can say.
fn forwarded_for(headers: &HeaderMap, is_proxy: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let all: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let said = all.iter().flat_map(|text| text.split(',')).rev();
    said.map_while(|text| text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical()))
        .find(|address| !is_proxy(address))
}

fn was_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = |pairs: &[(&'static str, &str)]| cookie(&headers(pairs)).map(str::to_owned);
        assert_eq!(found(&[("cookie", "a=b; consilium_login=x1; c=d")]).as_deref(), Some("x1"));
        assert_eq!(found(&[("cookie", "a=b"), ("cookie", "consilium_login=x1")]).as_deref(), Some("x1"));
        assert_eq!(found(&[("cookie", "consilium_login=x1; consilium_login=x2")]), None);
        assert_eq!(found(&[("cookie", "not_consilium_login=x1")]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn what_anybody_can_say_of_an_address_is_not_believed() {
        let proxy: IpAddr = "192.0.2.1".parse().expect("an address");
        let from = |said: &[&str]| {
            let pairs: Vec<_> = said.iter().map(|said| ("x-forwarded-for", *said)).collect();
            forwarded_for(&headers(&pairs), |address| *address == proxy).map(|address| address.to_string())
        };
        assert_eq!(from(&["203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(from(&["10.0.0.1, 203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(from(&["10.0.0.1", "203.0.113.9, 192.0.2.1"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(from(&["203.0.113.9, nonsense"]), None);
        assert_eq!(from(&[]), None);
    }
}
