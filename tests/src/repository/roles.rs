//! What each function may do in AWS, beside what it does.

use std::collections::BTreeSet;

use local::{aws::request::Service, meter::RequestsRow};
use serde_json::Value;

use super::{
    files, read,
    yaml::{functions, list, properties, word},
};

/// One action that one function may take on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Logical id.
    pub function: String,
    /// `dynamodb:GetItem`
    pub action: String,
    /// `OrdersTable.Arn`
    pub resource: String,
}

/// All that the functions may do.
pub fn statements() -> Vec<Statement> {
    let mut all = vec![];
    for (function, _) in functions() {
        let role = properties(&format!("{function}Role"));
        let own = list(&role["Policies"]).into_iter();
        let shared = list(&role["ManagedPolicyArns"]).into_iter();
        let documents = own.chain(shared.map(|policy| properties(&word(policy))));
        for statement in documents.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])) {
            assert_eq!(statement["Effect"], "Allow", "{function}");
            all.extend(spread(function, statement));
        }
    }
    all
}

fn spread(function: &str, statement: &Value) -> Vec<Statement> {
    let pairs = list(&statement["Action"]).into_iter().flat_map(|action| {
        list(&statement["Resource"]).into_iter().map(move |resource| (word(action), word(resource)))
    });
    pairs.map(|(action, resource)| Statement { function: function.to_owned(), action, resource }).collect()
}

/// Fails if a function did in this story what its role does not let it do in AWS.
///
/// The local cloud refuses nothing, so a permission that is missing would first be missed after a deployment.
#[track_caller]
pub fn allow(done: &[RequestsRow]) {
    let statements = statements();
    let known: BTreeSet<_> = functions().into_iter().map(|(id, _)| id).collect();
    let refused: Vec<_> = done
        .iter()
        .filter(|row| known.contains(row.function.as_str()) && row.service != Service::Stripe)
        .filter(|row| !statements.iter().any(|statement| permits(statement, row)))
        .map(|row| format!("{} may not {} {:?}", row.function, row.operation, row.table))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

fn permits(statement: &Statement, row: &RequestsRow) -> bool {
    if statement.function != row.function {
        return false;
    }
    let action = statement.action.as_str();
    let is_on_it = row.table.as_ref().is_none_or(|table| {
        let (resource, _index) =
            statement.resource.split_once("/index/").unwrap_or((&statement.resource, ""));
        resource.trim_start_matches("${").trim_end_matches('}') == format!("{table}.Arn")
    });
    match (row.service, row.operation.as_str()) {
        // A transaction asks for the permissions of its parts; which they are, the count does not say.
        (Service::Dynamodb, "TransactWriteItems") => {
            is_on_it
                && ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"]
                    .contains(&action)
        }
        (Service::Dynamodb, operation) => is_on_it && action == format!("dynamodb:{operation}"),
        (Service::Sqs, operation) => {
            is_on_it && action == format!("sqs:{}", operation.trim_end_matches("Batch"))
        }
        (Service::S3, operation) => {
            let bucket = row.table.as_deref().unwrap_or_default();
            let is_on_it = statement.resource.starts_with(&format!("${{{bucket}.Arn}}/"));
            is_on_it && action == format!("s3:{}", operation.replace("Head", "Get"))
        }
        (Service::Sns, operation) => action == format!("sns:{operation}"),
        (Service::Ssm, operation) => action == format!("ssm:{operation}"),
        (Service::Connections, operation) => {
            let verb = match operation {
                "PostToConnection" => "/POST/@connections",
                "DeleteConnection" => "/DELETE/@connections",
                _ => "/GET/@connections",
            };
            action == "execute-api:ManageConnections" && statement.resource.contains(verb)
        }
        // Not AWS: what it takes is the key.
        (Service::Stripe, _) => {
            action == "ssm:GetParameter" && statement.resource.contains("${StripeSecretKeyParameter}")
        }
        (Service::Ses, operation) => action == format!("ses:{operation}"),
        (Service::Push, _) => {
            action == "ssm:GetParameter" && statement.resource.contains("${PushVapidPrivateKeyParameter}")
        }
    }
}

#[test]
fn a_function_that_may_use_a_table_has_its_name_and_the_reverse() {
    for (id, function) in functions() {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        let named: BTreeSet<_> = variables
            .iter()
            .filter(|(name, _)| name.starts_with("TABLE_"))
            .map(|(_, table)| format!("{}.Arn", word(table)))
            .collect();
        let allowed: BTreeSet<_> = statements()
            .into_iter()
            .filter(|statement| statement.function == id && !statement.resource.contains("/index/"))
            .map(|statement| statement.resource)
            .filter(|resource| resource.ends_with("Table.Arn"))
            .collect();
        assert_eq!(named, allowed, "{id}");
    }
}

#[test]
fn no_role_has_an_action_that_no_code_takes() {
    let code: String = files("shared/app/src", ".rs").iter().map(|file| read(file)).collect();
    let snake = |action: &str| {
        let mut name = String::new();
        for letter in action.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    };
    let unused: BTreeSet<_> = statements()
        .into_iter()
        .filter_map(|statement| statement.action.strip_prefix("dynamodb:").map(str::to_owned))
        // What Lambda does with the role when it reads a stream for the function.
        .filter(|action| {
            !["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"].contains(&action.as_str())
        })
        // A condition is part of a transaction and no call of its own.
        .filter(|action| action != "ConditionCheckItem" || !code.contains(".condition_check(check)"))
        .filter(|action| !code.contains(&format!(".{}()", snake(action))))
        .collect();
    assert_eq!(unused, BTreeSet::new());
}
