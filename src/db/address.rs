//! Where PostgreSQL is, as the address and what libpq adds to it say: service files and variables of the environment.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::ptr;

use crate::error::Error;

/// What bounds the wait for a server that has died without a word, unless the address says otherwise. Together they keep
/// it well within ten seconds.
const USUAL: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "3"),
    ("keepalives_interval", "1"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "6000"),
];

/// What an address of PostgreSQL says, with what it leaves to its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: String,
    said: BTreeMap<String, String>,
}

impl Address {
    /// Reads an address as libpq does.
    ///
    /// # Errors
    /// A configuration error when it makes no sense, or names a service that is not there.
    pub fn read(url: &str) -> Result<Self, Error> {
        Self::read_in(url, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read_in(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut said = parse(url)?;
        if let Some(service) = said.get("service").cloned().or_else(|| variable("PGSERVICE")) {
            for (name, value) in read_service(&service, variable)? {
                said.entry(name).or_insert(value);
            }
        }
        for (name, key) in [
            ("PGHOST", "host"),
            ("PGHOSTADDR", "hostaddr"),
            ("PGSSLMODE", "sslmode"),
            ("PGCONNECT_TIMEOUT", "connect_timeout"),
        ] {
            if let Some(value) = variable(name) {
                said.entry(key.to_owned()).or_insert(value);
            }
        }
        Ok(Self { url: url.to_owned(), said })
    }

    /// Whether every server that may be talked to is on this machine.
    fn is_local(&self) -> bool {
        let every = |name: &str, is_local: fn(&str) -> bool| {
            self.said.get(name).is_none_or(|list| list.split(',').all(|one| is_local(one.trim())))
        };
        // Where there is an address as a number, libpq talks to that one, whatever the name.
        match self.said.get("hostaddr").filter(|list| !list.is_empty()) {
            Some(list) if list.split(',').all(|one| !one.trim().is_empty()) => every("hostaddr", is_loopback),
            Some(_) => every("hostaddr", |one| one.is_empty() || is_loopback(one)) && every("host", is_here),
            None => every("host", is_here),
        }
    }

    /// Makes sure that personal data does not travel in plain text by accident: libpq falls back to that when it was built
    /// without TLS, and says nothing.
    ///
    /// # Errors
    /// A configuration error for a server on another machine, unless the address says in so many words that it may be so.
    pub fn require_tls_or_local(&self) -> Result<(), Error> {
        let on_purpose = self.said.get("sslmode").is_some_and(|mode| mode == "disable");
        if cfg!(feature = "postgres-tls") || on_purpose || self.is_local() {
            return Ok(());
        }
        Err(Error::Configuration(
            "this build has no TLS for PostgreSQL and DATABASE_URL leads to another machine: build with \
             --features postgres-tls, or add sslmode=disable to send personal data unencrypted on purpose"
                .to_owned(),
        ))
    }

    /// The address with everything that bounds the wait for a server that has died.
    pub fn bounded(&self) -> String {
        let mut url = self.url.clone();
        for (name, value) in USUAL {
            if !self.said.contains_key(name) {
                let separator = match url.contains('?') {
                    true if url.ends_with(['?', '&']) => "",
                    true => "&",
                    false => "?",
                };
                url = format!("{url}{separator}{name}={value}");
            }
        }
        url
    }
}

fn is_here(host: &str) -> bool {
    // An empty name is that of the socket on this machine; a path or `@name` is a socket too.
    host.is_empty() || host.starts_with(['/', '@']) || host.eq_ignore_ascii_case("localhost") || is_loopback(host)
}

fn is_loopback(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What an address says itself.
#[expect(unsafe_code, reason = "libpq alone knows all that an address may hold")]
fn parse(url: &str) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |reason: &str| Error::Configuration(format!("DATABASE_URL cannot be read: {}", reason.trim()));
    let text = CString::new(url).map_err(|_| wrong("it holds a NUL character"))?;
    let mut said = BTreeMap::new();
    // SAFETY: `text` is a string that ends with a NUL. What libpq answers is read before it is given back: a list that ends
    // with an option without keyword, of strings that end with a NUL, and a message that is null or such a string.
    unsafe {
        let mut message = ptr::null_mut();
        let options = pq_sys::PQconninfoParse(text.as_ptr(), &raw mut message);
        if options.is_null() {
            // The message quotes what was given, which may be a password.
            pq_sys::PQfreemem(message.cast());
            return Err(wrong("it is no address of the form postgres://user@host/name?option=value"));
        }
        let mut option = options;
        while !(*option).keyword.is_null() {
            if !(*option).val.is_null() {
                let [name, value] = [(*option).keyword, (*option).val].map(|text| CStr::from_ptr(text));
                said.insert(name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned());
            }
            option = option.add(1);
        }
        pq_sys::PQconninfoFree(options);
    }
    Ok(said)
}

/// What a service file says of a service: that of the user, or else that of the system.
fn read_service(service: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, Error> {
    let of_user = variable("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".pg_service.conf")));
    let of_system = variable("PGSYSCONFDIR").map(|folder| PathBuf::from(folder).join("pg_service.conf"));
    let files = [of_user, of_system];
    let texts = files.iter().flatten().filter_map(|file| std::fs::read_to_string(file).ok());
    let found = texts.into_iter().find_map(|text| section(&text, service));
    found.ok_or_else(|| Error::Configuration(format!("no service file has a service called \"{service}\"")))
}

fn section(text: &str, service: &str) -> Option<BTreeMap<String, String>> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) == Some(service))?;
    let own = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Some(own.filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(url: &str, variables: &[(&str, &str)]) -> bool {
        let of = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Address::read_in(url, &of).unwrap().is_local()
    }

    #[test]
    fn every_host_is_looked_at() {
        for url in [
            "postgres:///kring",
            "postgres://kring@localhost/kring",
            "postgres://kring@127.0.0.1:5432/kring",
            "postgres://kring@[::1]/kring",
            "postgres://kring@localhost,127.0.0.1:5433/kring",
            "postgres://%2Fvar%2Frun/kring",
            "postgres:///kring?host=/var/run",
            "postgresql://db.example.org/kring?hostaddr=127.0.0.1",
        ] {
            assert!(local(url, &[]), "{url}");
        }
        for url in [
            "postgres://kring@db.example.org/kring",
            "postgres://kring@localhost,db.example.org/kring",
            "postgres://kring@127.0.0.1.example.org/kring",
            "postgres://localhost.example.org/kring",
            "postgres:///kring?host=db.example.org",
            "postgres:///kring?host=/var/run,db.example.org",
            "postgres://localhost/kring?hostaddr=192.0.2.1",
            "postgres://localhost,db.example.org/kring?hostaddr=127.0.0.1,",
            "postgres://kring:host=/@db.example.org/kring",
        ] {
            assert!(!local(url, &[]), "{url}");
        }
        assert!(!local("postgres:///kring", &[("PGHOST", "db.example.org")]));
        assert!(!local("postgres:///kring", &[("PGHOSTADDR", "192.0.2.1")]));
        assert!(local("postgres://localhost/kring", &[("PGHOST", "db.example.org")]));
    }

    #[test]
    fn service_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("services");
        std::fs::write(&file, "# ours\n[near]\nhost=localhost\n\n[far]\n host = db.example.org \n#host=localhost\n")
            .unwrap();
        let variables = [("PGSERVICEFILE", file.to_str().unwrap())];
        assert!(local("postgres:///kring?service=near", &variables));
        assert!(!local("postgres:///kring?service=far", &variables));
        assert!(!local("postgres:///kring", &[variables[0], ("PGSERVICE", "far")]));
        let of = |name: &str| (name == "PGSERVICEFILE").then(|| variables[0].1.to_owned());
        assert!(Address::read_in("postgres:///kring?service=none", &of).is_err());
    }

    #[test]
    fn the_wait_is_bounded_unless_the_address_says_otherwise() {
        let of = |url: &str| Address::read_in(url, &|_| None).unwrap().bounded();
        let bounded = of("postgres://localhost/kring");
        assert!(bounded.starts_with("postgres://localhost/kring?connect_timeout=3&"), "{bounded}");
        assert!(bounded.ends_with("&tcp_user_timeout=6000"), "{bounded}");
        let own = of("postgres://localhost/kring?connect_timeout=20&tcp_user_timeout=0");
        assert!(own.contains("connect_timeout=20") && !own.contains("connect_timeout=3&"), "{own}");
        assert!(!own.contains("6000") && own.contains("keepalives_idle=3"), "{own}");
        assert!(parse(&own).is_ok());
        assert!(parse(&of("postgres://localhost/kring?")).is_ok());
    }

    #[test]
    fn a_password_is_not_quoted() {
        let error = parse("postgres://kring:geheim@host:port/kring?nothing=1").unwrap_err().to_string();
        assert!(!error.contains("geheim"), "{error}");
    }
}
