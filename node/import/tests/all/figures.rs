//! The examples of RFC 6030. The documents are written here from the figures' data, in other words for the same elements where the
//! RFC leaves a choice (prefixes, order of attributes, blanks).

use quorate_import::{Algorithm, Import, ImportError, Options, Outcome, TokenKind, read};
use zeroize::Zeroizing;

const SECRET: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=";

fn options(key: Option<&[u8]>) -> Options {
    Options {
        key_file: key.map(|key| Zeroizing::new(key.to_vec())),
        secret_bytes: 1..=64,
        ..Options::default()
    }
}

fn import(document: &str, key: Option<&[u8]>) -> Import {
    read(document.as_bytes(), &options(key)).unwrap_or_else(|error| panic!("{error}"))
}

fn container(parts: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<p:KeyContainer Version='1.0' xmlns:p='urn:ietf:params:xml:ns:keyprov:pskc' \
         xmlns:ds='http://www.w3.org/2000/09/xmldsig#' xmlns:xenc='http://www.w3.org/2001/04/xmlenc#'>{parts}</p:KeyContainer>"
    )
}

/// A package of one HOTP key with the device and module of the figures.
fn package(device: &str, id: &str, inner: &str) -> String {
    format!(
        "\n<p:KeyPackage><p:DeviceInfo><p:Manufacturer>Manufacturer</p:Manufacturer><p:SerialNo>987654321</p:SerialNo>{device}</p:DeviceInfo>\
         <p:CryptoModuleInfo><p:Id>CM_ID_001</p:Id></p:CryptoModuleInfo>\
         <p:Key Id='{id}' Algorithm='urn:ietf:params:xml:ns:keyprov:pskc:hotp'><p:Issuer>Issuer</p:Issuer>\
         <p:AlgorithmParameters><p:ResponseFormat Encoding='DECIMAL' Length='8'/></p:AlgorithmParameters>{inner}</p:Key></p:KeyPackage>"
    )
}

fn data(secret: &str) -> String {
    format!("<p:Data><p:Secret>{secret}</p:Secret><p:Counter><p:PlainValue>0</p:PlainValue></p:Counter></p:Data>")
}

fn plain(secret: &str) -> String {
    data(&format!("<p:PlainValue> {secret}\n </p:PlainValue>"))
}

fn encrypted(method: &str, text: &str, mac: &str) -> String {
    data(&format!(
        "<p:EncryptedValue Id='ED'><xenc:EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#{method}'/><xenc:CipherData>\
         <xenc:CipherValue>\n {text}\n </xenc:CipherValue></xenc:CipherData></p:EncryptedValue><p:ValueMAC>{mac}\n</p:ValueMAC>"
    ))
}

fn mac_method(text: &str) -> String {
    format!(
        "<p:MACMethod Algorithm='http://www.w3.org/2000/09/xmldsig#hmac-sha1'><p:MACKey>\
         <xenc:EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/><xenc:CipherData><xenc:CipherValue>{text}\
         </xenc:CipherValue></xenc:CipherData></p:MACKey></p:MACMethod>"
    )
}

fn is_hotp(import: &Import, index: usize, digits: u8) {
    let token = &import.tokens[index];
    assert!(
        token.kind
            == TokenKind::Hotp {
                algorithm: Algorithm::Sha1,
                digits,
                counter: 0
            }
    );
    assert!(*token.secret == b"12345678901234567890");
}

fn sentence(import: &Import, index: usize) -> String {
    import.report.rows[index].outcome.sentence()
}

#[test]
fn figure_2_a_key_and_nothing_else() {
    let document = container(
        "<p:KeyPackage><p:Key Id='12345678' Algorithm='urn:ietf:params:xml:ns:keyprov:pskc:hotp'><p:Issuer>Issuer-A</p:Issuer>\
         <p:Data><p:Secret><p:PlainValue>MTIzNA==</p:PlainValue></p:Secret></p:Data></p:Key></p:KeyPackage>",
    );
    let found = import(&document, None);
    assert_eq!(found.tokens[0].serial.as_deref(), Some("12345678"));
    assert_eq!(found.tokens[0].issuer.as_deref(), Some("Issuer-A"));
    assert!(*found.tokens[0].secret == b"1234");
    // Four bytes are an example; as a token's secret they are refused.
    let report = read(document.as_bytes(), &Options::default()).unwrap().report;
    assert_eq!(report.totals().wrong, 1);
}

