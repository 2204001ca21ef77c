//! Session logs of the Gemini CLI (`tmp/…/chats/session-….json` and `.jsonl`).
//!
//! Up to version 0.39 a session is one document with all its messages; later ones are lines: what session it is, then
//! a message each, which may be written again as it grows; the last time counts. An answer of the model says what it
//! used, in Gemini's convention: cached content is part of the input, thoughts stand beside the output, and so does what
//! tools added to the prompt.

use std::collections::HashMap;

use quipu::{Dimension, Event, Text};

use super::call::{Call, identity};
use super::object::Object;
use super::usage::{Convention, Counts};
use super::{FieldError, Ignored, Place};

/// The calls of one session log, collected document by document.
#[derive(Debug, Default)]
pub struct Session {
    id: Option<Text>,
    project: Option<Text>,
    kind: Option<Text>,
    calls: Vec<(Place, Event)>,
    by_id: HashMap<Text, usize>,
    /// Documents that hold no call: prompts, notices, what changed about the session.
    pub skipped: u64,
}

impl Session {
    /// Takes the document at `place`: a line, or a whole session.
    ///
    /// # Errors
    /// What is wrong with it. The messages before that are taken.
    pub fn document(&mut self, place: Place, text: &str, ignored: &mut Ignored) -> Result<(), FieldError> {
        let document = Object::parse("", text)?;
        if document.get("sessionId").is_some() {
            self.begin(&document)?;
        }
        let before = self.calls.len();
        let mut again = false;
        for message in document.objects("messages")?.iter().chain([&document]) {
            again |= self.message(place, message, ignored)?;
        }
        self.skipped += u64::from(self.calls.len() == before && !again);
        Ok(())
    }

    fn begin(&mut self, session: &Object<'_>) -> Result<(), FieldError> {
        let text = |name| Ok::<_, FieldError>(session.text(name)?.map(|text| Text::from(text.as_ref())));
        (self.id, self.project, self.kind) = (text("sessionId")?, text("projectHash")?, text("kind")?);
        Ok(())
    }

    /// Takes a message; whether it is a call.
    fn message(&mut self, place: Place, message: &Object<'_>, ignored: &mut Ignored) -> Result<bool, FieldError> {
        if message.text("type")?.as_deref() != Some("gemini") {
            return Ok(false);
        }
        let Some(tokens) = message.object_if("tokens")? else { return Ok(false) };
        let Some(session) = &self.id else {
            return Err(FieldError::field("sessionId", "is missing before it, so nobody knows which session this is"));
        };
        let Some(id) = message.text("id")? else {
            return Err(FieldError::field(&message.path("id"), "is missing"));
        };
        let id = identity("gemini-cli", &format!("{session}:{id}"));
        let mut call = Call::new("gemini-cli", ignored);
        call.event.id = Some(id.clone());
        call.event.at = message.time("timestamp")?;
        call.set(Dimension::SessionId, session);
        call.set_some(Dimension::OperationSubtype, self.kind.as_deref().filter(|kind| *kind != "main"));
        call.set(Dimension::Operation, "chat");
        call.set(Dimension::Agent, "gemini-cli");
        call.set(Dimension::Provider, "google");
        call.set_some(Dimension::Model, message.text("model")?);
        call.set(Dimension::UsageSource, "provider");
        call.tag("project_hash", self.project.as_deref().unwrap_or_default());
        counts(&tokens)?.apply(Convention::GEMINI, &mut call.event);
        let event = call.event;
        match self.by_id.get(&id) {
            Some(at) => self.calls[*at].1 = event,
            None => {
                self.by_id.insert(id, self.calls.len());
                self.calls.push((place, event));
            }
        }
        Ok(true)
    }

    /// The calls in the order in which they were first told of, with the place of each.
    pub fn into_calls(self) -> Vec<(Place, Event)> {
        self.calls
    }
}

