//! Puts the parts together, in the order in which they need one another: addresses, template, data, functions,
//! services, and what drives them.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::Ipv4Addr,
    sync::Arc,
};

use axum::Router;
use tokio::net::TcpListener;

use super::{
    Cloud, Options, endpoint,
    error::StartError,
    folder::{self, Folder},
    notifications,
    time::Drive,
    tokens::Tokens,
};
use crate::{
    aws::{ACCOUNT, Aws},
    control,
    dynamodb::Dynamo,
    functions, gateway, http_api,
    lambda::{Lambda, REGION},
    outbox::Outbox,
    part::{Invoke, Part},
    push_service::{PushService, keys::VapidKeys},
    s3::S3,
    schedules::Schedules,
    ses::Ses,
    site,
    sns::{Sns, Topics},
    sqs::{QueueSources, Sqs},
    ssm::Ssm,
    state::Store,
    streams::Streams,
    stripe::{Endpoint, FakeStripe},
    template::{Function, Surroundings, Template, TemplateError},
    ttl::Ttl,
    websocket_api::Sockets,
};

/// Where the webhooks of Stripe are received.
const WEBHOOKS: &str = "/api/v1/webhooks/stripe";

/// Where the fake Stripe is, on the port of the HTTP API.
const STRIPE: &str = "/_local/stripe";

/// Pages that may call both APIs, beside those that are served here.
const PAGES: &str = "http://localhost:3000,http://127.0.0.1:3000";

pub(super) async fn start(options: Options) -> Result<Arc<Cloud>, StartError> {
    let ports = Ports::bind(&options).await?;
    // No folder is made beside a template that is not there.
    let unreadable = |cause| TemplateError::Unreadable { file: options.template.as_path().into(), cause };
    std::fs::metadata(&options.template).map_err(unreadable)?;
    let folder = Folder::open(options.data.as_deref())?;
    let store = Store::open(&folder.state())?;
    folder::turn_as_kept(&store, &options.clock)?;
    let vapid = notifications::vapid_keys(&store)?;
    let mut template = Template::read(&options.template, &ports.surroundings(&options, &vapid))?;
    functions::deploy(&mut template.functions, &ports.aws_url);
    endpoint::name_callers(&mut template.functions, &format!("{}{STRIPE}", ports.http_url), &ports.aws_url);
    for skipped in &template.skipped {
        tracing::warn!(resource = skipped, "the template has a resource that is not served here");
    }
    let services = Services::open(&template, &folder, &store, &options, &vapid)?;
    let lambda = match &options.bootstraps {
        Some(directory) => Lambda::bootstraps(directory, template.functions.values())?,
        None => Lambda::in_process(functions::build(&template.functions, &options.clock)?),
    };
    let lambda = lambda.with_clock(options.clock.clone()).with_faults(Arc::clone(&services.aws.faults));
    assemble(options, ports, template, folder, store, services, lambda)
}

/// The sockets that are listened at, and the addresses that follow.
struct Ports {
    http: TcpListener,
    ws: TcpListener,
    aws: TcpListener,
    http_url: String,
    ws_url: String,
    aws_url: String,
    http_port: u16,
}

impl Ports {
    async fn bind(options: &Options) -> Result<Self, StartError> {
        let (http, http_port) = listen(options.http_port, "--http-port").await?;
        let (ws, ws_port) = listen(options.ws_port, "--ws-port").await?;
        let (aws, aws_port) = listen(0, "--http-port").await?;
        Ok(Self {
            http,
            ws,
            aws,
            http_url: format!("http://127.0.0.1:{http_port}"),
            ws_url: format!("ws://127.0.0.1:{ws_port}/ws"),
            aws_url: format!("http://127.0.0.1:{aws_port}"),
            http_port,
        })
    }

    /// What stands around the stack here. What the caller sets goes before what a local cloud chooses.
    fn surroundings(&self, options: &Options, vapid: &VapidKeys) -> Surroundings {
        let port = self.http_port;
        let chosen = [
            ("AllowedOrigins", format!("{PAGES},http://localhost:{port},http://127.0.0.1:{port}")),
            ("StripeApiBase", format!("{}{STRIPE}", self.http_url)),
            ("StripePublicKey", "pk_test_local".to_owned()),
            ("LogLevel", "warn".to_owned()),
            // There is no account here whose quota posts would have to keep under.
            ("PostsPerSecond", "0".to_owned()),
        ];
        let mut parameters = options.parameters.clone();
        for (name, value) in chosen {
            parameters.entry(name.to_owned()).or_insert(value);
        }
        Surroundings {
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            aws_endpoint: self.aws_url.clone(),
            http_url: self.http_url.clone(),
            ws_url: self.ws_url.clone(),
            parameters,
            suggestions: notifications::parameters(&self.http_url, vapid),
        }
    }
}

