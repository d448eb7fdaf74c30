//! The mail server: how it is reached, and what its answers mean.

use std::path::Path;
use std::time::Duration;

use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use crate::error::Error;
use crate::groups::template::Text;

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may be taken later.
    ForNow(String),
    /// It will never be.
    ForGood(String),
}

/// A way to a mail server.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

impl Mailer {
    /// A way to the server that a URL names: `smtps://user:password@host` with TLS from the start,
    /// `smtp://user:password@host?tls=required` with STARTTLS, `smtp://localhost` without.
    ///
    /// # Errors
    /// A configuration error when the URL, the sender or the certificate makes no sense, or mail would leave this
    /// machine unencrypted.
    pub fn new(url: &str, from: &str, ca_file: Option<&Path>) -> Result<Self, Error> {
        let wrong = |message: String| Error::Configuration(message);
        let from: Mailbox =
            from.parse().map_err(|error| wrong(format!("KRING_MAIL_FROM is no e-mail address: {error}")))?;
        // The URL holds a password, so that it must not be in a message.
        let mut builder = SmtpTransport::from_url(url)
            .map_err(|_| wrong("KRING_SMTP_URL must look like smtps://user:password@host".to_owned()))?;
        let encrypted = url.starts_with("smtps://") || url.contains("tls=required");
        let host = host(url);
        if !encrypted && !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
            return Err(wrong(format!(
                "KRING_SMTP_URL would send personal data to {host} unencrypted: use smtps://, or add ?tls=required"
            )));
        }
        if let Some(file) = ca_file.filter(|_| encrypted) {
            let parameters = trusting(host, file)?;
            let tls = if url.starts_with("smtps://") { Tls::Wrapper(parameters) } else { Tls::Required(parameters) };
            builder = builder.tls(tls);
        }
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from })
    }

    /// The domain of the sender.
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Hands a message to the server.
    ///
    /// # Errors
    /// Whether it is worth trying again.
    pub fn send(&self, to: &str, message_id: String, text: Text) -> Result<(), Undelivered> {
        let for_good = |error: String| Undelivered::ForGood(error);
        let to = to.parse().map_err(|error| for_good(format!("the address cannot be written to: {error}")))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .message_id(Some(message_id))
            .subject(text.subject)
            .body(text.body)
            .map_err(|error| for_good(error.to_string()))?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() && !is_ours(&error) => Err(for_good(error.to_string())),
            Err(error) => Err(Undelivered::ForNow(error.to_string())),
        }
    }
}

/// Whether the server refuses this gateway and not the message, say because its password has changed: such a message is
/// not to be given up.
fn is_ours(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    code.is_some_and(|code| ["530", "534", "535", "538"].contains(&code.as_str()))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.starts_with('[') {
        host.find(']').and_then(|end| host.get(..=end)).unwrap_or(host)
    } else {
        host.split(':').next().unwrap_or_default()
    }
}

fn trusting(host: &str, file: &Path) -> Result<TlsParameters, Error> {
    let wrong = |error: String| Error::Configuration(format!("KRING_SMTP_CA_FILE {}: {error}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
    TlsParameters::builder(host.to_owned())
        .add_root_certificate(certificate)
        .build()
        .map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_does_not_leave_the_machine_unencrypted() {
        for (url, accepted) in [
            ("smtp://localhost:2525", true),
            ("smtp://127.0.0.1", true),
            ("smtp://[::1]:25", true),
            ("smtp://mail.example.org", false),
            ("smtp://mail.example.org?tls=opportunistic", false),
            ("smtp://user:pass@mail.example.org:587?tls=required", true),
            ("smtps://mail.example.org", true),
            ("http://mail.example.org", false),
            ("", false),
        ] {
            assert_eq!(Mailer::new(url, "Kring <kring@example.org>", None).is_ok(), accepted, "{url}");
        }
        assert!(Mailer::new("smtp://localhost", "nobody", None).is_err());
    }
}