fn counts(tokens: &Object<'_>) -> Result<Counts, FieldError> {
    Ok(Counts {
        input: tokens.count("input")?,
        more_input: tokens.count("tool")?,
        cache_read: tokens.count("cached")?,
        output: tokens.count("output")?,
        reasoning: tokens.count("thoughts")?,
        total: tokens.count("total")?.filter(|total| *total > 0),
        ..Counts::default()
    })
}

#[cfg(test)]
mod tests {
    use quipu::{Number, TokenMeter};

    use super::*;

    const SESSION: &str = r#""sessionId":"s","projectHash":"p","startTime":"2026-04-29T21:39:22Z","kind":"main""#;

    fn message(id: &str, tokens: &str) -> String {
        format!(
            r#"{{"id":"{id}","timestamp":"2026-04-29T21:39:35.125Z","type":"gemini","content":"","tokens":{tokens},"model":"gemini-3-flash"}}"#
        )
    }

    fn calls(documents: &[String]) -> (Vec<Event>, u64) {
        let mut session = Session::default();
        for (number, text) in (1..).zip(documents) {
            session.document(Place::Line(number), text, &mut Ignored::default()).expect("readable");
        }
        let skipped = session.skipped;
        (session.into_calls().into_iter().map(|(_, event)| event).collect(), skipped)
    }

    #[test]
    fn both_forms_of_a_session_say_the_same_and_the_last_word_on_a_message_counts() {
        let begun = message("m1", r#"{"input":10,"output":1,"cached":0,"total":11}"#);
        let ended =
            message("m1", r#"{"input":12069,"output":100,"cached":11502,"thoughts":40,"tool":7,"total":12216}"#);
        let user = r#"{"id":"u","timestamp":"2026-04-29T21:39:33Z","type":"user","content":"hi"}"#.to_owned();
        let failed = message("m2", "null");
        let notice = r#"{"$set":{"lastUpdated":"2026-04-29T21:39:33.156Z"}}"#.to_owned();
        let lines = [format!("{{{SESSION}}}"), user.clone(), begun, notice, ended.clone(), failed.clone()];
        let (by_lines, skipped) = calls(&lines);
        assert_eq!((by_lines.len(), skipped), (1, 4));
        let event = &by_lines[0];
        let meters = [TokenMeter::Input, TokenMeter::CacheRead, TokenMeter::Output, TokenMeter::Reasoning];
        assert_eq!(meters.map(|meter| event.quantity(meter)), [12_069 - 11_502 + 7, 11_502, 100, 40]);
        assert_eq!((event.total_tokens(), event.number(Number::UsageMismatch)), (12_216, None));
        assert_eq!(event.id.as_deref(), Some("gemini-cli:s:m1"));
        let of = |dimension| event.get(dimension);
        assert_eq!((of(Dimension::Model), of(Dimension::SessionId)), (Some("gemini-3-flash"), Some("s")));
        let (whole, _) = calls(&[format!("{{{SESSION},\"messages\":[{user},{ended},{failed}]}}")]);
        assert_eq!(whole, by_lines);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut session = Session::default();
        let mut read = |text: &str| session.document(Place::Line(1), text, &mut Ignored::default());
        let good = message("m", r#"{"input":1,"output":1}"#);
        assert_eq!(read(&good).expect_err("no session").field.as_deref(), Some("sessionId"));
        assert!(read("{").expect_err("half a line").message.contains("broken JSON"));
        read(&format!("{{{SESSION}}}")).expect("readable");
        let negative = read(&good.replace("\"output\":1", "\"output\":-1")).expect_err("a negative count");
        assert_eq!(negative.field.as_deref(), Some("tokens.output"));
        let within = format!("{{{SESSION},\"messages\":[{}]}}", good.replace("\"input\":1", "\"input\":1e400"));
        assert_eq!(read(&within).expect_err("too many").field.as_deref(), Some("messages[0].tokens.input"));
        read(&good).expect("readable");
        assert_eq!(session.into_calls().len(), 1);
    }
}
