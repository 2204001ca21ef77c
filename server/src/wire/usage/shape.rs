//! The usage objects of providers, told apart by their members.

use super::super::FieldError;
use super::super::object::Object;
use super::{Convention, Counts};

/// The counts of a usage object and how they are meant; `None` when it speaks of no tokens.
///
/// # Errors
/// The member that is not a count.
pub(in crate::wire) fn read(usage: &Object<'_>) -> Result<Option<(Counts, Convention)>, FieldError> {
    let read = if usage.has_any(&["prompt_tokens", "completion_tokens"]) {
        (chat(usage)?, Convention::OPENAI)
    } else if is_anthropic(usage) {
        (anthropic(usage)?, Convention::ANTHROPIC)
    } else if usage.has_any(&["input_tokens", "output_tokens"]) {
        (responses(usage)?, Convention::OPENAI)
    } else if usage.has_any(&["promptTokenCount", "candidatesTokenCount", "totalTokenCount"]) {
        (gemini(usage)?, Convention::GEMINI)
    } else if usage.has_any(&["total_input_tokens", "total_output_tokens"]) {
        (interactions(usage)?, Convention::GEMINI)
    } else if usage.has_any(&["inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount"]) {
        (bedrock(usage)?, Convention::ANTHROPIC)
    } else if usage.has_any(&["tokens", "billed_units"]) {
        (cohere(usage)?, Convention::OPENAI)
    } else if usage.has_any(&["prompt_eval_count", "eval_count"]) {
        let counts = Counts {
            input: usage.count("prompt_eval_count")?,
            output: usage.count("eval_count")?,
            ..Counts::default()
        };
        (counts, Convention::OPENAI)
    } else if usage.get("total_tokens").is_some() {
        // Embeddings of some providers: all there is are tokens read.
        (Counts { input: usage.count("total_tokens")?, ..Counts::default() }, Convention::OPENAI)
    } else {
        return Ok(None);
    };
    Ok(Some(read).filter(|(counts, _)| !counts.is_empty()))
}

/// Anthropic's object and OpenAI's newer one share their two main names; the rest tells.
fn is_anthropic(usage: &Object<'_>) -> bool {
    const OWN: [&str; 6] = [
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "server_tool_use",
        "inference_geo",
        "iterations",
    ];
    usage.has_any(&OWN)
        || (usage.has_any(&["input_tokens", "output_tokens"])
            && !usage.has_any(&["total_tokens", "input_tokens_details", "output_tokens_details"]))
}

/// OpenAI's chat completions, and the many that look like them.
fn chat(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts {
        input: usage.count("prompt_tokens")?,
        output: usage.count("completion_tokens")?,
        cache_read: usage.first_count(&["cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens"])?,
        reasoning: usage.count("reasoning_tokens")?,
        audio_input: usage.count("audio_prompt_tokens")?,
        total: usage.count("total_tokens")?,
        ..Counts::default()
    };
    for name in ["prompt_tokens_details", "prompt_token_details"] {
        if let Some(details) = usage.object_if(name)? {
            prompt_details(&details, &mut counts)?;
        }
    }
    for name in ["completion_tokens_details", "completion_token_details"] {
        if let Some(details) = usage.object_if(name)? {
            output_details(&details, &mut counts)?;
        }
    }
    // LiteLLM repeats the cache counts in Anthropic's names.
    counts.cache_read = counts.cache_read.or(usage.count("cache_read_input_tokens")?);
    counts.cache_write = counts.cache_write.or(usage.count("cache_creation_input_tokens")?);
    Ok(counts)
}

/// OpenAI's responses and images.
fn responses(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts {
        input: usage.count("input_tokens")?,
        output: usage.count("output_tokens")?,
        total: usage.count("total_tokens")?,
        ..Counts::default()
    };
    if let Some(details) = usage.object_if("input_tokens_details")? {
        prompt_details(&details, &mut counts)?;
    }
    if let Some(details) = usage.object_if("output_tokens_details")? {
        output_details(&details, &mut counts)?;
    }
    Ok(counts)
}

fn prompt_details(details: &Object<'_>, counts: &mut Counts) -> Result<(), FieldError> {
    counts.cache_read = details.count("cached_tokens")?.or(counts.cache_read);
    counts.cache_write = details.first_count(&["cache_write_tokens", "cache_creation_tokens"])?.or(counts.cache_write);
    counts.audio_input = details.count("audio_tokens")?.or(counts.audio_input);
    counts.image_input = details.count("image_tokens")?.or(counts.image_input);
    if let Some(cached) = details.object_if("cached_tokens_details")? {
        counts.audio_cache_read = cached.count("audio_tokens")?;
        counts.audio_input = less(counts.audio_input, counts.audio_cache_read);
        counts.image_input = less(counts.image_input, cached.count("image_tokens")?);
    }
    if let Some(lives) = details.object_if("cache_write_tokens_details")? {
        counts.write_30m = lives.count("ttl_30m_tokens")?;
        counts.write_12h = lives.count("ttl_12h_tokens")?;
    }
    if let Some(lives) = details.object_if("cache_creation_token_details")? {
        lifetimes(&lives, counts)?;
    }
    Ok(())
}

