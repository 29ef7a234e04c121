//! The control routes, over HTTP.
