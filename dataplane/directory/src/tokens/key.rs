//! One Ed25519 key: made, read, shown, used.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use plenum_wire::directory::TokenClaims;
use serde::Serialize;

use crate::model::{self, KeyId, Pkcs8};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the signing key {kid} cannot be read: it is not Ed25519 in PKCS #8")]
pub struct BadKey {
    /// Its name.
    pub kid: String,
}

/// A private key that signs tokens.
pub struct Signer {
    kid: String,
    public: [u8; 32],
    key: EncodingKey,
}

/// Not shown: it is a secret.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.kid)
    }
}

/// A public key as in RFC 8037, section 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    /// Its name, as in a token's head.
    pub kid: String,
    x: String,
}

impl From<&model::PublicKey> for PublicKey {
    fn from(key: &model::PublicKey) -> Self {
        Self::new(key.id.to_string(), key.x.to_string())
    }
}

impl PublicKey {
    /// `x` in base64url.
    const fn new(kid: String, x: String) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid,
            x,
        }
    }
}

/// A new private key.
#[must_use]
pub fn generate() -> Pkcs8 {
    let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1());
    let der = der.expect("an Ed25519 key needs nothing but random bits");
    Pkcs8(der.as_ref().to_vec())
}

impl Signer {
    /// Reads a key that [`generate`] made.
    pub fn new(id: KeyId, Pkcs8(der): &Pkcs8) -> Result<Self, BadKey> {
        let kid = id.to_string();
        let bad = || BadKey { kid: kid.clone() };
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| bad())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| bad())?;
        Ok(Self {
            kid,
            public,
            key: EncodingKey::from_ed_der(der),
        })
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.kid.clone(), URL_SAFE_NO_PAD.encode(self.public))
    }

    /// A token that says `claims`.
    pub fn sign(&self, claims: &TokenClaims) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}
