//! The OpenAPI document.

use quipu::Dimension;
use serde_json::{Map, Value as Json, json};

use super::operation::Operation;
use super::schemas;
use crate::http::WORKSPACE_HEADER;

/// Describes operations as OpenAPI 3.1.
pub(in crate::http) fn document(operations: &[Operation]) -> Json {
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Quipu", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "The embedded database for LLM usage: events and outcomes in, exact costs, jobs and ROI out.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "a token from `quipu token create`" },
                "key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
    })
}

fn described(operation: &Operation) -> Json {
    let mut answers = Map::new();
    for (status, about, content) in &operation.answers {
        answers.insert(
            status.to_string(),
            match content {
                Json::Null => json!({ "description": about }),
                content => json!({ "description": about, "content": content }),
            },
        );
    }
    let mut problem = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    for (media, content) in &operation.failures {
        problem[media] = content.clone();
    }
    answers.insert("default".into(), json!({ "description": "why the request failed", "content": problem }));
    let mut parameters = operation.parameters.clone();
    let mut described = json!({ "summary": operation.about, "operationId": id(operation), "responses": answers });
    if let Some(permission) = operation.permission {
        parameters.push(json!({ "name": WORKSPACE_HEADER, "in": "header",
            "schema": { "type": "string", "minLength": 1, "maxLength": Dimension::Workspace.max_bytes() },
            "description": "the workspace, where the store has no tokens" }));
        described["security"] = json!([{ "bearer": [] }, { "key": [] }, {}]);
        described["description"] = format!("Needs the scope `{}`.", permission.name()).into();
    }
    described["parameters"] = parameters.into();
    if let Some(body) = &operation.body {
        described["requestBody"] = body.clone();
    }
    described
}

/// `get /v1/jobs/{id}` as `get_v1_jobs_id`.
fn id(operation: &Operation) -> String {
    let path: String = operation.path.chars().filter(|c| !"{}".contains(*c)).collect();
    format!("{}{}", operation.method, path.replace(['/', '.', '-'], "_"))
}