fn output_details(details: &Object<'_>, counts: &mut Counts) -> Result<(), FieldError> {
    counts.reasoning = details.first_count(&["reasoning_tokens", "thinking_tokens"])?.or(counts.reasoning);
    counts.audio_output = details.count("audio_tokens")?;
    counts.image_output = details.count("image_tokens")?;
    Ok(())
}

fn lifetimes(lives: &Object<'_>, counts: &mut Counts) -> Result<(), FieldError> {
    counts.write_5m = lives.count("ephemeral_5m_input_tokens")?;
    counts.write_1h = lives.count("ephemeral_1h_input_tokens")?;
    Ok(())
}

/// Anthropic's messages. What compaction and advisors used is billed but not in the top-level counts.
fn anthropic(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = anthropic_once(usage)?;
    for iteration in usage.objects("iterations")? {
        if iteration.text("type")?.is_some_and(|kind| kind != "message") {
            counts = counts.plus(anthropic_once(&iteration)?);
        }
    }
    Ok(counts)
}

fn anthropic_once(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts {
        input: usage.count("input_tokens")?,
        output: usage.count("output_tokens")?,
        cache_read: usage.count("cache_read_input_tokens")?,
        cache_write: usage.count("cache_creation_input_tokens")?,
        ..Counts::default()
    };
    if let Some(lives) = usage.object_if("cache_creation")? {
        lifetimes(&lives, &mut counts)?;
    }
    if let Some(details) = usage.object_if("output_tokens_details")? {
        counts.reasoning = details.first_count(&["thinking_tokens", "reasoning_tokens"])?;
    }
    if let Some(tools) = usage.object_if("server_tool_use")?
        && let Some(searches) = tools.count("web_search_requests")?.filter(|searches| *searches > 0)
    {
        counts.named.push(("web_search", searches));
    }
    Ok(counts)
}

/// Gemini's `usageMetadata`.
fn gemini(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts {
        input: usage.count("promptTokenCount")?,
        more_input: usage.count("toolUsePromptTokenCount")?,
        cache_read: usage.count("cachedContentTokenCount")?,
        output: usage.first_count(&["candidatesTokenCount", "responseTokenCount"])?,
        reasoning: usage.count("thoughtsTokenCount")?,
        total: usage.count("totalTokenCount")?,
        ..Counts::default()
    };
    counts.audio_input = medium(usage, "promptTokensDetails", "AUDIO")?;
    counts.image_input = medium(usage, "promptTokensDetails", "IMAGE")?;
    counts.audio_output = medium(usage, "candidatesTokensDetails", "AUDIO")?;
    counts.image_output = medium(usage, "candidatesTokensDetails", "IMAGE")?;
    counts.audio_cache_read = medium(usage, "cacheTokensDetails", "AUDIO")?;
    counts.audio_input = less(counts.audio_input, counts.audio_cache_read);
    counts.image_input = less(counts.image_input, medium(usage, "cacheTokensDetails", "IMAGE")?);
    Ok(counts)
}

/// What is left of a medium without what of it was read from a cache.
fn less(all: Option<u64>, cached: Option<u64>) -> Option<u64> {
    all.map(|all| all.saturating_sub(cached.unwrap_or(0)))
}

fn medium(usage: &Object<'_>, list: &str, wanted: &str) -> Result<Option<u64>, FieldError> {
    for entry in usage.objects(list)? {
        if entry.text("modality")?.as_deref() == Some(wanted) {
            return entry.count("tokenCount");
        }
    }
    Ok(None)
}

/// Gemini's interactions.
fn interactions(usage: &Object<'_>) -> Result<Counts, FieldError> {
    Ok(Counts {
        input: usage.count("total_input_tokens")?,
        more_input: usage.count("total_tool_use_tokens")?,
        cache_read: usage.count("total_cached_tokens")?,
        output: usage.count("total_output_tokens")?,
        reasoning: usage.count("total_thought_tokens")?,
        total: usage.count("total_tokens")?,
        ..Counts::default()
    })
}

/// Bedrock: Converse and the metrics that end a stream, which spell the cache either way.
fn bedrock(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts {
        input: usage.first_count(&["inputTokens", "inputTokenCount"])?,
        output: usage.first_count(&["outputTokens", "outputTokenCount"])?,
        cache_read: usage.first_count(&["cacheReadInputTokens", "cacheReadInputTokenCount"])?,
        cache_write: usage.first_count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"])?,
        total: usage.count("totalTokens")?,
        ..Counts::default()
    };
    for detail in usage.objects("cacheDetails")? {
        let tokens = detail.count("inputTokens")?;
        match detail.text("ttl")?.as_deref() {
            Some("5m") => counts.write_5m = tokens,
            Some("1h") => counts.write_1h = tokens,
            _ => {}
        }
    }
    Ok(counts)
}

/// Cohere, which bills fewer tokens than it counts; the meters hold what the model read and wrote.
fn cohere(usage: &Object<'_>) -> Result<Counts, FieldError> {
    let mut counts = Counts { cache_read: usage.count("cached_tokens")?, ..Counts::default() };
    for name in ["billed_units", "tokens"] {
        if let Some(units) = usage.object_if(name)? {
            counts.input = units.count("input_tokens")?.or(counts.input);
            counts.output = units.count("output_tokens")?.or(counts.output);
            if let Some(searches) = units.count("search_units")? {
                counts.named.push(("search_units", searches));
            }
        }
    }
    Ok(counts)
}
