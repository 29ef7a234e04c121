//! Forms by which S3 takes an upload from a browser: a policy that says what may be uploaded, signed (Signature Version 4).
//!
//! The SDK has none of that. See "Browser-based uploads using POST" in the reference of S3's API.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use contract::http::attachments::UploadView;
use domain::chat::FileType;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;
use sha2::Sha256;

use super::Files;
use crate::aws::AwsAccess;

/// What may be uploaded.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// Under this key.
    pub key: &'a str,
    /// Of this type.
    pub kind: FileType,
    /// At most so many bytes, and at least one.
    pub size: u64,
}

impl Files {
    /// A form with which this can be uploaded until it expires.
    pub(crate) fn form(&self, upload: Upload<'_>, now: Timestamp, lasts: SignedDuration) -> UploadView {
        let until = now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let day = now.strftime("%Y%m%d").to_string();
        let credential =
            format!("{}/{day}/{}/s3/aws4_request", self.access.access_key_id, self.access.region);
        let mut fields = BTreeMap::from([
            ("key", upload.key.to_owned()),
            ("Content-Type", upload.kind.mime_type().to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", credential),
            ("x-amz-date", now.strftime("%Y%m%dT%H%M%SZ").to_string()),
        ]);
        if let Some(token) = &self.access.session_token {
            fields.insert("x-amz-security-token", token.expose_secret().to_owned());
        }
        // Every field must be in the policy, and is there with the one value that it may have.
        let mut conditions: Vec<_> = fields.iter().map(|(name, value)| json!({ *name: value })).collect();
        conditions.push(json!({ "bucket": self.bucket }));
        conditions.push(json!(["content-length-range", 1, upload.size]));
        let expiration = until.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let policy = json!({ "expiration": expiration, "conditions": conditions }).to_string();
        let policy = BASE64_STANDARD.encode(policy);
        fields.insert("x-amz-signature", signature(&self.access, &day, &policy));
        fields.insert("policy", policy);
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        UploadView { url: self.address(), fields, expires_at: until }
    }

    /// Where the bucket answers.
    fn address(&self) -> String {
        let (bucket, region) = (&self.bucket, &self.access.region);
        match &self.access.endpoint {
            Some(endpoint) => format!("{endpoint}/{bucket}"),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com/"),
        }
    }
}

fn signature(access: &AwsAccess, day: &str, signed: &str) -> String {
    let secret = format!("AWS4{}", access.secret_access_key.expose_secret());
    let steps = [day, &access.region, "s3", "aws4_request", signed];
    hex::encode(steps.iter().fold(secret.into_bytes(), |key, step| keyed(&key, step)))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    hash.update(text.as_bytes());
    hash.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    /// The policy and the signature of the example in the reference of S3's API ("Example: Browser-based upload using HTTP
    /// POST").
    #[test]
    fn the_signature_is_that_of_the_example_of_aws() {
        let access = AwsAccess {
            region: "us-east-1".into(),
            endpoint: None,
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: SecretString::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
        };
        let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
        assert_eq!(
            signature(&access, "20151229", policy),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }
}
