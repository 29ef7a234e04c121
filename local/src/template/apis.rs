//! The HTTP API and the WebSocket API, both written as explicit `AWS::ApiGatewayV2` resources.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Cors, HttpApi, HttpRoute, HttpTarget, TemplateError, WebSocketApi, WebSocketRoute, WebSocketTarget,
    document::{Document, Resource},
};

/// Everything that this file reads.
#[derive(Default)]
pub(super) struct Apis {
    pub(super) http: HttpApi,
    pub(super) websocket: WebSocketApi,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiProperties {
    protocol_type: String,
    route_selection_expression: Option<String>,
    #[serde(default)]
    cors_configuration: CorsProperties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CorsProperties {
    allow_origins: Vec<String>,
    allow_methods: Vec<String>,
    allow_headers: Vec<String>,
    expose_headers: Vec<String>,
    allow_credentials: bool,
    max_age: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RouteProperties {
    api_id: String,
    route_key: String,
    target: String,
    route_response_selection_expression: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RouteResponseProperties {
    route_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IntegrationProperties {
    integration_type: String,
    integration_uri: Option<String>,
    payload_format_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IntegrationResponseProperties {
    integration_id: String,
    #[serde(default)]
    response_templates: BTreeMap<String, String>,
    template_selection_expression: Option<String>,
}

/// What routes refer to.
struct Integrations<'a> {
    /// Resource and properties of each integration.
    all: BTreeMap<&'a str, (Resource<'a>, IntegrationProperties)>,
    /// What a mock integration answers.
    templates: BTreeMap<String, String>,
}

pub(super) fn read(document: &Document<'_>) -> Result<Apis, TemplateError> {
    let mut apis = Apis::default();
    let integrations = Integrations::read(document)?;
    let mut answered = Vec::new();
    for resource in document.of_type("AWS::ApiGatewayV2::RouteResponse") {
        answered.push(resource.properties::<RouteResponseProperties>()?.route_id);
    }
    let protocols = apis.read_apis(document)?;
    for resource in document.of_type("AWS::ApiGatewayV2::Route") {
        let route: RouteProperties = resource.properties()?;
        match protocols.get(&route.api_id).map(String::as_str) {
            Some("HTTP") => {
                let target = integrations.http(&resource, &route.target)?;
                apis.http.routes.push(HttpRoute { key: route.route_key, target });
            }
            Some("WEBSOCKET") => {
                let target = integrations.websocket(&resource, &route.target)?;
                let has_response = answered.iter().any(|id| id == resource.id);
                let responds = route.route_response_selection_expression.is_some();
                if responds != has_response {
                    let problem = "a route answers by a RouteResponseSelectionExpression and a RouteResponse; \
                                   give it both or neither";
                    return Err(resource.unservable("RouteResponseSelectionExpression", problem));
                }
                apis.websocket.routes.insert(route.route_key, WebSocketRoute { target, responds });
            }
            _ => {
                let problem = format!("there is no API `{}`", route.api_id);
                return Err(resource.unservable("ApiId", problem));
            }
        }
    }
    Ok(apis)
}

impl Apis {
    /// Reads the APIs themselves and returns their protocols by logical id.
    fn read_apis(&mut self, document: &Document<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
        let mut protocols = BTreeMap::new();
        for resource in document.of_type("AWS::ApiGatewayV2::Api") {
            let api: ApiProperties = resource.properties()?;
            if protocols.values().any(|protocol| *protocol == api.protocol_type) {
                return Err(
                    resource.unservable("ProtocolType", "one API of each protocol is served; join the two")
                );
            }
            match api.protocol_type.as_str() {
                "HTTP" => self.http.cors = api.cors_configuration.into(),
                "WEBSOCKET" => self.websocket.selection = api.route_selection_expression.unwrap_or_default(),
                other => {
                    return Err(
                        resource.unservable("ProtocolType", format!("`{other}` is not HTTP or WEBSOCKET"))
                    );
                }
            }
            protocols.insert(resource.id.to_owned(), api.protocol_type);
        }
        Ok(protocols)
    }
}

impl<'a> Integrations<'a> {
    fn read(document: &'a Document<'_>) -> Result<Self, TemplateError> {
        let mut all = BTreeMap::new();
        for resource in document.of_type("AWS::ApiGatewayV2::Integration") {
            all.insert(resource.id, (resource, resource.properties()?));
        }
        let mut templates = BTreeMap::new();
        for resource in document.of_type("AWS::ApiGatewayV2::IntegrationResponse") {
            let mut response: IntegrationResponseProperties = resource.properties()?;
            let chosen = response.template_selection_expression.unwrap_or_else(|| "$default".to_owned());
            let template = response.response_templates.remove(&chosen).ok_or_else(|| {
                resource.unservable("ResponseTemplates", format!("there is no template `{chosen}`; add it"))
            })?;
            templates.insert(response.integration_id, template);
        }
        Ok(Self { all, templates })
    }

    fn of(
        &self,
        route: &Resource<'_>,
        target: &str,
    ) -> Result<&(Resource<'a>, IntegrationProperties), TemplateError> {
        target.strip_prefix("integrations/").and_then(|id| self.all.get(id)).ok_or_else(|| {
            route.unservable("Target", format!("`{target}` is not integrations/ and an integration"))
        })
    }

    fn http(&self, route: &Resource<'_>, target: &str) -> Result<HttpTarget, TemplateError> {
        let (resource, integration) = self.of(route, target)?;
        let uri = integration.uri(resource)?;
        match integration.integration_type.as_str() {
            "AWS_PROXY" if integration.payload_format_version.as_deref() != Some("2.0") => {
                Err(resource.unservable("PayloadFormatVersion", "only '2.0' is served; write it"))
            }
            "AWS_PROXY" => Ok(HttpTarget::Function(function(resource, uri)?)),
            "HTTP_PROXY" => {
                let path = uri
                    .strip_prefix("https://")
                    .and_then(|rest| rest.split_once('/'))
                    .filter(|(host, _)| host.contains(".s3."))
                    .map(|(_, path)| path.to_owned());
                path.map(HttpTarget::Site).ok_or_else(|| {
                    resource
                        .unservable("IntegrationUri", format!("`{uri}` is not in a bucket of this template"))
                })
            }
            other => {
                Err(resource
                    .unservable("IntegrationType", format!("`{other}` is not AWS_PROXY or HTTP_PROXY")))
            }
        }
    }

    fn websocket(&self, route: &Resource<'_>, target: &str) -> Result<WebSocketTarget, TemplateError> {
        let (resource, integration) = self.of(route, target)?;
        match integration.integration_type.as_str() {
            "AWS_PROXY" => Ok(WebSocketTarget::Function(function(resource, integration.uri(resource)?)?)),
            "MOCK" => {
                self.templates.get(resource.id).cloned().map(WebSocketTarget::Mock).ok_or_else(|| {
                    resource.unservable("", "is a MOCK without an IntegrationResponse; add one")
                })
            }
            other => {
                Err(resource.unservable("IntegrationType", format!("`{other}` is not AWS_PROXY or MOCK")))
            }
        }
    }
}

impl IntegrationProperties {
    fn uri(&self, resource: &Resource<'_>) -> Result<&str, TemplateError> {
        self.integration_uri
            .as_deref()
            .ok_or_else(|| resource.unservable("", "has no IntegrationUri; name one"))
    }
}

/// The function in a function's ARN, or in the longer form that WebSocket integrations ask for.
fn function(resource: &Resource<'_>, uri: &str) -> Result<String, TemplateError> {
    uri.split_once(":function:").map(|(_, rest)| rest.trim_end_matches("/invocations").to_owned()).ok_or_else(
        || resource.unservable("IntegrationUri", format!("`{uri}` is not a function of this template")),
    )
}

impl From<CorsProperties> for Cors {
    fn from(cors: CorsProperties) -> Self {
        Self {
            origins: cors.allow_origins,
            methods: cors.allow_methods,
            headers: cors.allow_headers.iter().map(|header| header.to_ascii_lowercase()).collect(),
            exposed: cors.expose_headers,
            credentials: cors.allow_credentials,
            max_age: cors.max_age,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HttpTarget, WebSocketTarget, fixture::read};

    fn apis(resources: &str) -> String {
        format!(
            "
Resources:
  Http:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      ProtocolType: HTTP
      CorsConfiguration: {{ AllowOrigins: ['*'], AllowHeaders: [If-Match], MaxAge: 60 }}
  Live:
    Type: AWS::ApiGatewayV2::Api
    Properties: {{ ProtocolType: WEBSOCKET, RouteSelectionExpression: '$request.body.type' }}
  Run: {{ Type: 'AWS::Serverless::Function', Properties: {{ CodeUri: functions/run }} }}
  Site: {{ Type: 'AWS::S3::Bucket' }}
  {resources}
"
        )
    }

    fn route(api: &str, key: &str, integration: &str, more: &str) -> String {
        apis(&format!(
            "To: {{ Type: 'AWS::ApiGatewayV2::Integration', Properties: {{ ApiId: !Ref {api}, {integration} }} }}
  Route: {{ Type: 'AWS::ApiGatewayV2::Route', Properties: {{ ApiId: !Ref {api}, RouteKey: '{key}', \
             Target: !Sub 'integrations/${{To}}'{more} }} }}"
        ))
    }

    const SOCKET_RUN: &str = "IntegrationType: AWS_PROXY, IntegrationUri: !Sub \
        'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Run.Arn}/invocations'";

    #[test]
    fn an_http_route_leads_to_a_function_or_to_the_site() {
        let run = "IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Run.Arn, PayloadFormatVersion: '2.0'";
        let http = read(&route("Http", "GET /orders/{id}", run, "")).unwrap().http;
        assert_eq!(http.routes[0].key, "GET /orders/{id}");
        assert_eq!(http.routes[0].target, HttpTarget::Function("Run".to_owned()));
        assert_eq!(
            (http.cors.headers.as_slice(), http.cors.max_age),
            (["if-match".to_owned()].as_slice(), Some(60))
        );

        let site = "IntegrationType: HTTP_PROXY, IntegrationUri: !Sub 'https://${Site.RegionalDomainName}/docs/{proxy}'";
        let http = read(&route("Http", "GET /docs/{proxy+}", site, "")).unwrap().http;
        assert_eq!(http.routes[0].target, HttpTarget::Site("docs/{proxy}".to_owned()));
    }

    #[test]
    fn a_websocket_route_leads_to_a_function_and_answers_only_with_a_route_response() {
        let websocket = read(&route("Live", "$connect", SOCKET_RUN, "")).unwrap().websocket;
        assert_eq!(websocket.selection, "$request.body.type");
        assert_eq!(websocket.routes["$connect"].target, WebSocketTarget::Function("Run".to_owned()));
        assert!(!websocket.routes["$connect"].responds);

        let answers = ", RouteResponseSelectionExpression: '$default'";
        let response =
            "  Answer: { Type: 'AWS::ApiGatewayV2::RouteResponse', Properties: { RouteId: !Ref Route } }\n";
        let with_response = route("Live", "$default", SOCKET_RUN, answers) + response;
        assert!(read(&with_response).unwrap().websocket.routes["$default"].responds);
        let half = read(&route("Live", "$default", SOCKET_RUN, answers)).unwrap_err();
        assert!(half.ends_with("a RouteResponse; give it both or neither"), "{half}");
    }

    #[test]
    fn a_mock_answers_what_its_template_selects() {
        let response = "  Answer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      IntegrationId: !Ref To
      TemplateSelectionExpression: '200'
      ResponseTemplates: { '200': '{\"at\":$context.requestTimeEpoch}', '400': no }
";
        let mock = route("Live", "ping", "IntegrationType: MOCK", "");
        let websocket = read(&(mock.clone() + response)).unwrap().websocket;
        let expected = WebSocketTarget::Mock(r#"{"at":$context.requestTimeEpoch}"#.to_owned());
        assert_eq!(websocket.routes["ping"].target, expected);
        assert_eq!(
            read(&mock).unwrap_err(),
            "template.yaml: Resources.To.Properties: is a MOCK without an IntegrationResponse; add one"
        );
    }

    #[test]
    fn a_route_that_could_not_be_served_says_why() {
        let error = |integration| read(&route("Http", "GET /", integration, "")).unwrap_err();
        assert_eq!(
            error("IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Run.Arn"),
            "template.yaml: Resources.To.Properties.PayloadFormatVersion: only '2.0' is served; write it"
        );
        assert_eq!(
            error("IntegrationType: HTTP_PROXY, IntegrationUri: 'https://example.com/'"),
            "template.yaml: Resources.To.Properties.IntegrationUri: \
             `https://example.com/` is not in a bucket of this template"
        );
        let lost = apis(
            "Route: { Type: 'AWS::ApiGatewayV2::Route', Properties: { ApiId: !Ref Http, RouteKey: 'GET /', \
             Target: integrations/Gone } }",
        );
        assert_eq!(
            read(&lost).unwrap_err(),
            "template.yaml: Resources.Route.Properties.Target: \
             `integrations/Gone` is not integrations/ and an integration"
        );
    }
}
