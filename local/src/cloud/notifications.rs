//! What the functions need to reach people: keys and addresses of what stands in for push services, SNS and SES here.
//!
//! A template without these parameters is served too.

use std::collections::BTreeMap;

use super::error::StartError;
use crate::{
    aws::{ACCOUNT, REGION},
    push_service::keys::VapidKeys,
    state::Store,
    template::{SourceKind, Template},
};

/// The parameter with the name of the secret that pushes are signed with.
const PRIVATE_KEY: &str = "PushVapidPrivateKeyParameter";

/// Telephones are registered with these applications of SNS, whose names in AWS begin alike.
const APPLICATIONS: [(&str, &str); 2] =
    [("PushSnsFcmArn", "app/GCM/shop"), ("PushSnsApnsArn", "app/APNS/shop")];

/// The shop's keys: made at the first start and kept with the data.
pub(super) fn vapid_keys(store: &Store) -> Result<VapidKeys, StartError> {
    if let Some(kept) = VapidKeys::kept(store)? {
        return Ok(kept);
    }
    let fresh = VapidKeys::generate()?;
    fresh.keep(store)?;
    Ok(fresh)
}

/// What the template's parameters are set to, if it has them and nobody says otherwise.
pub(super) fn parameters(http_url: &str, vapid: &VapidKeys) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        ("PushVapidPublicKey".to_owned(), vapid.public_key.clone()),
        ("PushEndpointOrigins".to_owned(), http_url.to_owned()),
        ("HttpApiUrl".to_owned(), http_url.to_owned()),
        ("EmailFrom".to_owned(), "shop@shop.example".to_owned()),
    ]);
    let applications = APPLICATIONS.iter().map(|(id, name)| ((*id).to_owned(), application_arn(name)));
    parameters.extend(applications);
    parameters
}

/// The applications that telephones register with: those that the template names, or else the local ones.
pub(super) fn applications(template: &Template) -> Vec<String> {
    let named = |id: &str| template.parameters.get(id).filter(|arn| !arn.is_empty()).cloned();
    APPLICATIONS.iter().map(|(id, name)| named(id).unwrap_or_else(|| application_arn(name))).collect()
}

/// The secret that pushes are signed with, by its name, if the template names it.
pub(super) fn private_key(template: &Template, vapid: &VapidKeys) -> Option<(String, String)> {
    let name = template.parameters.get(PRIVATE_KEY)?;
    Some((name.clone(), vapid.private_key.clone()))
}

/// The function that sends pushes: one that knows that secret's name, and of several the one that a queue feeds.
pub(super) fn pusher(template: &Template) -> String {
    let secret = template.parameters.get(PRIVATE_KEY);
    let knows = |function: &str| {
        let environment = template.functions.get(function).map(|function| &function.environment);
        secret.is_some_and(|secret| environment.is_some_and(|all| all.values().any(|value| value == secret)))
    };
    let from_queues = template.sources.iter().filter(|source| matches!(source.kind, SourceKind::Queue(_)));
    let candidates = from_queues.map(|source| &source.function).chain(template.functions.keys());
    candidates.into_iter().find(|function| knows(function)).map_or_else(|| "outside".to_owned(), Clone::clone)
}

fn application_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Function, Source};

    fn function(name: &str, variable: &str) -> (String, Function) {
        let environment = [("PUSH_VAPID_PRIVATE_KEY".to_owned(), variable.to_owned())].into();
        let (folder, timeout) = (name.to_lowercase(), std::time::Duration::from_secs(1));
        (name.to_owned(), Function { name: name.to_owned(), folder, environment, timeout })
    }

    fn fed(function: &str) -> Source {
        Source {
            function: function.to_owned(),
            kind: SourceKind::Queue("Work".to_owned()),
            batch_size: 1,
            maximum_retries: None,
            bisects: false,
            on_failure: None,
            filters: Vec::new(),
            maximum_concurrency: None,
            reports_failures: false,
        }
    }

    #[test]
    fn the_keys_stay_with_the_data() {
        let store = Store::in_memory().unwrap();
        let first = vapid_keys(&store).unwrap();
        assert_eq!(vapid_keys(&store).unwrap().public_key, first.public_key);
    }

    #[test]
    fn the_private_key_goes_where_the_template_says_and_nowhere_else() {
        let vapid = VapidKeys::generate().unwrap();
        let mut template = Template::default();
        assert!(private_key(&template, &vapid).is_none());
        template.parameters.insert(PRIVATE_KEY.to_owned(), "/shop/key".to_owned());
        let expected = ("/shop/key".to_owned(), vapid.private_key.clone());
        assert_eq!(private_key(&template, &vapid), Some(expected));
        assert!(!parameters("http://here", &vapid).values().any(|value| *value == vapid.private_key));
    }

    #[test]
    fn pushes_are_those_of_the_function_that_can_sign_them() {
        let mut template = Template::default();
        assert_eq!(pusher(&template), "outside");
        template.parameters.insert(PRIVATE_KEY.to_owned(), "/shop/key".to_owned());
        template.functions =
            [function("Asked", "/shop/key"), function("Fed", "/shop/key"), function("Other", "")].into();
        assert_eq!(pusher(&template), "Asked");
        template.sources = vec![fed("Other"), fed("Fed")];
        assert_eq!(pusher(&template), "Fed");
    }
}
