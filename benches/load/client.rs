//! A client of HTTP/1.1 that costs little: one connection, requests one after the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value as Json;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to a server, for a workspace.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    address: String,
    workspace: String,
}

impl Client {
    pub(crate) fn connect(address: &str, workspace: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream), address: address.to_owned(), workspace: workspace.to_owned() })
    }

    /// Sends a body; the status and the JSON of the answer, null where it is empty, a text where it is none.
    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> io::Result<(u16, Json)> {
        let Self { address, workspace, .. } = self;
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nx-quipu-workspace: {workspace}\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<(u16, Json)> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| broken())?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let text = || Json::String(String::from_utf8_lossy(&body).into_owned());
        Ok((
            status,
            if body.is_empty() { Json::Null } else { serde_json::from_slice(&body).unwrap_or_else(|_| text()) },
        ))
    }
}
