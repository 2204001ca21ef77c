//! The outcome: what came of a job. The first report wins and is immutable; what turns out to be
//! wrong in it is amended, with a reason, by a further revision that leaves the earlier ones.

use crate::error::{Error, Result};
use crate::event::check_text;
use crate::limits;
use crate::money::PicoUsd;
use crate::schema::{Dimension, Text};
use crate::time::Timestamp;

/// Whether the job ran to its technical end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OutcomeStatus {
    /// It did.
    Success = 1,
    /// It broke.
    Failed = 2,
    /// It was called off.
    Cancelled = 3,
}

impl OutcomeStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failed, Self::Cancelled];

    /// The name used everywhere outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of that name, in any case.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            Error::invalid(format!(
                "status is {name:?}; allowed are SUCCESS, FAILED and CANCELLED (a pending job simply has no outcome)"
            ))
        })
    }
}

/// What the job was worth commercially.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OutcomeType {
    /// It achieved what it was for.
    Converted = 1,
    /// It was handed to a person.
    Escalated = 2,
    /// It spared other work.
    Deflected = 3,
    /// It achieved nothing.
    Unsuccessful = 4,
    /// The caller's own kind.
    Custom = 5,
}

impl OutcomeType {
    /// Every type.
    pub const ALL: [Self; 5] = [Self::Converted, Self::Escalated, Self::Deflected, Self::Unsuccessful, Self::Custom];

    /// The name used everywhere outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Converted => "CONVERTED",
            Self::Escalated => "ESCALATED",
            Self::Deflected => "DEFLECTED",
            Self::Unsuccessful => "UNSUCCESSFUL",
            Self::Custom => "CUSTOM",
        }
    }

    /// The type of that name, in any case.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            Error::invalid(format!(
                "type is {name:?}; allowed are CONVERTED, ESCALATED, DEFLECTED, UNSUCCESSFUL and CUSTOM"
            ))
        })
    }
}

/// What came of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The workspace of the job; `None` is the default workspace.
    pub workspace: Option<Text>,
    /// The job.
    pub job_id: Text,
    /// Whether it ran to its technical end.
    pub status: OutcomeStatus,
    /// What it was worth commercially, where that is known.
    pub kind: Option<OutcomeType>,
    /// Its value in USD, where that is known; below 0 when it did harm, such as a refund or a penalty.
    pub value: Option<PicoUsd>,
    /// When it was reached; when absent, as in the revision that it amends, and the arrival time of a first report.
    pub at: Option<Timestamp>,
    /// Anything else, as JSON text.
    pub metadata: Option<String>,
    /// The caller's key that makes a retry of this very report harmless.
    pub idempotency_key: Option<Text>,
    /// Why an earlier revision is amended; `None` for the first report.
    pub reason: Option<String>,
    /// Whether it is stored even when no event of the job is. Part of a report, not of what is stored.
    pub create_job: bool,
    /// 1 for the first report, one more for each amendment; the store assigns it.
    pub revision: u32,
    /// When the store took it, never before the revision before; the store assigns it.
    pub known_at: Option<Timestamp>,
}

impl Outcome {
    /// An outcome of `job_id` with nothing but its status.
    pub fn new(job_id: impl Into<Text>, status: OutcomeStatus) -> Self {
        Self {
            workspace: None,
            job_id: job_id.into(),
            status,
            kind: None,
            value: None,
            at: None,
            metadata: None,
            idempotency_key: None,
            reason: None,
            create_job: false,
            revision: 0,
            known_at: None,
        }
    }

    /// The same as an amendment of what was reported before.
    #[must_use]
    pub fn amending(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// The workspace of the job.
    pub fn workspace(&self) -> &str {
        self.workspace.as_deref().unwrap_or(DEFAULT_WORKSPACE)
    }

    /// Checks every limit; `now` is the clock's time.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, what was found and what is allowed.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if self.job_id.is_empty() {
            return Err(Error::invalid("job_id is empty"));
        }
        check_text("job_id", &self.job_id, limits::JOB_ID_BYTES)?;
        check_text("workspace", self.workspace(), Dimension::Workspace.max_bytes())?;
        if let Some(key) = &self.idempotency_key {
            check_text("idempotency_key", key, limits::ID_BYTES)?;
        }
        if let Some(value) = self.value
            && value.pico().abs() > limits::OUTCOME_VALUE_MAX_PICO
        {
            return Err(Error::invalid(format!("value is {value} USD; the largest allowed is 10^12")));
        }
        if let Some(metadata) = &self.metadata
            && metadata.len() > limits::OUTCOME_METADATA_BYTES
        {
            return Err(Error::invalid(format!(
                "metadata has {} bytes; the longest allowed is {}",
                metadata.len(),
                limits::OUTCOME_METADATA_BYTES
            )));
        }
        if let Some(reason) = &self.reason {
            if reason.trim().is_empty() {
                return Err(Error::invalid("reason is empty; an amendment says why"));
            }
            check_text("reason", reason, limits::OUTCOME_REASON_BYTES)?;
        }
        if let Some(at) = self.at
            && (at.micros() < limits::EARLIEST_MICROS || at.micros() > now.micros() + limits::FUTURE_MICROS)
        {
            return Err(Error::invalid(format!("at is {at}; allowed is 2015 to 24 hours ahead of the clock ({now})")));
        }
        Ok(())
    }
}

/// The workspace of events and outcomes that name none.
pub const DEFAULT_WORKSPACE: &str = "default";
