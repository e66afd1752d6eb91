//! Asking a person at the terminal, and drawing for them.

use std::io::{BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::exit::{Done, Exit, Failure};

/// The longest secret read from standard input, in bytes; RADIUS carries 128 of a password.
const SECRET_MAX_BYTES: u64 = 4096;

/// Whether a person can be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for something that must not appear on the screen.
///
/// # Errors
/// Usage, when nobody sits there: `instead` says how a script gives the value.
pub fn ask_secret(prompt: &str, instead: &str) -> Done<Zeroizing<String>> {
    if !is_interactive() {
        return Err(Failure::new(
            Exit::Refused,
            format!("{prompt} is needed, and there is no terminal to ask at"),
        )
        .advise(instead));
    }
    eprint!("{prompt}: ");
    let _silence = Silence::begin();
    let line = read_line()?;
    eprintln!();
    Ok(line)
}

/// Asks for a line that may be seen.
///
/// # Errors
/// As [`ask_secret`].
pub fn ask(prompt: &str, instead: &str) -> Done<Zeroizing<String>> {
    if !is_interactive() {
        return Err(Failure::new(
            Exit::Refused,
            format!("{prompt} is needed, and there is no terminal to ask at"),
        )
        .advise(instead));
    }
    eprint!("{prompt}: ");
    read_line()
}

/// Asks twice, for a password that is new.
///
/// # Errors
/// As [`ask_secret`], or the two differ.
pub fn ask_new_password(instead: &str) -> Done<Zeroizing<String>> {
    let first = ask_secret("New password", instead)?;
    let second = ask_secret("The same again", instead)?;
    match first == second {
        true => Ok(first),
        false => Err(Failure::new(Exit::Refused, "the two passwords differ")),
    }
}

/// Everything on standard input up to its end, without the final line break.
///
/// # Errors
/// It is empty, too long, or not UTF-8.
pub fn secret_from_stdin(what: &str) -> Done<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .take(SECRET_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|e| Failure::system(format!("cannot read the {what} from standard input"), e))?;
    let trimmed = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(trimmed);
    match text.is_empty() {
        false => Ok(text),
        true => Err(Failure::new(
            Exit::Refused,
            format!("the {what} on standard input is empty"),
        )),
    }
}

fn read_line() -> Done<Zeroizing<String>> {
    let _ = std::io::stderr().flush();
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Failure::system("cannot read from the terminal", e))?;
    if read == 0 {
        return Err(Failure::new(Exit::Failed, "the terminal was closed"));
    }
    let trimmed = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(trimmed);
    Ok(line)
}

/// No echo while it lives.
struct Silence(Option<Termios>);

impl Silence {
    fn begin() -> Self {
        let Ok(before) = tcgetattr(std::io::stdin()) else {
            return Silence(None);
        };
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet);
        Silence(Some(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// `text` as a QR code in half blocks, for standard output; `None` where it is too long for one.
pub fn qr(text: &str) -> Option<String> {
    draw_qr(text, std::io::stdout().is_terminal())
}

/// On a terminal black on white is said in colours, whatever its background is: many phones do not
/// read an inverted code. Without colours, blocks are the light modules, as on a dark terminal.
fn draw_qr(text: &str, coloured: bool) -> Option<String> {
    use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (dark, light) = match coloured {
        true => (Dense1x2::Dark, Dense1x2::Light),
        false => (Dense1x2::Light, Dense1x2::Dark),
    };
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(dark)
        .light_color(light)
        .quiet_zone(true)
        .build();
    Some(match coloured {
        true => drawn
            .lines()
            .map(|line| format!("\x1b[38;5;16;48;5;231m{line}\x1b[0m"))
            .collect::<Vec<_>>()
            .join("\n"),
        false => drawn,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_otpauth_uri_still_fits_a_terminal() {
        let uri = format!("otpauth://totp/Quorate:alice?secret={}&issuer=Quorate", "A".repeat(52));
        let drawn = draw_qr(&uri, false).expect("fits");
        let width = drawn.lines().map(|l| l.chars().count()).max().expect("has lines");
        assert!(width <= 80 && drawn.lines().count() <= 30, "{width} columns");
    }

    /// The finder pattern in the corner: a dark frame inside a light margin of four modules.
    #[test]
    fn dark_is_dark_on_both_kinds_of_output() {
        let plain = draw_qr("hello", false).expect("fits");
        assert!(plain.starts_with("████"), "the margin is light, so blocks:\n{plain}");
        let coloured = draw_qr("hello", true).expect("fits");
        assert!(
            coloured.starts_with("\x1b[38;5;16;48;5;231m    "),
            "the margin is background:\n{coloured}"
        );
        assert!(coloured.lines().all(|line| line.ends_with("\x1b[0m")));
    }
}