async fn listen(port: u16, option: &'static str) -> Result<(TcpListener, u16), StartError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { port, option },
        _ => StartError::Port { port, option, source },
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

/// What stands in for AWS and Stripe.
struct Services {
    aws: Arc<Aws>,
    outbox: Outbox,
    stripe: FakeStripe,
    tokens: Tokens,
    webhook_secrets: Vec<String>,
}

impl Services {
    fn open(
        template: &Template,
        folder: &Folder,
        store: &Store,
        options: &Options,
        vapid: &VapidKeys,
    ) -> Result<Self, StartError> {
        let clock = &options.clock;
        let (signing, jwt_secret) = secret_of(template, "JWT_SECRET")?;
        let (_, stripe_key) = secret_of(template, "STRIPE_SECRET_KEY")?;
        let (_, webhook_secret) = secret_of(template, "STRIPE_WEBHOOK_SECRET")?;
        // Kept with the data, so that tokens survive a restart; those that are there already stay.
        let mut secrets = BTreeMap::from([
            (jwt_secret.clone(), random_secret("")),
            (stripe_key, "sk_test_local".to_owned()),
            (webhook_secret.clone(), random_secret("whsec_local")),
        ]);
        secrets.extend(notifications::private_key(template, vapid));
        let outbox = Outbox::new(store.clone(), clock.clone());
        let sqs = Sqs::open(store.clone(), clock.clone(), &template.queues)?;
        let topics = Topics::new(&template.topics, &template.subscriptions, sqs.clone(), clock.clone());
        let applications = notifications::applications(template);
        let aws = Arc::new(Aws {
            dynamo: Dynamo::open(&folder.tables(), &template.tables)?,
            sns: Sns::new(store.clone(), outbox.clone(), topics.clone(), applications),
            ses: Ses::new(outbox.clone(), topics, template.mail_events.clone()),
            sqs,
            s3: S3::new(store.clone(), clock.clone(), folder.objects(), &template.buckets),
            ssm: Ssm::open(store.clone(), clock.clone(), &secrets)?,
            faults: Arc::default(),
            meter: Arc::default(),
        });
        let webhook_secrets = aws.ssm.value(&webhook_secret)?.into_iter().collect();
        Ok(Self {
            tokens: Tokens::as_expected(signing, jwt_secret, Arc::clone(&aws), clock.clone()),
            stripe: FakeStripe::open(store.clone(), clock.clone())?,
            aws,
            outbox,
            webhook_secrets,
        })
    }
}

/// The function whose `variable` names a secret, and that name.
fn secret_of<'a>(
    template: &'a Template,
    variable: &'static str,
) -> Result<(&'a Function, String), StartError> {
    let functions = template.functions.values();
    let mut named = functions.filter_map(|function| Some((function, function.environment.get(variable)?)));
    let (function, name) = named.next().ok_or(StartError::NoSecret(variable))?;
    Ok((function, name.clone()))
}

fn random_secret(prefix: &str) -> String {
    format!("{prefix}{}", hex::encode(rand::random::<[u8; 32]>()))
}

fn assemble(
    options: Options,
    ports: Ports,
    template: Template,
    folder: Folder,
    store: Store,
    services: Services,
    lambda: Lambda,
) -> Result<Arc<Cloud>, StartError> {
    let Services { aws, outbox, stripe, tokens, webhook_secrets } = services;
    let clock = options.clock;
    let push = PushService::new(
        (store.clone(), clock.clone()),
        outbox.clone(),
        (Arc::clone(&aws.faults), Arc::clone(&aws.meter)),
        &ports.http_url,
        notifications::pusher(&template),
    );
    let sockets = Sockets::new(template.websocket.clone(), lambda.clone(), clock.clone());
    serve(ports.aws, endpoint::router(&aws, stripe.clone(), sockets.connections()));
    serve(ports.ws, sockets.router());
    stripe.deliver_to(Some(Endpoint {
        url: format!("{}{WEBHOOKS}", ports.http_url),
        secrets: webhook_secrets,
    }));
    let invoke: Arc<dyn Invoke> = Arc::new(lambda.clone());
    let streams = Streams::start(
        aws.dynamo.clone(),
        store.clone(),
        clock.clone(),
        Arc::clone(&invoke),
        aws.sqs.clone(),
        &template.sources,
    )?;
    let queues = QueueSources::start(aws.sqs.clone(), Arc::clone(&invoke), &template.sources);
    let parts: Vec<(&'static str, Arc<dyn Part>)> = vec![
        ("streams", streams),
        ("queues", queues),
        ("schedules", Arc::new(Schedules::new(&clock, invoke, &template.schedules)?)),
        ("expiry", Arc::new(Ttl::new(aws.dynamo.clone(), &template.tables))),
        ("sockets", Arc::new(sockets.clone())),
        ("stripe", Arc::new(stripe.clone())),
    ];
    let drive = Drive::new(clock.clone(), lambda.clone(), parts);
    if options.ticking {
        drive.tick();
    }
    let cloud = Arc::new(Cloud {
        http_url: ports.http_url,
        ws_url: ports.ws_url,
        aws_url: ports.aws_url,
        clock: clock.clone(),
        aws,
        lambda: lambda.clone(),
        sockets,
        outbox,
        stripe,
        push,
        tokens,
        drive,
        http_routes: template.http.routes.clone(),
        websocket_routes: template.websocket.routes,
        functions: template.functions,
        store,
        folder,
    });
    let api = http_api::router(&template.http, lambda, clock, site::site());
    let router = Router::new().nest("/_local", control::router(&cloud)).fallback_service(api);
    serve(ports.http, router);
    Ok(cloud)
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move {
        if let Err(error) = gateway::serve(listener, router).await {
            tracing::error!(%error, "a port is no longer served");
        }
    });
}
