//! The explorer in a real browser: a headless Chromium, told what to do over `WebDriver`.
//!
//! That protocol is a dozen JSON calls, and the two logs that this test is about (what the browser
//! complained of, which addresses it asked for) are extensions of chromedriver that a client crate
//! would need the same JSON for. So the calls are made here.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use kring::access::Role;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::harness::{RUNTIME, Single, World, now};
use crate::http::Served;

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const CHROMEDRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// For one thing to show on the page: long, because CI shares its machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// For everything.
const LIMIT: Duration = Duration::from_secs(150);

const CONTROL: char = '\u{e009}';
const RELEASE: char = '\u{e000}';
const DELETE: char = '\u{e017}';

fn the_explorer_loads_and_runs_a_query() {
    let world = World::sqlite();
    let group = world.group("Energiecoaches");
    world.add(&group, &[&world.person("Anna", "van den Berg")], "2026-01-01");
    let served = Served::world(&world);
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("explorer.png");
    let base_url = format!("http://{}", served.address);
    // The page looks at the clock of the browser, which is not that of the tests.
    let (grants, years) = ([(Role::Administrator, None)], chrono::Duration::days(3_650));
    let token = world.keys.sign(None, &grants, "Tester", now(), years).unwrap();
    RUNTIME.block_on(explorer_loads_and_runs_a_query(&base_url, &token, Some(&screenshot))).unwrap();
}

inventory::submit! {
    Single {
        name: "it::explorer_page::the_explorer_loads_and_runs_a_query",
        run: the_explorer_loads_and_runs_a_query,
        // Where a browser is required, its absence shows as a failure.
        missing: || !browser_available() && std::env::var_os("KRING_REQUIRE_BROWSER").is_none(),
    }
}

/// Whether this machine has what [`explorer_loads_and_runs_a_query`] needs.
pub fn browser_available() -> bool {
    program(&CHROMIUM).is_some() && program(&CHROMEDRIVER).is_some()
}

/// Opens the explorer with a token, as the address that `kring demo` prints does, and uses it: the
/// schema loads, a typed query and the first sample are run and answered, and nothing on the page
/// asks another host for anything or runs into the content security policy.
pub async fn explorer_loads_and_runs_a_query(
    base_url: &str,
    token: &str,
    screenshot_to: Option<&Path>,
) -> Result<(), String> {
    let browser = Browser::start().await?;
    let told = timeout(LIMIT, story(&browser, base_url, token))
        .await
        .unwrap_or_else(|_| Err(format!("not done after {LIMIT:?}")));
    // What the browser complained of often tells why the story stopped.
    let told = match told {
        Err(error) => match browser.log("browser").await.map(|log| no_complaints(&log)) {
            Ok(Err(complaints)) => Err(format!("{error}\n{complaints}")),
            _ => Err(error),
        },
        Ok(()) => Ok(()),
    };
    let pictured = match screenshot_to {
        Some(path) => browser.screenshot(path).await,
        None => Ok(()),
    };
    browser.end().await;
    told.and(pictured)
}

async fn story(browser: &Browser, base_url: &str, token: &str) -> Result<(), String> {
    let base = base_url.trim_end_matches('/');
    browser.open(&format!("{base}/#token={token}")).await?;
    browser
        .until(
            "the schema and the editors",
            "const schema = document.querySelector('#schema');
             const editors = document.querySelectorAll('.graphiql-editors .CodeMirror');
             return schema.dataset.state === 'ready' && editors.length > 1
               ? null : `${schema.textContent}, ${editors.length} editors`;",
        )
        .await?;
    browser
        .until(
            "the token to be taken out of the address",
            "const state = document.querySelector('#token-state').dataset.state;
             return state === 'set' && !location.href.includes('#') ? null : `${state}, ${location.href}`;",
        )
        .await?;

    browser.click(".graphiql-query-editor .CodeMirror-lines").await?;
    browser.press(&format!("{CONTROL}a{RELEASE}{DELETE}{{ __typename }}")).await?;
    browser
        .until(
            "the typed query in the editor",
            "const text = document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue();
             return text === '{ __typename }' ? null : text;",
        )
        .await?;
    let answer = browser.run().await?;
    if text(&answer, "/data/__typename").is_empty() || answer.get("errors").is_some() {
        return Err(format!("{{ __typename }} was answered with {answer}"));
    }

    let samples = "#samples-menu [role=menuitem]";
    if browser.count(samples).await? > 0 {
        browser.click("#samples-button").await?;
        browser.click(samples).await?;
        browser
            .until(
                "an empty response beside the sample",
                "const text = document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue();
                 return text === '' ? null : text;",
            )
            .await?;
        let answer = browser.run().await?;
        if answer.get("data").is_none_or(Value::is_null) || answer.get("errors").is_some() {
            return Err(format!("the first sample was answered with {answer}"));
        }
    }

    // A dialog makes GraphiQL insert the style element that the policy names by its digest.
    browser.click("[aria-label='Open settings dialog']").await?;
    browser.click(".graphiql-dialog-close").await?;
    browser.until("the dialog to close", "return document.querySelector('.graphiql-dialog') ? 'open' : null;").await?;

    no_complaints(&browser.log("browser").await?)?;
    no_other_host(&browser.log("performance").await?, base)
}

