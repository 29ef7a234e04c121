//! What people do with what is sent to them, over the control routes, and the template's way of it back to the shop.

use local::cloud::Options;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    control::{ask, post},
    shop::{Shop, template},
};

/// A shop of the template whose feedback goes to a queue that no function takes it from.
async fn shop() -> Shop {
    let text = std::fs::read_to_string(template()).unwrap();
    let (taken, kept) = ("Endpoint: !GetAtt FeedbackQueue.Arn", "Endpoint: !GetAtt FeedbackDeadLetters.Arn");
    assert!(text.contains(taken));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    std::fs::write(&file, text.replace(taken, kept)).unwrap();
    Shop::with(Options::ephemeral(file)).await
}

/// One form of SNS or mail of SES, as a function would send it.
async fn send(shop: &Shop, path: &str, body: String) -> Value {
    let url = format!("{}{path}", shop.cloud.aws_url());
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

async fn mail(shop: &Shop, set: Option<&str>) -> String {
    let text = |text: &str| json!({ "Data": text });
    let mail = json!({
        "FromEmailAddress": "shop@shop.example",
        "Destination": { "ToAddresses": ["ana@example.com"] },
        "ConfigurationSetName": set,
        "Content": { "Simple": { "Subject": text("hi"), "Body": { "Text": text("hello") } } },
    });
    let sent = send(shop, "/v2/email/outbound-emails", mail.to_string()).await;
    sent["MessageId"].as_str().unwrap().to_owned()
}

/// What lies in that queue, oldest first.
fn told(shop: &Shop) -> Vec<Value> {
    let messages = shop.cloud.queues().receive("FeedbackDeadLetters", 10, None).unwrap();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

#[tokio::test]
async fn mail_comes_back_on_request() {
    let shop = shop().await;
    let id = mail(&shop, Some("MailEvents")).await;
    let path = format!("/mail/{id}/events");
    let (status, event) = post(&shop, &path, json!({ "type": "bounce", "bounce_type": "Transient" })).await;
    assert_eq!((status, &event["bounce"]["bounceType"]), (StatusCode::OK, &json!("Transient")));
    assert_eq!(post(&shop, &path, json!({ "type": "complaint" })).await.0, StatusCode::OK);
    let events = told(&shop);
    let kinds: Vec<_> = events.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Delivery", "Bounce", "Complaint"]);
    assert!(events.iter().all(|event| event["mail"]["messageId"] == id.as_str()));

    let quiet = format!("/mail/{}/events", mail(&shop, None).await);
    assert_eq!(post(&shop, &quiet, json!({ "type": "bounce" })).await.0, StatusCode::CONFLICT);
    assert_eq!(post(&shop, "/mail/none/events", json!({ "type": "bounce" })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&shop, &path, json!({ "type": "lost" })).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_text_message_is_answered_on_request() {
    let shop = shop().await;
    let reply = json!({ "from": "+4915112345678", "text": "STOP" });
    let (status, notice) = post(&shop, "/sms/replies", reply).await;
    assert_eq!((status, &notice["messageKeyword"]), (StatusCode::OK, &json!("STOP")));
    assert_eq!(told(&shop), [notice]);
    let wrong = json!({ "from": "4915112345678", "text": "STOP" });
    assert_eq!(post(&shop, "/sms/replies", wrong).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_device_is_disabled_on_request() {
    let shop = shop().await;
    let disable = async |token: &str| {
        let body = json!({ "token": token, "is_enabled": false }).to_string();
        ask(&shop, Method::PUT, "/devices", &[], &body).await
    };
    assert_eq!(disable("t").await.0, StatusCode::NOT_FOUND);
    let application = "arn%3Aaws%3Asns%3Aeu-west-1%3A000000000000%3Aapp%2FGCM%2Fshop";
    let create = format!("Action=CreatePlatformEndpoint&Token=t&PlatformApplicationArn={application}");
    send(&shop, "/", create).await;
    let done = json!({ "token": "t", "is_enabled": false, "is_known": null });
    assert_eq!(disable("t").await, (StatusCode::OK, done));
}
