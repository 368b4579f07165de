//! Files that are larger, wider or deeper than what anybody exports.

use super::tests::{counts, how, read_bytes};

const LINE_BYTES: usize = 17 * 1024 * 1024;

#[test]
fn a_line_that_is_too_long_is_a_fault() {
    for (format, start) in [("csv", "email,name\na@example.com,\""), ("ldif", "dn: uid=a\ncn: ")] {
        let text = format!("{start}{}", "x".repeat(LINE_BYTES));
        let fault = read_bytes(text.as_bytes(), &how(&format!("format {format}"))).unwrap_err();
        assert_eq!(fault.line, Some(2), "{format}: {fault}");
        assert!(fault.message.contains("16 MiB"), "{format}: {fault}");
    }
}

#[test]
fn a_row_that_is_too_wide_is_refused() {
    let text = format!("email\na@example.com{}\nb@example.com\n", ",x".repeat(10_000));
    assert_eq!(counts(&read_bytes(text.as_bytes(), &how("")).unwrap()), [1, 0, 1, 0]);
    let heading = format!("email{}\n", ",".repeat(10_000));
    assert!(
        read_bytes(heading.as_bytes(), &how("format csv"))
            .unwrap_err()
            .message
            .contains("10,000")
    );
}

#[test]
fn a_record_that_is_too_deep_is_refused() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for (format, list) in [("json", ""), ("auth0", ""), ("scim", ""), ("firebase", "users")] {
        let records =
            format!("[{{\"id\": \"a\", \"localId\": \"a\", \"user_id\": \"a\", \"x\": {deep}}}, {{\"id\": \"b\"}}]");
        let text = match list {
            "" => records,
            list => format!("{{\"{list}\": {records}}}"),
        };
        let given = read_bytes(text.as_bytes(), &how(&format!("format {format}"))).unwrap();
        assert_eq!(counts(&given), [1, 0, 1, 0], "{format}");
    }
    let realm =
        format!("{{\"realm\": \"a\", \"groups\": [{deep}], \"users\": [{{\"username\": \"a\", \"x\": {deep}}}]}}");
    assert_eq!(counts(&read_bytes(realm.as_bytes(), &how("")).unwrap()), [0, 0, 1, 0]);
}

#[test]
fn brackets_without_an_end_are_a_fault() {
    for format in ["json", "auth0", "scim", "firebase", "keycloak"] {
        let text = "[".repeat(1_000_000);
        let fault = read_bytes(text.as_bytes(), &how(&format!("format {format}"))).unwrap_err();
        assert_eq!(fault.line, Some(1), "{format}: {fault}");
    }
    // The format is found out from such a file without harm.
    assert!(read_bytes("[{\"a\":".repeat(100_000).as_bytes(), &how("")).is_err());
}
