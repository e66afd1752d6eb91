"""An HTTP gateway, a token server and a proxy for tests, in a process of their own.

It prints one line of JSON with its ports when it listens, writes every request as a line of JSON to --record, and ends when its standard
input does.

The first part of the path says how it behaves:

  /ok            200 {"messages":[{"status":"0","id":"m-1"}]}
  /kannel        202 0: Accepted for delivery
  /error-body    200 {"messages":[{"status":"4","error":"no credit"}]}
  /status/NNN    that status, quoting what was sent
  /answer/NNN/TEXT  that status with that text, which is percent-encoded
  /echo          400, quoting everything that was sent, headers included
  /slow          takes the request and answers after --slow seconds
  /close         takes the request and hangs up
  /half          begins an answer and hangs up
  /twice         answers twice on the same connection
  /endless       an answer without an end
  /garbage       an answer that is not HTTP
  /token         OAuth 2.0 client credentials for id "client" and secret "s3cret & more"
  /short-token   the same; the token is good for 31 seconds
  /guarded       like /ok for the token that was given out last, 401 for any other

Further ports: `dead` takes connections and hangs up at once; `mute` takes them and never says a word; `tls` is the same server under TLS
if there is a certificate; `proxy` is an HTTP proxy with CONNECT, which wants user "proxy" and password "pr0xy" if --proxy-authentication is
given.
"""

import argparse
import base64
import http.client
import json
import os
import select
import socket
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree

arguments = argparse.ArgumentParser()
arguments.add_argument("--record", required=True)
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--slow", type=float, default=30)
arguments.add_argument("--proxy-authentication", action="store_true")
arguments = arguments.parse_args()

lock = threading.Lock()
tokens = []
OK = '{"messages":[{"status":"0","id":"m-1"}]}'


def record(entry):
    with lock, open(arguments.record, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def parsed(content_type, body):
    text = body.decode("utf-8", "replace")
    if content_type.startswith("application/x-www-form-urlencoded"):
        return urllib.parse.parse_qsl(text, keep_blank_values=True)
    if content_type.startswith("application/json"):
        return json.loads(text)
    if "xml" in content_type:
        root = xml.etree.ElementTree.fromstring(text)
        return [[element.tag, element.attrib, element.text] for element in root.iter()]
    return text


class Gateway(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            line = self.rfile.readline(65536).decode("latin-1").split()
            if len(line) != 3:
                return
            headers = http.client.parse_headers(self.rfile)
            body = self.rfile.read(int(headers.get("Content-Length") or 0))
            self.answer(line[0], line[1], headers, body)
        except (ConnectionError, ssl.SSLError):
            pass

    def answer(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        record(
            {
                "method": method,
                "target": target,
                "path": url.path,
                "query": urllib.parse.parse_qsl(url.query, keep_blank_values=True),
                "headers": {name.lower(): value for name, value in headers.items()},
                "body": parsed(headers.get("Content-Type") or "", body),
                "tls": isinstance(self.request, ssl.SSLSocket),
                "bytes": len(body),
            }
        )
        first, *rest = url.path.strip("/").split("/")
        quoted = body.decode("utf-8", "replace")
        if first == "answer":
            self.send(int(rest[0]), urllib.parse.unquote(url.path.split("/", 3)[3]))
        elif first == "ok":
            self.send(200, OK)
        elif first == "kannel" or url.path.endswith("sendsms"):
            self.send(202, "0: Accepted for delivery", "text/html")
        elif first == "error-body":
            self.send(200, '{"messages":[{"status":"4","error":"no credit"}]}')
        elif first == "status":
            self.send(int(rest[0]), "you sent " + quoted)
        elif first == "echo":
            self.send(400, f"you sent {target} {json.dumps(dict(headers.items()))} {quoted}")
        elif first == "slow":
            time.sleep(arguments.slow)
            self.send(200, OK)
        elif first == "half":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"messages":')
        elif first == "twice":
            self.send(200, OK)
            self.send(200, OK)
        elif first == "endless":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            while True:
                self.wfile.write(b"x" * 4096)
        elif first == "garbage":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        elif first in ("token", "short-token"):
            self.token(headers, body, 31 if first == "short-token" else 3600)
        elif first == "guarded":
            with lock:
                right = tokens and headers.get("Authorization") == "Bearer " + tokens[-1]
            self.send(200 if right else 401, OK if right else "wrong token " + (headers.get("Authorization") or ""))
        elif first == "revoke":
            with lock:
                tokens.append("revoked")
            self.send(200, "")
        elif first != "close":
            self.send(404, "no such path")

    def token(self, headers, body, lifetime):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        given = (headers.get("Authorization") or "").removeprefix("Basic ")
        basic = ":".join(urllib.parse.unquote(part) for part in base64.b64decode(given).decode().split(":", 1))
        posted = f"{form.get('client_id')}:{form.get('client_secret')}"
        wanted = "client:s3cret & more"
        if form.get("grant_type") != "client_credentials" or wanted not in (basic, posted):
            self.send(401, '{"error":"invalid_client","error_description":"' + posted + '"}')
            return
        with lock:
            tokens.append(f"token-{len(tokens)}")
            token = tokens[-1]
        self.send(200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": lifetime}))

    def send(self, status, text, kind="application/json"):
        body = text.encode()
        head = f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Dead(socketserver.BaseRequestHandler):
    def handle(self):
        # A reset, so that not even the request is read.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


class Mute(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(65536):
            pass


class Proxy(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline(65536).decode("latin-1").split()
        headers = http.client.parse_headers(self.rfile)
        wanted = "Basic " + base64.b64encode(b"proxy:pr0xy").decode()
        record({"proxy": line[0], "target": line[1], "authorization": headers.get("Proxy-Authorization")})
        if arguments.proxy_authentication and headers.get("Proxy-Authorization") != wanted:
            self.wfile.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return
        if line[0] == "CONNECT":
            host, port = line[1].rsplit(":", 1)
            with socket.create_connection((host.strip("[]"), int(port))) as upstream:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.pump(upstream)
            return
        url = urllib.parse.urlsplit(line[1])
        body = self.rfile.read(int(headers.get("Content-Length") or 0))
        with socket.create_connection((url.hostname, url.port or 80)) as upstream:
            target = urllib.parse.urlunsplit(("", "", url.path, url.query, ""))
            del headers["Proxy-Authorization"]
            upstream.sendall(f"{line[0]} {target} HTTP/1.1\r\n{headers}".encode("latin-1").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + body)
            self.pump(upstream)

    def pump(self, upstream):
        ends = {self.connection: upstream, upstream: self.connection}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


class TlsServer(Server):
    def finish_request(self, request, client_address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
        with context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


def serve(kind, handler):
    server = kind(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


ports = {
    "port": serve(Server, Gateway),
    "dead": serve(Server, Dead),
    "mute": serve(Server, Mute),
    "proxy": serve(Server, Proxy),
}
if arguments.certificate:
    ports["tls"] = serve(TlsServer, Gateway)
print(json.dumps(ports), flush=True)
sys.stdin.read()
os._exit(0)
