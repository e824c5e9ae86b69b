//! A file that says the tree of an alliance: its centre, the sites, their devices, and rooms. TOML or CSV.
//!
//! It speaks of nothing that it does not say itself: a device of a site that is not in the file is a mistake.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use signaling::limit::SITES_PER_ROOM;
use signaling::{RoomId, RoomKind, SiteId};
use toml::Spanned;

use crate::register::account::is_name;
use crate::register::room::kind_of_word;
use crate::register::tree::{Centre, Device, DeviceId, Site};

/// What the first line of a CSV file may name, in any order; `what` and `id` it must.
const COLUMNS: [&str; 5] = ["what", "id", "name", "site", "kind"];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables `[centre]`, `[[site]]` with `[[site.device]]`, and `[[room]]`.
    Toml,
    /// One line for each, with a first line that names the columns.
    Csv,
}

/// What a file says, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeFile {
    pub(crate) centre: Centre,
    pub(crate) sites: Vec<Site>,
    pub(crate) devices: Vec<Device>,
    pub(crate) rooms: Vec<Room>,
}

/// A room as a file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) kind: RoomKind,
    pub(crate) sites: Vec<SiteId>,
}

/// The first thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct TreeError {
    /// Where.
    pub(crate) line: usize,
    /// What.
    pub(crate) reason: String,
}

/// One thing that a file says, and where.
struct Statement {
    line: usize,
    what: What,
    id: String,
    name: String,
    /// Of a device the one that it belongs to, of a room those that take part.
    sites: Vec<String>,
    kind: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Centre,
    Site,
    Device,
    Room,
}

impl Format {
    /// By the extension of a file's name.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

impl TreeFile {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and its line.
    pub(crate) fn parse(text: &str, format: Format) -> Result<Self, TreeError> {
        // spreadsheets put a mark before UTF-8
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::of(match format {
            Format::Toml => of_toml(text)?,
            Format::Csv => of_csv(text)?,
        })
    }

    fn of(statements: Vec<Statement>) -> Result<Self, TreeError> {
        let mut centre = None;
        let (mut sites, mut devices, mut rooms) = (Vec::new(), Vec::new(), Vec::new());
        let mut said: HashMap<(What, String), usize> = HashMap::new();
        for statement in &statements {
            if let Some(before) = said.insert((statement.what, statement.id.clone()), statement.line) {
                return Err(statement.wrong(format!("'{}' is on line {before} already", statement.id)));
            }
        }
        let is_site = |site: &str| said.contains_key(&(What::Site, site.to_owned()));
        for statement in &statements {
            if let Some(unknown) = statement.sites.iter().find(|site| !is_site(site)) {
                return Err(statement.wrong(format!("there is no site '{unknown}' in this file")));
            }
            match statement.what {
                What::Centre if centre.is_some() => {
                    return Err(statement.wrong("there is a centre already; an alliance has one".to_owned()));
                }
                What::Centre => centre = Some(Centre { id: statement.id()?, name: statement.name()? }),
                What::Site => sites.push(Site { id: statement.id()?, name: statement.name()? }),
                What::Device => devices.push(statement.device()?),
                What::Room => rooms.push(statement.room()?),
            }
        }
        let nothing = || TreeError { line: 1, reason: "the file names no centre".to_owned() };
        Ok(Self { centre: centre.ok_or_else(nothing)?, sites, devices, rooms })
    }
}

impl Statement {
    fn wrong(&self, reason: String) -> TreeError {
        TreeError { line: self.line, reason }
    }

    fn id<T: std::str::FromStr<Err = signaling::id::BadName>>(&self) -> Result<T, TreeError> {
        self.id.parse().map_err(|error| self.wrong(format!("the id '{}' {error}", self.id)))
    }

    fn name(&self) -> Result<String, TreeError> {
        if is_name(&self.name) {
            return Ok(self.name.clone());
        }
        let reason = "a name must not be blank, nor longer than 120 bytes, nor hold control characters";
        Err(self.wrong(reason.to_owned()))
    }

    fn site_ids(&self) -> Result<Vec<SiteId>, TreeError> {
        let parse = |site: &String| site.parse().map_err(|error| self.wrong(format!("the site '{site}' {error}")));
        self.sites.iter().map(parse).collect()
    }

