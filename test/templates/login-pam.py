"""Real logins through Linux-PAM, in a mount namespace with an /etc and a /dev of its own: the machine stays untouched.

Usage: unshare --mount [--map-root-user] /usr/bin/python3 login-pam.py FOLDER CLIENT, where FOLDER holds visa-token and
the stacks, and CLIENT is lib/verify/guest/pam.py. JSON on standard input: {"capability": bool, "cases": [...]}; JSON on standard output: one answer per case.
"""

import base64
import importlib.machinery
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys

folder, client = sys.argv[1:]
request = json.load(sys.stdin)

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("client", client)
pam = importlib.util.module_from_spec(importlib.util.spec_from_loader("client", loader))
loader.exec_module(pam)

PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
rooth:x:999:999::/:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
joe:x:1001:1001::/:/bin/bash
joebloggs:x:1002:1002::/:/bin/bash
secretive:x:1003:1003::/:/bin/bash
blank:x:1004:1004::/:/bin/bash
"""
SHADOW = """root:{hash}:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
rooth:{hash}:19000:0:99999:7:::
nobody:*:19000:0:99999:7:::
joe:!:19000:0:99999:7:::
joebloggs:!:19000:0:99999:7:::
secretive:{hash}:19000:0:99999:7:::
blank::19000:0:99999:7:::
"""
# As Debian's pam-auth-update writes them.
COMMON = {
    "common-auth": """auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
""",
    "common-account": """account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
""",
    "common-session": """session [default=1] pam_permit.so
session requisite pam_deny.so
session required pam_permit.so
session required pam_unix.so
""",
    "common-password": "password requisite pam_deny.so\n",
}


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def private_etc():
    mount("--make-rprivate", "/")
    # ld.so.cache and the like are read before and after alike.
    kept = {name: open("/etc/" + name, "rb").read() for name in ("ld.so.cache", "login.defs") if os.path.exists("/etc/" + name)}
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/etc")
    for name, data in kept.items():
        with open("/etc/" + name, "wb") as file:
            file.write(data)
    for name in ("dev", "default", "security", "visa", "visa/bin", "pam.d"):
        os.mkdir("/etc/" + name, 0o755)
    for name in ("null", "zero", "random", "urandom"):
        write("/etc/dev/" + name, "")
        mount("--bind", "/dev/" + name, "/etc/dev/" + name)
    mount("--rbind", "/etc/dev", "/dev")
    hashed = subprocess.run(["openssl", "passwd", "-6", "correct horse"], check=True, capture_output=True, text=True)
    write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n")
    write("/etc/passwd", PASSWD)
    write("/etc/group", "root:x:0:\n")
    write("/etc/shadow", SHADOW.replace("{hash}", hashed.stdout.strip()), 0o600)
    write("/etc/default/locale", "LANG=C.UTF-8\n")
    write("/etc/environment", "")
    write("/etc/security/pam_env.conf", "")
    for name, text in COMMON.items():
        if name == "common-auth" and request["capability"]:
            text += "auth optional pam_cap.so\n"
        write("/etc/pam.d/" + name, text)
    write("/etc/security/capability.conf", "none *\n")
    for name in ("sshd", "sudo", "login"):
        write("/etc/pam.d/" + name, "@include common-auth\n@include common-account\n@include common-session\n")
    write("/etc/pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n")
    shutil.copy(os.path.join(folder, "visa-token"), "/etc/visa/bin/visa-token")
    os.chmod("/etc/visa/bin/visa-token", 0o755)
    for service, source in (("xrdp-sesman", "xrdp-sesman.pam"), ("module", "xrdp-sesman.visa-module.pam")):
        with open(os.path.join(folder, source)) as file:
            stack = file.read().replace("/usr/lib/visa/", "/etc/visa/bin/")
        write("/etc/pam.d/" + service, stack)
        # What stands where pam_visa.so would: pam_visa itself says "success" or "ignore".
        write("/etc/pam.d/module-yes", stack.replace("pam_visa.so", "pam_permit.so"))
        write("/etc/pam.d/module-ignore", stack.replace("pam_visa.so", "pam_exec.so quiet type=password /bin/true"))
        # Everything of common-auth says "ignore": nothing may be left that lets one in.
        if service == "xrdp-sesman":
            write("/etc/pam.d/hollow", stack.replace("@include common-auth", "auth optional pam_exec.so quiet type=password /bin/true"))
            with_list = stack.replace("visa-token\n", "visa-token --users /etc/visa/token-users\n", 1)
            assert with_list != stack
            write("/etc/pam.d/listed", with_list)


def place_key(key):
    # Not rmtree alone: it opens what it removes, which for a pipe never ends.
    if os.path.isdir("/etc/visa/public.pem") and not os.path.islink("/etc/visa/public.pem"):
        os.rmdir("/etc/visa/public.pem")
    for name in ("public.pem", "elsewhere.pem"):
        if os.path.lexists("/etc/visa/" + name):
            os.unlink("/etc/visa/" + name)
    os.chmod("/etc/visa", 0o777 if key["kind"] == "open folder" else 0o755)
    path = "/etc/visa/public.pem"
    if key["kind"] == "missing":
        return
    if key["kind"] == "pipe":
        os.mkfifo(path, 0o644)
        return
    if key["kind"] == "folder":
        os.mkdir(path)
        return
    if key["kind"] == "link":
        write("/etc/visa/elsewhere.pem", key["pem"])
        os.symlink("elsewhere.pem", path)
        return
    write(path, key["pem"], 0o666 if key["kind"] == "writable" else 0o644)


private_etc()
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
log.bind("/dev/log")
log.setblocking(False)
answers = []
for case in request["cases"]:
    place_key(case["key"])
    write("/etc/visa/token-users", case.get("allowed", ""))
    answer = pam.login(case["service"], base64.b64decode(case["user"]), base64.b64decode(case["password"]))
    lines = []
    while True:
        try:
            lines.append(log.recv(65536).decode("latin-1"))
        except BlockingIOError:
            break
    answer["log"] = lines
    answers.append(answer)
json.dump(answers, sys.stdout)
