"""Runs what `visa-image verify` asks for on the instance that is being verified, and watches its ports.

It is no part of an image: the test instance's vendor data start it, early in the boot. It speaks JSON, one object a line,
over a serial port of QEMU (no network): {"id", "argv", "stdin", "timeout"} is answered by {"id", "code", "stdout",
"stderr"}, {"id", "events": true} by {"id", "events"}: seconds since the boot at which something was first seen.
"""

import json
import os
import subprocess
import sys
import threading
import time

PORT = "/dev/virtio-ports/visa.verify"
READY = "/run/visa/owner"
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
        reply = {"id": request["id"], "events": dict(events)}
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


def main():
    threading.Thread(target=watch, daemon=True).start()
    while not os.path.exists(PORT):
        time.sleep(0.1)
    with open(PORT, "r+b", buffering=0) as channel:
        send(channel, {"id": 0, "hello": True})
        pending = b""
        while True:
            data = channel.read(65536)
            if not data:
                # Nobody has the other end open now.
                time.sleep(0.1)
                continue
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if line.strip():
                    threading.Thread(target=answer, args=(channel, json.loads(line)), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
