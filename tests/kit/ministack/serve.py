"""Runs MiniStack on a free port of the loopback interface, says which, and ends with its standard input."""
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
port = listener.getsockname()[1]

os.setpgrp()  # functions that it runs are of this group, and end with it
folder = tempfile.mkdtemp(prefix="ministack-")
os.environ.update(
    TMPDIR=folder,
    BIND_HOST="127.0.0.1",
    GATEWAY_PORT=str(port),
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
    IOT_MTLS_ENABLED="0",
    SFTP_ENABLED="0",
)
tempfile.tempdir = None


def end_with_input():
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_input, daemon=True).start()

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app  # noqa: E402

config = Config()
config.bind = [f"fd://{listener.fileno()}"]
config.keep_alive_timeout = 75
config.loglevel = "WARNING"
print(port, flush=True)
sys.stdout = sys.stderr
asyncio.run(serve(app, config))
