//! The direction of imports: which file takes from which, read from the sources with `syn`.
//!
//! Two rules come of it. Files import in one direction, so that each can be read after those it rests on; and rooms stand on floors, and
//! import from lower ones alone. Tests beside the code may look anywhere.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The rooms, ground floor first. A room imports from floors below its own, never from its own floor or from above.
pub const FLOORS: &[&[&str]] = &[
    &["domain", "causes", "contract", "clock", "shard", "json"],
    &["config", "host"],
    &["telemetry"],
    &["outgoing"],
    &["azure"],
    &["store", "caller", "page"],
    &["routing", "windows", "recording", "import", "comparison"],
    &["http", "dev"],
    &["application"],
    &["cli"],
    &["main"],
];

type ModulePath = Vec<String>;

/// Sources by module, and what each of them imports.
pub struct House {
    modules: BTreeMap<ModulePath, Module>,
}

struct Module {
    file: String,
    /// What its code names outside itself, as absolute paths.
    names: BTreeSet<ModulePath>,
    /// Names it hands on from elsewhere: `pub use`.
    facade: BTreeMap<String, ModulePath>,
}

impl House {
    /// Reads a crate from its sources: paths relative to the folder of `lib.rs`, with their texts.
    pub fn read(sources: &[(String, String)]) -> Self {
        let paths: BTreeSet<ModulePath> = sources.iter().map(|(file, _)| module_path(file)).collect();
        let mut hidden = BTreeSet::new();
        let mut modules = BTreeMap::new();
        for (file, text) in sources {
            let own = module_path(file);
            let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut reader = Reader {
                own: &own,
                paths: &paths,
                names: BTreeSet::new(),
                facade: BTreeMap::new(),
                firsts: BTreeSet::new(),
                hidden: &mut hidden,
            };
            reader.visit_file(&syntax);
            let Reader { mut names, facade, firsts, .. } = reader;
            // What a module hands on and uses itself, it imports.
            names.extend(facade.iter().filter(|(name, _)| firsts.contains(*name)).map(|(_, target)| target.clone()));
            modules.insert(own, Module { file: file.clone(), names, facade });
        }
        modules.retain(|path, _| !hidden.iter().any(|hidden: &ModulePath| path.starts_with(hidden)));
        House { modules }
    }

    /// Every import: the file that takes, and the file it takes from.
    pub fn arrows(&self) -> BTreeSet<(&str, &str)> {
        let from = |module: &'_ Module| module.names.iter().filter_map(|name| self.home_of(name, 0)).collect::<Vec<_>>();
        let arrows = self.modules.values().flat_map(|module| from(module).into_iter().map(|home| (module.file.as_str(), home)));
        // lib.rs only lists rooms.
        arrows.filter(|(taker, home)| taker != home && *home != "lib.rs").collect()
    }

    /// The file that declares what `name` means, through whatever hands it on.
    fn home_of(&self, name: &[String], depth: usize) -> Option<&str> {
        assert!(depth < 16, "{} is handed on in a circle", name.join("::"));
        let length = (0..=name.len()).rev().find(|length| self.modules.contains_key(&name[..*length]))?;
        let module = &self.modules[&name[..length]];
        match name.get(length).and_then(|first| module.facade.get(first)) {
            Some(elsewhere) => {
                let mut whole = elsewhere.clone();
                whole.extend_from_slice(&name[length + 1..]);
                self.home_of(&whole, depth + 1)
            }
            None => Some(&module.file),
        }
    }

