"""Processes of the command line that begin where the code is loaded: `Warm` is a `subprocess.Popen` whose process is forked from one that waits.

Of the 3.9 s of a core that a worker costs up to its first look at the broker, loading the code is 2.9 s (2-core x86-64 VM, 2026-11-27), and the
tests start very many. What is forked is a process like any other: it has its own memory, files and signals, and the process that started it is its
parent. Two processes wait, each with its own seed of hashes, and take turns: a worker that is started again does not see the order of sets that
the one before it saw. Another command, other code or an environment that Python itself reads (PYTHONPATH, NUMBA_...) begins from nothing, as
without this file; so do the workers of tests/deploy, of the first week and of the demo, which are started otherwise.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import gc
import importlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROJECT = Path(__file__).resolve().parent.parent.parent
KAIROS = [sys.executable, "-c", "from streams.cli import main; main()"]
"""The command that is known."""
READ_BY_PYTHON = ("PYTHON", "NUMBA", "LD_", "MALLOC", "INJECT", "TZ", "LANG", "LC_")
"""Variables that have begun to matter before a forked process could set them."""
PR_SET_CHILD_SUBREAPER = 36
WAITING: list[socket.socket] = []
TURN = itertools.count()
ONE = threading.Lock()


class Warm(subprocess.Popen):
    """A process of `KAIROS`, forked where that can be; any other is started as usual."""

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any, *more: Any) -> None:
        chosen = dict(os.environ) if env is None else env
        if list(args[:3]) != KAIROS or cwd is None or Path(cwd).resolve() != PROJECT or preexec_fn or pass_fds or python_begins_otherwise(chosen):
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *more)
            return
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = more[3:9]
        files = [own if given == -1 else given for given, own in ((p2cread, 0), (c2pwrite, 1), (errwrite, 2))]
        self.pid = forked(list(map(str, args[3:])), chosen, files)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def run(command: list[str], *, timeout: float, **given: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` with what it printed as text, forked where that can be."""
    with Warm(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **given) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def python_begins_otherwise(environment: dict[str, str]) -> bool:
    """Whether a process with this environment differs before its first line runs."""
    return any(environment.get(name) != os.environ.get(name) for name in environment.keys() | os.environ.keys() if name.startswith(READ_BY_PYTHON))


def forked(arguments: list[str], environment: dict[str, str], files: list[int]) -> int:
    """The number of a new child of this process that runs the command line with `arguments`; `files`: its input, output and errors."""
    request = json.dumps([arguments, environment]).encode()
    with ONE:
        if len(WAITING) < 2:
            WAITING.append(begin_to_wait())
        line = WAITING[next(TURN) % len(WAITING)]
        line.sendmsg([len(request).to_bytes(4, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
        line.sendall(request)
        number = int.from_bytes(line.recv(4), "little")
    assert number, "the process that waits has ended"
    return number


def begin_to_wait() -> socket.socket:
    """Start one of the processes that wait; the line on which it is asked."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot take over the children of its children")
    ours, theirs = socket.socketpair()
    command = [*KAIROS[:2], f"from tests.broker.warm import wait\nif main := wait({theirs.fileno()}): main()"]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    theirs.close()
    atexit.register(lambda: (ours.close(), process.wait()))
    return ours


def wait(number: int) -> Callable[[], None] | None:
    """Fork a process whenever one is asked for on the line of that number: returns its command in each of them, and None here when nobody asks any more."""
    import streams.kafka.start  # noqa: F401  # what it loads is what this is for
    from streams.cli import main
    from streams.definitions.catalogue import Catalogue

    Catalogue.load()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as line:
        while True:
            length, sent, _, _ = line.recvmsg(4, socket.CMSG_SPACE(3 * array.array("i").itemsize))
            if not length:
                return None
            files = array.array("i", sent[0][2])
            request = b""
            while len(request) < int.from_bytes(length, "little"):
                request += line.recv(65536)
            reads, writes = os.pipe()
            between = os.fork()
            if between == 0 and (child := os.fork()):  # ends at once, so that the new process is a child of the process that asked
                os.write(writes, child.to_bytes(4, "little"))
                os._exit(0)
            if between == 0:
                os.close(reads)
                os.close(writes)
                begun(*json.loads(request), files)
                return main
            os.waitpid(between, 0)
            line.sendall(os.read(reads, 4))
            for file in (reads, writes, *files):
                os.close(file)


def begun(arguments: list[str], environment: dict[str, str], files: Iterable[int]) -> None:
    """In the new process: its arguments, environment and files, and what was read from the environment when the code was loaded."""
    from streams.kafka import failpoints

    sys.argv[1:] = arguments
    os.environ.clear()
    os.environ.update(environment)
    for at, file in enumerate(files):
        os.dup2(file, at)
        os.close(file)
    importlib.reload(failpoints)
