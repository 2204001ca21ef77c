//! The names of everything an event can carry: dimensions, numbers and meters.
//!
//! Names, not numbers, are what files hold, so the order here may change freely.

use std::fmt;

use compact_str::CompactString;

use crate::limits;

/// A short text; up to 24 bytes live without an allocation.
pub type Text = CompactString;

/// Declares an enum whose variants have a stable external name.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $type:ident { $($(#[$vmeta:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $type { $($(#[$vmeta])* $variant,)+ }

        impl $type {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// How many variants there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name used in files, in JSON and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The variant of that exact name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named! {
    /// A text property of an event that can be grouped by and filtered on.
    pub enum Dimension {
        /// The isolation boundary of an access token.
        Workspace = "workspace",
        /// The customer inside the workspace.
        Tenant = "tenant",
        /// The team that answers for the spend.
        Team = "team",
        /// The project of the team.
        Project = "project",
        /// The product feature that made the call.
        Feature = "feature",
        /// The product sold.
        Product = "product",
        /// The workflow that ran.
        Workflow = "workflow",
        /// The class of business work (`support_ticket`), lower-cased.
        JobType = "job_type",
        /// One unit of business work.
        JobId = "job_id",
        /// The version of whatever does the work.
        JobVersion = "job_version",
        /// A label of the job for people.
        JobName = "job_name",
        /// The class of workflow run.
        TraceType = "trace_type",
        /// A label of the workflow run.
        TraceName = "trace_name",
        /// One workflow run.
        TraceId = "trace_id",
        /// A conversation or session.
        SessionId = "session_id",
        /// What this call was for.
        TaskType = "task_type",
        /// A finer class of the operation.
        OperationSubtype = "operation_subtype",
        /// The individual who caused the call.
        SubscriberId = "subscriber_id",
        /// That individual's e-mail address.
        SubscriberEmail = "subscriber_email",
        /// The alias of the key used, never the key.
        Credential = "credential",
        /// The subscription the call is billed to.
        SubscriptionId = "subscription_id",
        /// The support ticket or issue.
        TicketId = "ticket_id",
        /// chat, completion, embedding, tool, rerank, image, audio, human…
        Operation = "operation",
        /// The agent that made the call.
        Agent = "agent",
        /// The version of that agent.
        AgentVersion = "agent_version",
        /// Who bills the call.
        Provider = "provider",
        /// The model that answered.
        Model = "model",
        /// The model that was asked for, or a gateway's alias.
        RequestedModel = "requested_model",
        /// Where the call was served.
        Region = "region",
        /// standard, batch, flex, priority…
        ServiceTier = "service_tier",
        /// The caller's own label of the model's class.
        ModelTier = "model_tier",
        /// prod, staging…
        Environment = "environment",
        /// The configuration in force.
        Config = "config",
        /// The arm of an experiment or the version of a prompt.
        Variant = "variant",
        /// ok, error or cancelled.
        Status = "status",
        /// Why the model stopped.
        StopReason = "stop_reason",
        /// The tool called.
        ToolName = "tool_name",
        /// Which wire format, SDK or hop reported the event.
        Source = "source",
        /// provider, partial or estimated: where the token counts come from.
        UsageSource = "usage_source",
        /// The provider's id of the response.
        RequestId = "request_id",
        /// The span of the call.
        SpanId = "span_id",
        /// The span that made the call.
        ParentId = "parent_id",
    }
}

impl Dimension {
    /// Further names that the ecosystem uses.
    pub const ALIASES: [(&str, Self); 19] = [
        ("organization", Self::Tenant),
        ("organization_id", Self::Tenant),
        ("organizationId", Self::Tenant),
        ("organizationName", Self::Tenant),
        ("org", Self::Tenant),
        ("org_id", Self::Tenant),
        ("tenant_id", Self::Tenant),
        ("tenantId", Self::Tenant),
        ("team_id", Self::Team),
        ("project_id", Self::Project),
        ("feature_id", Self::Feature),
        ("workflow_id", Self::Workflow),
        ("job", Self::JobId),
        ("trace", Self::TraceId),
        ("session", Self::SessionId),
        ("subscriber", Self::SubscriberId),
        ("credential_alias", Self::Credential),
        ("request_model", Self::RequestedModel),
        ("parent_span_id", Self::ParentId),
    ];

    /// The dimension of that name or [alias](Self::ALIASES).
    pub fn parse(name: &str) -> Option<Self> {
        let alias = || Self::ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, dimension)| *dimension);
        Self::from_name(name).or_else(alias)
    }

    /// Whether its values are stored in lower case, however they were sent.
    pub const fn is_lower_cased(self) -> bool {
        matches!(self, Self::JobType)
    }

    /// The longest value allowed, in bytes.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::JobId => limits::JOB_ID_BYTES,
            Self::JobName | Self::TraceName => limits::JOB_NAME_BYTES,
            Self::JobVersion => limits::JOB_VERSION_BYTES,
            Self::RequestId | Self::SpanId | Self::ParentId => limits::ID_BYTES,
            Self::TraceId | Self::SessionId | Self::SubscriberId | Self::SubscriberEmail => limits::LONG_ID_BYTES,
            _ => limits::DIMENSION_BYTES,
        }
    }
}

