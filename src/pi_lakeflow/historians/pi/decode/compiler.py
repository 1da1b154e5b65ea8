"""Whether and when the loop of ``kernel`` is compiled: with numba, in the background, once it pays.

Compiling costs some seconds of processor time, loading what an earlier process compiled about one. So it
begins when the fast route has cost as much, which a short run never does; until the loop is ready, or
without numba (``pip install 'pi-lakeflow[fast]'``), the other routes read everything. numba keeps the
machine code beside this package, or in the user's cache where that cannot be written, or nowhere.
"""

from __future__ import annotations

import atexit
import logging
import threading
import types
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from pi_lakeflow.historians.pi.decode import kernel
from pi_lakeflow.historians.pi.decode.compiled import Scan, decode_compiled
from pi_lakeflow.historians.pi.decode.typed import decode_typed

WORTH = 4.0
"""Seconds of processor time in the fast route after which compiling is worth it."""

_TRIAL = (
    b'{"Items":[{"WebId":"W","Items":['
    b'{"Timestamp":"2024-02-29T23:59:59.1234567Z","Value":-1.5E-3,"Good":true,"Questionable":false},'
    b'{"Timestamp":"2024-03-01T00:00:00.5Z","Value":2.2204460492503131,"Good":true,"Questionable":false},'
    b'{"Timestamp":"2024-03-01T00:00:01Z","Value":{"Name":"On","Value":1,"IsSystem":false},"Good":false},'
    b'{"Timestamp":"2024-03-01T00:00:02Z","Value":"a \\" }]","Good":true,"Questionable":true}'
    b"]}]}"
)
_log = logging.getLogger("pi_lakeflow.performance")


class _Leave(Exception):
    """The process ends: the compiler need not go on."""


class Compiler:
    """Compiles the loop once, when asked or when the fast route has cost ``worth`` seconds."""

    def __init__(self, worth: float = WORTH) -> None:
        self._worth = worth
        self._spent = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._scan: Scan | None = None
        self._leaving = False
        self._then: list[Callable[[], object]] = []

    @property
    def scan(self) -> Scan | None:
        """The compiled loop, None as long as there is none."""
        return self._scan

    def spent(self, seconds: float) -> None:
        """Count processor time of the fast route; begin to compile when it is enough."""
        if self._thread is not None:
            return
        self._spent += seconds
        if self._spent >= self._worth:
            self.begin()

    def begin(self) -> None:
        """Compile in a thread, unless that was begun before or numba is not installed."""
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._work, name="decode-compiler", daemon=True)
        if find_spec("numba") is not None:
            atexit.register(self._leave)
            self._thread.start()

    def then(self, callback: Callable[[], object]) -> None:
        """Call this, in the thread that compiles, as soon as the loop is ready."""
        self._then.append(callback)

    def wait(self) -> Scan | None:
        """The compiled loop, once it is ready; None when it cannot be compiled here."""
        self.begin()
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()
        return self._scan

    def _work(self) -> None:
        try:
            scan = _compiled(self._check)
            trial = decode_compiled(_TRIAL, {}, scan)
        except _Leave:
            return
        except Exception as failure:  # noqa: BLE001 - an accelerator that does not work is done without
            _log.warning("the accelerated decoder cannot be compiled, others are used: %s", failure)
            return
        if trial.rows.equals(decode_typed(_TRIAL, {}).rows):
            self._scan = scan
            for callback in self._then:
                callback()
            _log.debug("the accelerated decoder is ready")
        else:
            _log.warning("the accelerated decoder computes other values than it should: it is not used")

    def _check(self) -> None:
        if self._leaving:
            raise _Leave

    def _leave(self) -> None:
        """Have the compiler stop before the process unloads it: that takes a fraction of a second."""
        self._leaving = True
        if self._thread is not None:
            self._thread.join()


COMPILER = Compiler()
"""That of this process."""


def _compiled(check: Callable[[], None]) -> Scan:
    """The loop as machine code. ``check`` is called at each step, and may raise."""
    from numba.core.event import Event, Listener, install_listener

    class Steps(Listener):
        def on_start(self, event: Event) -> None:  # noqa: ARG002
            check()

        def on_end(self, event: Event) -> None:
            """Nothing to do."""

    with install_listener("numba:run_pass", Steps()):
        try:
            return _specialised(cache=True)
        except (RuntimeError, OSError):  # no folder for the cache, or none that can be written
            return _specialised(cache=False)


def _specialised(*, cache: bool) -> Scan:
    import numba
    from numba.extending import register_jitable

    # References of arrays are not counted inside (the caller holds them): that would cost half the speed.
    options: dict[str, Any] = {"_nrt": False}
    for name, function in vars(kernel).items():
        if isinstance(function, types.FunctionType) and name.startswith("_"):
            register_jitable(**options, forceinline=True)(function)
    scan: Any = numba.njit(nogil=True, cache=cache, **options)(kernel.scan)
    decode_compiled(_TRIAL, {}, scan)

    def run(*arguments: object) -> int:
        return int(scan(*arguments))

    return run
