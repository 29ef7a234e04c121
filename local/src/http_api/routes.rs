//! Which route takes a request: the most specific path, then the method over `ANY`, then `$default`.

use std::cmp::Reverse;

use axum::http::Method;

use crate::template::{HttpRoute, HttpTarget};

/// The routes of an HTTP API.
pub struct Routes {
    routes: Vec<Route>,
    default: Option<HttpTarget>,
}

/// The route that takes a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its key as the event states it: `GET /products/{id}`.
    pub key: String,
    /// What answers.
    pub target: &'a HttpTarget,
    /// The values of its path variables.
    pub parameters: Vec<(String, String)>,
}

struct Route {
    key: String,
    /// `None` for `ANY`.
    method: Option<String>,
    segments: Vec<Segment>,
    target: HttpTarget,
}

/// A step of a route's path, the most specific kind first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Static(String),
    Variable(String),
    Greedy(String),
}

impl Routes {
    /// Reads route keys as API Gateway writes them. Keys of another form match nothing.
    pub fn new(routes: &[HttpRoute]) -> Self {
        let default = routes.iter().find(|route| route.key == "$default");
        Self {
            default: default.map(|route| route.target.clone()),
            routes: routes.iter().filter_map(Route::parse).collect(),
        }
    }

    /// The route that takes `method` on the decoded `path`.
    pub fn find(&self, method: &Method, path: &str) -> Option<Found<'_>> {
        let steps: Vec<&str> = steps(path).collect();
        let matching = self.routes.iter().filter(|route| route.takes(method)).filter_map(|route| {
            let parameters = route.parameters(&steps)?;
            Some((route, parameters))
        });
        let best = matching.min_by_key(|(route, _)| (route.rank(), Reverse(route.method.is_some())));
        if let Some((route, parameters)) = best {
            return Some(Found { key: route.key.clone(), target: &route.target, parameters });
        }
        let target = self.default.as_ref()?;
        Some(Found { key: "$default".to_owned(), target, parameters: Vec::new() })
    }
}

impl Route {
    fn parse(route: &HttpRoute) -> Option<Self> {
        let (method, path) = route.key.split_once(' ')?;
        Some(Self {
            key: route.key.clone(),
            method: (method != "ANY").then(|| method.to_owned()),
            segments: steps(path).map(Segment::parse).collect(),
            target: route.target.clone(),
        })
    }

    fn takes(&self, method: &Method) -> bool {
        self.method.as_ref().is_none_or(|own| own == method.as_str())
    }

    /// Kinds of segment from left to right; the smallest is the most specific.
    fn rank(&self) -> Vec<u8> {
        let kinds = self.segments.iter().map(|segment| match segment {
            Segment::Static(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        });
        kinds.collect()
    }

    /// The values of the path variables, if the path is this route's.
    fn parameters(&self, steps: &[&str]) -> Option<Vec<(String, String)>> {
        let mut parameters = Vec::new();
        let mut rest = steps;
        for segment in &self.segments {
            let (step, after) = rest.split_first()?;
            match segment {
                Segment::Static(text) if text == step => {}
                Segment::Variable(name) if !step.is_empty() => {
                    parameters.push((name.clone(), (*step).to_owned()));
                }
                Segment::Greedy(name) if *rest != [""] => {
                    parameters.push((name.clone(), rest.join("/")));
                    return Some(parameters);
                }
                _ => return None,
            }
            rest = after;
        }
        rest.is_empty().then_some(parameters)
    }
}

impl Segment {
    fn parse(step: &str) -> Self {
        let variable = step.strip_prefix('{').and_then(|step| step.strip_suffix('}'));
        match variable.map(|name| (name, name.strip_suffix('+'))) {
            None => Self::Static(step.to_owned()),
            Some((_, Some(name))) => Self::Greedy(name.to_owned()),
            Some((name, None)) => Self::Variable(name.to_owned()),
        }
    }
}

/// The steps of a path; a path that ends with `/` has an empty last step, and so is another path than the one without.
fn steps(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[&str], method: &str, path: &str) -> Option<(String, String)> {
        let target = HttpTarget::Function("F".to_owned());
        let routes: Vec<_> =
            keys.iter().map(|key| HttpRoute { key: (*key).to_owned(), target: target.clone() }).collect();
        let routes = Routes::new(&routes);
        let found = routes.find(&method.parse().unwrap(), path)?;
        let parameters: Vec<_> =
            found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some((found.key, parameters.join(" ")))
    }

    fn taken(key: &str, parameters: &str) -> (String, String) {
        (key.to_owned(), parameters.to_owned())
    }

    const PETS: &[&str] = &[
        "ANY /{proxy+}",
        "GET /pets/{proxy+}",
        "ANY /pets/{id}",
        "GET /pets/{id}",
        "GET /pets/dog",
        "POST /pets/{id}/toys/{toy}",
        "$default",
    ];

    #[test]
    fn the_most_specific_path_wins() {
        assert_eq!(found(PETS, "GET", "/pets/dog"), Some(taken("GET /pets/dog", "")));
        assert_eq!(found(PETS, "GET", "/pets/cat"), Some(taken("GET /pets/{id}", "id=cat")));
        assert_eq!(found(PETS, "GET", "/pets/cat/1"), Some(taken("GET /pets/{proxy+}", "proxy=cat/1")));
        assert_eq!(found(PETS, "GET", "/else"), Some(taken("ANY /{proxy+}", "proxy=else")));
        assert_eq!(found(PETS, "GET", "/"), Some(taken("$default", "")));
    }

    #[test]
    fn a_method_wins_over_any_on_the_same_path() {
        assert_eq!(found(PETS, "PUT", "/pets/cat"), Some(taken("ANY /pets/{id}", "id=cat")));
        assert_eq!(found(PETS, "PUT", "/pets/dog"), Some(taken("ANY /pets/{id}", "id=dog")));
        assert_eq!(
            found(PETS, "POST", "/pets/1/toys/2"),
            Some(taken("POST /pets/{id}/toys/{toy}", "id=1 toy=2"))
        );
    }

    #[test]
    fn without_a_default_a_stranger_path_is_nobodys() {
        assert_eq!(found(&["GET /pets/{id}"], "GET", "/pets"), None);
        assert_eq!(found(&["GET /pets/{id}"], "GET", "/pets/"), None);
        assert_eq!(found(&["GET /pets/{id}"], "GET", "/pets/1/"), None);
        assert_eq!(found(&["GET /pets/{id}"], "POST", "/pets/1"), None);
        assert_eq!(found(&["GET /"], "GET", "/"), Some(taken("GET /", "")));
    }
}
