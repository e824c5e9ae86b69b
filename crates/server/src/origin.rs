//! A web origin: where a page came from, as browsers say it in `Origin` (RFC 6454 section 6.2).

use std::str::FromStr;

use axum::http::Uri;

/// Scheme, host and, if it is not the scheme's own, port; in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As browsers say it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be a web origin: https://host or https://host:port, and no path";
        let uri: Uri = text.parse().map_err(|_| wrong)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong);
        };
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') || authority.host().is_empty()
        {
            return Err(wrong);
        }
        let own = if scheme == "https" { 443 } else { 80 };
        let port = match authority.port_u16() {
            // a colon, and no port behind it
            None if authority.as_str().len() != authority.host().len() => return Err(wrong),
            Some(port) if port != own => format!(":{port}"),
            _ => String::new(),
        };
        Ok(Self(format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_as_browsers_say_it() {
        for (text, said) in [
            ("https://Friend.example", "https://friend.example"),
            ("https://friend.example/", "https://friend.example"),
            ("https://friend.example:443", "https://friend.example"),
            ("http://192.0.2.1:8080", "http://192.0.2.1:8080"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(text.parse::<Origin>().as_ref().map(Origin::as_str), Ok(said));
        }
        for text in [
            "",
            "foo",
            "*",
            "null",
            "friend.example",
            "//friend.example",
            "https://",
            "ftp://friend.example",
            "https://friend.example/page",
            "https://friend.example?x",
            "https://me@friend.example",
            "https://friend.example:x",
            "https://friend.example:",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
