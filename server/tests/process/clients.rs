//! Real clients, where Python and their packages are at hand: `QUIPU_TEST_PYTHON` names the interpreter.

use std::process::Command;

use crate::support::Server;

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
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=sys.argv[2], insecure=True, headers=(("x-workflow-id", "by-metadata"),))
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
fn litellms_logger_sends_its_batches() {
    let Some(python) = python("litellm.integrations.generic_api.generic_api_callback") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    run(&python, LITELLM, &[&server.url]);
    let of_tags = r#"{"measures": ["requests"], "where": "tenant = acme and team = support and source = litellm"}"#;
    assert_eq!(server.count(of_tags), 2);
}