#[test]
fn figure_3_supplementary_data() {
    let device = "<p:UserId>DC=example-bank,DC=net</p:UserId>";
    let inner = plain(SECRET) + "<p:UserId>UID=jsmith,DC=example-bank,DC=net</p:UserId>";
    let found = import(&container(&package(device, "12345678", &inner)), None);
    is_hotp(&found, 0, 8);
    let token = &found.tokens[0];
    assert_eq!(token.serial.as_deref(), Some("987654321"));
    assert_eq!(token.manufacturer.as_deref(), Some("Manufacturer"));
    assert_eq!(token.owner.as_ref().map(ToString::to_string).as_deref(), Some("jsmith"));
}

#[test]
fn figure_4_a_derived_key_is_not_in_the_file() {
    let inner = "<p:KeyProfileId>keyProfile1</p:KeyProfileId><p:KeyReference>MasterKeyLabel</p:KeyReference>\
                 <p:Data><p:Counter><p:PlainValue>0</p:PlainValue></p:Counter></p:Data><p:Policy><p:KeyUsage>OTP</p:KeyUsage></p:Policy>";
    let found = import(&container(&package("", "12345678", inner)), None);
    assert!(found.tokens.is_empty());
    assert!(sentence(&found, 0).contains("master key"));
}

#[test]
fn figure_5_a_pin_beside_the_key() {
    let policy = "<p:Policy><p:PINPolicy MinLength='4' MaxLength='4' PINKeyId='123456781' PINEncoding='DECIMAL' PINUsageMode='Local'/>\
                  <p:KeyUsage>OTP</p:KeyUsage></p:Policy>";
    let pin = package("", "123456781", &plain("MTIzNA==")).replace("pskc:hotp", "pskc:pin");
    let found = import(
        &container(&(package("", "12345678", &(plain(SECRET) + policy)) + &pin)),
        None,
    );
    is_hotp(&found, 0, 8);
    assert_eq!(found.tokens.len(), 1);
    assert!(matches!(found.report.rows[1].outcome, Outcome::Skipped { .. }));
}

const FIGURE_6_KEY: &[u8] = b"12345678901234567890123456789012";
const FIGURE_6_SECRET: &str = "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv";

fn figure_6(mac: &str) -> String {
    let keys = "<p:EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName></p:EncryptionKey>".to_owned()
        + &mac_method("ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX");
    container(&(keys + &package("", "12345678", &encrypted("aes128-cbc", FIGURE_6_SECRET, mac))))
}

#[test]
fn figure_6_a_pre_shared_key() {
    let document = figure_6("Su+NvtQfmvfJzF6bmQiJqoLRExc=");
    is_hotp(&import(&document, Some(FIGURE_6_KEY)), 0, 8);
    // The same key in base 64, and as bytes.
    is_hotp(&import(&document, Some(b"EjRWeJASNFZ4kBI0VniQEg==\n")), 0, 8);
    is_hotp(
        &import(
            &document,
            Some(&[
                0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12,
            ]),
        ),
        0,
        8,
    );
}

#[test]
fn figure_6_without_the_key_with_a_wrong_one_and_altered() {
    let document = figure_6("Su+NvtQfmvfJzF6bmQiJqoLRExc=");
    let failed = |key: Option<&[u8]>| read(document.as_bytes(), &options(key)).err().unwrap();
    assert!(failed(None).to_string().contains("“Pre-shared-key”"));
    assert_eq!(failed(Some(b"02345678901234567890123456789012")), ImportError::WrongKey);
    assert!(matches!(failed(Some(b"1234")), ImportError::KeyForm(_)));
    let found = import(&figure_6("Tu+NvtQfmvfJzF6bmQiJqoLRExc="), Some(FIGURE_6_KEY));
    assert!(sentence(&found, 0).contains("altered"), "{}", sentence(&found, 0));
    let without = figure_6("").replace("<p:ValueMAC>\n</p:ValueMAC>", "");
    assert!(sentence(&import(&without, Some(FIGURE_6_KEY)), 0).contains("missing"));
}

#[test]
fn figure_7_a_password() {
    let keys = "<p:EncryptionKey><x11:DerivedKey xmlns:x11='http://www.w3.org/2009/xmlenc11#'><x11:KeyDerivationMethod \
                Algorithm='http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2'><pkcs5:PBKDF2-params \
                xmlns:pkcs5='http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#'><Salt><Specified>Ej7/PEpyEpw=</Specified></Salt>\
                <IterationCount>1000</IterationCount><KeyLength>16</KeyLength><PRF/></pkcs5:PBKDF2-params></x11:KeyDerivationMethod>\
                <x11:MasterKeyName>My Password 1</x11:MasterKeyName></x11:DerivedKey></p:EncryptionKey>"
        .to_owned()
        + &mac_method("2GTTnLwM3I4e5IO5FkufoOEiOhNj91fhKRQBtBJYluUDsPOLTfUvoU2dStyOwYZx");
    let secret = encrypted(
        "aes128-cbc",
        "oTvo+S22nsmS2Z/RtcoF8Hfh+jzMe0RkiafpoDpnoZTjPYZu6V+A4aEn032yCr4f",
        "LP6xMvjtypbfT9PdkJhBZ+D6O4w=",
    );
    let document = container(&(keys + &package("", "123456", &secret)));
    is_hotp(&import(&document, Some(b"qwerty\n")), 0, 8);
    let failed = |key: Option<&[u8]>| read(document.as_bytes(), &options(key)).err().unwrap();
    assert_eq!(failed(Some(b"qwertz")), ImportError::WrongKey);
    assert!(failed(None).to_string().contains("password “My Password 1”"));
    // What a file may ask to compute is bounded.
    let endless = document.replace("<IterationCount>1000<", "<IterationCount>4000000000<");
    assert!(matches!(
        read(endless.as_bytes(), &options(Some(b"qwerty"))),
        Err(ImportError::Document { .. })
    ));
}

