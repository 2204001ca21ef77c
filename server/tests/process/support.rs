//! Starting the binary, talking to it, ending it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary to its end.
pub(crate) fn quipu(args: &[&str]) -> Ran {
    quipu_with(args, b"")
}

/// Runs the binary with something on its standard input.
pub(crate) fn quipu_with(args: &[&str], input: &[u8]) -> Ran {
    let mut child = command(args).stdin(Stdio::piped()).spawn().expect("the binary starts");
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    ran(child.wait_with_output().expect("the binary ends"))
}

/// Runs the binary with variables in its environment.
pub(crate) fn quipu_in(variables: &[(&str, &str)], args: &[&str]) -> Ran {
    ran(command(args).envs(variables.iter().copied()).output().expect("the binary runs"))
}

fn ran(Output { status, stdout, stderr }: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quipu"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("QUIPU_")) {
        command.env_remove(name);
    }
    command
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("a path of the test")
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// The address of gRPC, where that was asked for.
    pub(crate) grpc: String,
    agent: Agent,
}

impl Server {
    /// Serves the store in `dir` on a free port.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// Serves the store in `dir` on a free port, with further flags.
    pub(crate) fn start_with(dir: &Path, flags: &[&str]) -> Self {
        let args = [&["serve", "--store", arg(dir), "--listen", "127.0.0.1:0", "--log-level", "warn"], flags].concat();
        let mut child = command(&args).stderr(Stdio::inherit()).spawn().expect("the binary starts");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        lines.read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("not ready: {line:?}")).to_owned();
        let mut grpc = String::new();
        if flags.contains(&"--otlp-grpc") {
            lines.read_line(&mut grpc).expect("a line");
            grpc = grpc.trim().trim_start_matches("OTLP over gRPC on ").to_owned();
        }
        Self { child, url, grpc, agent: agent() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address without its scheme.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Json) {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        read(answer).expect("an answer")
    }

    /// Sends a request; the status, the media type and the text of the answer.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String, String) {
        let mut answer = self.run(method, path, headers, body);
        let media_type = answer.headers().get("content-type").map(|it| it.to_str().expect("ASCII").to_owned());
        let text = answer.body_mut().read_to_string().expect("text");
        (answer.status().as_u16(), media_type.unwrap_or_default(), text)
    }

    /// The headers of the answer to a GET.
    pub(crate) fn headers(&self, path: &str, headers: &[(&str, &str)]) -> HeaderMap {
        self.run("GET", path, headers, b"").headers().clone()
    }

    /// The status and the text of the answer to a GET.
    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let (status, _, text) = self.send("GET", path, headers, b"");
        (status, text)
    }

    fn run(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Body> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = match method {
            "GET" => self.agent.run(request.body(()).expect("a request")),
            _ => self.agent.run(request.body(body).expect("a request")),
        };
        answer.expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Json) {
        post(&self.agent, &format!("{}{path}", self.url), headers, body).expect("an answer")
    }

    /// Sends a body and reads the answer as it came: status, headers and bytes.
    pub(crate) fn send_raw(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let request = Request::post(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut answer = self.agent.run(request.body(body).expect("a request")).expect("an answer");
        let bytes = answer.body_mut().read_to_vec().expect("bytes");
        (answer.status().as_u16(), answer.headers().clone(), bytes)
    }

    /// Asks for one number of the default workspace.
    pub(crate) fn count(&self, plan: &str) -> u64 {
        let (status, answer) = self.post("/v1/query", &[], plan.as_bytes());
        assert_eq!(status, 200, "{answer}");
        let row = answer["rows"][0].as_object().expect("one row");
        row.values().next().and_then(Json::as_u64).expect("a count")
    }

    /// SIGTERM, as a supervisor would.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let signalled = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(signalled.expect("kill runs").success());
        self.child.wait().expect("the server ends")
    }

    /// SIGKILL: the process gets no say.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed must not leave its server behind; one that ended it has nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).build().into()
}

pub(crate) fn post(agent: &Agent, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, Json)> {
    let request = headers.iter().fold(Request::post(url), |request, (name, value)| request.header(*name, *value));
    read(agent.run(request.body(body).expect("a request")))
}

fn read(answer: Result<Response<Body>, ureq::Error>) -> Option<(u16, Json)> {
    let mut answer = answer.ok()?;
    // A fast machine stores more than fits into the longest answer that is read by default.
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec().ok()?;
    Some((answer.status().as_u16(), serde_json::from_slice(&body).unwrap_or(Json::Null)))
}
