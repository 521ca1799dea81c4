"""Relays ports of this machine's loopback into a network namespace's loopback, each to the port of its own number.

    relay.py NAMESPACE PORT...

A socket stays in the network namespace in which it was made: the ones that listen are made here, the ones that connect
after this process has entered the other one.
"""
import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
CHUNK = 256 * 1024


def listener(port):
    one = socket.socket()
    # As every server does: a connection that has just ended doesn't keep the port.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    one.listen(128)
    return one


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    os.close(descriptor)


async def pump(reader, writer):
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


def relay(port):
    async def serve(reader, writer):
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            # Nobody listens there (yet): no answer is what the client would have got there.
            writer.close()
            return
        await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))
        for one in (writer, other_writer):
            one.close()

    return serve


async def main(namespace, ports):
    sockets = [listener(port) for port in ports]
    enter(namespace)
    servers = [await asyncio.start_server(relay(port), sock=one) for port, one in zip(ports, sockets)]
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(sys.argv[1], [int(port) for port in sys.argv[2:]]))
