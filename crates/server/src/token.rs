//! Join tokens: JWT (RFC 7519) by HS256 with the server's secret, or by EdDSA or RS256 with the keys of a JWK set.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use room::Identity;
use room::input::Grants;
use serde::{Deserialize, Serialize};
use signaling::limit::NAME_BYTES;
use signaling::{Private, Refusal, RefusalCode, Role, RoomId, SiteId};

use crate::limit::TOKEN_BYTES;
use crate::secret::Secret;

/// Clocks of servers that keep time differ by less.
const LEEWAY_SECONDS: u64 = 5;

/// What a token says. Its `name` is for screens only, so this has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Opaque: the same for every connection of one person or device.
    pub sub: String,
    /// For screens.
    #[serde(default)]
    pub name: String,
    /// The one room it opens.
    pub room: RoomId,
    /// What for.
    pub role: Role,
    /// Whose site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// Not after, seconds since 1970.
    pub exp: u64,
    /// Not before, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The token's own identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// What is left of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<GrantClaims>,
}

/// The claim `grants`: can only narrow the role.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct GrantClaims {
    /// May publish.
    #[serde(default = "yes")]
    pub publish: bool,
    /// May receive.
    #[serde(default = "yes")]
    pub receive: bool,
}

fn yes() -> bool {
    true
}

/// Whom a valid token lets into which room.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The room.
    pub room: RoomId,
    /// Who.
    pub identity: Identity,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The JWK set cannot be read.
    #[error("cannot read the JWK set {path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JWK set, or holds a key that cannot be used.
    #[error("the JWK set {path} cannot be used: {reason}", path = path.display())]
    Use {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
    /// A token could not be signed.
    #[error("signing the token failed: {0}")]
    Sign(jsonwebtoken::errors::Error),
    /// There is no randomness.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
}

struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The keys that tokens are checked with.
pub struct Keys {
    secret: DecodingKey,
    signer: EncodingKey,
    public: Vec<PublicKey>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("public", &self.public.len()).finish_non_exhaustive()
    }
}

impl Keys {
    /// Only the secret.
    pub fn new(secret: &Secret) -> Self {
        Self {
            secret: DecodingKey::from_secret(secret.reveal()),
            signer: EncodingKey::from_secret(secret.reveal()),
            public: Vec::new(),
        }
    }

    /// Adds the keys of a JWK set (RFC 7517): Ed25519 and RSA.
    ///
    /// # Errors
    /// When it cannot be read or holds any other key.
    pub fn add_set(&mut self, path: &Path) -> Result<(), KeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
        let unusable = |reason: String| KeyError::Use { path: path.to_owned(), reason };
        let set: JwkSet = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
        for jwk in &set.keys {
            let algorithm = match &jwk.algorithm {
                AlgorithmParameters::RSA(_) => Algorithm::RS256,
                AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
                _ => return Err(unusable("only RSA and Ed25519 keys can be used".to_owned())),
            };
            let key = DecodingKey::from_jwk(jwk).map_err(|error| unusable(error.to_string()))?;
            self.public.push(PublicKey { kid: jwk.common.key_id.clone(), algorithm, key });
        }
        if self.public.is_empty() {
            return Err(unusable("it holds no key".to_owned()));
        }
        Ok(())
    }

    /// Signs a token with the secret.
    ///
    /// # Errors
    /// Only when the cryptography fails.
    pub fn sign(&self, claims: &Claims) -> Result<Private<String>, KeyError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signer)
            .map(Private::new)
            .map_err(KeyError::Sign)
    }

    /// Checks a token.
    ///
    /// # Errors
    /// `bad_token`, `token_expired`, `token_not_yet_valid` or `site_required`.
    pub fn verify(&self, token: &str) -> Result<Admission, Refusal> {
        let bad = |sentence: &str| Refusal::new(RefusalCode::BadToken, sentence);
        if token.len() > TOKEN_BYTES {
            return Err(bad("The token is too long."));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| bad("This is no token of a known kind."))?;
        // RFC 7515, section 4.1.11: `crit` names what must be understood, and this server understands no extension
        if header.crit.is_some() {
            return Err(bad("The token demands an extension that this server does not know."));
        }
        let key = match header.alg {
            Algorithm::HS256 => &self.secret,
            algorithm => self
                .public
                .iter()
                .find(|public| public.algorithm == algorithm && (header.kid.is_none() || header.kid == public.kid))
                .map(|public| &public.key)
                .ok_or_else(|| bad("No key of this server fits the token."))?,
        };
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(|error| refusal(&error))?.claims;
        admission(claims)
    }
}

fn refusal(error: &jsonwebtoken::errors::Error) -> Refusal {
    let (code, sentence) = match error.kind() {
        ErrorKind::ExpiredSignature => (RefusalCode::TokenExpired, "The token's time is over."),
        ErrorKind::ImmatureSignature => (RefusalCode::TokenNotYetValid, "The token's time has not begun."),
        ErrorKind::InvalidSignature => (RefusalCode::BadToken, "The token's signature is not this server's."),
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) | ErrorKind::InvalidClaimFormat(_) => {
            (RefusalCode::BadToken, "The token's claims are not those of a join token.")
        }
        _ => (RefusalCode::BadToken, "The token is not valid."),
    };
    Refusal::new(code, sentence)
}

fn admission(claims: Claims) -> Result<Admission, Refusal> {
    let bad = |sentence: &str| Err(Refusal::new(RefusalCode::BadToken, sentence));
    if claims.sub.is_empty() || claims.sub.len() > NAME_BYTES {
        return bad("The token's subject is empty or too long.");
    }
    if claims.name.len() > NAME_BYTES || claims.name.chars().any(char::is_control) {
        return bad("The token's name is too long or holds control characters.");
    }
    if needs_site(claims.role) && claims.site.is_none() {
        let sentence = format!("A {} belongs to a site, and the token names none.", claims.role.as_str());
        return Err(Refusal::new(RefusalCode::SiteRequired, sentence));
    }
    let grants = claims
        .grants
        .map_or_else(Grants::default, |grants| Grants { publish: grants.publish, receive: grants.receive });
    let identity = Identity {
        subject: Private::new(claims.sub),
        name: Private::new(claims.name),
        role: claims.role,
        site: claims.site,
        grants,
    };
    Ok(Admission { room: claims.room, identity })
}

/// Roles that stand in an operating room, and belong to a site in rooms of every kind.
pub fn needs_site(role: Role) -> bool {
    matches!(role, Role::Surgeon | Role::Device | Role::Display)
}

/// The claims of a new token for a new subject, valid from now.
///
/// # Errors
/// When there is no randomness.
pub fn claims(room: RoomId, role: Role, site: Option<SiteId>, name: String, ttl: Duration) -> Result<Claims, KeyError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    Ok(Claims {
        sub: random_id().map_err(KeyError::Random)?,
        name,
        room,
        role,
        site,
        exp: now + ttl.as_secs(),
        nbf: Some(now),
        jti: Some(random_id().map_err(KeyError::Random)?),
        grants: None,
    })
}

/// 128 bits that nobody can guess, as 32 hexadecimal digits.
///
/// # Errors
/// When there is no randomness.
pub fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
