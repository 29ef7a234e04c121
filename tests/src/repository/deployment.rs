//! What `template.yaml` promises, and what the code expects of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    files, folders_in, read,
    yaml::{functions, list, properties, resources, template, word},
};

/// `ws-connect` is `WsConnect`.
fn logical_id(folder: &str) -> String {
    let capital = |part: &str| format!("{}{}", part[..1].to_uppercase(), &part[1..]);
    folder.split('-').map(capital).collect()
}

fn seconds(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number of seconds"))
}

/// The event sources of a function, of one type.
fn events<'a>(function: &'a Value, kind: &str) -> Vec<&'a Value> {
    let events = function["Events"].as_object().into_iter().flatten();
    events.filter(|(_, event)| event["Type"] == kind).map(|(_, event)| &event["Properties"]).collect()
}

/// `OrdersTable` of `OrdersTable.Arn`.
fn owner(value: &Value) -> String {
    word(value).split('.').next().unwrap().to_owned()
}

#[test]
fn every_folder_of_a_function_is_a_resource_and_the_reverse() {
    let deployed: BTreeMap<_, _> = functions()
        .into_iter()
        .map(|(id, function)| (id.to_owned(), function["CodeUri"].as_str().unwrap().to_owned()))
        .collect();
    let written: BTreeMap<_, _> = folders_in("functions")
        .into_iter()
        .map(|folder| (logical_id(&folder), format!("functions/{folder}")))
        .collect();
    assert_eq!(deployed, written);
    for (id, function) in functions() {
        let binary = &template()["Resources"][id]["Metadata"]["BuildProperties"]["Binary"];
        assert_eq!(format!("functions/{}", word(binary)), word(&function["CodeUri"]), "{id}");
    }
}

#[test]
fn every_function_has_a_role_and_a_log_of_its_own() {
    for (id, function) in functions() {
        assert_eq!(word(&function["Role"]), format!("{id}Role.Arn"));
        assert_eq!(word(&function["LoggingConfig"]["LogGroup"]), format!("{id}Logs"));
        let retention = &properties(&format!("{id}Logs"))["RetentionInDays"];
        assert_eq!(word(retention), "LogRetentionDays", "{id} keeps its log for ever");
    }
}

#[test]
fn every_table_is_billed_by_use_expires_rows_and_can_be_restored() {
    for (id, table) in resources("AWS::DynamoDB::Table") {
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{id}");
        assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "expires_at", "{id}");
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(*recovery, true, "{id}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
        assert_eq!(template()["Resources"][id]["DeletionPolicy"], "Retain", "{id}");
    }
}

/// Partition and sort attribute of a table or an index.
fn keys(of: &Value) -> (String, String) {
    let name = |kind: &str| {
        let keys = list(&of["KeySchema"]).into_iter();
        word(&keys.clone().find(|key| key["KeyType"] == kind).unwrap()["AttributeName"])
    };
    (name("HASH"), name("RANGE"))
}

#[test]
fn tables_have_the_keys_that_the_code_builds() {
    for (id, table) in resources("AWS::DynamoDB::Table") {
        assert_eq!(keys(table), ("pk".into(), "sk".into()), "{id}");
    }
}

/// The words in quotes in the first `count` of `text`.
fn quoted(text: &str, count: usize) -> Vec<String> {
    text.split('"').skip(1).step_by(2).take(count).map(String::from).collect()
}

#[test]
fn indexes_have_the_keys_that_queries_name() {
    let mut queried = BTreeMap::new();
    for file in files("shared/app/src/store", ".rs") {
        let source = read(&file);
        // Calls only: the declaration has no quotes.
        for call in source.split(".on_index(").skip(1) {
            let [index, partition, sort] = quoted(call, 3).try_into().unwrap();
            queried.insert(index, (partition, sort));
        }
    }
    let mut declared = BTreeMap::new();
    for (id, table) in resources("AWS::DynamoDB::Table") {
        for index in list(&table["GlobalSecondaryIndexes"]) {
            let keys = keys(index);
            let earlier = declared.insert(word(&index["IndexName"]), keys.clone());
            assert!(
                earlier.is_none_or(|earlier| earlier == keys),
                "{id} has other keys for an index of that name"
            );
        }
    }
    assert_eq!(declared, queried);
}

