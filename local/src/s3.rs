//! S3, as far as a private bucket for files needs it: objects are written, read and removed by functions, uploaded with signed
//! forms and downloaded by signed links.
//!
//! Requests of functions are let in by their signature's presence, as those to every other service here. What comes from
//! outside is checked as S3 does: signature, expiry, and everything that a form's policy says.

mod form;
mod objects;
mod signature;

use std::{collections::BTreeMap, path::PathBuf};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};

use self::objects::{NewObject, Object, Objects};
use crate::{
    aws::{
        request::{Call, Service, caller},
        wire::Refusal,
    },
    clock::TurnableClock,
    gateway::{lossy, percent_decoded, query_pairs, text},
    http_api::cors,
    state::Store,
    template::Bucket,
};

/// The storage service.
pub struct S3 {
    buckets: BTreeMap<String, Bucket>,
    objects: Objects,
    clock: TurnableClock,
}

/// What a request is about.
struct Place<'a> {
    bucket: &'a Bucket,
    key: String,
}

impl S3 {
    /// Objects are kept in `folder`, what is known of them in `store`.
    pub fn new(store: Store, clock: TurnableClock, folder: PathBuf, buckets: &[Bucket]) -> Self {
        let buckets = buckets.iter().map(|bucket| (bucket.name.clone(), bucket.clone())).collect();
        Self { buckets, objects: Objects::new(store, folder), clock }
    }

    /// What a request asks, if it is for one of the buckets.
    pub fn call(&self, parts: &Parts) -> Option<Call> {
        let Place { bucket, key } = self.place(parts)?;
        let operation = match (&parts.method, key.is_empty()) {
            (&Method::GET, false) => "GetObject",
            (&Method::HEAD, false) => "HeadObject",
            (&Method::PUT, false) => "PutObject",
            (&Method::DELETE, false) => "DeleteObject",
            (&Method::POST, true) => "PostObject",
            (&Method::OPTIONS, _) => "Preflight",
            _ => "Unknown",
        };
        Some(Call {
            service: Service::S3,
            operation: operation.to_owned(),
            tables: vec![bucket.name.clone()],
            function: caller(&parts.headers),
            acts: 0,
        })
    }

    /// Answers a request for one of the buckets.
    pub fn answer(&self, call: &Call, parts: &Parts, body: &Bytes) -> Response {
        let Some(place) = self.place(parts) else {
            return Refusal::new("NoSuchBucket", "The specified bucket does not exist").into_response(call);
        };
        let (rules, origin) = (&place.bucket.cors, parts.headers.get(header::ORIGIN));
        if parts.method == Method::OPTIONS {
            return cors::preflight(rules, origin);
        }
        let answered = self.act(call, &place, parts, body);
        let mut response = answered.unwrap_or_else(|refusal| refusal.into_response(call));
        cors::allow(rules, origin, &mut response);
        response
    }

