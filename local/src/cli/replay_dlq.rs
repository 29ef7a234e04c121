//! `shopwire replay-dlq`: dead letters go back to the queue that they could not be taken from.

use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    error::{DisplayErrorContext, SdkError},
    operation::get_queue_url::GetQueueUrlError,
    types::Message,
};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;

use super::{Failure, client::Running, say};

/// The most messages of one receive.
const BATCH: u32 = 10;

/// Seconds that a receive may wait. Without it AWS asks only some of its machines, and an answer without messages would
/// not say that there are none.
const WAIT: i32 = 1;

#[derive(Debug, Args)]
pub(super) struct ReplayDlq {
    /// The queue with the dead letters; in AWS it begins with the stack's name
    #[arg(long, value_name = "NAME", default_value = "NotifierDeadLetters")]
    queue: String,
    /// Where they go [default: the queue whose dead letters they are]
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// How many to move at most [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Where SQS answers [default: the running local cloud]
    #[arg(long, value_name = "URL", conflicts_with = "aws")]
    endpoint: Option<String>,
    /// Do it in AWS, with the credentials and the region of the environment (AWS_ACCESS_KEY_ID and so on)
    #[arg(long)]
    aws: bool,
    #[command(flatten)]
    running: Running,
}

/// What `GET /_local/aws` answers.
#[derive(Deserialize)]
struct LocalAws {
    endpoint: String,
    region: String,
}

pub(super) async fn run(asked: ReplayDlq) -> Result<(), Failure> {
    let client = Client::from_conf(config(&asked).await?);
    let from = url_of(&client, &asked.queue).await?;
    let to = match &asked.to {
        Some(name) => url_of(&client, name).await?,
        None => source_of(&client, &asked.queue, &from).await?,
    };
    let mut moved = 0;
    let outcome = move_letters(&client, (&from, &to), asked.limit.unwrap_or(u32::MAX), &mut moved).await;
    let letters = if moved == 1 { "letter" } else { "letters" };
    say(format_args!("{moved} {letters} moved from {} to {}", asked.queue, name_of(&to)))?;
    outcome
}

/// Moves letters until there are none, or `limit` are moved. Each is sent before it is deleted: if this is cut off
/// between the two the letter is in both queues, and whoever takes it twice knows it by its own id.
async fn move_letters(
    client: &Client,
    (from, to): (&str, &str),
    limit: u32,
    moved: &mut u32,
) -> Result<(), Failure> {
    loop {
        let most = i32::try_from(BATCH.min(limit - *moved)).unwrap_or(i32::MAX);
        if most == 0 {
            return Ok(());
        }
        let receive = client.receive_message().queue_url(from).max_number_of_messages(most);
        let received = receive.wait_time_seconds(WAIT).message_attribute_names("All").send().await;
        let messages = received.map_err(failed)?.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(());
        }
        for message in messages {
            let receipt = message.receipt_handle.clone();
            send(client, to, message).await?;
            let delete = client.delete_message().queue_url(from).set_receipt_handle(receipt);
            delete.send().await.map_err(failed)?;
            *moved += 1;
        }
    }
}

async fn send(client: &Client, to: &str, message: Message) -> Result<(), Failure> {
    let Message { body, message_attributes, .. } = message;
    let send = client.send_message().queue_url(to).set_message_body(body);
    send.set_message_attributes(message_attributes).send().await.map(drop).map_err(failed)
}

async fn url_of(client: &Client, name: &str) -> Result<String, Failure> {
    let found = client.get_queue_url().queue_name(name).send().await.map_err(|error| match &error {
        SdkError::ServiceError(refused)
            if matches!(refused.err(), GetQueueUrlError::QueueDoesNotExist(_)) =>
        {
            Failure::refused(format!("there is no queue {name}; name one with --queue and --to"))
        }
        _ => failed(error),
    })?;
    found.queue_url.ok_or_else(|| Failure::failed(format!("the queue {name} has no address")))
}

/// The one queue whose dead letters these are.
async fn source_of(client: &Client, name: &str, url: &str) -> Result<String, Failure> {
    let sources = client.list_dead_letter_source_queues().queue_url(url).send().await.map_err(failed)?;
    match <[String; 1]>::try_from(sources.queue_urls) {
        Ok([source]) => Ok(source),
        Err(several) => Err(Failure::refused(format!(
            "{name} has the dead letters of {} queues; say with --to where they go",
            several.len()
        ))),
    }
}

async fn config(asked: &ReplayDlq) -> Result<Config, Failure> {
    let config = Config::builder().behavior_version(BehaviorVersion::latest());
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if asked.aws {
        let required =
            |name: &str| variable(name).ok_or_else(|| Failure::refused(format!("{name} is not set")));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = region.ok_or_else(|| Failure::refused("AWS_REGION is not set"))?;
        let (key, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
        return Ok(config.region(Region::new(region)).credentials_provider(credentials).build());
    }
    let LocalAws { endpoint, region } = match &asked.endpoint {
        Some(endpoint) => LocalAws { endpoint: endpoint.clone(), region: crate::aws::REGION.to_owned() },
        None => asked.running.send(asked.running.request(Method::GET, "/_local/aws")).await?,
    };
    let credentials = Credentials::new("ReplayDlq", crate::aws::SECRET, None, None, "local");
    let config = config.region(Region::new(region)).credentials_provider(credentials);
    Ok(config.endpoint_url(endpoint).build())
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

fn failed(error: impl std::error::Error) -> Failure {
    Failure::failed(DisplayErrorContext(error))
}