#[test]
fn figure_8_encrypted_to_a_certificate_is_refused_by_row() {
    let keys =
        "<p:EncryptionKey><ds:X509Data><ds:X509Certificate>MIIB</ds:X509Certificate></ds:X509Data></p:EncryptionKey>";
    let secret = encrypted("rsa_1_5", "hJ+fvpoMPMO9BYpK2rdyQYGIxiATYHTHC7e/sPLKYo4=", "")
        .replace("<p:ValueMAC>\n</p:ValueMAC>", "");
    let found = import(
        &container(&(keys.to_owned() + &package("", "MBK000000001", &secret))),
        None,
    );
    assert!(sentence(&found, 0).contains("rsa_1_5"), "{}", sentence(&found, 0));
}

#[test]
fn figure_9_a_signature_is_not_verified_and_that_is_said() {
    let signature = "<p:Signature><ds:SignedInfo/><ds:SignatureValue>j6lwx3rvEPO0vKtMup4NbeVu8nk=</ds:SignatureValue></p:Signature>";
    let found = import(&container(&(package("", "123", &plain(SECRET)) + signature)), None);
    is_hotp(&found, 0, 8);
    assert!(found.report.notes.iter().any(|note| note.contains("not verified")));
}

#[test]
fn figure_10_bulk_provisioning() {
    let of = |serial: &str, id: &str, start: &str, end: &str| {
        let policy = format!(
            "<p:Policy><p:StartDate>{start}T00:00:00Z</p:StartDate><p:ExpiryDate>{end}T00:00:00Z</p:ExpiryDate></p:Policy>"
        );
        package("", id, &(plain(SECRET) + &policy)).replace("987654321", serial)
    };
    let packages = of("654321", "1", "2006-05-01", "2006-05-31")
        + &of("123456", "2", "2006-05-01", "2006-05-31")
        + &of("9999999", "3", "2006-03-01", "2006-03-31")
        + &of("9999999", "4", "2006-04-01", "2006-04-30");
    let found = import(&container(&packages), None);
    assert_eq!(found.tokens.len(), 4);
    assert_eq!(found.tokens[0].valid_from_s, Some(1_146_441_600));
    assert_eq!(found.tokens[3].valid_until_s, Some(1_146_355_200));
    let serials: Vec<_> = found
        .tokens
        .iter()
        .filter_map(|token| token.serial.as_deref())
        .collect();
    assert_eq!(serials, ["654321", "123456", "9999999", "9999999:4"]);
    let lines: Vec<_> = found.report.rows.iter().map(|row| (row.line, row.row)).collect();
    // Each package of two lines.
    assert_eq!(lines, [(3, 1), (5, 2), (7, 3), (9, 4)]);
}

#[test]
fn documents_that_are_none_say_where() {
    let failed = |document: &str| read(document.as_bytes(), &options(None)).err().unwrap();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>\n<KeyContainer Version='1.0'>&a;</KeyContainer>";
    assert!(matches!(failed(bomb), ImportError::Document { line: 1, .. }));
    let entity = container("\n<p:KeyPackage><p:Key Id='1'>\n&a;</p:Key></p:KeyPackage>");
    assert!(
        matches!(failed(&entity), ImportError::Document { line: 4, .. }),
        "{}",
        failed(&entity)
    );
    let cut = container(&package("", "1", &plain(SECRET)));
    assert!(matches!(failed(&cut[..cut.len() - 60]), ImportError::Document { .. }));
    let deep = container(&("<p:KeyPackage>".to_owned() + &"<a>".repeat(100)));
    assert!(failed(&deep).to_string().contains("deeper"));
    assert!(failed("<KeyContainer Version='2.0'/>").to_string().contains("version"));
    assert_eq!(
        failed("<KeyContainer Version='1.0'/>"),
        ImportError::Empty("KeyPackage")
    );
}
