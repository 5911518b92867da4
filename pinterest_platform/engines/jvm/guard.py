"""`python guard.py COMMAND…`: run a command in its scratch folder, and end it when the calling process ends.

The command's child processes and the folder go with it. The caller holds the other end of stdin, so the end of input
means that the caller ended. This process leads a process group.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 5


def main(command: list[str]) -> int:
    """Run the command and return its exit code if it ends by itself; 128 and the number of a signal that ended it."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    caller_ended = threading.Event()
    threading.Thread(target=_watch, args=(process, caller_ended), daemon=True).start()
    code = process.wait()
    if caller_ended.is_set():
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _watch(process: "subprocess.Popen[bytes]", caller_ended: threading.Event) -> None:
    while os.read(0, 1024):  # not sys.stdin: the interpreter aborts at exit if a thread waits in it
        pass
    caller_ended.set()
    os.killpg(0, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
