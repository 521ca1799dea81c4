"""Tries to log in through PAM, as a service does: JSON on standard input, a list of {"service", "user", "password"}, and
on standard output, for each, what PAM's functions returned (0 is success).

Each may have "key": the text of /etc/visa/public.pem for this one attempt; null: there is no such file.
"""

import ctypes
import json
import os
import sys
import time

KEY = "/etc/visa/public.pem"


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSATION = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("function", CONVERSATION), ("data", ctypes.c_void_p)]


libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.strdup.restype = ctypes.c_void_p
pam = ctypes.CDLL("libpam.so.0")


def login(service, user, password):
    """What PAM's functions return for one attempt, up to the first that fails; name and password are bytes."""

    def converse(count, messages, responses, _data):
        array = ctypes.cast(libc.calloc(count, ctypes.sizeof(Response)), ctypes.POINTER(Response))
        for index in range(count):
            array[index].text = libc.strdup(password)
        responses[0] = array
        return 0

    conversation = Conversation(CONVERSATION(converse), None)
    handle = ctypes.c_void_p()
    # Without the wait that a wrong password costs.
    no_delay = DELAY(lambda _status, _wait, _data: None)
    answer = {}
    started = time.monotonic()
    answer["start"] = pam.pam_start(service.encode(), user, ctypes.byref(conversation), ctypes.byref(handle))
    if answer["start"] != 0:
        return answer
    pam.pam_set_item(handle, 10, ctypes.cast(no_delay, ctypes.c_void_p))
    answer["authenticate"] = pam.pam_authenticate(handle, 0)
    if answer["authenticate"] == 0:
        answer["account"] = pam.pam_acct_mgmt(handle, 0)
        answer["setcred"] = pam.pam_setcred(handle, 2)
        answer["session"] = pam.pam_open_session(handle, 0)
        pam.pam_close_session(handle, 0)
    pam.pam_end(handle, 0)
    answer["seconds"] = time.monotonic() - started
    return answer


def with_key(case):
    attempt = (case["service"], case["user"].encode(), case["password"].encode())
    if "key" not in case:
        return login(*attempt)
    kept = KEY + ".verify"
    had = os.path.exists(KEY)
    if had:
        os.rename(KEY, kept)
    try:
        if case["key"] is not None:
            with open(KEY, "w") as file:
                file.write(case["key"])
            os.chmod(KEY, 0o644)
        return login(*attempt)
    finally:
        if os.path.exists(KEY):
            os.unlink(KEY)
        if had:
            os.rename(kept, KEY)


if __name__ == "__main__":
    print(json.dumps([with_key(case) for case in json.load(sys.stdin)]))
