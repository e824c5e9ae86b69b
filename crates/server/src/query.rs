//! What stands behind the `?` of a WHIP or WHEP address.

use percent_encoding::percent_decode_str;
use signaling::RefusalCode;

use crate::problem::Problem;

/// The parameters of one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads the parameters that a door knows. A misspelt one that was passed over in silence would publish a picture
    /// under other words than its publisher meant (hazard H2), so whatever is unknown or said twice is refused.
    pub(crate) fn parse(text: &str, known: &[&'static str]) -> Result<Self, Problem> {
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        for field in text.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                let sentence = format!("The URL may say {} and nothing else.", known.join(", "));
                return Err(Problem::new(RefusalCode::BadMessage, sentence));
            };
            if fields.iter().any(|(said, _)| *said == name) {
                return Err(Problem::new(RefusalCode::BadMessage, format!("The URL says {name} twice.")));
            }
            // a form's way to write a space
            let value = value.replace('+', " ");
            let Ok(value) = percent_decode_str(&value).decode_utf8() else {
                let code = if name == "label" { RefusalCode::BadLabel } else { RefusalCode::BadMessage };
                return Err(Problem::new(code, format!("What the URL says as {name} is no UTF-8 text.")));
            };
            fields.push((name, value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// What one parameter says.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(said, _)| *said == name).map(|(_, value)| value.as_str())
    }
}

/// True when the URL holds what is to be said in the `Authorization` header only (PRODUCT section 5): addresses end up
/// in the logs of proxies.
pub(crate) fn holds_token(text: &str) -> bool {
    let name = |field: &str| percent_decode_str(field.split('=').next().unwrap_or("")).decode_utf8_lossy().into_owned();
    text.split('&').any(|field| ["token", "access_token"].contains(&name(field).to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    const KNOWN: [&str; 2] = ["feed", "label"];

    fn code(text: &str) -> Code {
        Query::parse(text, &KNOWN).expect_err("must be refused").code()
    }

    #[test]
    fn values_are_decoded() {
        let query = Query::parse("feed=ct&label=Tower+1%2B%E8%82%9D", &KNOWN).expect("good");
        assert_eq!((query.get("feed"), query.get("label")), (Some("ct"), Some("Tower 1+\u{809d}")));
        assert_eq!(Query::parse("", &KNOWN).expect("nothing is said").get("feed"), None);
        assert_eq!(Query::parse("feed", &KNOWN).expect("good").get("feed"), Some(""));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(code("feed=ct&lable=x"), RefusalCode::BadMessage);
        assert_eq!(code("feed=ct&feed=room"), RefusalCode::BadMessage);
        assert_eq!(code("feed=%ff"), RefusalCode::BadMessage);
        assert_eq!(code("label=a%c3"), RefusalCode::BadLabel);
    }

    #[test]
    fn a_token_is_found_whatever_its_spelling() {
        for text in ["token=x", "feed=ct&token", "a=b&Access_Token=x", "%74oken=x"] {
            assert!(holds_token(text), "{text}");
        }
        for text in ["", "feed=token", "tokens=x"] {
            assert!(!holds_token(text), "{text}");
        }
    }

    #[test]
    fn hostile_addresses_say_what_is_known_at_most_once() {
        let splinters = ["&", "=", "%", "%ff", "%00", "+", "%E8%82%9D", "feed", "label=", "é", "%25"];
        let mut understood = 0;
        hostile::play(50_000, |dice| {
            let text = hostile::torn(dice, &["feed=ct&label=Tower+1%2B%E8%82%9D"], &splinters);
            holds_token(&text);
            let Ok(Query(fields)) = Query::parse(&text, &KNOWN) else { return };
            understood += 1;
            assert!(fields.len() <= KNOWN.len(), "{text:?}");
            assert!(fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= text.len());
        });
        assert!(understood > 1000, "{understood} were understood");
    }
}
