"""Runs JupyterLab as visa-jupyter.service would, and speaks to it as VISA's proxy and a browser do.

Inside an image's folder tree, as root: /opt/jupyter/bin/python jupyter-check.py OWNER ID. Prints one JSON object.
"""

import http.cookiejar
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

import websocket  # comes with JupyterLab

owner, ident = sys.argv[1:]
host = "http://127.0.0.1:8888"
base = f"{host}/jupyter/{ident}"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


cookies = http.cookiejar.CookieJar()
browser = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies), Stay()
)


def ask(url, data=None, headers=None, method=None):
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with browser.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def serve():
    begin = time.monotonic()
    process = subprocess.Popen(["/usr/lib/visa/visa-jupyter", "/run/visa/owner"], start_new_session=True,
                               stdout=sys.stderr)
    while time.monotonic() - begin < 120 and process.poll() is None:
        try:
            ask(f"{base}/api")
            return process, round(time.monotonic() - begin, 1)
        except OSError:
            time.sleep(0.1)
    sys.exit(f"JupyterLab does not answer (exit code {process.poll()})")


def calculate(kernel, code):
    """What a kernel answers, over its websocket, as JupyterLab in a browser asks it."""
    cookie = "; ".join(f"{c.name}={c.value}" for c in cookies)
    socket = websocket.create_connection(
        f"{base}/api/kernels/{kernel}/channels".replace("http:", "ws:"), timeout=120, cookie=cookie, origin=host
    )
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
              "date": "2026-01-01T00:00:00Z", "version": "5.3"}
    socket.send(json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {},
                            "content": {"code": code, "silent": False}}))
    while True:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "error":
            return "\n".join(message["content"]["traceback"])
        if message["msg_type"] == "execute_result":
            return message["content"]["data"]["text/plain"]


os.makedirs("/run/visa", exist_ok=True)
with open("/run/visa/owner", "w", encoding="utf-8") as file:
    file.write(f"{owner}\n")

server, seconds = serve()
result = {"seconds": seconds}
status, headers, body = ask(f"{base}/api")
result["api"] = [status, headers.get_content_type(), "version" in json.loads(body)]
status, headers, _ = ask(f"{base}/lab")
result["lab"] = [status, headers["Content-Security-Policy"].split(";")[0], headers["X-Frame-Options"]]
# As a proxy that keeps the browser's Host: a name that is not this machine's.
result["foreign host"] = ask(f"{base}/api", headers={"Host": "visa.example.org"})[0]
result["without base_url"] = ask(f"{host}/api")[0]
result["another id"] = ask(f"{host}/jupyter/{int(ident) + 1}/api")[0]
result["user"] = subprocess.run(["stat", "-c", "%U:%G", f"/proc/{server.pid}"], capture_output=True,
                                text=True, check=True).stdout.strip()
form = json.dumps({"name": "python3"}).encode()
result["POST without XSRF token"] = ask(f"{base}/api/kernels", form)[0]
xsrf = next((cookie.value for cookie in cookies if cookie.name == "_xsrf"), "")
status, _, body = ask(f"{base}/api/kernels", form, {"X-XSRFToken": xsrf})
result["POST with XSRF token"] = status
kernel = json.loads(body)["id"]
result["1+1"] = calculate(kernel, "1+1")
result["id -un"] = calculate(kernel, "import getpass, os; [getpass.getuser(), os.getcwd(), os.environ['HOME']]")
result["packages"] = calculate(kernel, "import numpy, scipy, matplotlib.pyplot, pandas, h5py; numpy.arange(4).sum().item()")
specs = json.loads(ask(f"{base}/api/kernelspecs")[2])
result["kernels"] = {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()}
result["default kernel"] = specs["default"]
result["owner may write to"] = subprocess.run(
    ["setpriv", "--reuid", owner, "--clear-groups", "find", "/opt", "/usr/lib/visa", "/usr/local", "-not", "-type", "l",
     "-writable"], capture_output=True, text=True, check=False).stdout.split()
# As a death out of the blue; the unit starts it again.
os.killpg(server.pid, signal.SIGKILL)
server.wait()
server, result["seconds until it is back"] = serve()
os.killpg(server.pid, signal.SIGKILL)
print(json.dumps(result))
