//! What became of a batch, item by item.

use crate::error::Error;
use crate::outcome::Outcome;
use crate::schema::Text;

/// What became of a batch of events.
#[derive(Debug)]
pub struct Receipt {
    /// The store's LSN once the batch was in: a snapshot with at least this one shows it.
    pub lsn: u64,
    /// One item per event, in the order of the batch.
    pub items: Vec<Item>,
}

/// What became of one event.
#[derive(Debug)]
pub enum Item {
    /// It is stored.
    Stored {
        /// Its id, derived when it had none.
        id: Text,
    },
    /// The same event was stored before: a retry. Nothing changed.
    Duplicate {
        /// Its id.
        id: Text,
    },
    /// Another event was stored before under this id; that one stands.
    Conflict {
        /// The id.
        id: Text,
    },
    /// It breaks a rule; the error says which.
    Rejected(Error),
}

impl Receipt {
    fn count(&self, wanted: impl Fn(&Item) -> bool) -> usize {
        self.items.iter().filter(|item| wanted(item)).count()
    }

    /// How many events were stored.
    pub fn stored(&self) -> usize {
        self.count(|item| matches!(item, Item::Stored { .. }))
    }

    /// How many were stored before.
    pub fn duplicates(&self) -> usize {
        self.count(|item| matches!(item, Item::Duplicate { .. }))
    }

    /// How many carried an id that another event has.
    pub fn conflicts(&self) -> usize {
        self.count(|item| matches!(item, Item::Conflict { .. }))
    }

    /// How many broke a rule.
    pub fn rejected(&self) -> usize {
        self.count(|item| matches!(item, Item::Rejected(_)))
    }
}

/// What became of a batch of outcomes.
#[derive(Debug)]
pub struct OutcomeReceipt {
    /// The store's LSN once the batch was in.
    pub lsn: u64,
    /// One item per outcome, in the order of the batch.
    pub items: Vec<OutcomeItem>,
}

/// What became of one outcome.
#[derive(Debug)]
pub enum OutcomeItem {
    /// It is stored, for ever.
    Stored,
    /// This very report was stored before under the same idempotency key: a retry.
    Replayed,
    /// The job has an outcome already; it stands.
    AlreadyReported(Box<Outcome>),
    /// No event of that job was ever stored.
    UnknownJob,
    /// It breaks a rule; the error says which.
    Rejected(Error),
}

/// What became of a batch of corrections.
#[derive(Debug)]
pub struct CorrectionReceipt {
    /// The store's LSN once the batch was in.
    pub lsn: u64,
    /// One item per correction, in the order of the batch.
    pub items: Vec<CorrectionItem>,
}

/// What became of one correction.
#[derive(Debug)]
pub enum CorrectionItem {
    /// It changed events that are stored.
    Applied {
        /// How many.
        events: u64,
    },
    /// It is kept and waits: what it speaks of was not stored so far.
    Pending,
    /// It is kept and changes nothing: what it speaks of is stored, and stands against it.
    Outweighed,
    /// It says nothing that was not known. Nothing changed.
    Unchanged,
    /// It breaks a rule; the error says which.
    Rejected(Error),
}
