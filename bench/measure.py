"""measure.py REPORT COMMAND [ARGUMENT]...: runs a command, and writes to a file what it and all its children took.

bytes_written is the kernel's own count (ru_oublock) of what these processes wrote to files, so that no flow can hide a
copy; what they sent to other processes, such as Glance, is not in it.
"""

import json
import resource
import subprocess
import sys
import time

report, *command = sys.argv[1:]
begin = time.monotonic()
code = subprocess.call(command)
seconds = time.monotonic() - begin
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(report, "w", encoding="utf-8") as file:
    json.dump(
        {
            "seconds": seconds,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "bytesWritten": usage.ru_oublock * 512,
            "maxResidentBytes": usage.ru_maxrss * 1024,
        },
        file,
    )
sys.exit(code if code >= 0 else 128 - code)
