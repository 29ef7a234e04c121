//! Invocations: the functions of the template, in-process or as real bootstraps.

use std::sync::Arc;

use lambda_runtime::Context;
use serde_json::Value;

use crate::part::Boxed;

/// What an invocation comes to: the function's answer, or `{"errorType", "errorMessage"}`.
pub type Answer = Result<Value, Value>;

/// A function's handler behind JSON, as the Lambda service sees it.
pub type Handler = Arc<dyn Fn(Value, Context) -> Boxed<'static, Answer> + Send + Sync>;
