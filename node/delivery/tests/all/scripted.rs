//! Mail servers that break the rules, word by word: what no real server does, and an attacker might.

use quorate_delivery::{Secret, SmtpAuthentication, SmtpTls};
use quorate_gateways::Certificates;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

use crate::fixtures::{last, mail, mail_gateway, outcomes, send};

/// Takes one connection and says these words, each but the first after a line of the client. The task ends with the lines it heard.
async fn script(words: &'static [&'static str]) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut heard = Vec::new();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                let mut line = String::new();
                let _ = stream.read_line(&mut line).await;
                heard.push(line.trim_end().to_owned());
            }
            let _ = stream.write_all(word.as_bytes()).await;
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        heard.push(String::from_utf8_lossy(&rest).into_owned());
        heard
    });
    (port, heard)
}

fn plain() -> SmtpAuthentication {
    SmtpAuthentication::Plain {
        user: "mfa".to_owned(),
        password: Secret::new("s3cret"),
    }
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_is_not_believed() {
    let injected =
        "220 go ahead\r\n250-mail.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 OK\r\n";
    let words: &'static [&'static str] =
        Box::leak(Box::new(["220 hi\r\n", "250-mail.test\r\n250 STARTTLS\r\n", injected]));
    let (port, heard) = script(words).await;
    let gateway = mail_gateway(&[(port, SmtpTls::Starttls)], plain(), &Certificates::new().ca_pem);
    let sent = send(&[gateway], &mail()).await;
    assert!(last(&sent).contains("sent more in clear after STARTTLS"), "{sent:?}");
    assert!(!sent.may_have_arrived());
    let heard = heard.await.unwrap();
    assert_eq!(
        heard,
        ["EHLO node-1.example.com", "STARTTLS", ""],
        "not a word under TLS"
    );
}

#[tokio::test]
async fn a_mechanism_that_was_not_agreed_to_is_not_used() {
    let (port, heard) = script(&["220 hi\r\n", "250-mail.test\r\n250 AUTH LOGIN CRAM-MD5\r\n"]).await;
    let sent = send(&[mail_gateway(&[(port, SmtpTls::None)], plain(), "")], &mail()).await;
    assert_eq!(
        last(&sent),
        "refused: the server offers LOGIN, CRAM-MD5 for authentication, not PLAIN"
    );
    assert_eq!(heard.await.unwrap(), ["EHLO node-1.example.com", ""]);
}

#[tokio::test]
async fn noise_and_endless_replies_end_the_conversation() {
    let long: &'static str = Box::leak(format!("220 {}", "x".repeat(100_000)).into_boxed_str());
    let many: &'static str = Box::leak("220-again\r\n".repeat(10_000).into_boxed_str());
    for (word, wanted) in [
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            "unreachable: the server speaks no SMTP",
        ),
        ("\u{0}\u{1}\u{2}\n", "unreachable: the server speaks no SMTP"),
        (long, "unreachable: the server's reply has no end"),
        (many, "unreachable: the server's reply has no end"),
        ("554 go away\r\n", "refused: 554 go away"),
        ("421 too busy\r\n", "refused: 421 too busy"),
    ] {
        let (port, _heard) = script(Box::leak(Box::new([word]))).await;
        let sent = send(
            &[mail_gateway(&[(port, SmtpTls::None)], SmtpAuthentication::None, "")],
            &mail(),
        )
        .await;
        assert_eq!(last(&sent), wanted);
    }
}

#[tokio::test]
async fn a_refusal_between_mail_and_dot_is_certain() {
    let conversations: [(&'static [&'static str], &str); 4] = [
        (&["220 hi\r\n", "502 what?\r\n"], "refused: 502 what?"),
        (
            &["220 hi\r\n", "250-mail.test\r\n250 8BITMIME\r\n", "552 no\r\n"],
            "refused: 552 no",
        ),
        (
            &[
                "220 hi\r\n",
                "250-mail.test\r\n250 8BITMIME\r\n",
                "250 ok\r\n",
                "450 no\r\n",
            ],
            "refused: 450 no",
        ),
        (
            &[
                "220 hi\r\n",
                "250-mail.test\r\n250 8BITMIME\r\n",
                "250 ok\r\n",
                "250 ok\r\n",
                "250 what?\r\n",
            ],
            "refused: 250 what?",
        ),
    ];
    for (words, wanted) in conversations {
        let (port, heard) = script(words).await;
        let sent = send(
            &[mail_gateway(&[(port, SmtpTls::None)], SmtpAuthentication::None, "")],
            &mail(),
        )
        .await;
        assert_eq!(last(&sent), wanted);
        assert!(!heard.await.unwrap().join("\n").contains("492039"));
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_a_mail_may_have_it() {
    // The server hangs up with the mail on its way, having read one line of it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for word in [
            "220 hi\r\n",
            "250 mail.test\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "354 go on\r\n",
        ] {
            stream.write_all(word.as_bytes()).await.unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
        }
    });
    let sent = send(
        &[mail_gateway(&[(port, SmtpTls::None)], SmtpAuthentication::None, "")],
        &mail(),
    )
    .await;
    server.await.unwrap();
    // A short mail fits into the kernel's buffer, dot and all; whether the server saw the dot, we cannot know.
    assert_eq!(outcomes(&sent), [("mail", "unknown")], "{sent:?}");
}