    fn device(&self) -> Result<Device, TreeError> {
        let mut sites = self.site_ids()?.into_iter();
        let (Some(site), None) = (sites.next(), sites.next()) else {
            return Err(self.wrong("a device belongs to one site".to_owned()));
        };
        Ok(Device { id: self.id::<DeviceId>()?, site, name: self.name()? })
    }

    fn room(&self) -> Result<Room, TreeError> {
        let id = self.id()?;
        let kind = match self.kind.as_str() {
            "" => RoomKind::default(),
            word => kind_of_word(word).ok_or_else(|| {
                self.wrong(format!("'{word}' is none of guidance, consultation, teaching and meeting"))
            })?,
        };
        let mut sites = self.site_ids()?;
        sites.sort();
        if sites.len() > SITES_PER_ROOM || sites.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.wrong(format!("a room has at most {SITES_PER_ROOM} sites, each once")));
        }
        Ok(Room { id, kind, sites })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlTree {
    centre: TomlNamed,
    #[serde(default)]
    site: Vec<TomlSite>,
    #[serde(default)]
    room: Vec<TomlRoom>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlNamed {
    id: Spanned<String>,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlSite {
    id: Spanned<String>,
    name: String,
    #[serde(default)]
    device: Vec<TomlNamed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlRoom {
    id: Spanned<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    sites: Vec<String>,
}

fn of_toml(text: &str) -> Result<Vec<Statement>, TreeError> {
    let line_at = |byte: usize| text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
    let tree: TomlTree = toml::from_str(text).map_err(|error| TreeError {
        line: error.span().map_or(1, |span| line_at(span.start)),
        reason: error.message().replace('\n', " "),
    })?;
    let statement = |what, id: Spanned<String>, name: String, sites: Vec<String>| Statement {
        line: line_at(id.span().start),
        what,
        id: id.into_inner(),
        name,
        sites,
        kind: String::new(),
    };
    let mut statements = vec![statement(What::Centre, tree.centre.id, tree.centre.name, Vec::new())];
    for site in tree.site {
        let of_site = vec![site.id.get_ref().clone()];
        statements.push(statement(What::Site, site.id, site.name, Vec::new()));
        let device = |device: TomlNamed| statement(What::Device, device.id, device.name, of_site.clone());
        statements.extend(site.device.into_iter().map(device));
    }
    for room in tree.room {
        statements.push(Statement { kind: room.kind, ..statement(What::Room, room.id, String::new(), room.sites) });
    }
    Ok(statements)
}

fn of_csv(text: &str) -> Result<Vec<Statement>, TreeError> {
    let first = text.lines().next().unwrap_or("");
    // spreadsheets of many countries write semicolons
    let delimiter = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| located(&error))?.clone();
    let column = |name: &str| heads.iter().position(|head| head == name);
    if let Some(unknown) = heads.iter().find(|head| !COLUMNS.contains(head)) {
        let reason = format!("there is no column '{unknown}', only {}", COLUMNS.join(", "));
        return Err(TreeError { line: 1, reason });
    }
    if column("what").is_none() || column("id").is_none() {
        return Err(TreeError { line: 1, reason: "the first line must name the columns what and id".to_owned() });
    }
    let mut statements = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| located(&error))?;
        let line = record.position().map_or(1, |position| position.line() as usize);
        let field = |name: &str| column(name).and_then(|place| record.get(place)).unwrap_or("").to_owned();
        let what = match field("what").as_str() {
            "centre" => What::Centre,
            "site" => What::Site,
            "device" => What::Device,
            "room" => What::Room,
            other => {
                let reason = format!("'{other}' is none of centre, site, device and room");
                return Err(TreeError { line, reason });
            }
        };
        let sites = field("site").split_whitespace().map(str::to_owned).collect();
        statements.push(Statement { line, what, id: field("id"), name: field("name"), sites, kind: field("kind") });
    }
    Ok(statements)
}

fn located(error: &csv::Error) -> TreeError {
    let line = error.position().map_or(1, |position| position.line() as usize);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} fields, the first one {expected_len}")
        }
        _ => "the line cannot be read".to_owned(),
    };
    TreeError { line, reason }
}

#[cfg(test)]
#[path = "tree_file_tests.rs"]
mod tests;
