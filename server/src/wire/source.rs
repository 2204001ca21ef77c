//! Every source of JSON by name, and which one a body is from.

use std::fmt;
use std::str::FromStr;

use quipu::{Error, Event, Result};

use super::object::Object;
use super::{
    Decoded, FieldError, Ignored, cloud_events, helicone, json, langfuse, litellm, native, openrouter, portkey,
    provider, revenium_tool, tensorzero,
};

/// Who wrote a body of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Quipu's own form, and Revenium's.
    Native,
    /// Revenium's tool events.
    ReveniumTool,
    /// LiteLLM's logger or its table of spending.
    LiteLlm,
    /// Portkey's log export.
    Portkey,
    /// Helicone's webhook or manual logger.
    Helicone,
    /// OpenRouter's records of generations.
    OpenRouter,
    /// Langfuse's exports and batches.
    Langfuse,
    /// CloudEvents, as OpenMeter takes them.
    CloudEvents,
    /// TensorZero's rows.
    TensorZero,
    /// Answers of providers, in or without an envelope.
    Provider,
    /// The same, where it is known whose.
    ProviderOf(&'static str),
}

/// Whether an item is of a source.
type Recognises = fn(&Object<'_>) -> bool;

impl Source {
    /// Every source.
    pub const ALL: [Self; 14] = [
        Self::Native,
        Self::ReveniumTool,
        Self::LiteLlm,
        Self::Portkey,
        Self::Helicone,
        Self::OpenRouter,
        Self::Langfuse,
        Self::CloudEvents,
        Self::TensorZero,
        Self::Provider,
        Self::ProviderOf("openai"),
        Self::ProviderOf("anthropic"),
        Self::ProviderOf("gemini"),
        Self::ProviderOf("bedrock"),
    ];

    /// The name on the command line and in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "quipu",
            Self::ReveniumTool => "revenium-tool",
            Self::LiteLlm => "litellm",
            Self::Portkey => "portkey",
            Self::Helicone => "helicone",
            Self::OpenRouter => "openrouter",
            Self::Langfuse => "langfuse",
            Self::CloudEvents => "cloudevents",
            Self::TensorZero => "tensorzero",
            Self::Provider => "provider",
            Self::ProviderOf(name) => name,
        }
    }

    /// Decodes a body of this source: one item, an array, or one per line.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty or a single broken document.
    pub fn decode(self, body: &[u8]) -> Result<Decoded<Event>> {
        match self {
            Self::Langfuse => langfuse::decode(body),
            Self::Native => native::decode(body),
            _ => super::decode_items(body, |text, ignored| self.decode_one(text, ignored).map(Some)),
        }
    }

    /// Decodes one item; Langfuse's are only understood together.
    ///
    /// # Errors
    /// Names the field, what was found and what is allowed.
    pub fn decode_one(self, text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
        match self {
            Self::Native | Self::Langfuse => native::decode_one(text, ignored),
            Self::ReveniumTool => revenium_tool::decode_one(text, ignored),
            Self::LiteLlm => litellm::decode_one(text, ignored),
            Self::Portkey => portkey::decode_one(text, ignored),
            Self::Helicone => helicone::decode_one(text, ignored),
            Self::OpenRouter => openrouter::decode_one(text, ignored),
            Self::CloudEvents => cloud_events::decode_one(text, ignored),
            Self::TensorZero => tensorzero::decode_one(text, ignored),
            Self::Provider => provider::decode_one(text, None, ignored),
            Self::ProviderOf(name) => provider::decode_one(text, Some(name), ignored),
        }
    }

    /// The source of a body by its first item: members that only one source writes tell it, else it is native.
    pub fn detect(body: &[u8]) -> Self {
        let first = json::first_item(body).and_then(|text| Object::parse("", text).ok());
        // A body that is no JSON is refused when it is decoded.
        first.map_or(Self::Native, |item| Self::of(&item))
    }

    pub(super) fn of(item: &Object<'_>) -> Self {
        let known: [(Self, Recognises); 9] = [
            (Self::ReveniumTool, revenium_tool::recognises),
            (Self::CloudEvents, cloud_events::recognises),
            (Self::LiteLlm, litellm::recognises),
            (Self::Helicone, helicone::recognises),
            (Self::Portkey, portkey::recognises),
            (Self::TensorZero, tensorzero::recognises),
            (Self::Langfuse, langfuse::recognises),
            (Self::OpenRouter, openrouter::recognises),
            (Self::Provider, provider::recognises),
        ];
        known.into_iter().find(|(_, recognises)| recognises(item)).map_or(Self::Native, |(source, _)| source)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("unknown source {name:?}; allowed are {names}"))
        })
    }
}