    /// The first step of the path is the bucket: 127.0.0.1 has no host names for them.
    fn place(&self, parts: &Parts) -> Option<Place<'_>> {
        let path = parts.uri.path().strip_prefix('/')?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Some(Place { bucket: self.buckets.get(bucket)?, key: lossy(percent_decoded(key)) })
    }

    fn act(&self, call: &Call, place: &Place<'_>, parts: &Parts, body: &Bytes) -> Result<Response, Refusal> {
        if call.operation == "PostObject" {
            return self.upload(place.bucket, parts, body);
        }
        self.admit(parts)?;
        match call.operation.as_str() {
            "GetObject" | "HeadObject" => self.read(place, parts),
            "PutObject" => self.write(place, parts, body),
            "DeleteObject" => {
                self.objects.remove(place.bucket, &place.key)?;
                Ok(empty(StatusCode::NO_CONTENT))
            }
            _ => {
                let text = format!("{} {} is not served here", parts.method, parts.uri.path());
                Err(Refusal::new("NotImplemented", text).with_status(StatusCode::NOT_IMPLEMENTED))
            }
        }
    }

    /// Buckets are private: a request is signed in its head or in its address.
    fn admit(&self, parts: &Parts) -> Result<(), Refusal> {
        let is_signed = text(&parts.headers, &header::AUTHORIZATION)
            .is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "));
        if is_signed { Ok(()) } else { signature::check_link(parts, self.clock.now()) }
    }

    fn read(&self, place: &Place<'_>, parts: &Parts) -> Result<Response, Refusal> {
        let object =
            self.objects.find(place.bucket, &place.key, self.clock.now())?.ok_or_else(no_such_key)?;
        if parts.headers.get(header::IF_MATCH).is_some_and(|wanted| wanted != object.quoted_etag().as_str()) {
            let text = "At least one of the pre-conditions you specified did not hold";
            return Err(Refusal::new("PreconditionFailed", text).with_status(StatusCode::PRECONDITION_FAILED));
        }
        let body = match parts.method {
            Method::HEAD => Body::empty(),
            _ => Body::from(self.objects.read(&object)?),
        };
        let mut response = Response::new(body);
        describe(response.headers_mut(), &object)?;
        // What a link says of the answer is part of what was signed.
        for (name, value) in query_pairs(parts.uri.query().unwrap_or_default()) {
            match name.as_str() {
                "response-content-type" => set(response.headers_mut(), header::CONTENT_TYPE, &value)?,
                "response-content-disposition" => {
                    set(response.headers_mut(), header::CONTENT_DISPOSITION, &value)?;
                }
                _ => {}
            }
        }
        Ok(response)
    }

    fn write(&self, place: &Place<'_>, parts: &Parts, body: &Bytes) -> Result<Response, Refusal> {
        let head = |name: &HeaderName| text(&parts.headers, name);
        if parts.headers.contains_key("x-amz-copy-source")
            || head(&header::CONTENT_ENCODING).is_some_and(|coding| coding.contains("aws-chunked"))
        {
            let text = "neither copies nor chunked bodies are served here";
            return Err(Refusal::new("NotImplemented", text).with_status(StatusCode::NOT_IMPLEMENTED));
        }
        let new = NewObject {
            bytes: body,
            content_type: head(&header::CONTENT_TYPE),
            disposition: head(&header::CONTENT_DISPOSITION),
        };
        let object = self.objects.write(place.bucket, &place.key, &new, self.clock.now())?;
        let mut response = empty(StatusCode::OK);
        set(response.headers_mut(), header::ETAG, &object.quoted_etag())?;
        Ok(response)
    }

    fn upload(&self, bucket: &Bucket, parts: &Parts, body: &Bytes) -> Result<Response, Refusal> {
        let form = form::read(&parts.headers, body)?;
        form.check(&bucket.name, self.clock.now())?;
        let key = form.field("key").ok_or_else(|| {
            Refusal::new("InvalidArgument", "Bucket POST must contain a field named 'key'.")
        })?;
        let content_type = form.field("content-type").map(str::to_owned);
        let new = NewObject { bytes: form.file(), content_type, disposition: None };
        let object = self.objects.write(bucket, key, &new, self.clock.now())?;
        let status = match form.field("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let mut response = empty(status);
        set(response.headers_mut(), header::ETAG, &object.quoted_etag())?;
        Ok(response)
    }
}

fn describe(headers: &mut HeaderMap, object: &Object) -> Result<(), Refusal> {
    set(headers, header::ETAG, &object.quoted_etag())?;
    set(headers, header::CONTENT_LENGTH, &object.size.to_string())?;
    set(headers, header::CONTENT_TYPE, object.content_type.as_deref().unwrap_or("binary/octet-stream"))?;
    let modified = object.modified_at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    set(headers, header::LAST_MODIFIED, &modified)?;
    match &object.disposition {
        Some(disposition) => set(headers, header::CONTENT_DISPOSITION, disposition),
        None => Ok(()),
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Refusal> {
    let value = HeaderValue::from_str(value);
    let value = value.map_err(|_| Refusal::new("InvalidArgument", format!("{name} cannot be a header")))?;
    headers.insert(name, value);
    Ok(())
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn no_such_key() -> Refusal {
    Refusal::new("NoSuchKey", "The specified key does not exist.").with_status(StatusCode::NOT_FOUND)
}

fn denied(message: impl Into<String>) -> Refusal {
    Refusal::new("AccessDenied", message).with_status(StatusCode::FORBIDDEN)
}