/// Violations of the policy, failed requests and uncaught errors are all severe.
fn no_complaints(log: &[Value]) -> Result<(), String> {
    let severe: Vec<&str> =
        log.iter().filter(|entry| text(entry, "/level") == "SEVERE").map(|entry| text(entry, "/message")).collect();
    if severe.is_empty() { Ok(()) } else { Err(format!("the browser complained:\n{}", severe.join("\n"))) }
}

/// The log holds every request that any part of the page was about to make.
fn no_other_host(log: &[Value], base: &str) -> Result<(), String> {
    let asked: Vec<String> = log
        .iter()
        .filter_map(|entry| serde_json::from_str::<Value>(text(entry, "/message")).ok())
        .filter(|event| text(event, "/message/method") == "Network.requestWillBeSent")
        // The empty page that a browser starts with is a program of its own.
        .filter(|event| !text(event, "/message/params/documentURL").starts_with("chrome"))
        .map(|event| text(&event, "/message/params/request/url").to_owned())
        .filter(|url| !url.starts_with("data:"))
        .collect();
    if !asked.contains(&format!("{base}/graphql")) {
        return Err(format!("the log of requests lacks the query itself: {asked:?}"));
    }
    let own = format!("{base}/");
    let others: Vec<&String> = asked.iter().filter(|url| !url.starts_with(&own)).collect();
    if others.is_empty() { Ok(()) } else { Err(format!("other hosts were asked: {others:?}")) }
}

/// The text at a JSON pointer; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A session with a browser of its own. The browser ends with [`Browser::end`]; should that not be
/// reached, its driver at least ends with this value.
struct Browser {
    driver: Child,
    /// Held open, because the driver would stop at a line that nobody can read.
    _output: BufReader<ChildStdout>,
    port: NonZeroU16,
    session: String,
    profile: PathBuf,
}

