//! The names by which prices and events mean the same provider and the same tier.

use crate::schema::Text;

/// Names that sources and price lists use, by the name that Quipu uses.
const PROVIDERS: &[(&str, &[&str])] = &[
    ("anthropic", &["claude"]),
    ("aws-bedrock", &["amazon", "amazon-bedrock", "aws", "aws.bedrock", "aws_bedrock", "bedrock", "bedrock_converse"]),
    ("azure-ai", &["az.ai.inference", "azure.ai.inference", "azure_ai"]),
    ("azure-openai", &["az.ai.openai", "azure", "azure.ai.openai", "azure_openai"]),
    ("cohere", &["cohere_chat"]),
    ("fireworks", &["fireworks-ai", "fireworks_ai"]),
    ("google", &["gcp.gemini", "gemini", "google.generative-ai", "google_genai"]),
    ("google-vertex", &["gcp.vertex_ai", "google.vertex", "vertex", "vertex-ai", "vertex_ai", "vertexai"]),
    ("mistral", &["mistral_ai", "mistralai"]),
    ("moonshot", &["moonshot_ai", "moonshotai"]),
    ("together", &["together-ai", "together_ai", "togetherai"]),
    ("xai", &["x-ai", "x_ai"]),
];

/// The canonical name of a provider: lower-cased, with the ecosystem's other names for it folded
/// into one. A name that is not known stays itself.
///
/// ```
/// use quipu_engine::price_book::canonical_provider;
/// assert_eq!(canonical_provider("Vertex_AI"), "google-vertex");
/// assert_eq!(canonical_provider("my-gateway"), "my-gateway");
/// ```
pub fn canonical_provider(name: &str) -> Text {
    let lower = name.trim().to_lowercase();
    let known = PROVIDERS.iter().find(|(_, aliases)| aliases.contains(&lower.as_str()));
    known.map_or_else(|| lower.as_str().into(), |(canonical, _)| (*canonical).into())
}

/// The name of a model as prices compare it: lower-cased, since hosts write one name in many ways.
pub fn canonical_model(name: &str) -> Text {
    name.to_lowercase().into()
}

/// What a price calls the standard tier that holds for that one alone.
pub const STANDARD_TIER: &str = "standard";

/// The canonical name of a service tier; `None` is the standard one, which sources also call
/// `default` or `auto` or do not mention.
pub fn canonical_tier(name: &str) -> Option<Text> {
    match name.trim().to_lowercase().as_str() {
        "" | "default" | STANDARD_TIER | "auto" => None,
        "batch" | "batches" => Some("batch".into()),
        other => Some(other.into()),
    }
}
