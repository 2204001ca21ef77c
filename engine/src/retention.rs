//! How long a workspace keeps its events.

use crate::error::{Error, Result};
use crate::event::check_text;
use crate::schema::{Dimension, Text};
use crate::time::{MICROS_PER_DAY, Timestamp};

/// The longest lifetime, in days: some hundred years.
const DAYS_MAX: u32 = 36_525;

/// How long a workspace keeps its events, and from when on they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The workspace.
    pub workspace: Text,
    /// Days from the start of an event until it expires; `None` for ever.
    pub days: Option<u32>,
    /// Events that started before this have expired, and none is taken any more: nobody could tell it from one that
    /// was counted already. A start of a day in UTC that never goes back; [`Timestamp::MIN`] while nothing has expired.
    pub from: Timestamp,
}

impl Retention {
    /// A workspace in which nothing has expired yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what no workspace can be called, and for no such number
    /// of days.
    pub fn new(workspace: &str, days: Option<u32>) -> Result<Self> {
        check_text("workspace", workspace, Dimension::Workspace.max_bytes())?;
        if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
            let found = days.unwrap_or_default();
            return Err(Error::invalid(format!("events are to be kept for {found} days; allowed are 1 to {DAYS_MAX}")));
        }
        Ok(Self { workspace: workspace.into(), days, from: Timestamp::MIN })
    }

    /// From when on events are to be there at `now`: whole days of UTC expire.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let Some(days) = self.days else { return self.from };
        let day = now.micros().div_euclid(MICROS_PER_DAY) - i64::from(days);
        self.from.max(Timestamp::from_micros(day * MICROS_PER_DAY))
    }

    /// Whether so much has expired by `now` that it is worth writing parts anew beside other work: an eighth of what
    /// is kept, and all at first.
    pub(crate) fn is_worth(&self, now: Timestamp) -> bool {
        let late = self.due(now).micros().saturating_sub(self.from.micros());
        late > 0 && late >= i64::from(self.days.unwrap_or(0) / 8) * MICROS_PER_DAY
    }

    /// Why an event of that workspace that started then is not taken; `None` where it is.
    pub(crate) fn refuses(&self, workspace: &str, at: Timestamp) -> Option<Error> {
        (self.workspace == workspace && at < self.from).then(|| {
            let days = self.days.map_or_else(String::new, |days| format!("keeps events for {days} days and "));
            Error::invalid(format!(
                "at is {at}, but the workspace {workspace:?} {days}has let go of all that started before {}; \
                 nobody could tell this event from one that was counted already",
                self.from
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_expire_and_never_come_back() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).expect("a time");
        let retention = Retention::new("w", Some(30)).expect("valid");
        let now = at("2026-03-31T13:00:00Z");
        assert_eq!(retention.due(now), at("2026-03-01T00:00:00Z"));
        let expired = Retention { from: retention.due(now), ..retention };
        assert_eq!(expired.due(at("2026-03-30T13:00:00Z")), expired.from);
        assert!(!expired.is_worth(at("2026-04-01T13:00:00Z")) && expired.is_worth(at("2026-04-03T01:00:00Z")));
        assert!(expired.refuses("w", at("2026-02-28T23:59:59Z")).is_some());
        assert!(expired.refuses("w", expired.from).is_none() && expired.refuses("v", Timestamp::MIN).is_none());
        for days in [0, DAYS_MAX + 1] {
            assert!(Retention::new("w", Some(days)).is_err());
        }
        assert_eq!(Retention::new("w", None).expect("valid").due(now), Timestamp::MIN);
    }
}