#[test]
fn a_queue_hides_a_message_six_times_as_long_as_its_function_may_take() {
    for (id, function) in functions() {
        for source in events(function, "SQS") {
            let queue = properties(&owner(&source["Queue"]));
            let hidden = seconds(&queue["VisibilityTimeout"]);
            assert!(hidden >= 6 * seconds(&function["Timeout"]), "{id}: {hidden} s");
            assert!(queue["RedrivePolicy"].is_object(), "{id}: a message that fails for good is lost");
            assert_eq!(source["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{id}");
        }
    }
}

#[test]
fn what_a_stream_cannot_deliver_is_kept() {
    for (id, function) in functions() {
        for source in events(function, "DynamoDB") {
            assert!(!owner(&source["DestinationConfig"]["OnFailure"]["Destination"]).is_empty());
            assert_eq!(source["BisectBatchOnFunctionError"], true, "{id}");
            assert_eq!(source["StartingPosition"], "TRIM_HORIZON", "{id}");
            assert!(source["MaximumRetryAttempts"].is_u64(), "{id} tries for ever");
            assert_eq!(source["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{id}");
            assert!(source["FilterCriteria"].is_object(), "{id} runs for rows it has no use for");
            let table = properties(&owner(&source["Stream"]));
            assert_eq!(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES", "{id}");
        }
    }
}

#[test]
fn what_is_called_without_being_waited_for_leaves_dead_letters() {
    for (id, function) in functions() {
        if events(function, "Schedule").is_empty() {
            continue;
        }
        let failed = &function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"];
        assert_eq!(properties(&owner(failed))["MessageRetentionPeriod"], 1_209_600, "{id}");
    }
}

#[test]
fn every_dead_letter_queue_keeps_letters_for_two_weeks() {
    let queues = resources("AWS::SQS::Queue").into_iter();
    for (id, queue) in queues.filter(|(id, _)| id.ends_with("DeadLetters")) {
        assert_eq!(queue["MessageRetentionPeriod"], 1_209_600, "{id}");
    }
}

#[test]
fn routes_of_the_template_are_those_of_the_functions() {
    let mut documented = BTreeSet::new();
    for (folder, document) in local::functions::documents() {
        let document = serde_json::to_value(&document).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            documented.extend(
                methods.map(|method| format!("{} {path} {}", method.to_uppercase(), logical_id(folder))),
            );
        }
    }
    let function = |route: &Value| {
        let integration = word(&route["Target"]);
        let integration = integration.trim_start_matches("integrations/${").trim_end_matches('}');
        owner(&properties(integration)["IntegrationUri"])
    };
    let deployed: BTreeSet<_> = resources("AWS::ApiGatewayV2::Route")
        .into_iter()
        .filter(|(_, route)| word(&route["ApiId"]) == "HttpApi")
        .map(|(_, route)| format!("{} {}", word(&route["RouteKey"]), function(route)))
        // What is served from the bucket, and what answers an address that nothing has.
        .filter(|route| !route.starts_with("$default ") && !route.contains("DocsBucket"))
        .collect();
    assert_eq!(deployed, documented);
}

#[test]
fn limits_are_set_for_routes_that_exist() {
    let exists = |key: &str| {
        let routes = resources("AWS::ApiGatewayV2::Route").into_iter();
        routes.map(|(_, route)| word(&route["RouteKey"])).any(|route| route == key)
    };
    for (id, stage) in resources("AWS::ApiGatewayV2::Stage") {
        assert!(stage["DefaultRouteSettings"]["ThrottlingRateLimit"].is_u64(), "{id}");
        for key in stage["RouteSettings"].as_object().into_iter().flatten().map(|(key, _)| key) {
            assert!(exists(key), "{id} limits {key}, which is no route");
        }
    }
}

#[test]
fn every_resource_that_can_be_permitted_to_is_named() {
    let open: Vec<_> = super::roles::statements()
        .into_iter()
        .filter(|statement| statement.resource == "*" || statement.action.contains('*'))
        .map(|statement| statement.action)
        .collect();
    // Knows no resource.
    assert_eq!(open, ["dynamodb:ListStreams"]);
}

#[test]
fn every_alarm_that_is_critical_is_an_alarm_of_the_template() {
    let alarms = read("infra/alarms.yaml");
    for name in domain::severity::Severity::CRITICAL_ALARMS {
        assert!(alarms.contains(&format!("AlarmName: !Sub '${{StackName}}-{name}'")), "{name}");
    }
}
