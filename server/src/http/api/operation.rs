//! One method of one route.

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use serde_json::{Map, Value as Json, json};

use super::parameters;
use crate::access::Permission;
use crate::http::state::App;

/// A handler and its description.
pub(in crate::http) struct Operation {
    pub(in crate::http) method: &'static str,
    pub(in crate::http) path: String,
    pub(in crate::http) handler: MethodRouter<App>,
    /// Answers from what is stored: told how new that must be, and whether it has changed.
    pub(in crate::http) reads: bool,
    pub(super) about: &'static str,
    pub(super) permission: Option<Permission>,
    pub(super) parameters: Vec<Json>,
    pub(super) body: Option<Json>,
    pub(super) answers: Vec<(u16, &'static str, Json)>,
    /// What else than a problem a failure may be, by media type.
    pub(super) failures: Map<String, Json>,
}

/// A `GET` of a route.
pub(in crate::http) fn get<H, T>(path: impl Into<String>, about: &'static str, handler: H) -> Operation
where
    H: Handler<T, App>,
    T: 'static,
{
    Operation::new("get", path.into(), about, routing::get(handler))
}

/// A `POST` to a route.
pub(in crate::http) fn post<H, T>(path: impl Into<String>, about: &'static str, handler: H) -> Operation
where
    H: Handler<T, App>,
    T: 'static,
{
    Operation::new("post", path.into(), about, routing::post(handler))
}

impl Operation {
    fn new(method: &'static str, path: String, about: &'static str, handler: MethodRouter<App>) -> Self {
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = in_path.map(parameters::in_path).collect();
        let (permission, body, answers, reads, failures) = (None, None, Vec::new(), false, Map::new());
        Self { method, path, handler, reads, about, permission, parameters, body, answers, failures }
    }

    /// Only with that permission.
    pub(in crate::http) fn needs(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// Takes a body of one of these media types under a schema.
    pub(in crate::http) fn takes(self, schema: &str, media_types: &[&str]) -> Self {
        let body = json!({ "required": true, "content": content(schema, media_types) });
        Self { body: Some(body), ..self }
    }

    /// Takes parameters of the query by these names.
    pub(in crate::http) fn takes_query(mut self, names: &[&str]) -> Self {
        self.parameters.extend(names.iter().map(|name| parameters::in_query(name)));
        self
    }

    /// Takes the flags of a plan as query parameters.
    pub(in crate::http) fn takes_plan(mut self) -> Self {
        self.parameters.extend(parameters::of_plan());
        self
    }

    /// Takes parameters that no plan has.
    pub(in crate::http) fn takes_own(mut self, own: &[(&str, &str)]) -> Self {
        self.parameters.extend(own.iter().map(|(name, about)| parameters::described(name, about)));
        self
    }

    /// Takes those parameters of a plan that say which events, and at what prices.
    pub(in crate::http) fn takes_filters(mut self) -> Self {
        self.parameters.extend(parameters::of_filters());
        self
    }

    /// Takes a key that makes a retry harmless.
    pub(in crate::http) fn takes_key(mut self) -> Self {
        self.parameters.push(parameters::idempotency_key());
        self
    }

    /// Answers with JSON under a schema.
    pub(in crate::http) fn gives(mut self, status: u16, about: &'static str, schema: &str) -> Self {
        self.answers.push((status, about, json!({ "application/json": { "schema": reference(schema) } })));
        self
    }

    /// Answers with one of these media types under a schema.
    pub(in crate::http) fn gives_as(mut self, status: u16, about: &'static str, schema: &str, media: &[&str]) -> Self {
        self.answers.push((status, about, content(schema, media).into()));
        self
    }

    /// Answers with nothing but a status.
    pub(in crate::http) fn gives_nothing(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push((status, about, Json::Null));
        self
    }

    /// Fails in the form that its clients read.
    pub(in crate::http) fn fails_as(self, schema: &str, media_types: &[&str]) -> Self {
        Self { failures: content(schema, media_types), ..self }
    }

    /// Answers with text of a media type.
    pub(in crate::http) fn gives_text(mut self, about: &'static str, media_type: &str) -> Self {
        self.answers.push((200, about, json!({ media_type: { "schema": { "type": "string" } } })));
        self
    }

    /// Answers from what is stored with a table, in the form that `Accept` asks for.
    pub(in crate::http) fn gives_sheet(self) -> Self {
        self.reading(json!({
            "application/json": { "schema": reference("Sheet") },
            "application/x-ndjson": { "schema": { "type": "string" } },
            "text/csv": { "schema": { "type": "string" } },
            "text/plain": { "schema": { "type": "string" } },
        }))
    }

    /// Answers from what is stored with several tables.
    pub(in crate::http) fn gives_document(self) -> Self {
        self.reading(json!({
            // The document, or the one sheet that was asked for.
            "application/json": { "schema": { "anyOf": [reference("Document"), reference("Sheet")] } },
            "application/x-ndjson": { "schema": { "type": "string" } },
            "text/csv": { "schema": { "type": "string" } },
            "text/plain": { "schema": { "type": "string" } },
        }))
    }

    /// Answers from what is stored with JSON under a schema.
    pub(in crate::http) fn gives_stored(self, schema: &str) -> Self {
        self.reading(json!({ "application/json": { "schema": reference(schema) } }))
    }

    fn reading(mut self, content: Json) -> Self {
        self.reads = true;
        self.parameters.push(parameters::min_lsn());
        self.answers.push((200, "the answer, and in the header x-quipu-lsn how new it is at least", content));
        if self.method == "get" {
            self.parameters.push(parameters::if_none_match());
            self.answers.push((304, "the answer that the client has is still right", Json::Null));
        }
        self
    }
}

/// The media types, each under a schema; bytes that are not JSON have none.
fn content(schema: &str, media_types: &[&str]) -> Map<String, Json> {
    let schema = |media: &str| match media.contains("json") {
        true => reference(schema),
        false => json!({ "type": "string", "contentMediaType": media }),
    };
    media_types.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema(media) }))).collect()
}

fn reference(schema: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
