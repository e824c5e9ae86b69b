use super::*;

fn keys(fill: u8) -> Keys {
    let path = std::env::temp_dir().join(format!(
        "consilium-token-{fill}-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&path, [fill; 32]).expect("temporary file");
    let secret = Secret::of_file(&path).expect("a secret");
    std::fs::remove_file(&path).expect("temporary file");
    Keys::new(&secret)
}

fn expert() -> Claims {
    let room = "r".parse().expect("a name");
    claims(room, Role::Expert, None, "Dr. Example One".to_owned(), Duration::from_secs(60)).expect("claims")
}

fn code(keys: &Keys, token: &str) -> RefusalCode {
    keys.verify(token).expect_err("must be refused").code
}

#[test]
fn what_is_signed_is_let_in() {
    let keys = keys(1);
    let token = keys.sign(&Claims { grants: Some(GrantClaims { publish: false, receive: true }), ..expert() });
    let admission = keys.verify(token.expect("signs").reveal()).expect("valid");
    assert_eq!(admission.room.as_str(), "r");
    assert_eq!(admission.identity.name.reveal(), "Dr. Example One");
    assert_eq!(admission.identity.grants, Grants { publish: false, receive: true });
    assert!(!format!("{admission:?}").contains("Example"), "a name never prints");
}

#[test]
fn time_is_kept_with_five_seconds_leeway() {
    let keys = keys(2);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let at = |nbf, exp| keys.sign(&Claims { nbf: Some(nbf), exp, ..expert() }).expect("signs").reveal().clone();
    assert!(keys.verify(&at(now, now - 2)).is_ok());
    assert!(keys.verify(&at(now + 2, now + 60)).is_ok());
    assert_eq!(code(&keys, &at(now - 60, now - 20)), RefusalCode::TokenExpired);
    assert_eq!(code(&keys, &at(now + 60, now + 120)), RefusalCode::TokenNotYetValid);
}

#[test]
fn what_others_signed_is_not() {
    let keys = keys(3);
    let foreign = super::tests::keys(4).sign(&expert()).expect("signs");
    assert_eq!(code(&keys, foreign.reveal()), RefusalCode::BadToken);
    let token = keys.sign(&expert()).expect("signs").reveal().clone();
    let (body, signature) = token.rsplit_once('.').expect("three parts");
    let (header, claims) = body.split_once('.').expect("three parts");
    // {"alg":"none","typ":"JWT"} and {"alg":"HS512","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let other = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
    for forged in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{other}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        "x".to_owned(),
        String::new(),
        "a".repeat(TOKEN_BYTES + 1),
    ] {
        assert_eq!(code(&keys, &forged), RefusalCode::BadToken, "{forged}");
    }
}

/// RFC 7515, section 4.1.11: also when the list is empty or names a claim, neither of which it may be.
#[test]
fn a_token_that_demands_an_extension_is_refused() {
    let keys = keys(8);
    let signed = |crit: Option<&[&str]>| {
        let crit = crit.map(|names| names.iter().map(ToString::to_string).collect());
        let header = Header { crit, ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &expert(), &keys.signer).expect("signs")
    };
    assert!(keys.verify(&signed(None)).is_ok());
    for crit in [&["b64"][..], &["exp"], &[]] {
        assert_eq!(code(&keys, &signed(Some(crit))), RefusalCode::BadToken, "{crit:?}");
    }
}

#[test]
fn an_operating_room_role_belongs_to_a_site() {
    let keys = keys(5);
    for role in Role::ALL {
        let without = keys.sign(&Claims { role, ..expert() }).expect("signs");
        let with = keys.sign(&Claims { role, site: "a".parse().ok(), ..expert() }).expect("signs");
        assert!(keys.verify(with.reveal()).is_ok());
        let refused = keys.verify(without.reveal()).map_err(|refusal| refusal.code).err();
        assert_eq!(refused, needs_site(role).then_some(RefusalCode::SiteRequired), "{role:?}");
    }
}

#[test]
fn a_bad_name_or_subject_is_refused() {
    let keys = keys(6);
    for claims in [
        Claims { name: "a\nb".to_owned(), ..expert() },
        Claims { name: "a".repeat(NAME_BYTES + 1), ..expert() },
        Claims { sub: String::new(), ..expert() },
    ] {
        assert_eq!(code(&keys, keys.sign(&claims).expect("signs").reveal()), RefusalCode::BadToken);
    }
}

#[test]
fn keys_of_a_set() {
    let mut keys = keys(7);
    let set = std::env::temp_dir().join(format!("consilium-jwks-{}.json", std::process::id()));
    // RFC 8037 appendix A: private and public half of one Ed25519 key
    std::fs::write(
        &set,
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    )
    .expect("temporary file");
    let private: Vec<u8> =
        ["302e020100300506032b657004220420", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"]
            .concat()
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex"))
            .collect();
    let signer = EncodingKey::from_ed_der(&private);
    let token = |kid: &str| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &expert(), &signer).expect("signs")
    };
    assert_eq!(code(&keys, &token("k1")), RefusalCode::BadToken, "no set yet");
    keys.add_set(&set).expect("a good set");
    assert!(keys.verify(&token("k1")).is_ok());
    assert_eq!(code(&keys, &token("k2")), RefusalCode::BadToken, "another key");
    std::fs::write(&set, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).expect("temporary file");
    assert!(keys.add_set(&set).is_err(), "a secret is no public key");
    std::fs::remove_file(&set).expect("temporary file");
}

#[test]
fn hostile_tokens_let_nobody_in() {
    let keys = keys(9);
    let good = [expert(), expert()].map(|claims| keys.sign(&claims).expect("signs").reveal().clone());
    // Claims and headers that are JSON, and not those of a token; dots, and what is no base64.
    let splinters = [".", "..", "=", "e30", "bnVsbA", "eyJhbGciOiJub25lIn0", "W10", "IiI", "_", "-", "\u{e9}", "A"];
    let mut opened = 0;
    hostile::play(20_000, |dice| {
        let token = hostile::torn(dice, &good, &splinters);
        match keys.verify(&token) {
            Ok(_) => {
                assert!(good.contains(&token), "{token}");
                opened += 1;
            }
            Err(refusal) => assert_eq!(refusal.code, RefusalCode::BadToken, "{token}"),
        }
    });
    assert!(opened > 10, "{opened} were good");
}
