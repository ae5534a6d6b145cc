//! Files as people really send them.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::domain::charge::Value;
use crate::domain::columns;
use crate::domain::import::{MAX_PROBLEMS, PlacedCharge};

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/focus-1.0-sample.csv");
const HEADER: &str = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ServiceName,ProviderName";
const ROW: &str = "1.50,1.50,USD,Usage,2024-09-01 00:00:00,2024-09-02T00:00:00Z,S3,AWS";

#[derive(Default)]
struct Taken {
    charges: Vec<PlacedCharge>,
    last: Option<Progress>,
    most: Option<usize>,
}

impl ChargeSink for Taken {
    fn take(&mut self, charge: PlacedCharge) -> Result<(), Stopped> {
        self.charges.push(charge);
        if self.most.is_some_and(|most| self.charges.len() >= most) { Err(Stopped) } else { Ok(()) }
    }

    fn progress(&mut self, progress: Progress) {
        self.last = Some(progress);
    }
}

const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 20, strict: false, body_digest: None };

fn taken(bytes: impl AsRef<[u8]>) -> (Taken, Result<Summary, FocusError>) {
    let mut taken = Taken::default();
    let summary = read(bytes.as_ref(), LIMITS, &mut taken);
    (taken, summary)
}

fn refused(bytes: impl AsRef<[u8]>) -> FocusError {
    taken(bytes).1.expect_err("the file is refused")
}

