//! What a WHIP or WHEP server makes of an offer (RFC 9725): a resource, deleted at the end.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow};
use str0m::media::Direction;
use ureq::http::Uri;

use crate::peer::Peer;

/// A session at a server.
#[derive(Debug)]
pub struct Resource {
    location: String,
    token: Option<String>,
}

impl Resource {
    /// Offers at a door; gives the answer and the resource.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn post(url: &str, token: Option<&str>, offer: &str) -> Result<(String, Self)> {
        let mut request = ureq::post(url).content_type("application/sdp");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.send(offer).map_err(|error| anyhow!("{url}: {error}"))?;
        let location = response.headers().get("Location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let location = absolute(url, location)?;
        let answer = response.body_mut().read_to_string()?;
        Ok((answer, Self { location, token: token.map(str::to_owned) }))
    }

    /// Ends the session.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn delete(self) -> Result<()> {
        let mut request = ureq::delete(&self.location);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|error| anyhow!("{}: {error}", self.location))?;
        Ok(())
    }
}

impl Peer {
    /// Publishes (`SendOnly`) or plays (`RecvOnly`) one stream at a WHIP or WHEP door, from this address.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn at_door(here: IpAddr, url: &str, token: Option<&str>, direction: Direction) -> Result<Self> {
        let mut resource = None;
        let mut peer = Self::offer(here, direction, 1, |offer| {
            let (answer, made) = Resource::post(url, token, offer)?;
            resource = Some(made);
            Ok(answer)
        })?;
        peer.resource = resource;
        Ok(peer)
    }
}

/// A location may be relative to the door.
fn absolute(url: &str, location: &str) -> Result<String> {
    if location.contains("://") {
        return Ok(location.to_owned());
    }
    let door: Uri = url.parse().with_context(|| format!("read {url}"))?;
    let origin = format!("{}://{}", door.scheme_str().unwrap_or("http"), door.authority().context("a host")?);
    match location.strip_prefix('/') {
        Some(path) => Ok(format!("{origin}/{path}")),
        None => Ok(format!("{origin}{}/{location}", door.path().rsplit_once('/').map_or("", |(folder, _)| folder))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_relative_to_its_door() {
        let door = "http://127.0.0.1:1/a/whip?x=y";
        for (location, whole) in [
            ("/whip/7", "http://127.0.0.1:1/whip/7"),
            ("7", "http://127.0.0.1:1/a/7"),
            ("https://h.invalid/7", "https://h.invalid/7"),
        ] {
            assert_eq!(absolute(door, location).expect("an address"), whole);
        }
    }
}
