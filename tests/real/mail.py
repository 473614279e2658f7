#!/usr/bin/env python3
"""A mail server on loopback that writes down what it takes.

    mail.py --log FILE [--tls upgraded|at_once --cert FILE --key FILE] [--user NAME --password TEXT] [--watch PID]
        prints smtp://127.0.0.1:PORT and then nothing

Each letter becomes one line of JSON in FILE: sender, recipients, user, secure, headers (decoded), text, html, defects (what
the standard library's reader finds wrong with it). Recipients whose address begins with `nobody` are refused.
"""
import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult, LoginPassword


class Handler:
    def __init__(self, log):
        self.log = log

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [letter, *letter.walk()]
        body = lambda kind: letter.get_body((kind,)).get_content()
        line = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "user": getattr(session, "user", None),
            "secure": server.transport.get_extra_info("sslcontext") is not None,
            "headers": {name: str(value) for name, value in letter.items()},
            "text": body("plain"),
            "html": body("html"),
            "defects": [repr(defect) for part in parts for defect in part.defects]
            + [repr(defect) for value in letter.values() for defect in value.defects],
        }
        with open(self.log, "a") as file:
            file.write(json.dumps(line) + "\n")
        return "250 2.0.0 queued as 4711"


async def watch(process, loop):
    while True:
        await asyncio.sleep(0.5)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            loop.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True)
    parser.add_argument("--tls", choices=["upgraded", "at_once"])
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--watch", type=int, default=os.getppid())
    options = parser.parse_args()

    def authenticate(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and data.login.decode() == options.user
        known = known and data.password.decode() == options.password
        session.user = options.user if known else None
        # What is not handled is answered by the server itself: 535.
        return AuthResult(success=known, handled=known)

    settings = {}
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        if options.tls == "upgraded":
            settings = {"tls_context": context, "require_starttls": True}
        else:
            settings = {"ssl_context": context, "auth_require_tls": False}
    if options.user:
        settings |= {"authenticator": authenticate, "auth_required": True}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    controller = UnthreadedController(Handler(options.log), "127.0.0.1", 0, loop=loop, **settings)
    controller.begin()
    print(f"smtp://127.0.0.1:{controller.server.sockets[0].getsockname()[1]}", flush=True)
    loop.create_task(watch(options.watch, loop))
    loop.run_forever()


main()
