//! The template of this repository, as the local cloud reads it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test is the error report")]

use std::{collections::BTreeMap, path::Path, time::Duration};

use local::template::{HttpTarget, Projection, SourceKind, Surroundings, Template, WebSocketTarget};

fn surroundings() -> Surroundings {
    Surroundings {
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        aws_endpoint: "http://127.0.0.1:4566".to_owned(),
        http_url: "http://127.0.0.1:3001".to_owned(),
        ws_url: "ws://127.0.0.1:3002/ws".to_owned(),
        parameters: BTreeMap::from([(
            "StripeApiBase".to_owned(),
            "http://127.0.0.1:3001/_local/stripe".to_owned(),
        )]),
        suggestions: BTreeMap::new(),
    }
}

fn template() -> Template {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    Template::read(&path, &surroundings()).unwrap()
}

fn routes_of<'a>(template: &'a Template, function: &str) -> Vec<&'a str> {
    let target = HttpTarget::Function(function.to_owned());
    let routes = template.http.routes.iter().filter(|route| route.target == target);
    routes.map(|route| route.key.as_str()).collect()
}

#[test]
fn every_function_is_built_from_the_folder_of_its_name() {
    let template = template();
    let folders: Vec<_> = template.functions.values().map(|function| function.folder.as_str()).collect();
    assert_eq!(
        folders,
        [
            "catalog",
            "chat",
            "fanout",
            "inventory",
            "notifications",
            "notifier",
            "orders",
            "payments",
            "platform",
            "relay",
            "stripe-webhook",
            "sweeper",
            "ws-connect",
            "ws-disconnect",
            "ws-message",
        ]
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().file_name().into_string().unwrap();
        assert!(folders.contains(&folder.as_str()), "functions/{folder} is not in the template");
    }
}

#[test]
fn no_resource_is_overlooked() {
    assert_eq!(template().skipped, [""; 0]);
}

#[test]
fn tables_have_the_keys_indexes_and_streams_that_the_code_relies_on() {
    let template = template();
    let tables: BTreeMap<_, _> = template.tables.iter().map(|table| (table.name.as_str(), table)).collect();
    let described: Vec<_> = tables
        .values()
        .map(|table| {
            assert_eq!(table.keys, ("pk".to_owned(), Some("sk".to_owned())));
            assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
            let indexes: Vec<_> = table
                .indexes
                .iter()
                .map(|index| {
                    assert_eq!(index.projection, Projection::KeysOnly);
                    format!("{}({}, {})", index.name, index.keys.0, index.keys.1.as_deref().unwrap())
                })
                .collect();
            (table.name.as_str(), table.has_stream, indexes.join(" "))
        })
        .collect();
    let due = "due(due, due_at)";
    let by_shop = "by_shop(listing, listed_at)";
    assert_eq!(
        described,
        [
            ("CatalogTable", true, by_shop.to_owned()),
            (
                "ChatTable",
                true,
                format!("{due} {by_shop} by_status(status_key, listed_at) by_agent(agent_key, listed_at)")
            ),
            ("CustomersTable", true, String::new()),
            ("InventoryTable", true, due.to_owned()),
            ("NotificationsTable", true, format!("{due} listed(listed, listed_at)")),
            (
                "OrdersTable",
                true,
                format!("{due} by_status(status_key, listed_at) by_owner(owner_key, listed_at) {by_shop}")
            ),
            ("PlatformTable", true, due.to_owned()),
            ("RealtimeTable", false, String::new()),
        ]
    );
}

#[test]
fn queues_wait_six_timeouts_and_keep_what_fails() {
    let template = template();
    let fanout = template.queues.iter().find(|queue| queue.name == "FanoutQueue").unwrap();
    assert!(fanout.visibility >= 6 * template.functions["Fanout"].timeout);
    assert_eq!(fanout.dead_letters, Some(("FanoutDeadLetters".to_owned(), 5)));
    let names: Vec<_> = template.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "FanoutDeadLetters",
            "FanoutQueue",
            "FeedbackDeadLetters",
            "FeedbackQueue",
            "NotifierDeadLetters",
            "NotifierQueue",
            "RelayDeadLetters",
            "SweeperDeadLetters",
        ]
    );
    assert_eq!(template.topics, ["AlertsTopic", "FeedbackTopic"]);
}

