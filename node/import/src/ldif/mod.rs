//! LDIF (RFC 2849): people of a directory, and the groups they are members of.
//!
//! Only records that add are read; a record of changes is refused. A value that is a URL is never fetched: its record is wrong. Of
//! people, the attributes of inetOrgPerson (RFC 2798) and their counterparts in Active Directory are read.

mod entry;
mod group;
mod person;
mod write;

pub use self::write::ldif;
use self::{entry::Entries, group::Groups};
use crate::{
    error::ImportError,
    intake::{Intake, RowRefusal},
    report::Wrong,
};

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut groups = Groups::default();
    for entry in Entries::new(input) {
        let subject = entry.subject();
        let sound = match (&entry.problem, entry.text("changetype")) {
            (Some(wrong), _) => Err(wrong.clone()),
            (None, Err(wrong)) => Err(wrong),
            (None, Ok(Some(change))) if change != "add" => Err(Wrong::new(
                "changetype",
                format!("{} is no import; only add is read", crate::quote::quoted(change)),
            )),
            (None, Ok(_)) => Ok(()),
        };
        match sound {
            Err(wrong) => {
                intake.row(entry.place, &subject, Err(wrong.into()))?;
            }
            Ok(()) if group::is_group(&entry) => groups.read(&entry, &subject, intake)?,
            Ok(()) if person::is_person(&entry) => {
                let person = person::read(&entry);
                if intake.row(entry.place, &subject, person)? {
                    groups.remember_user(&entry);
                }
            }
            Ok(()) => {
                let reason = "neither a person nor a group, by its objectClass";
                intake.row(entry.place, &subject, Err(RowRefusal::skipped(reason)))?;
            }
        }
    }
    groups.assign(intake);
    Ok(())
}
