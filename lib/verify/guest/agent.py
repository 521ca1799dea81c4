"""Runs what `visa-image verify` asks for on the instance that is being verified, and watches its ports.

It is no part of an image: the test instance's vendor data, or its user data on a cloud, start it, early in the boot. It
speaks JSON, one object a line: {"id", "argv", "stdin", "timeout"} is answered by {"id", "code", "stdout", "stderr"},
{"id", "events": true} by {"id", "events", "now"}: seconds since the boot, at which something was first seen, and of now.

    agent.py                 speaks over a serial port of QEMU: no network
    agent.py --serve SOCKET  on a Unix socket, and tells sshd's host key on the console
    agent.py --relay SOCKET  connects its standard input and output with that socket: what ssh runs
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

PORT = "/dev/virtio-ports/visa.verify"
READY = "/run/visa/owner"
SSHD = "/usr/sbin:/usr/local/sbin:/sbin"
HOST_KEYS = ["/etc/ssh/ssh_host_%s_key.pub" % kind for kind in ("ed25519", "ecdsa", "rsa")]
WATCHED = {0x0D3D: "3389", 0x12D6: "4822", 0x22B8: "8888"}

events = {}
sending = threading.Lock()


def since_boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def listening():
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            next(lines)
            for line in lines:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def watch():
    """Which came first, the owner or an open port. The ports are read first: an owner seen with one was there before."""
    while len(events) < len(WATCHED) + 1:
        ports = listening()
        for port, name in WATCHED.items():
            if port in ports and name not in events:
                events[name] = since_boot()
                # Was the owner there by then? Only the next look would tell, too late.
                if os.path.exists(READY):
                    events.setdefault("owner", events[name])
        if os.path.exists(READY):
            events.setdefault("owner", since_boot())
        time.sleep(0.2)


def answer(channel, request):
    if request.get("events"):
        reply = {"id": request["id"], "events": dict(events), "now": since_boot()}
    else:
        reply = {"id": request["id"], **run(request)}
    send(channel, reply)


def send(channel, message):
    data = json.dumps(message).encode() + b"\n"
    with sending:
        # The port takes 32 KiB at a time.
        while data:
            data = data[channel.write(data) :]


def run(request):
    try:
        done = subprocess.run(
            request["argv"],
            input=request.get("stdin", "").encode(),
            capture_output=True,
            timeout=request.get("timeout", 60),
            cwd="/",
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = 124, late.stdout or b"", (late.stderr or b"") + b"\nno end within %d s" % late.timeout
    except OSError as error:
        code, out, err = 127, b"", str(error).encode()
    return {"code": code, "stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}


def converse(channel, idle):
    """Says hello, and answers each line; `idle` says whether to go on where there is nothing to read."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        send(channel, {"id": 0, "hello": file.read().strip()})
    pending = b""
    while True:
        data = channel.read(65536)
        if not data:
            if not idle():
                return
            continue
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            if line.strip():
                threading.Thread(target=answer, args=(channel, json.loads(line)), daemon=True).start()


def on_serial_port():
    def idle():
        # Nobody has the other end open now.
        time.sleep(0.1)
        return True

    while not os.path.exists(PORT):
        time.sleep(0.1)
    with open(PORT, "r+b", buffering=0) as channel:
        converse(channel, idle)


def serve(path):
    threading.Thread(target=tell_host_key, daemon=True).start()
    server = socket.socket(socket.AF_UNIX)
    # Root's alone, from the start.
    os.umask(0o077)
    server.bind(path)
    server.listen()
    while True:
        connection, _ = server.accept()
        threading.Thread(target=hold, args=(connection,), daemon=True).start()


def hold(connection):
    try:
        with connection, connection.makefile("rwb", buffering=0) as channel:
            converse(channel, lambda: False)
    except OSError:
        # Who asked is gone.
        pass


def tell_host_key():
    """Tells on the console which key sshd has, once it listens; again where it has another one later."""
    if not shutil.which("sshd", path=SSHD):
        say("no sshd")
        return
    say("waiting for sshd")
    told = None
    for _ in range(1200):
        key = next((path for path in HOST_KEYS if os.path.exists(path)), None)
        if key and 22 in listening():
            with open(key) as file:
                kind, text = file.read().split()[:2]
            if text != told:
                told = text
                say("host key %s %s" % (kind, text))
        time.sleep(1)


def say(words):
    """In one write, and on a line of its own, whatever others have just written there."""
    try:
        console = os.open("/dev/console", os.O_WRONLY | os.O_NOCTTY)
        os.write(console, b"\r\nvisa-verify: %s\r\n" % words.encode())
        os.close(console)
    except OSError:
        # There is none.
        pass


def relay(path):
    other = socket.socket(socket.AF_UNIX)
    other.connect(path)

    def up():
        while True:
            data = os.read(0, 65536)
            if not data:
                other.shutdown(socket.SHUT_WR)
                return
            other.sendall(data)

    threading.Thread(target=up, daemon=True).start()
    while True:
        data = other.recv(65536)
        if not data:
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def main(how="", path=""):
    if how == "--relay":
        relay(path)
        return
    threading.Thread(target=watch, daemon=True).start()
    if how == "--serve":
        serve(path)
    else:
        on_serial_port()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
