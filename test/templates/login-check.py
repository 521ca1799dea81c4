"""Answers from the verifier's own code, without starting it for each: one JSON line in, one out."""

import base64
import importlib.machinery
import importlib.util
import json
import sys

loader = importlib.machinery.SourceFileLoader("visa_token", sys.argv[1])
sys.dont_write_bytecode = True
verifier = importlib.util.module_from_spec(importlib.util.spec_from_loader("visa_token", loader))
loader.exec_module(verifier)

for line in sys.stdin:
    case = json.loads(line)
    token, user, pem = (base64.b64decode(case[name]) for name in ("token", "user", "pem"))
    try:
        verifier.check_token(token, user, case["now"], pem)
    except verifier.Denied as denial:
        answer = str(denial)
    except BaseException as error:  # any other exception is what these tests look for
        answer = "crash: %r" % error
    else:
        answer = "accepted"
    print(json.dumps(answer), flush=True)
