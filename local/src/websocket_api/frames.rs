//! What becomes of one message: its route, the function or the template behind it, and the answer.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    gateway,
    template::{WebSocketApi, WebSocketRoute, WebSocketTarget},
    work::UnderWay,
};

use super::{
    Sockets,
    event::{About, Occasion},
    socket::Socket,
};

/// How long an integration may take (AWS: 29 s).
const INTEGRATION_LIMIT: Duration = Duration::from_secs(29);

impl Sockets {
    /// Handles one message of a client, to the end of its answer. `under_way` is what that is to `is_busy`.
    pub(super) async fn handle(self, socket: Arc<Socket>, message: Utf8Bytes, under_way: UnderWay) {
        let found = route(&self.api, &message);
        let about = About {
            connection_id: socket.id.clone(),
            connected_at: socket.connected_at,
            caller: socket.caller.clone(),
            now: self.clock.now(),
            request_id: gateway::new_id(),
            occasion: Occasion::Message {
                route: found.map_or("$default", |(key, _)| key).to_owned(),
                message_id: gateway::new_id(),
            },
        };
        let answer = match found {
            None => Some(about.failed("Forbidden")),
            Some((_, route)) => self.answer(route, &about, &message).await.unwrap_or_else(Some),
        };
        if let Some(answer) = answer {
            self.reply(&socket, answer);
        }
        drop(under_way);
    }

    /// What goes back to the client: a route's answer, if it has one and the route responds, or an error.
    async fn answer(
        &self,
        route: &WebSocketRoute,
        about: &About,
        message: &str,
    ) -> Result<Option<String>, String> {
        let answer = match &route.target {
            WebSocketTarget::Mock(template) => Some(rendered(template, &about.context(), message)),
            WebSocketTarget::Function(function) => {
                let invocation = self.lambda.invoke(function, about.message(message));
                let answer = tokio::time::timeout(INTEGRATION_LIMIT, invocation).await;
                let answer = answer.map_err(|_| about.failed("Endpoint request timed out"))?;
                let answer = answer.map_err(|error| {
                    tracing::error!(function, %error, "a function failed");
                    about.failed("Internal server error")
                })?;
                body(answer).map_err(|answer| {
                    tracing::error!(function, %answer, "a function's answer is not one that API Gateway understands");
                    about.failed("Internal server error")
                })?
            }
        };
        Ok(answer.filter(|answer| route.responds && !answer.is_empty()))
    }

    fn reply(&self, socket: &Socket, text: String) {
        if socket.post(text.into(), self.work.begin(), self.clock.now()).is_ok() {
            self.counters.answered();
        } else {
            tracing::debug!(connection_id = socket.id, "an answer came after its connection ended");
        }
    }
}

impl About {
    /// API Gateway's own message to a client whose message came to nothing.
    fn failed(&self, text: &str) -> String {
        json!({"message": text, "connectionId": self.connection_id, "requestId": self.request_id}).to_string()
    }
}

/// The route that takes a message: the one that the selection expression names, else `$default`.
fn route<'a>(api: &'a WebSocketApi, message: &str) -> Option<(&'a str, &'a WebSocketRoute)> {
    let selected = selected(&api.selection, message);
    // A client must not be able to name the routes of its own connection.
    let selected = selected.filter(|key| !key.starts_with('$'));
    let named = selected.and_then(|key| api.routes.get_key_value(&key));
    let found = named.or_else(|| api.routes.get_key_value("$default"));
    found.map(|(key, route)| (key.as_str(), route))
}

/// What the selection expression, `$request.body.<path>`, reads from a message.
fn selected(expression: &str, message: &str) -> Option<String> {
    let path = expression.trim_matches(['$', '{', '}']).strip_prefix("request.body.")?;
    let message: Value = serde_json::from_str(message).ok()?;
    text(&message, path).map(Cow::into_owned)
}

/// The scalar at a dotted path.
fn text<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    let found = path.split('.').try_fold(value, |value, step| value.get(step))?;
    match found {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(found.to_string())),
        _ => None,
    }
}

