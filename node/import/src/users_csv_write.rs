//! Writing users as CSV: without passwords, and with hashes only where they are asked for. Tokens are written as PSKC, encrypted.
//!
//! Caveat: a spreadsheet takes a field that begins with `=`, `+`, `-` or `@` for a formula. Fields are written as they are, or they would
//! not be read back as they were; whoever opens the file in a spreadsheet imports its columns as text.

use zeroize::Zeroizing;

use crate::{
    csv::push_field,
    model::{ImportedPassword, ImportedUser},
};

/// Whether password hashes are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashes {
    /// They are. The file is then worth guarding: weak passwords can be found from it.
    Written,
    /// They are not.
    LeftOut,
}

/// Users, with a header, in UTF-8. Clear passwords are never written.
#[must_use]
pub fn users_csv(users: &[ImportedUser], hashes: Hashes) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64 + users.len() * 160));
    text.push_str("name,domain,display_name,mail,mobile,language,groups,enabled");
    text.push_str(if hashes == Hashes::Written {
        ",password_hash\n"
    } else {
        "\n"
    });
    for user in users {
        push_user(&mut text, user, hashes);
    }
    text
}

fn push_user(text: &mut String, user: &ImportedUser, hashes: Hashes) {
    push_field(text, &user.name.name);
    for field in [
        &user.name.domain,
        &user.display_name,
        &user.mail,
        &user.mobile,
        &user.language,
    ] {
        text.push(',');
        push_field(text, field.as_deref().unwrap_or_default());
    }
    text.push(',');
    let groups: Vec<&str> = user.groups.iter().map(String::as_str).collect();
    // One group with a comma in it must not be read as two: a separator behind it says which one separates.
    let end = if groups.len() == 1 { ";" } else { "" };
    push_field(text, &(groups.join(";") + end));
    text.push_str(if user.enabled { ",yes" } else { ",no" });
    if hashes == Hashes::Written {
        text.push(',');
        if let Some(ImportedPassword::Hash(hash)) = &user.password {
            push_field(text, &hash.text);
        }
    }
    text.push('\n');
}
