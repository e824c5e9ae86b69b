//! The alliance as it is stored: one centre, its sites, the devices of each.

use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use signaling::id::BadName;
use signaling::{RefusalCode, SiteId};

use super::Fault;
use super::account::name_of;
use super::room::{self, put_tree};
use crate::problem::{Problem, RegisterCode};
use crate::tree_file::TreeFile;

/// One capture box or other device of a site. Opaque, and named by the same rule as sites.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DeviceId(String);

impl DeviceId {
    /// The identifier as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DeviceId {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse::<SiteId>().map(|_| Self(text))
    }
}

impl FromStr for DeviceId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::try_from(text.to_owned())
    }
}

/// The main hospital of the alliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Centre {
    /// Its identifier.
    #[schema(value_type = String)]
    pub(crate) id: SiteId,
    /// What people call it.
    pub(crate) name: String,
}

/// A hospital of the alliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Site {
    /// Its identifier.
    #[schema(value_type = String)]
    pub(crate) id: SiteId,
    /// What people call it.
    pub(crate) name: String,
}

/// A device of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Device {
    /// Its identifier.
    #[schema(value_type = String)]
    pub(crate) id: DeviceId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub(crate) site: SiteId,
    /// What people call it.
    pub(crate) name: String,
}

/// What an import has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Imported {
    /// Centre, sites, devices and rooms that were not there.
    pub(crate) added: usize,
    /// Those that were there, but not like this.
    pub(crate) changed: usize,
    /// Those that were there already as the file says.
    pub(crate) unchanged: usize,
}

/// The centre, once there is one.
pub(crate) fn centre(database: &Connection) -> rusqlite::Result<Option<Centre>> {
    let read = |row: &rusqlite::Row<'_>| Ok(Centre { id: name_of(&row.get::<_, String>(0)?)?, name: row.get(1)? });
    database.query_row("SELECT id, name FROM centre", [], read).optional()
}

/// Every site, by its identifier.
pub(crate) fn sites(database: &Connection) -> rusqlite::Result<Vec<Site>> {
    let mut select = database.prepare_cached("SELECT id, name FROM site ORDER BY id")?;
    let read = |row: &rusqlite::Row<'_>| Ok(Site { id: name_of(&row.get::<_, String>(0)?)?, name: row.get(1)? });
    select.query_map([], read)?.collect()
}

/// Every device, by its identifier.
pub(crate) fn devices(database: &Connection) -> rusqlite::Result<Vec<Device>> {
    let mut select = database.prepare_cached("SELECT id, site, name FROM device ORDER BY id")?;
    select.query_map([], device_of_row)?.collect()
}

fn device_of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Device> {
    let (id, site) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
    Ok(Device { id: name_of(&id)?, site: name_of(&site)?, name: row.get(2)? })
}

/// One device.
///
/// # Errors
/// `unknown_device`.
pub(crate) fn find_device(database: &Connection, id: &DeviceId) -> Result<Device, Fault> {
    let select = "SELECT id, site, name FROM device WHERE id = ?";
    let found = database.query_row(select, [id.as_str()], device_of_row).optional()?;
    found.ok_or_else(|| Problem::new(RegisterCode::UnknownDevice, "There is no such device.").into())
}

/// That there is such a site.
///
/// # Errors
/// `unknown_site`.
pub(crate) fn find_site(database: &Connection, id: &SiteId) -> Result<(), Fault> {
    let mut select = database.prepare_cached("SELECT 1 FROM site WHERE id = ?")?;
    if select.exists([id.as_str()])? {
        return Ok(());
    }
    Err(Problem::new(RefusalCode::UnknownSite, "There is no such site.").into())
}

/// Adds and changes what a file says; what it does not say stays as it is.
///
/// # Errors
/// `bad_file` when the file is of another alliance.
pub(crate) fn import(database: &Connection, file: &TreeFile) -> Result<Imported, Fault> {
    let mut imported = Imported::default();
    let known = centre(database)?;
    if known.as_ref().is_some_and(|known| known.id != file.centre.id) {
        let sentence = "The file is of another alliance: its centre is not the one that is here.";
        return Err(Problem::new(RegisterCode::BadFile, sentence).into());
    }
    imported.count(known.as_ref(), &file.centre);
    let (id, name) = (file.centre.id.as_str(), &file.centre.name);
    upsert(database, "INSERT INTO centre (id, name) VALUES (?1, ?2)", "name = ?2", params![id, name])?;
    let known = sites(database)?;
    for site in &file.sites {
        imported.count(known.iter().find(|known| known.id == site.id), site);
        let insert = "INSERT INTO site (id, centre, name) VALUES (?1, ?2, ?3)";
        upsert(database, insert, "name = ?3", params![site.id.as_str(), id, site.name])?;
    }
    let known = devices(database)?;
    for device in &file.devices {
        imported.count(known.iter().find(|known| known.id == device.id), device);
        let insert = "INSERT INTO device (id, site, name) VALUES (?1, ?2, ?3)";
        let values = params![device.id.as_str(), device.site.as_str(), device.name];
        upsert(database, insert, "site = ?2, name = ?3", values)?;
    }
    let known = room::all(database)?;
    for declared in &file.rooms {
        let before = known.iter().find(|known| known.id == declared.id).map(|known| (known.kind, &known.sites));
        imported.count(before.as_ref(), &(declared.kind, &declared.sites));
        put_tree(database, &declared.id, declared.kind, &declared.sites)?;
    }
    Ok(imported)
}

fn upsert(database: &Connection, insert: &str, change: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
    let statement = format!("{insert} ON CONFLICT (id) DO UPDATE SET {change}");
    database.prepare_cached(&statement)?.execute(values).map(|_| ())
}

impl Imported {
    fn count<T: PartialEq>(&mut self, before: Option<&T>, now: &T) {
        match before {
            None => self.added += 1,
            Some(before) if before == now => self.unchanged += 1,
            Some(_) => self.changed += 1,
        }
    }
}
