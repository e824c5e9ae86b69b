//! The stable words of problem documents: those of the contract on the wire, and those that only HTTP has.

use axum::http::StatusCode;
use signaling::RefusalCode;

/// The code of a problem document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// One of the contract on the wire, which the WebSocket says as well.
    Contract(RefusalCode),
    /// One of `/api/v1`, which nothing but HTTP says.
    Register(RegisterCode),
}

/// Why `/api/v1` refuses what the contract on the wire has no word for. Closed and stable, like [`RefusalCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegisterCode {
    /// The request has no login, or one that is over.
    NotLoggedIn,
    /// There is no such login name, or the password is another one: which of them is not said.
    BadLogin,
    /// A page of another origin has sent it.
    WrongOrigin,
    /// The bootstrap code is another one.
    BadBootstrapCode,
    /// There is an administrator already.
    AlreadyBootstrapped,
    /// The password is too short or too long.
    BadPassword,
    /// The file of sites says something that cannot be; the sentence names the line.
    BadFile,
    /// There is no such device.
    UnknownDevice,
    /// There is no such account.
    UnknownAccount,
    /// There is no such invite, or it was withdrawn.
    UnknownInvite,
    /// The invite has been exchanged before.
    InviteUsed,
    /// The invite's period is over, or has not begun.
    InviteExpired,
    /// There is one of this name.
    AlreadyExists,
    /// There would be no administrator any more.
    LastAdministrator,
}

impl Code {
    /// The word in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contract(code) => code.as_str(),
            Self::Register(code) => code.as_str(),
        }
    }

    /// The usual status.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Contract(code) => status(code),
            Self::Register(code) => code.status(),
        }
    }
}

impl RegisterCode {
    /// Every one, for tests.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 14] = [
        Self::NotLoggedIn,
        Self::BadLogin,
        Self::WrongOrigin,
        Self::BadBootstrapCode,
        Self::AlreadyBootstrapped,
        Self::BadPassword,
        Self::BadFile,
        Self::UnknownDevice,
        Self::UnknownAccount,
        Self::UnknownInvite,
        Self::InviteUsed,
        Self::InviteExpired,
        Self::AlreadyExists,
        Self::LastAdministrator,
    ];

    /// The word in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotLoggedIn => "not_logged_in",
            Self::BadLogin => "bad_login",
            Self::WrongOrigin => "wrong_origin",
            Self::BadBootstrapCode => "bad_bootstrap_code",
            Self::AlreadyBootstrapped => "already_bootstrapped",
            Self::BadPassword => "bad_password",
            Self::BadFile => "bad_file",
            Self::UnknownDevice => "unknown_device",
            Self::UnknownAccount => "unknown_account",
            Self::UnknownInvite => "unknown_invite",
            Self::InviteUsed => "invite_used",
            Self::InviteExpired => "invite_expired",
            Self::AlreadyExists => "already_exists",
            Self::LastAdministrator => "last_administrator",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NotLoggedIn | Self::BadLogin => StatusCode::UNAUTHORIZED,
            Self::WrongOrigin | Self::BadBootstrapCode => StatusCode::FORBIDDEN,
            Self::BadPassword | Self::BadFile => StatusCode::BAD_REQUEST,
            Self::UnknownDevice | Self::UnknownAccount | Self::UnknownInvite => StatusCode::NOT_FOUND,
            Self::InviteUsed | Self::InviteExpired => StatusCode::GONE,
            Self::AlreadyBootstrapped | Self::AlreadyExists | Self::LastAdministrator => StatusCode::CONFLICT,
        }
    }
}

impl From<RefusalCode> for Code {
    fn from(code: RefusalCode) -> Self {
        Self::Contract(code)
    }
}

impl From<RegisterCode> for Code {
    fn from(code: RegisterCode) -> Self {
        Self::Register(code)
    }
}

impl PartialEq<RefusalCode> for Code {
    fn eq(&self, other: &RefusalCode) -> bool {
        *self == Self::Contract(*other)
    }
}

impl PartialEq<RegisterCode> for Code {
    fn eq(&self, other: &RegisterCode) -> bool {
        *self == Self::Register(*other)
    }
}

fn status(code: RefusalCode) -> StatusCode {
    use RefusalCode as Code;
    match code {
        Code::BadMessage | Code::WrongVersion | Code::BadLabel | Code::BadText | Code::BadSdp | Code::NoMedia => {
            StatusCode::BAD_REQUEST
        }
        Code::BadCandidate | Code::TooManySlots | Code::UnknownSlot => StatusCode::BAD_REQUEST,
        Code::BadToken | Code::TokenExpired | Code::TokenNotYetValid => StatusCode::UNAUTHORIZED,
        Code::WrongRoom | Code::NotAllowed | Code::SiteRequired | Code::RoomLocked => StatusCode::FORBIDDEN,
        Code::UnknownMember | Code::UnknownSite | Code::UnknownCall | Code::UnknownQuestion => StatusCode::NOT_FOUND,
        Code::UnknownRoom | Code::UnknownSession | Code::UnknownFeed | Code::NotFound => StatusCode::NOT_FOUND,
        Code::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        // RFC 9725 section 4.4: what cannot be answered as a whole is not answered in part
        Code::NoCodec | Code::TooManyTracks => StatusCode::NOT_ACCEPTABLE,
        Code::NotJoined | Code::AlreadyJoined | Code::TooManyFeeds | Code::TooManySites => StatusCode::CONFLICT,
        Code::WrongEtag => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::WrongContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::AtCapacity | Code::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_word_means_one_thing() {
        let words: HashSet<&str> = RegisterCode::ALL.into_iter().map(RegisterCode::as_str).collect();
        assert_eq!(words.len(), RegisterCode::ALL.len());
        for word in words {
            let of_contract = serde_json::from_value::<RefusalCode>(word.into());
            assert!(of_contract.is_err(), "{word} is a word of the contract, too");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word}");
        }
    }
}