#[test]
fn what_becomes_of_mail_and_what_operators_are_told_reaches_a_queue() {
    let template = template();
    let told = template.mail_events.iter().find(|events| events.topic.is_some()).unwrap();
    assert_eq!(
        (told.configuration_set.as_str(), told.topic.as_deref()),
        ("MailEvents", Some("FeedbackTopic"))
    );
    let kinds: Vec<_> = told.kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["bounce", "complaint", "delivery", "reject"]);
    let subscriptions = template.subscriptions.iter();
    let mut listening: Vec<_> =
        subscriptions.map(|one| (one.topic.as_str(), one.queue.as_str(), one.is_raw)).collect();
    listening.sort_unstable();
    assert_eq!(
        listening,
        [("AlertsTopic", "FeedbackQueue", false), ("FeedbackTopic", "FeedbackQueue", true)]
    );
}

#[test]
fn relay_reads_the_journals_of_every_stream_and_levels_holds_and_talk_besides() {
    let template = template();
    let journal = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"j#"}]}}}}"#;
    let levels =
        r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"level#"}]}}}}"#;
    let holds = r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"reservation"}]}},"NewImage":{"order_id":{"S":[{"exists":false}]}}}}"#;
    let said = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"m#"}]}},"NewImage":{"as":{"S":["customer","agent"]}}}}"#;
    let agents =
        r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"agent-"}]}}}}"#;
    let told = r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"n#"}]}}}}"#;
    let mut streams = Vec::new();
    for source in template.sources.iter().filter(|source| source.function == "Relay") {
        let SourceKind::Stream(table) = &source.kind else { panic!("{:?}", source.kind) };
        streams.push(table.as_str());
        assert_eq!((source.batch_size, source.maximum_retries), (500, Some(8)));
        assert!(source.bisects && source.reports_failures);
        assert_eq!(source.on_failure.as_deref(), Some("RelayDeadLetters"));
        let expected = match table.as_str() {
            "InventoryTable" => vec![journal, levels, holds],
            "ChatTable" => vec![journal, said, agents],
            "NotificationsTable" => vec![journal, told],
            _ => vec![journal],
        };
        assert_eq!(source.filters, expected);
    }
    let with_stream: Vec<_> =
        template.tables.iter().filter(|table| table.has_stream).map(|table| table.name.as_str()).collect();
    streams.sort_unstable();
    assert_eq!(streams, with_stream);
}

#[test]
fn fanout_works_off_its_queue_and_sweeper_runs_every_minute() {
    let template = template();
    let fanout = template.sources.iter().find(|source| source.function == "Fanout").unwrap();
    assert_eq!(fanout.kind, SourceKind::Queue("FanoutQueue".to_owned()));
    assert_eq!((fanout.batch_size, fanout.maximum_concurrency), (10, Some(10)));
    assert!(fanout.reports_failures && fanout.filters.is_empty());
    let [sweep] = template.schedules.as_slice() else { panic!("{:?}", template.schedules) };
    assert_eq!((sweep.function.as_str(), sweep.expression.as_str()), ("Sweeper", "rate(1 minute)"));
    assert_eq!(sweep.name, "SweeperEveryMinute");
}

#[test]
fn http_routes_lead_to_the_functions_that_answer_them() {
    let template = template();
    // That each of them is a route of its function is checked where the functions are: `tests/src/repository`.
    for (function, route) in [
        ("Inventory", "DELETE /api/v1/inventory/reservations/{id}"),
        ("Orders", "POST /api/v1/orders/{id}/cancel"),
        ("Payments", "GET /api/v1/payments/{payment_id}"),
        ("Catalog", "PUT /api/v1/products/{id}"),
        ("StripeWebhook", "POST /api/v1/webhooks/stripe"),
        ("Platform", "GET /api/health"),
        ("Platform", "$default"),
    ] {
        assert!(routes_of(&template, function).contains(&route), "{function} {route}");
    }
    let mut site: Vec<_> = template
        .http
        .routes
        .iter()
        .filter_map(|route| match &route.target {
            HttpTarget::Site(path) => Some((route.key.as_str(), path.as_str())),
            HttpTarget::Function(_) => None,
        })
        .collect();
    site.sort_unstable();
    assert_eq!(
        site,
        [
            ("GET /asyncapi.json", "asyncapi.json"),
            ("GET /docs", "docs/index.html"),
            ("GET /docs/{proxy+}", "docs/{proxy}"),
            ("GET /openapi.json", "openapi.json"),
            ("GET /sw.js", "sw.js"),
        ]
    );
}