fn text(charge: &PlacedCharge, name: &str) -> String {
    match &charge.charge.values()[columns::position(name)] {
        Value::Absent => "absent".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Amount(amount) => amount.to_string(),
        Value::Moment(moment) => crate::domain::moment::format(*moment),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_real_sample_is_read_whole() {
    let (taken, summary) = taken(SAMPLE);
    let summary = summary.unwrap();
    assert_eq!((summary.accepted, summary.rejected), (1_000, 0), "{:?}", summary.problems.first());
    assert_eq!(summary.digest, <[u8; 32]>::from(Sha256::digest(SAMPLE)));
    assert_eq!(taken.last, Some(Progress { bytes: SAMPLE.len() as u64, rows: 1_000 }));
    let first = &taken.charges[0];
    assert_eq!(first.line, 2);
    for (name, expected) in [
        ("billed_cost", "0.00000080000"),
        ("list_unit_price", "0.0000004"),
        ("charge_period_start", "2024-09-18T22:00:00Z"),
        ("charge_class", "absent"),
        ("resource_id", "arn:ats:sqs:us-test-2:347410479675:mibelllmel-i-032l64f2065481b12"),
    ] {
        assert_eq!(text(first, name), expected, "{name}");
    }
    assert_eq!(first.charge.extras["Id"], "11472");
    assert_eq!(taken.charges[1].charge.tags["environment"], "dev");
}

#[test]
fn gzip_of_one_or_many_members_is_the_same_file() {
    // Only the bodies differ.
    let read = |bytes: &[u8]| Summary { body_digests: Vec::new(), ..taken(bytes).1.unwrap() };
    let plain = read(SAMPLE);
    assert_eq!(read(&gzip(SAMPLE)), plain);
    let (front, back) = SAMPLE.split_at(300_000);
    assert_eq!(read(&[gzip(front), gzip(back)].concat()), plain);
}

#[test]
fn a_byte_order_mark_crlf_and_odd_case_change_nothing() {
    let file = format!("\u{feff}{}\r\n\"1.50\",1.50,USD,usage,2024-09-01,2024-09-02,\"S3\",AWS\r\n\r\n{ROW}\r\n", HEADER.to_lowercase());
    let (taken, summary) = taken(file);
    assert_eq!(summary.unwrap().accepted, 2);
    assert_eq!(text(&taken.charges[0], "billed_cost"), "1.50");
    let lines: Vec<u64> = taken.charges.iter().map(|charge| charge.line).collect();
    assert_eq!(lines, [2, 4], "blank lines count");
}

#[test]
fn rows_are_placed_on_the_line_they_begin_on() {
    let rows = format!("{ROW}\r\n\r\n\n{}\n{ROW}\r\n\"1.50{}\n", ROW.replace("S3", "\"two\r\nlines\n\""), &ROW[4..]);
    let (taken, summary) = taken(format!("\n{HEADER}\r\n{rows}"));
    assert_eq!(taken.charges.iter().map(|charge| charge.line).collect::<Vec<_>>(), [3, 6, 9]);
    let problems = summary.unwrap().problems;
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [10], "a quote that never closes is the last line's");
}

#[test]
fn files_of_later_versions_without_provider_name_are_read() {
    let header = HEADER.replace("ProviderName", "ServiceProviderName,HostProviderName,x_SkuTier");
    let (taken, summary) = taken(format!("{header}\n{},Microsoft,Azure Europe,Premium\n", ROW.trim_end_matches(",AWS")));
    assert_eq!(summary.unwrap().accepted, 1);
    assert_eq!(text(&taken.charges[0], "provider_name"), "Microsoft");
    assert_eq!(text(&taken.charges[0], "host_provider_name"), "Azure Europe");
    assert_eq!(taken.charges[0].charge.extras["x_SkuTier"], "Premium");
}

#[test]
fn three_bad_rows_of_ten_are_named_by_line_column_and_reason() {
    let mut rows = vec![ROW.to_owned(); 10];
    rows[1] = ROW.replacen("1.50", "1,50", 1);
    rows[4] = ROW.replace("2024-09-01 00:00:00", "09/01/2024");
    rows[7] = ROW.replacen("1.50", "twelve", 1);
    rows[3] = ROW.replace("S3", "\"two\nlines\"");
    let (taken, summary) = taken(format!("{HEADER}\n{}\n", rows.join("\n")));
    let summary = summary.unwrap();
    assert_eq!((summary.accepted, summary.rejected, taken.charges.len()), (7, 3, 7));
    let problems: Vec<(u64, Option<&str>, &str)> =
        summary.problems.iter().map(|problem| (problem.line, problem.column.as_deref(), problem.value.as_str())).collect();
    assert_eq!(problems, [(3, None, ""), (7, Some("ChargePeriodStart"), "09/01/2024"), (10, Some("BilledCost"), "twelve")]);
    assert_eq!(summary.problems[0].reason, "has 9 fields where the header has 8");
    assert_eq!(summary.problems[2].reason, "is not a decimal number");
}

#[test]
fn a_strict_reading_reports_every_problem_and_gives_no_summary() {
    let file = format!("{HEADER}\n{ROW}\n{}\n{ROW}\n{}\n", ROW.replace("Usage", "Gift"), ROW.replace("USD", "NULL"));
    let mut taken = Taken::default();
    let error = read(file.as_bytes(), ReadLimits { strict: true, ..LIMITS }, &mut taken).unwrap_err();
    let FocusError::RowsRefused(summary) = error else { panic!("{error}") };
    assert_eq!(summary.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(taken.charges.len(), 1, "what is spoilt is read on, but no more of it is handed on");
}

#[test]
fn problems_are_kept_up_to_a_bound_and_counted_beyond() {
    let file = format!("{HEADER}\n{}", "bad\n".repeat(MAX_PROBLEMS + 5));
    let FocusError::NothingAccepted(summary) = refused(file) else { panic!("not one row is a charge") };
    assert_eq!((summary.problems.len(), summary.rejected), (MAX_PROBLEMS, MAX_PROBLEMS as u64 + 5));
}

#[test]
fn what_is_no_focus_file_is_refused_by_its_kind() {
    assert!(matches!(refused(""), FocusError::Empty));
    assert!(matches!(refused("\r\n\n"), FocusError::Empty));
    assert!(matches!(refused(gzip(b"")), FocusError::Empty));
    assert!(refused(b"PK\x03\x04rest").to_string().contains("a zip archive"));
    assert!(refused(gzip(b"PAR1rest")).to_string().contains("a Parquet file"));
    assert!(refused(b"\xff\xfeB\0i\0").to_string().contains("UTF-16 text: save it as 'CSV UTF-8'"));
    assert!(refused(b"BilledCost,\0").to_string().contains("binary data"));
    assert!(matches!(refused("name,age\nann,5\n"), FocusError::NoFocusColumn { .. }));
    assert!(matches!(refused(b"BilledCost,\xff\n"), FocusError::HeaderNotUtf8));
    assert!(matches!(refused(format!("{HEADER},billedcost\n")), FocusError::DuplicateColumn(name) if name == "billedcost"));
    assert!(matches!(refused("BilledCost,".repeat(1_001)), FocusError::TooManyColumns));
    let missing = refused("BilledCost,Tags\n").to_string();
    assert_eq!(missing, "the header lacks BillingCurrency, ChargeCategory, ChargePeriodEnd, ChargePeriodStart");
    let mut damaged = gzip(SAMPLE);
    damaged.truncate(damaged.len() / 2);
    assert!(matches!(refused(&damaged), FocusError::Gzip(_)));
    let mut damaged = gzip(SAMPLE);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xaa);
    assert!(matches!(refused(&damaged), FocusError::Gzip(_)));
}

/// Counts what is read, and never ends.
struct Endless<'a> {
    line: &'a [u8],
    read: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = self.line[(self.read + index) % self.line.len()];
        }
        self.read += buffer.len();
        Ok(buffer.len())
    }
}

