//! Large files: a wrong row in the middle is named by its line, and nothing else is lost.

use std::fmt::Write;

use quorate_import::{Options, Outcome, dry_run, limits, read};

fn users(rows: usize, wrong: usize) -> String {
    let mut text = String::from("name,display_name,mail,groups,password,token_secret,token_serial\n");
    for row in 1..=rows {
        let secret = if row == wrong {
            "not a secret!"
        } else {
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        };
        writeln!(
            text,
            "user{row},User {row},user{row}@example.org,staff;vpn,password {row},{secret},T{row}"
        )
        .expect("a string grows");
    }
    text
}

#[test]
fn one_wrong_row_of_a_hundred_thousand() {
    let text = users(100_000, 50_001);
    let import = read(text.as_bytes(), &Options::default()).unwrap();
    let totals = import.report.totals();
    assert_eq!((totals.rows, totals.ok, totals.wrong), (100_000, 99_999, 1));
    let wrong = import.report.wrong().next().unwrap();
    assert_eq!(
        (wrong.line, wrong.row, wrong.subject.as_str()),
        (50_002, 50_001, "user50001")
    );
    assert_eq!(
        wrong.outcome.sentence(),
        "token_secret is not hexadecimal, base 32 or base 64"
    );
    assert_eq!((import.users.len(), import.tokens.len()), (99_999, 99_999));
}

#[test]
fn an_unclosed_quote_in_the_middle_spoils_one_row() {
    let mut text = users(100_000, 0);
    let middle = text.match_indices("user50001,").next().unwrap().0;
    text.insert(middle + "user50001,".len(), '"');
    let report = dry_run(text.as_bytes(), &Options::default()).unwrap();
    let wrong: Vec<_> = report.wrong().map(|row| (row.line, row.row)).collect();
    assert_eq!(wrong, [(50_002, 50_001)]);
    assert_eq!(report.totals().ok, 99_999);
}

#[test]
fn more_rows_than_a_report_holds_are_refused_with_the_line() {
    let mut text = String::from("name\n");
    for row in 0..=limits::ROWS {
        writeln!(text, "u{row}").expect("a string grows");
    }
    let error = dry_run(text.as_bytes(), &Options::default()).err().unwrap();
    assert!(error.to_string().starts_with("line 1000002:"), "{error}");
}

/// A dump is read in one pass, whatever stands between its tables.
#[test]
fn a_dump_with_a_large_other_table() {
    let mut dump = String::from("CREATE TABLE `radacct` (`a` int);\n");
    for row in 0..100_000 {
        writeln!(
            dump,
            "INSERT INTO `radacct` VALUES ({row},'it\\'s; (not) a statement');"
        )
        .unwrap();
    }
    dump.push_str("INSERT INTO `radcheck` VALUES ");
    for row in 0..50_000 {
        write!(dump, "({row},'u{row}','Cleartext-Password',':=','p{row}'),").unwrap();
    }
    dump.push_str("(1,'x','Cleartext-Password',':=','y');\n");
    let import = read(dump.as_bytes(), &Options::default()).unwrap();
    assert_eq!(import.users.len(), 50_001);
    assert!(
        import
            .report
            .rows
            .iter()
            .all(|row| matches!(row.outcome, Outcome::Ok { .. }) && row.line == 100_002)
    );
    assert_eq!(import.report.rows[49_999].row, 50_000);
}