#[test]
fn the_socket_answers_frames_and_pongs_without_a_function() {
    let websocket = template().websocket;
    assert_eq!(websocket.selection, "$request.body.type");
    let function = |name: &str| WebSocketTarget::Function(name.to_owned());
    let pong = WebSocketTarget::Mock(r#"{"type":"pong","timestamp":$context.requestTimeEpoch}"#.to_owned());
    let routes: Vec<_> =
        websocket.routes.into_iter().map(|(key, route)| (key, route.target, route.responds)).collect();
    assert_eq!(
        routes,
        [
            ("$connect".to_owned(), function("WsConnect"), false),
            ("$default".to_owned(), function("WsMessage"), true),
            ("$disconnect".to_owned(), function("WsDisconnect"), false),
            ("heartbeat".to_owned(), pong.clone(), true),
            ("ping".to_owned(), pong, true),
        ]
    );
}

#[test]
fn addresses_come_out_as_local_ones() {
    let template = template();
    let relay = &template.functions["Relay"].environment;
    assert_eq!(relay["WS_ENDPOINT"], "http://127.0.0.1:4566");
    assert_eq!(relay["FANOUT_QUEUE_URL"], "http://127.0.0.1:4566/000000000000/FanoutQueue");
    assert_eq!(
        template.functions["Sweeper"].environment["ALERTS_TOPIC_ARN"],
        "arn:aws:sns:eu-west-1:000000000000:AlertsTopic"
    );
    assert_eq!(relay["TABLE_ORDERS"], "OrdersTable");
    assert_eq!(template.functions["Platform"].environment["WS_URL"], "ws://127.0.0.1:3002/ws");
    let payments = &template.functions["Payments"];
    assert_eq!(payments.environment["STRIPE_API_BASE"], "http://127.0.0.1:3001/_local/stripe");
    assert_eq!(payments.environment["STRIPE_SECRET_KEY"], "/shopwire/stripe-secret-key");
    assert_eq!(payments.environment["SHOPS"], "default");
    // An HTTP API gives up after 30 seconds.
    assert_eq!(payments.timeout, Duration::from_secs(29));
}

#[test]
fn pages_of_allowed_origins_may_send_what_the_contract_names() {
    let cors = template().http.cors;
    assert_eq!(cors.origins, ["http://localhost:3000"]);
    assert!(cors.headers.iter().any(|header| header == "idempotency-key"));
    assert!(cors.exposed.iter().any(|header| header == "retry-after"));
    assert!(!cors.credentials);
}

#[test]
fn every_function_that_an_api_calls_may_be_called_by_it() {
    let template = template();
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")).unwrap();
    let permitted = |function: &str, api: &str| {
        text.lines().any(|line| {
            line.contains("AWS::Lambda::Permission")
                && line.contains(&format!("FunctionName: !Ref {function},"))
                && line.contains(&format!("${{{api}}}/*"))
        })
    };
    for route in &template.http.routes {
        if let HttpTarget::Function(function) = &route.target {
            assert!(permitted(function, "HttpApi"), "{function} answers {} without permission", route.key);
        }
    }
    for (key, route) in &template.websocket.routes {
        if let WebSocketTarget::Function(function) = &route.target {
            assert!(permitted(function, "WebSocketApi"), "{function} answers {key} without permission");
        }
    }
}

#[test]
fn every_function_and_every_dead_letter_has_an_alarm() {
    let template = template();
    let alarms = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/alarms.yaml");
    let alarms = std::fs::read_to_string(alarms).unwrap();
    let dead_letters =
        template.queues.iter().map(|queue| &queue.name).filter(|name| name.ends_with("DeadLetters"));
    for name in template.functions.keys().chain(dead_letters) {
        assert!(
            alarms.contains(&format!("${{StackName}}-{name}'")),
            "{name} has no alarm in infra/alarms.yaml"
        );
    }
}
