"""A receiver of webhooks, as somebody else would write one: it checks signatures with its own arithmetic.

usage: receiver.py PORT FOLDER [CERTIFICATE KEY]

FOLDER/secret    the shared secret
FOLDER/behaviour how to answer: fine, slow, or a status
FOLDER/received  one line of JSON for each request, written before it is answered
"""
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import sys
import threading
import time

folder = pathlib.Path(sys.argv[2])
secret = (folder / "secret").read_bytes().strip()
lock = threading.Lock()


def genuine(header, body):
    fields = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(fields["t"])) <= 300
    return fresh and hmac.compare_digest(expected, fields["v1"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behaviour = (folder / "behaviour").read_text()
        request = {
            "genuine": genuine(self.headers["Quorate-Signature"], body),
            "key": self.headers["Idempotency-Key"],
            "type": self.headers["Content-Type"],
            "path": self.path,
            "signature": self.headers["Quorate-Signature"],
            "behaviour": behaviour,
            "raw": body.decode(),
            "body": json.loads(body),
        }
        with lock, open(folder / "received", "a") as received:
            received.write(json.dumps(request) + "\n")
        if behaviour == "slow":
            time.sleep(20)
        self.send_response(200 if behaviour in ("fine", "slow") else int(behaviour))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
