"""TLS in front of a server that speaks none, as stunnel does it, in a process of its own.

It prints one line of JSON when it listens, and ends when its standard input does.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
import threading

arguments = argparse.ArgumentParser()
arguments.add_argument("--record", required=True)
arguments.add_argument("--to", required=True, type=int)
arguments.add_argument("--certificate", required=True)
arguments.add_argument("--key", required=True)
arguments = arguments.parse_args()


async def carry(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", arguments.to)
    await asyncio.gather(carry(reader, onward_writer), carry(onward_reader, writer))


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(json.dumps({"tls": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_the_test, daemon=True).start()
asyncio.run(main())