impl Browser {
    async fn start() -> Result<Self, String> {
        let chromium = program(&CHROMIUM).ok_or("no chromium on the PATH")?;
        let chromedriver = program(&CHROMEDRIVER).ok_or("no chromedriver on the PATH")?;
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let mut output = BufReader::new(driver.stdout.take().ok_or("chromedriver has no output")?);
        let (port, output) = tokio::task::spawn_blocking(move || (port(&mut output), output))
            .await
            .map_err(|error| error.to_string())?;
        let profile = std::env::temp_dir().join(format!("kring-explorer-{}", driver.id()));
        let mut browser = Self {
            driver,
            _output: output,
            port: port.ok_or("chromedriver named no port")?,
            session: String::new(),
            profile,
        };
        let switches = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,900",
        ];
        let profile = format!("--user-data-dir={}", browser.profile.display());
        let args: Vec<&str> = switches.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": args },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let made = browser.call(Method::POST, "/session", &wanted).await?;
        browser.session = format!("/session/{}", text(&made, "/sessionId"));
        Ok(browser)
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let said = format!("{method} {path}");
        match self.exchange(method, path, body).await {
            Ok((true, mut answer)) => Ok(answer.get_mut("value").map(Value::take).unwrap_or_default()),
            Ok((false, answer)) => Err(format!("{said}: {}", text(&answer, "/value/message"))),
            Err(error) => Err(format!("{said}: {error}")),
        }
    }

    /// One request, on a connection of its own: there are few, and none waits on another. Returns
    /// whether it was granted, and the answer.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(bool, Value), Box<dyn Error + Send + Sync>> {
        let host = format!("127.0.0.1:{}", self.port);
        let stream = TcpStream::connect(&host).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let body = match method {
            Method::POST => body.to_string(),
            _ => String::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::<Bytes>::from(body))?;
        let answer = sender.send_request(request).await?;
        let granted = answer.status().is_success();
        let answer = answer.into_body().collect().await?.to_bytes();
        Ok((granted, serde_json::from_slice(&answer)?))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(Method::POST, &format!("{}{path}", self.session), body).await
    }

    async fn open(&self, url: &str) -> Result<(), String> {
        self.post("/url", &json!({ "url": url })).await.map(drop)
    }

    async fn script(&self, script: &str) -> Result<Value, String> {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until a script returns null; until then it returns what is still amiss.
    async fn until(&self, what: &str, script: &str) -> Result<(), String> {
        let since = Instant::now();
        loop {
            let amiss = match self.script(script).await {
                Ok(Value::Null) => return Ok(()),
                Ok(amiss) => amiss.to_string(),
                Err(error) => error,
            };
            if since.elapsed() > PATIENCE {
                return Err(format!("waited in vain for {what}: {amiss}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn count(&self, selector: &str) -> Result<usize, String> {
        let found = json!({ "using": "css selector", "value": selector });
        let found = self.post("/elements", &found).await?;
        Ok(found.as_array().map_or(0, Vec::len))
    }

    /// Does something to an element as soon as the browser lets a person do it.
    async fn act(&self, selector: &str, action: &str, body: &Value) -> Result<(), String> {
        let since = Instant::now();
        loop {
            let done = self.try_act(selector, action, body).await;
            if done.is_ok() || since.elapsed() > PATIENCE {
                return done.map_err(|error| format!("{selector}: {error}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_act(&self, selector: &str, action: &str, body: &Value) -> Result<(), String> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", &wanted).await?;
        let id =
            found.as_object().and_then(|found| found.values().next()?.as_str()).ok_or("an element without an id")?;
        self.post(&format!("/element/{id}/{action}"), body).await.map(drop)
    }

    async fn click(&self, selector: &str) -> Result<(), String> {
        self.act(selector, "click", &json!({})).await
    }

    /// Presses keys, whatever has the focus: the editor's own field is too small for the browser to call it visible.
    /// [`RELEASE`] lets go of what is held down.
    async fn press(&self, keys: &str) -> Result<(), String> {
        let mut actions = Vec::new();
        for key in keys.chars() {
            match key {
                RELEASE => actions.push(json!({ "type": "keyUp", "value": CONTROL })),
                CONTROL => actions.push(json!({ "type": "keyDown", "value": CONTROL })),
                key => {
                    actions.push(json!({ "type": "keyDown", "value": key }));
                    actions.push(json!({ "type": "keyUp", "value": key }));
                }
            }
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] })).await.map(drop)
    }

    /// Presses the run button and returns the response, once the page shows a whole one.
    async fn run(&self) -> Result<Value, String> {
        // GraphiQL parses a moment after the last change, and until then would run the operation
        // whose name it found before.
        self.until(
            "GraphiQL to parse the query",
            "const editor = document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror;
             const parsed = editor.documentAST?.loc?.source.body;
             return parsed === editor.getValue() ? null : `parsed: ${parsed}`;",
        )
        .await?;
        self.click(".graphiql-execute-button").await?;
        let script = "return document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue();";
        self.until(
            "a response",
            "const text = document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue();
             try { JSON.parse(text); return null; } catch { return `no JSON: ${text}`; }",
        )
        .await?;
        let text = self.script(script).await?;
        serde_json::from_str(text.as_str().unwrap_or_default()).map_err(|error| error.to_string())
    }

    /// What chromedriver has logged since it was last asked.
    async fn log(&self, kind: &str) -> Result<Vec<Value>, String> {
        let log = self.post("/se/log", &json!({ "type": kind })).await?;
        log.as_array().cloned().ok_or_else(|| format!("the {kind} log is no list"))
    }

    async fn screenshot(&self, path: &Path) -> Result<(), String> {
        let path_of = format!("{}/screenshot", self.session);
        let picture = self.call(Method::GET, &path_of, &Value::Null).await?;
        let picture =
            STANDARD.decode(picture.as_str().unwrap_or_default()).map_err(|error| format!("screenshot: {error}"))?;
        std::fs::write(path, picture).map_err(|error| format!("{}: {error}", path.display()))
    }

    async fn end(self) {
        // Closes the browser. Where that fails, the test has already failed for a better reason.
        let _ = timeout(PATIENCE, self.call(Method::DELETE, &self.session, &Value::Null)).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// The port that chromedriver chose. It says so once it listens; before that it names port 0, which
/// is what it was asked for.
fn port(output: &mut BufReader<ChildStdout>) -> Option<NonZeroU16> {
    let mut line = String::new();
    while output.read_line(&mut line).ok()? > 0 {
        let said = line.trim_end().trim_end_matches('.');
        if let Some(port) = said.rsplit_once(" on port ").and_then(|(_, port)| port.parse().ok()) {
            return Some(port);
        }
        line.clear();
    }
    None
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}
