//! The documents: `openapi.json`, `asyncapi.json`, the site at `/docs` that shows the first, and the service worker
//! of the pages, `/sw.js`.
//!
//! On AWS these are files in a bucket (`shopwire docs` writes them, `infra/deploy` uploads them); no bootstrap
//! contains them.

mod precise;
mod zip;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::body::Bytes;
use utoipa::openapi::{
    Components, Info, LicenseBuilder, OpenApi, OpenApiBuilder, Server,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use crate::{
    functions,
    http_api::{Site, SiteFile},
};

/// What the tags of the routes mean.
const TAGS: [(&str, &str); 10] = [
    ("auth", "Who one is: guests, links, service keys, the end of sessions"),
    ("catalog", "What is sold, and for how much"),
    ("inventory", "How many there are, and holding some"),
    ("chat", "Conversations, what is said in them, and who answers"),
    ("notifications", "What people are told, on which ways, and what became of it"),
    ("orders", "Orders, from their placing to their end"),
    ("payments", "Paying and giving back"),
    ("platform", "Configuration, health, metrics, audit, flags"),
    ("realtime", "Sockets and what goes over them"),
    ("webhooks", "What others tell the shop, signed"),
];

/// Files of the Swagger UI that the page needs.
const SWAGGER_UI: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

static FILES: LazyLock<BTreeMap<String, SiteFile>> = LazyLock::new(files);

/// The site as the HTTP API serves it; put together when it is first looked at.
pub fn site() -> Site {
    Arc::new(|path| FILES.get(path).cloned())
}

/// Every file of the site, by its path.
pub fn files() -> BTreeMap<String, SiteFile> {
    let mut files = BTreeMap::from([
        ("openapi.json".to_owned(), json_file(&openapi_text())),
        ("asyncapi.json".to_owned(), json_file(&asyncapi_text())),
        ("docs/index.html".to_owned(), file("text/html; charset=utf-8", include_bytes!("site/index.html"))),
        ("docs/start.js".to_owned(), file("text/javascript", include_bytes!("site/start.js"))),
        ("sw.js".to_owned(), file("text/javascript", include_bytes!("../../web/sw.js"))),
    ]);
    let archive = utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
    for (path, body) in zip::files(archive, |path| wanted(path).is_some()) {
        if let Some(name) = wanted(&path) {
            files.insert(
                format!("docs/{name}"),
                SiteFile { content_type: content_type(name).to_owned(), body: body.into() },
            );
        }
    }
    files
}

/// The OpenAPI document of all functions.
pub fn openapi() -> OpenApi {
    let mut info = Info::new("shopwire API", env!("CARGO_PKG_VERSION"));
    info.description = Some("The live side of an online shop.".to_owned());
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0");
    info.license = Some(license.identifier(Some("MIT OR Apache-2.0")).build());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the shop's own sign-in, a guest's, or a service key"));
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let tags = TAGS.map(|(name, meaning)| TagBuilder::new().name(name).description(Some(meaning)).build());
    let mut whole = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .components(Some(components))
        .tags(Some(tags))
        .build();
    for (_, document) in functions::documents() {
        whole.merge(document);
    }
    precise::refine(&mut whole);
    whole
}

/// The OpenAPI document as it is published and committed.
pub fn openapi_text() -> String {
    // Straight from the type, which keeps the order in which people read it.
    let text = openapi().to_pretty_json().unwrap_or_default();
    format!("{text}\n")
}

/// The AsyncAPI document as it is published and committed.
pub fn asyncapi_text() -> String {
    format!("{:#}\n", contract::asyncapi::document())
}

fn json_file(text: &str) -> SiteFile {
    SiteFile { content_type: "application/json".to_owned(), body: Bytes::from(text.to_owned()) }
}

fn file(content_type: &str, body: &'static [u8]) -> SiteFile {
    SiteFile { content_type: content_type.to_owned(), body: Bytes::from_static(body) }
}

/// The name of a file of the archive that the site has: `swagger-ui-5.17.14/dist/swagger-ui.css`.
fn wanted(path: &str) -> Option<&str> {
    let (folder, name) = path.rsplit_once('/')?;
    let is_dist = folder.split('/').count() == 2 && folder.ends_with("/dist");
    (is_dist && SWAGGER_UI.contains(&name)).then_some(name)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_finds_every_file_that_it_asks_for() {
        let page = String::from_utf8(files()["docs/index.html"].body.to_vec()).unwrap();
        let asked: BTreeSet<&str> = page.split('"').filter_map(|text| text.strip_prefix("/docs/")).collect();
        assert!(asked.len() == 4, "{asked:?}");
        for name in asked {
            assert!(!files()[&format!("docs/{name}")].body.is_empty(), "{name}");
        }
    }

    #[test]
    fn operation_ids_are_unique_and_every_tag_is_explained() {
        let document = serde_json::to_value(openapi()).unwrap();
        let (mut ids, mut tags) = (BTreeSet::new(), BTreeSet::new());
        for operations in document["paths"].as_object().unwrap().values() {
            for operation in operations.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                assert!(ids.insert(id.clone()), "two operations are called {id}");
                tags.extend(operation["tags"].as_array().unwrap().iter().map(ToString::to_string));
            }
        }
        assert!(ids.len() > 20, "{ids:?}");
        for tag in tags {
            assert!(TAGS.iter().any(|(known, _)| format!("{known:?}") == tag), "{tag}");
        }
    }

    #[test]
    fn the_document_says_how_one_is_known() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["license"]["name"], "MIT OR Apache-2.0");
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    }
}