/// The body of a proxy integration's answer; the answer itself if it is none.
fn body(answer: Value) -> Result<Option<String>, Value> {
    let is_proxy_answer =
        answer.get("statusCode").is_some_and(|status| status.is_u64() || status.is_string());
    match answer.get("body") {
        None | Some(Value::Null) if is_proxy_answer => Ok(None),
        Some(Value::String(body)) if is_proxy_answer => Ok(Some(body.clone())),
        _ => Err(answer),
    }
}

/// A MOCK integration's response template with its variables filled in: `$context.…` and `$input.body`, also in braces.
/// What a variable does not name is empty, as in API Gateway.
fn rendered(template: &str, context: &Value, message: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let inner = after.strip_prefix('{').unwrap_or(after);
        let is_name = |byte: char| byte.is_ascii_alphanumeric() || byte == '.' || byte == '_';
        let end = inner.find(|byte| !is_name(byte)).unwrap_or(inner.len());
        let (name, tail) = inner.split_at(end);
        // A full stop behind a variable ends a sentence.
        let trimmed = name.trim_end_matches('.');
        let value = match trimmed.split_once('.') {
            Some(("context", path)) => Some(self::text(context, path).unwrap_or_default()),
            Some(("input", "body")) => Some(Cow::Borrowed(message)),
            _ => None,
        };
        let Some(value) = value else {
            text.push('$');
            rest = after;
            continue;
        };
        text.push_str(&value);
        text.push_str(&name[trimmed.len()..]);
        rest = if after.starts_with('{') { tail.strip_prefix('}').unwrap_or(tail) } else { tail };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn taken(selection: &str, message: &str) -> Option<String> {
        let route = WebSocketRoute { target: WebSocketTarget::Mock(String::new()), responds: true };
        let keys = ["$connect", "$disconnect", "$default", "ping", "7"];
        let routes: BTreeMap<_, _> = keys.iter().map(|key| ((*key).to_owned(), route.clone())).collect();
        let api = WebSocketApi { selection: selection.to_owned(), routes };
        super::route(&api, message).map(|(key, _)| key.to_owned())
    }

    #[test]
    fn a_message_goes_to_the_route_that_it_names() {
        assert_eq!(taken("$request.body.type", r#"{"type":"ping"}"#).unwrap(), "ping");
        assert_eq!(taken("${request.body.type}", r#"{"type":"ping"}"#).unwrap(), "ping");
        assert_eq!(taken("$request.body.meta.kind", r#"{"meta":{"kind":7}}"#).unwrap(), "7");
    }

    #[test]
    fn every_other_message_goes_to_the_default_route() {
        for message in
            ["", "ping", "[]", "{}", r#"{"type":null}"#, r#"{"type":"pong"}"#, r#"{"type":"$connect"}"#]
        {
            assert_eq!(taken("$request.body.type", message).unwrap(), "$default", "{message}");
        }
    }

    #[test]
    fn a_template_is_filled_in() {
        let context = json!({"requestTimeEpoch": 5, "identity": {"sourceIp": "::1"}});
        let template = r#"{"at":$context.requestTimeEpoch,"from":"${context.identity.sourceIp}","no":"$context.nothing","cost":"$5","said":$input.body}."#;
        let filled = r#"{"at":5,"from":"::1","no":"","cost":"$5","said":{"a":1}}."#;
        assert_eq!(rendered(template, &context, r#"{"a":1}"#), filled);
        assert_eq!(rendered("at $context.requestTimeEpoch.", &context, ""), "at 5.");
        assert_eq!(rendered("$", &context, ""), "$");
    }

    #[test]
    fn an_answer_without_a_status_or_with_a_body_that_is_no_text_is_malformed() {
        assert_eq!(body(json!({"statusCode": 200, "body": "x"})), Ok(Some("x".to_owned())));
        assert_eq!(body(json!({"statusCode": 200})), Ok(None));
        for answer in [json!(null), json!({"body": "x"}), json!({"statusCode": 200, "body": {}})] {
            assert_eq!(body(answer.clone()), Err(answer));
        }
    }
}
