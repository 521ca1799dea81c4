"""Starts a kernel over Jupyter's REST interface, calculates over its websocket, ends it: kernel.py http://HOST/BASE/"""

import asyncio
import json
import sys
import urllib.parse
import uuid

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

base = sys.argv[1]


async def main():
    client = AsyncHTTPClient()
    # The XSRF token comes as a cookie with the page, and goes back as a header.
    page = await client.fetch(base + "lab", follow_redirects=True, request_timeout=60)
    cookies = [value.split(";")[0] for value in page.headers.get_list("Set-Cookie")]
    xsrf = next(urllib.parse.unquote(value.split("=", 1)[1]) for value in cookies if value.startswith("_xsrf="))
    headers = {"Cookie": "; ".join(cookies), "X-XSRFToken": xsrf}
    started = await client.fetch(
        HTTPRequest(base + "api/kernels", method="POST", headers=headers, body="{}", request_timeout=120)
    )
    kernel = json.loads(started.body)
    address = base.replace("http", "ws", 1) + "api/kernels/" + kernel["id"] + "/channels"
    socket = await websocket_connect(HTTPRequest(address, headers=headers, request_timeout=60))
    message = uuid.uuid4().hex
    await socket.write_message(
        json.dumps(
            {
                "channel": "shell",
                "header": {"msg_id": message, "msg_type": "execute_request", "session": message, "username": "", "version": "5.3"},
                "parent_header": {},
                "metadata": {},
                "content": {"code": "1+1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False},
            }
        )
    )
    while True:
        text = await asyncio.wait_for(socket.read_message(), 120)
        if text is None:
            sys.exit("the websocket was closed")
        answer = json.loads(text)
        if answer.get("msg_type") == "execute_result" and answer["parent_header"].get("msg_id") == message:
            result = answer["content"]["data"]["text/plain"]
            break
    await client.fetch(HTTPRequest(base + "api/kernels/" + kernel["id"], method="DELETE", headers=headers))
    if result != "2":
        sys.exit("1+1 is " + result)
    print(kernel["name"] + ": 1+1 is 2")


asyncio.run(main())