    /// Groups of files that import one another, directly or through others.
    pub fn circles(&self) -> Vec<BTreeSet<&str>> {
        let arrows = self.arrows();
        let files: BTreeSet<&str> = arrows.iter().map(|(taker, _)| *taker).collect();
        let reached: BTreeMap<&str, BTreeSet<&str>> = files.iter().map(|file| (*file, reached_from(file, &arrows))).collect();
        let returns = |file: &str, other: &str| reached[file].contains(other) && reached.get(other).is_some_and(|back| back.contains(file));
        let circles = files.iter().map(|file| files.iter().copied().filter(|other| returns(file, other)).collect());
        circles.filter(|circle: &BTreeSet<&str>| !circle.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Imports that lead to the importer's own floor or up, and rooms that stand on no floor.
    pub fn upward(&self) -> Vec<String> {
        let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
        let mut found = Vec::new();
        for (taker, home) in self.arrows() {
            let (from, to) = (room(taker), room(home));
            match (floor(from), floor(to)) {
                _ if from == to => {}
                (Some(high), Some(low)) if high > low => {}
                (Some(_), Some(_)) => found.push(format!("{taker} takes from {home}: {from} stands no higher than {to}")),
                (None, _) => found.push(format!("{from} stands on no floor")),
                (_, None) => found.push(format!("{to} stands on no floor")),
            }
        }
        found
    }
}

/// Every file that `start` imports, directly or through others.
fn reached_from<'a>(start: &'a str, arrows: &BTreeSet<(&str, &'a str)>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![start];
    while let Some(file) = next.pop() {
        let homes = arrows.iter().filter(|(taker, _)| *taker == file).map(|(_, home)| *home);
        next.extend(homes.filter(|home| reached.insert(*home)));
    }
    reached
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn module_path(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs");
    let path = path.trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

struct Reader<'a> {
    own: &'a ModulePath,
    paths: &'a BTreeSet<ModulePath>,
    names: BTreeSet<ModulePath>,
    facade: BTreeMap<String, ModulePath>,
    /// The first part of every path in its code.
    firsts: BTreeSet<String>,
    /// Modules that only tests have.
    hidden: &'a mut BTreeSet<ModulePath>,
}

impl Reader<'_> {
    /// A path as seen from the crate's root; none where it leads to another crate, or is a name imported elsewhere.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let join = |base: &[String], rest: &[String]| base.iter().chain(rest).cloned().collect::<ModulePath>();
        match first.as_str() {
            "crate" | "switchback" => Some(rest.to_vec()),
            "self" => Some(join(self.own, rest)),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some(join(&self.own[..self.own.len().checked_sub(ups)?], &path[ups..]))
            }
            _ => Some(join(self.own, path)).filter(|whole| self.paths.contains(&whole[..=self.own.len()])),
        }
    }

    fn import(&mut self, path: Vec<String>, name: String, public: bool) {
        let Some(target) = self.absolute(&path) else { return };
        // A module that hands on what its own children declare takes nothing from them.
        let hands_on = public && target.starts_with(self.own) && target.len() > self.own.len();
        if public {
            self.facade.insert(name, target.clone());
        }
        if !hands_on {
            self.names.insert(target);
        }
    }

    fn tree(&mut self, prefix: &[String], tree: &UseTree, public: bool) {
        let mut path = prefix.to_vec();
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&path, &part.tree, public);
            }
            UseTree::Name(part) if part.ident == "self" => self.import(path.clone(), path.last().cloned().unwrap_or_default(), public),
            UseTree::Name(part) => {
                path.push(part.ident.to_string());
                self.import(path, part.ident.to_string(), public);
            }
            UseTree::Rename(part) => {
                path.push(part.ident.to_string());
                self.import(path, part.rename.to_string(), public);
            }
            UseTree::Glob(_) => self.import(path, "*".to_owned(), false),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(prefix, tree, public)),
        }
    }
}

fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !for_tests(attributes) {
            visit::visit_item(self, item);
        } else if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
            let mut path = self.own.clone();
            path.push(ident.to_string());
            self.hidden.insert(path);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&[], &item.tree, !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.firsts.extend(parts.first().cloned());
        if path.leading_colon.is_none() && parts.len() > 1 {
            let target = self.absolute(&parts);
            self.names.extend(target);
        }
        visit::visit_path(self, path);
    }

    // `pub(in super)` and the like name a place, and take nothing from it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
