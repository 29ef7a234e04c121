//! S3 buckets: who may upload to them from pages, and how long what is in them stays.

use serde::Deserialize;

use super::{
    Bucket, Cors, Lifetime, TemplateError,
    document::{Document, Resource},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BucketProperties {
    #[serde(default)]
    cors_configuration: CorsConfiguration,
    #[serde(default)]
    lifecycle_configuration: Lifecycle,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct CorsConfiguration {
    cors_rules: Vec<CorsRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CorsRule {
    allowed_origins: Vec<String>,
    allowed_methods: Vec<String>,
    #[serde(default)]
    allowed_headers: Vec<String>,
    #[serde(default)]
    exposed_headers: Vec<String>,
    max_age: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Lifecycle {
    rules: Vec<LifecycleRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LifecycleRule {
    status: String,
    #[serde(default)]
    prefix: String,
    expiration_in_days: Option<u32>,
}

pub(super) fn read(document: &Document<'_>) -> Result<Vec<Bucket>, TemplateError> {
    document.of_type("AWS::S3::Bucket").map(|resource| bucket(&resource)).collect()
}

fn bucket(resource: &Resource<'_>) -> Result<Bucket, TemplateError> {
    let properties: BucketProperties = resource.properties()?;
    let mut rules = properties.cors_configuration.cors_rules.into_iter();
    let cors = rules.next().map(cors).unwrap_or_default();
    if rules.next().is_some() {
        return Err(resource.unservable("CorsConfiguration", "only one rule is served; write one"));
    }
    let enabled =
        properties.lifecycle_configuration.rules.into_iter().filter(|rule| rule.status == "Enabled");
    let lifetimes = enabled.filter_map(|rule| {
        let LifecycleRule { prefix, expiration_in_days, .. } = rule;
        expiration_in_days.map(|days| Lifetime { prefix, days })
    });
    Ok(Bucket { name: resource.id.to_owned(), cors, lifetimes: lifetimes.collect() })
}

fn cors(rule: CorsRule) -> Cors {
    Cors {
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.iter().map(|name| name.to_lowercase()).collect(),
        exposed: rule.exposed_headers,
        credentials: false,
        max_age: rule.max_age,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::read;

    #[test]
    fn a_bucket_says_who_may_upload_and_how_long_things_stay() {
        let template = read(
            "
Resources:
  Files:
    Type: AWS::S3::Bucket
    Properties:
      CorsConfiguration: { CorsRules: [{ AllowedOrigins: ['https://shop.example'], AllowedMethods: [POST], AllowedHeaders: ['*'] }] }
      LifecycleConfiguration:
        Rules:
          - { Status: Enabled, Prefix: incoming/, ExpirationInDays: 1 }
          - { Status: Disabled, ExpirationInDays: 2 }
          - { Status: Enabled, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }
",
        )
        .unwrap();
        let bucket = &template.buckets[0];
        assert_eq!(bucket.cors.origins, ["https://shop.example"]);
        assert_eq!(bucket.lifetimes.len(), 1);
        assert_eq!((bucket.lifetimes[0].prefix.as_str(), bucket.lifetimes[0].days), ("incoming/", 1));
    }
}
