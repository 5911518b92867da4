"""`python guard.py COMMAND…`: run a command in its scratch folder, and end it when whoever called is gone.

With it go the processes that it started, and the folder. Whoever called holds the other end of our stdin; however that
process ends, the end of input tells us. We lead a process group.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 5


def main(command: list[str]) -> int:
    """Run the command; returns its exit code if it ends by itself."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    alone = threading.Event()
    threading.Thread(target=_watch, args=(process, alone), daemon=True).start()
    code = process.wait()
    if alone.is_set():
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        os.killpg(0, signal.SIGKILL)
    return code


def _watch(process: "subprocess.Popen[bytes]", alone: threading.Event) -> None:
    while os.read(0, 1024):  # not sys.stdin: a thread that waits in it aborts the interpreter at its end
        pass
    alone.set()
    os.killpg(0, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
