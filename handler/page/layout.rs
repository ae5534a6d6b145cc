//! What every page shares: its head, the navigation, who is signed in, the style sheet and the policy that follows from it.
//! Must not know any page.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The pages' style sheet.
pub(super) const STYLE: &str = include_str!("templates/style.css");

/// Allows the pages' one style sheet, known by its digest, the icon they carry along, and `forms`; nothing else.
fn policy(forms: &str) -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action {forms}")
}

/// The policy of a page in a file, which has no forms.
pub static FILE_POLICY: LazyLock<String> = LazyLock::new(|| policy("'none'"));
/// The policy of a served page: its forms go to whoever served it.
pub static POLICY: LazyLock<String> = LazyLock::new(|| policy("'self'"));

/// The policy of the API's manual, which runs scripts and has a style sheet of its server's.
pub static MANUAL_POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{digest}'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'"
    )
});

/// The parts of the site, as the navigation lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SitePart {
    /// The comparison.
    Verdict,
    /// Every plan's month.
    Plans,
    /// The runs.
    Runs,
    /// The ledger explored.
    Costs,
    /// What the ledger came from.
    Imports,
    /// The API's manual.
    Manual,
}

impl SitePart {
    const ALL: [SitePart; 6] = [SitePart::Verdict, SitePart::Plans, SitePart::Runs, SitePart::Costs, SitePart::Imports, SitePart::Manual];

    const fn title(self) -> &'static str {
        match self {
            SitePart::Verdict => "Verdict",
            SitePart::Plans => "Plans",
            SitePart::Runs => "Runs",
            SitePart::Costs => "Costs",
            SitePart::Imports => "Imports",
            SitePart::Manual => "API",
        }
    }

    const fn address(self) -> &'static str {
        match self {
            SitePart::Verdict => "/",
            SitePart::Plans => "/plans",
            SitePart::Runs => "/runs",
            SitePart::Costs => "/costs",
            SitePart::Imports => "/imports",
            SitePart::Manual => "/api/docs",
        }
    }
}

/// Who looks at a served page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visitor {
    /// The name of the key they signed in with; none where no key was needed.
    pub signed_in_as: Option<String>,
    /// What their forms must bring along; empty where nobody signs in.
    pub form_token: String,
    /// Whether they may change anything.
    pub may_write: bool,
}

/// What the layout needs of a page.
pub(super) struct Frame<'a> {
    pub title: String,
    pub place: Option<SitePart>,
    /// Who looks; none where the page is a file.
    pub visitor: Option<&'a Visitor>,
    /// After how long the page is loaded again, and from where.
    pub refresh: Option<String>,
    /// Whether it runs scripts, as the API's manual alone does.
    pub scripts: bool,
}

impl<'a> Frame<'a> {
    /// The frame of a served page.
    pub fn served(title: impl Into<String>, place: Option<SitePart>, visitor: &'a Visitor) -> Self {
        Frame { title: title.into(), place, visitor: Some(visitor), refresh: None, scripts: false }
    }

    pub fn style(&self) -> &'static str {
        STYLE
    }

    pub fn policy(&self) -> &'static str {
        match (self.visitor, self.scripts) {
            (None, _) => &FILE_POLICY,
            (Some(_), false) => &POLICY,
            (Some(_), true) => &MANUAL_POLICY,
        }
    }

    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Title and address of each place, and whether the page belongs there.
    pub fn navigation(&self) -> [(&'static str, &'static str, bool); 6] {
        SitePart::ALL.map(|place| (place.title(), place.address(), self.place == Some(place)))
    }
}
