//! An import's charges, taken in the thread that reads them: each gets its id, its month and its tags' spelling, is added to the roll-ups, and becomes
//! a row for COPY right where it was read. What goes from that thread to the database's side is finished bytes, a buffer at a time.
//!
//! Must not know connections.

use std::collections::BTreeMap;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

use super::Store;
use super::batch::NewCharge;
use super::copy::CopyRows;
use super::ids::RowIds;
use super::sums::RollupSums;
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::Value;
use crate::domain::columns::CHARGE_PERIOD_START;
use crate::domain::import::{PlacedCharge, Summary};
use crate::domain::tag_keys::TagSpellings;

/// Bytes that are gathered before they are copied. One buffer fills while another is sent and a third waits.
const BUFFER_BYTES: usize = 4 << 20;

/// Nobody takes what is handed in any more: the import has failed, or its caller has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp;

/// Where a reader hands in charges, on a thread that may block. Dropped before [`Intake::end`], the import ends without a trace.
pub struct Intake {
    store: Store,
    uptake: mpsc::Sender<HandedIn>,
    taken: Option<Taken>,
}

/// What comes of it, for [`Store::import`].
pub struct Uptake(pub(super) mpsc::Receiver<HandedIn>);

/// What an intake hands on: a beginning before the first rows, then rows, then the end.
pub(super) enum HandedIn {
    /// There is a first charge: what must be known to make rows of it is asked for.
    Begin(oneshot::Sender<ImportBegun>),
    /// Rows for the partitions of some months.
    Rows(Vec<MonthRows>),
    /// The file has been read whole.
    End(Box<ImportRead>),
}

/// What an import begins with.
pub(super) struct ImportBegun {
    pub import_no: i64,
    /// Spellings of tag keys known so far.
    pub spellings: TagSpellings,
}

/// Rows of one billing month, as one COPY takes them.
pub(super) struct MonthRows {
    pub month: BillingMonth,
    pub rows: Bytes,
}

/// What an import ends with.
pub(super) struct ImportRead {
    pub summary: Summary,
    /// The rest; nothing where there was no charge.
    pub rows: Vec<MonthRows>,
    pub months: BTreeMap<BillingMonth, StagedMonth>,
    pub spellings: TagSpellings,
    pub sums: RollupSums,
}

/// What was staged of one billing month.
#[derive(Debug, Clone)]
pub(super) struct StagedMonth {
    /// Charges.
    pub charges: u64,
    /// Earliest start of a charge's period.
    pub first_start: OffsetDateTime,
    /// Latest start of a charge's period.
    pub last_start: OffsetDateTime,
}

/// What has been taken so far.
struct Taken {
    import_no: i64,
    ids: RowIds,
    spellings: TagSpellings,
    months: BTreeMap<BillingMonth, StagedMonth>,
    sums: RollupSums,
    buffers: BTreeMap<BillingMonth, CopyRows>,
    buffered: usize,
}

impl Store {
    /// Both ends of an import: one for the thread that reads, one for [`Store::import`].
    #[must_use]
    pub fn intake(&self) -> (Intake, Uptake) {
        let (uptake, receiver) = mpsc::channel(1);
        (Intake { store: self.clone(), uptake, taken: None }, Uptake(receiver))
    }
}

impl Intake {
    /// Takes the next charge, in the file's order. Blocks while the database is behind.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub fn take(&mut self, placed: PlacedCharge) -> Result<(), GivenUp> {
        let taken = match &mut self.taken {
            Some(taken) => taken,
            None => {
                let (sender, begun) = oneshot::channel();
                self.uptake.blocking_send(HandedIn::Begin(sender)).map_err(|_| GivenUp)?;
                let ImportBegun { import_no, spellings } = begun.blocking_recv().map_err(|_| GivenUp)?;
                self.taken.insert(Taken {
                    import_no,
                    ids: RowIds::new(),
                    spellings,
                    months: BTreeMap::new(),
                    sums: RollupSums::new(),
                    buffers: BTreeMap::new(),
                    buffered: 0,
                })
            }
        };
        let PlacedCharge { part, line, charge } = placed;
        let (part, line) = (i16::try_from(part).unwrap_or(i16::MAX), i32::try_from(line).ok());
        let id = taken.ids.next(self.store.clock.now());
        taken.take(NewCharge { id, part, line, charge });
        if taken.buffered < BUFFER_BYTES {
            return Ok(());
        }
        let rows = taken.rows();
        self.uptake.blocking_send(HandedIn::Rows(rows)).map_err(|_| GivenUp)
    }

    /// Says that the file has been read whole.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub fn end(self, summary: Summary) -> Result<(), GivenUp> {
        let ended = match self.taken {
            Some(mut taken) => {
                let rows = taken.rows();
                let Taken { months, spellings, sums, .. } = taken;
                ImportRead { summary, rows, months, spellings, sums }
            }
            None => ImportRead {
                summary,
                rows: Vec::new(),
                months: BTreeMap::new(),
                spellings: TagSpellings::default(),
                sums: RollupSums::new(),
            },
        };
        self.uptake.blocking_send(HandedIn::End(Box::new(ended))).map_err(|_| GivenUp)
    }
}

impl Taken {
    fn take(&mut self, mut new: NewCharge) {
        self.spellings.apply(&mut new.charge);
        let month = BillingMonth::of(&new.charge);
        let start = match &new.charge.values()[CHARGE_PERIOD_START] {
            Value::Moment(start) => *start,
            _ => OffsetDateTime::UNIX_EPOCH,
        };
        let staged = self.months.entry(month).or_insert(StagedMonth { charges: 0, first_start: start, last_start: start });
        staged.charges += 1;
        staged.first_start = staged.first_start.min(start);
        staged.last_start = staged.last_start.max(start);
        self.sums.add(month, &new.charge);
        let buffer = self.buffers.entry(month).or_insert_with(CopyRows::new);
        let before = buffer.len();
        buffer.push(&new, self.import_no, month);
        self.buffered += buffer.len() - before;
    }

    /// Takes out the rows gathered.
    fn rows(&mut self) -> Vec<MonthRows> {
        self.buffered = 0;
        std::mem::take(&mut self.buffers).into_iter().map(|(month, rows)| MonthRows { month, rows: rows.finish() }).collect()
    }
}
