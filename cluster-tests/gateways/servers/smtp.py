"""A real mail server (aiosmtpd) for tests, in a process of its own.

It prints one line of JSON when it listens, writes every mail it has taken as a line of JSON to --record, and ends when its standard input does.

How it behaves is chosen when it starts:

  --tls none|starttls|implicit    with --certificate and --key
  --user, --password              who may log in; without, nobody has to
  --mode ok                       takes mail
         refuse-recipient         550 to RCPT
         refuse-mail              554 after the mail was sent
         busy                     451 after the mail was sent
         close-after-mail         hangs up instead of answering
         silent-after-mail        never answers
         silent                   never even greets
"""

import argparse
import asyncio
import json
import logging
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

arguments = argparse.ArgumentParser()
arguments.add_argument("--record", required=True)
arguments.add_argument("--tls", default="none")
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--user")
arguments.add_argument("--password")
arguments.add_argument("--mode", default="ok")
arguments = arguments.parse_args()

# What is said of a missing STARTTLS does not interest here.
logging.disable(logging.CRITICAL)


def record(entry):
    with open(arguments.record, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.helo = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if arguments.mode == "refuse-recipient":
            return "550 5.1.1 no such mailbox: " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if arguments.mode == "refuse-mail":
            return "554 5.7.1 not wanted here"
        if arguments.mode == "busy":
            return "451 4.3.0 try again later"
        record(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "content": envelope.content.decode("utf-8", "replace"),
                "tls": session.ssl is not None or arguments.tls == "implicit",
                "user": session.auth_data if session.authenticated else None,
                "helo": session.host_name,
            }
        )
        if arguments.mode == "close-after-mail":
            server.transport.abort()
            return "250 OK"
        if arguments.mode == "silent-after-mail":
            await asyncio.sleep(3600)
        return "250 2.0.0 OK: queued as 4F2A1C"

    async def auth_XOAUTH2(self, server, args):
        import base64

        decoded = base64.b64decode(args[1]).decode()
        if decoded == f"user={arguments.user}\x01auth=Bearer {arguments.password}\x01\x01":
            return AuthResult(success=True, auth_data=arguments.user)
        # As Google and Microsoft do: the reason is a challenge, which the client answers with an empty line.
        await server.challenge_auth(base64.b64encode(b'{"status":"401"}').decode(), False)
        return AuthResult(success=False, handled=False)


def authenticator(server, session, envelope, mechanism, data):
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False)
    login, password = data.login.decode(), data.password.decode()
    right = login == arguments.user and password == arguments.password
    return AuthResult(success=right, handled=False, auth_data=login if right else None)


class Silent(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport


async def main():
    context = None
    if arguments.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    options = {"enable_SMTPUTF8": True, "hostname": "mail.test"}
    if arguments.user:
        options.update(authenticator=authenticator, auth_required=True, auth_require_tls=False)
    if arguments.tls == "starttls":
        options.update(tls_context=context, require_starttls=True)

    def factory():
        return Silent() if arguments.mode == "silent" else SMTP(Handler(), **options)

    implicit = context if arguments.tls == "implicit" else None
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=implicit)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


def end_with_the_test():
    import os

    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_the_test, daemon=True).start()
asyncio.run(main())