named! {
    /// A number of an event that is not a metered quantity.
    pub enum Number {
        /// Milliseconds from start to end.
        DurationMs = "duration_ms",
        /// Milliseconds from start to the first token.
        TtftMs = "ttft_ms",
        /// 0 for a first try, n for the n-th retry.
        RetryDepth = "retry_depth",
        /// The HTTP status of the call.
        StatusCode = "status_code",
        /// 1 when the answer was streamed.
        Streaming = "streaming",
        /// 1 when a gateway answered from its own cache.
        GatewayCacheHit = "gateway_cache_hit",
        /// 1 when the call happened but no usage was reported.
        UsageMissing = "usage_missing",
        /// What the caller says the call cost, in pico-USD.
        ReportedCost = "reported_cost",
        /// 1 when the id was derived because the caller gave none.
        IdDerived = "id_derived",
        /// 1 when the time was assigned on arrival because the caller gave none.
        AtAssigned = "at_assigned",
        /// 1 when the source's own total disagreed with its parts.
        UsageMismatch = "usage_mismatch",
    }
}

impl Number {
    /// The largest value allowed.
    pub const fn limit(self) -> u64 {
        match self {
            Self::DurationMs | Self::TtftMs => limits::DURATION_MAX_MS,
            Self::RetryDepth => u16::MAX as u64,
            Self::StatusCode => 999,
            Self::ReportedCost => limits::REPORTED_COST_MAX_PICO,
            Self::Streaming
            | Self::GatewayCacheHit
            | Self::UsageMissing
            | Self::IdDerived
            | Self::AtAssigned
            | Self::UsageMismatch => 1,
        }
    }
}

named! {
    /// The built-in meters. They are disjoint: no token is counted by two of them.
    pub enum TokenMeter {
        /// Uncached input tokens.
        Input = "input",
        /// Input tokens read from a prompt cache; audio has a meter of its own.
        CacheRead = "cache_read",
        /// Input tokens written to a cache kept for 5 minutes.
        CacheWrite5m = "cache_write_5m",
        /// Input tokens written to a cache kept for 30 minutes.
        CacheWrite30m = "cache_write_30m",
        /// Input tokens written to a cache kept for 1 hour.
        CacheWrite1h = "cache_write_1h",
        /// Input tokens written to a cache kept for 12 hours.
        CacheWrite12h = "cache_write_12h",
        /// Output tokens without reasoning.
        Output = "output",
        /// Reasoning tokens.
        Reasoning = "reasoning",
        /// Audio input tokens.
        AudioInput = "audio_input",
        /// Audio output tokens.
        AudioOutput = "audio_output",
        /// Audio input tokens read from a prompt cache.
        AudioCacheRead = "audio_cache_read",
        /// Image input tokens.
        ImageInput = "image_input",
        /// Image output tokens.
        ImageOutput = "image_output",
    }
}

impl TokenMeter {
    /// Whether the tokens are part of the prompt.
    pub const fn is_input(self) -> bool {
        matches!(
            self,
            Self::Input
                | Self::CacheRead
                | Self::CacheWrite5m
                | Self::CacheWrite30m
                | Self::CacheWrite1h
                | Self::CacheWrite12h
                | Self::AudioInput
                | Self::AudioCacheRead
                | Self::ImageInput
        )
    }

    /// Whether the tokens are a cache write of any lifetime.
    pub const fn is_cache_write(self) -> bool {
        matches!(self, Self::CacheWrite5m | Self::CacheWrite30m | Self::CacheWrite1h | Self::CacheWrite12h)
    }
}

/// A countable quantity of an event: one of the built-in token meters, or any named one
/// (`web_search`, `tool:browser`, `human_minutes`, `pages`…).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// A built-in, disjoint token count.
    Token(TokenMeter),
    /// Any further quantity, by name.
    Named(Text),
}

impl Meter {
    /// The meter of that name.
    ///
    /// # Errors
    /// A sentence when the name is empty, too long, or has characters other than
    /// `a-z A-Z 0-9 _ - . : /`.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some(token) = TokenMeter::from_name(name) {
            return Ok(Self::Token(token));
        }
        if name.is_empty() || name.len() > limits::METER_NAME_BYTES {
            return Err(format!("meter name has {} bytes; allowed are 1 to {}", name.len(), limits::METER_NAME_BYTES));
        }
        if name == "requests" {
            return Err("meter `requests` is counted by Quipu itself: every event is one request".into());
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        match name.bytes().position(|byte| !allowed(byte)) {
            Some(at) => Err(format!("meter name {name:?} has a character at byte {at} that is not allowed")),
            None => Ok(Self::Named(name.into())),
        }
    }

    /// The name used in files, in JSON and on the command line.
    pub fn name(&self) -> &str {
        match self {
            Self::Token(token) => token.name(),
            Self::Named(name) => name,
        }
    }
}

impl From<TokenMeter> for Meter {
    fn from(token: TokenMeter) -> Self {
        Self::Token(token)
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Upper edges of the context bands, in total input tokens of one request.
///
/// Providers re-price *all* tokens of a request whose prompt is longer than such an edge,
/// so the band belongs to the price class. A request lies in the band whose number is the
/// count of edges strictly below its total input.
pub const CONTEXT_BAND_EDGES: [u64; 8] = [32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000];

/// The context band of a request with that many input tokens of all kinds.
///
/// ```
/// use quipu_engine::schema::context_band;
/// assert_eq!((context_band(32_000), context_band(32_001)), (0, 1));
/// ```
pub fn context_band(total_input: u64) -> u8 {
    CONTEXT_BAND_EDGES.iter().map(|edge| u8::from(total_input > *edge)).sum()
}
