//! Real clients, where Python and their packages are at hand: `QUIPU_TEST_PYTHON` names the interpreter.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Server, arg, quipu};
use crate::tls;

const SPANS: &str = r#"
import sys
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
if sys.argv[1] == "http":
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=sys.argv[2] + "/v1/traces", compression=Compression.Gzip)
else:
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    trusted = grpc.ssl_channel_credentials(open(sys.argv[3], "rb").read()) if len(sys.argv) > 3 else None
    exporter = OTLPSpanExporter(endpoint=sys.argv[2], insecure=trusted is None, credentials=trusted,
                                headers=(("x-workflow-id", "by-metadata"),))
provider = TracerProvider(resource=Resource.create({"service.name": "test", "team.id": "platform"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("app")
for n in range(3):
    with tracer.start_as_current_span("handle") as root:
        root.set_attribute("tenant.id", "acme")
        root.set_attribute("job.id", f"{sys.argv[1]}-{n}")
        with tracer.start_as_current_span("invoke_agent") as agent:
            agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 100})
            with tracer.start_as_current_span("chat") as chat:
                chat.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                    "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 7})
provider.shutdown()
"#;

const LITELLM: &str = r#"
import asyncio, sys
import litellm
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

async def main():
    logger = GenericAPILogger(endpoint=sys.argv[1] + "/ingest/litellm", headers={"Content-Type": "application/json"})
    litellm.callbacks = [logger]
    for n in range(2):
        await litellm.acompletion(model="gpt-4o", messages=[{"role": "user", "content": "hi"}], mock_response="hello",
                                  metadata={"tags": ["tenant:acme", "team:support"]})
    for _ in range(100):
        await asyncio.sleep(0.05)
        if len(logger.log_queue) >= 2:
            break
    await logger.async_send_batch()

asyncio.run(main())
"#;

/// The interpreter, if it has the module.
pub(crate) fn python(module: &str) -> Option<String> {
    let python = std::env::var("QUIPU_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: {python} has no {module} (set QUIPU_TEST_PYTHON)");
    None
}

fn run(python: &str, script: &str, args: &[&str]) {
    let output = Command::new(python).arg("-c").arg(script).args(args).output().expect("python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

#[test]
fn opentelemetrys_sdk_sends_over_http_and_grpc() {
    let Some(python) = python("opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(dir.path(), &["--otlp-grpc", "127.0.0.1:0"]);
    run(&python, SPANS, &["http", &server.url]);
    assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 300);
    run(&python, SPANS, &["grpc", &server.grpc]);
    assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 600);
    let of_root = r#"{"measures": ["requests"], "where": "tenant = acme and team = platform and job_id ^= grpc-"}"#;
    assert_eq!(server.count(of_root), 3);
    assert_eq!(server.count(r#"{"measures": ["requests"], "where": "workflow = by-metadata"}"#), 3);
    assert!(server.terminate().success());
}

#[test]
fn opentelemetrys_sdk_sends_over_grpc_with_tls() {
    let Some(python) = python("opentelemetry.exporter.otlp.proto.grpc") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    tls::certify(dir.path());
    let flags = ["--tls-cert", arg(&cert), "--tls-key", arg(&key), "--otlp-grpc", "127.0.0.1:0"];
    let store = dir.path().join("store");
    let server = Server::start_with(&store, &flags);
    run(&python, SPANS, &["grpc", &server.grpc, arg(&cert)]);
    assert!(server.terminate().success());
    let told =
        quipu(&["query", "--store", arg(&store), "--measure", "requests", "--by", "workflow", "--format", "csv"]);
    assert_eq!(told.out.lines().nth(1), Some("by-metadata,3"), "{}", told.err);
}

#[test]
fn litellms_logger_sends_its_batches() {
    let Some(python) = python("litellm.integrations.generic_api.generic_api_callback") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    run(&python, LITELLM, &[&server.url]);
    let of_tags = r#"{"measures": ["requests"], "where": "tenant = acme and team = support and source = litellm"}"#;
    assert_eq!(server.count(of_tags), 2);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Rotel is a collector that a Python package brings along. It batches anew, packs, and shows a token.
#[test]
fn a_collector_between_the_sdk_and_the_server_changes_nothing() {
    let Some(python) = python("rotel, opentelemetry.exporter.otlp.proto.http") else { return };
    let asked = "import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent'))";
    let found = Command::new(&python).args(["-c", asked]).output().expect("python runs").stdout;
    let agent = String::from_utf8(found).expect("a path");
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    assert!(Server::start(dir.path()).terminate().success());
    let made = quipu(&[
        "token",
        "create",
        "--store",
        store,
        "--name",
        "gateway",
        "--scope",
        "ingest,query",
        "--format",
        "json",
    ]);
    let token = made.out.split('"').find(|text| text.starts_with("qp_")).expect("a token").to_owned();
    let server = Server::start_with(dir.path(), &["--otlp-grpc", "127.0.0.1:0"]);
    let authorization = format!("Bearer {token}");
    let calls = || {
        let plan = br#"{"measures": ["requests"], "where": "tenant = acme and team = platform"}"#;
        let (_, _, answer) = server.send("POST", "/v1/query", &[("authorization", &authorization)], plan);
        serde_json::from_str::<serde_json::Value>(&answer).expect("JSON")["rows"][0]["requests"].as_u64().unwrap_or(0)
    };
    for (round, (protocol, endpoint)) in
        (1..).zip([("http", server.url.clone()), ("grpc", format!("http://{}", server.grpc))])
    {
        let [http, grpc] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let mut collector = Command::new(agent.trim())
            .args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc, "--exporter", "otlp"])
            .args(["--otlp-exporter-endpoint", &endpoint, "--otlp-exporter-protocol", protocol])
            .args(["--otlp-exporter-compression", "gzip", "--batch-timeout", "200ms"])
            .args(["--otlp-exporter-custom-headers", &format!("authorization={authorization}")])
            .stdout(Stdio::null())
            .spawn()
            .expect("the collector starts");
        while std::net::TcpStream::connect(&http).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        run(&python, SPANS, &["http", &format!("http://{http}")]);
        // It has the spans now, and sends them in a moment.
        let came = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            calls() == 3 * round
        });
        collector.kill().expect("the collector ends");
        collector.wait().expect("the collector ends");
        assert!(came, "{protocol}: {} calls came", calls());
    }
    assert!(server.terminate().success());
}
