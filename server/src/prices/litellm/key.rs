//! What a key of the map names: `gpt-4o`, `azure/gpt-4o`, `bedrock/us-gov-west-1/anthropic.claude-…`.

use quipu::Text;
use quipu::price_book::{canonical_model, canonical_provider};

/// Whose price of which model, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// `None` for a key without the provider in front: the map uses those for whoever serves the
    /// model under that name, unless the provider has a key of its own.
    pub(super) provider: Option<Text>,
    pub(super) model: Text,
    pub(super) region: Option<Text>,
}

impl Identity {
    pub(super) fn of(key: &str, provider: Option<&str>) -> Self {
        let (provider, key) = (provider.map(canonical), &canonical_model(key));
        let bare = Self { provider: None, model: key.clone(), region: None };
        let Some((head, model)) = key.split_once('/') else { return bare };
        if provider.as_ref() != Some(&canonical(head)) || model.is_empty() {
            return bare;
        }
        match model.split_once('/') {
            Some((region, model)) if provider.as_deref() == Some("aws-bedrock") && is_aws_region(region) => {
                Self { provider, model: model.into(), region: Some(region.into()) }
            }
            _ => Self { provider, model: model.into(), region: None },
        }
    }
}

/// The map splits some providers by the kind of model they serve.
fn canonical(provider: &str) -> Text {
    let provider = provider.strip_prefix("text-completion-").unwrap_or(provider);
    canonical_provider(match provider {
        "azure_text" => "azure",
        "fireworks_ai-embedding-models" => "fireworks_ai",
        vertex if vertex.starts_with("vertex_ai-") => "vertex_ai",
        other => other,
    })
}

/// `us-gov-west-1`, but not `1-month-commitment`.
fn is_aws_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts[0].bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.last().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_provider_model_and_region() {
        for (key, provider, expected) in [
            ("gpt-4o", "openai", (None, "gpt-4o", None)),
            ("azure/eu/gpt-4o", "azure", (Some("azure-openai"), "eu/gpt-4o", None)),
            (
                "vertex_ai/claude-sonnet-4-5",
                "vertex_ai-anthropic_models",
                (Some("google-vertex"), "claude-sonnet-4-5", None),
            ),
            ("gemini-2.5-flash", "vertex_ai-language-models", (None, "gemini-2.5-flash", None)),
            ("xai/grok-4", "xai", (Some("xai"), "grok-4", None)),
            ("low/1024-x-1024/gpt-image-1", "openai", (None, "low/1024-x-1024/gpt-image-1", None)),
            ("bedrock/us-gov-west-1/a.b", "bedrock_converse", (Some("aws-bedrock"), "a.b", Some("us-gov-west-1"))),
            ("bedrock/1-month-commitment/a.b", "bedrock", (Some("aws-bedrock"), "1-month-commitment/a.b", None)),
            ("us.anthropic.claude", "bedrock_converse", (None, "us.anthropic.claude", None)),
        ] {
            let found = Identity::of(key, Some(provider));
            assert_eq!((found.provider.as_deref(), found.model.as_str(), found.region.as_deref()), expected, "{key}");
        }
        assert_eq!(Identity::of("a/b", None).provider, None);
    }
}
