//! The AsyncAPI document of the WebSocket API, made from the same schemas as the OpenAPI document.