#[test]
fn endless_files_are_refused_after_a_bounded_part() {
    let mut taken = Taken::default();
    let unlimited = ReadLimits { max_bytes: u64::MAX, ..LIMITS };
    let mut binary = Endless { line: b"no line ends here ", read: 0 };
    assert!(matches!(read(&mut binary, unlimited, &mut taken), Err(FocusError::HeaderTooLong)));
    assert!(binary.read <= 256 * 1024, "{}", binary.read);
    let head = format!("{HEADER}\n{ROW}\n\"");
    let mut unclosed = head.as_bytes().chain(Endless { line: b"no quote\n", read: 0 });
    assert!(matches!(read(&mut unclosed, unlimited, &mut taken), Err(FocusError::RecordTooLong { line: 3 })));
    let mut other = Endless { line: b"name,age\n", read: 0 };
    assert!(matches!(read(&mut other, unlimited, &mut taken), Err(FocusError::NoFocusColumn { .. })));
    assert!(other.read <= 128 * 1024);
    let head = format!("{HEADER}\n");
    let row = format!("{ROW}\n");
    let charges = head.as_bytes().chain(Endless { line: row.as_bytes(), read: 0 });
    assert!(matches!(read(charges, ReadLimits { max_bytes: 100_000, ..LIMITS }, &mut taken), Err(FocusError::TooLarge { limit: 100_000 })));
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_one_is_refused() {
    let bomb = gzip(format!("{HEADER}\n{}", format!("{ROW}\n").repeat(100_000)).as_bytes());
    assert!(matches!(refused(bomb), FocusError::TooLarge { limit: 1_048_576 }));
}

#[test]
fn a_source_that_breaks_is_told_apart_from_damage() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))
        }
    }
    let mut taken = Taken::default();
    let zipped = gzip(SAMPLE);
    for start in [&SAMPLE[..5_000], &zipped[..5_000]] {
        assert!(matches!(read(start.chain(Broken), LIMITS, &mut taken), Err(FocusError::Source(_))));
    }
    let mut taken = Taken { most: Some(1), ..Taken::default() };
    assert!(matches!(read(SAMPLE, LIMITS, &mut taken), Err(FocusError::Stopped)));
}

#[test]
fn descriptive_fields_that_cannot_be_kept_are_left_out_and_said() {
    let long = "x".repeat(9_000);
    let mut file = format!("{HEADER}\n{}\n{ROW}\n", ROW.replace("S3", &long)).into_bytes();
    file.extend_from_slice(b"1.50,1.50,USD,Usage,2024-09-01,2024-09-02,\xff\xfe,AWS\n");
    let (taken, summary) = taken(file);
    let summary = summary.unwrap();
    assert_eq!((summary.accepted, summary.rejected, summary.warned()), (3, 0, 2));
    assert!(summary.warnings[0].first.reason.contains("longer") && summary.warnings[0].first.value.len() == 100);
    assert!(summary.warnings[1].first.reason.starts_with("is not UTF-8 but probably Windows-1252"));
    assert_eq!(taken.charges.iter().map(|charge| text(charge, "service_name")).collect::<Vec<_>>(), ["absent", "S3", "absent"]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = taken(&bytes);
        let mut file = format!("{HEADER}\n{ROW}\n").into_bytes();
        file.extend(bytes);
        let _ = taken(&file);
    }

    #[test]
    fn one_byte_at_a_time_is_the_same_file(rows in 1_usize..20, chunk in 1_usize..7) {
        struct Dripping<'a>(&'a [u8], usize);
        impl Read for Dripping<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = self.1.min(buffer.len());
                self.0.read(&mut buffer[..length])
            }
        }
        let file = format!("{HEADER}\n{}", format!("{ROW}\n").repeat(rows));
        for bytes in [file.as_bytes().to_vec(), gzip(file.as_bytes())] {
            let summary = read(Dripping(&bytes, chunk), LIMITS, &mut Taken::default()).unwrap();
            prop_assert_eq!(summary.accepted, rows as u64);
            prop_assert_eq!(&summary.digest[..], &Sha256::digest(file.as_bytes())[..]);
        }
    }
}
