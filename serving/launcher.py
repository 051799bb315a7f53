"""Start the real web server around the application: granian, or gunicorn where granian is missing.

The launcher is the parent process. It marks the server as draining before it stops the workers, because on
SIGTERM granian closes its listener at once and runs nothing of ours in the workers.
"""

import contextlib
import ctypes
import errno
import importlib
import ipaddress
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

from goldenpath.errors import BadInput
from goldenpath.settings import Settings, check_variables
from goldenpath.text.plain import say
from serving.guards import check_tokens
from serving.watchers import log
from serving.watchers.metrics import shared_folder
from serving.watchers.queue import every

Factory: TypeAlias = Callable[[], Callable[..., Iterable[bytes]]]  # of a WSGI application
SPARE_THREADS = 8  # beyond `max_in_flight`, so that 503 and health answer when all others are busy
HEADER_MILLISECONDS = 10_000  # in which a caller must have sent the headers
HEADER_BYTES = 32_768
CONNECTIONS = 8_192  # per worker, most of them idle; granian accepts no further one


class Draining:
    "A flag that the launcher sets and its workers read; it lives in memory that they share."

    def __init__(self) -> None:
        self._flag = multiprocessing.RawValue(ctypes.c_bool, False)

    def __call__(self) -> bool:
        return bool(self._flag.value)

    def begin(self) -> None:
        self._flag.value = True


def launch(settings: Settings, factory: Factory, draining: Draining) -> None:
    "Serve until a signal, after `check_start`. `factory` makes the application in each worker."
    host, port = settings.listen.host, settings.listen.port
    with shared_folder() if settings.metrics else contextlib.nullcontext():
        if installed("granian"):
            _granian(settings, host, port, factory, draining)
        else:
            say("granian is not installed: gunicorn serves, at about a third of the speed")
            _gunicorn(settings, factory, draining)


def check_start(settings: Settings) -> None:
    "Check the settings before any worker starts. Raises BadInput for what would keep all from serving."
    host, port = settings.listen.host, settings.listen.port
    check_variables()
    check_access(settings, host)
    check_tokens(settings)
    check_free(host, port)
    if not (installed("granian") or installed("gunicorn")):
        install = "run `pip install -e '.[serving]'` in the project"
        raise BadInput(f"neither granian nor gunicorn is installed; {install}")


def installed(package: str) -> bool:
    "Can it be imported here?"
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def check_access(settings: Settings, address: str) -> None:
    "Check the address. Raises BadInput if it is public, unless tokens or a proxy authenticate callers."
    if settings.tokens_file or settings.behind_login or address == "localhost":
        return
    try:
        if ipaddress.ip_address(address).is_loopback:
            return
    except ValueError:
        pass  # a name: it may lead anywhere
    raise BadInput(
        f"all users could reach {address}: set `tokens_file`, or `behind_login = yes` if a proxy in front "
        "of the server authenticates, or listen on 127.0.0.1"
    )


def check_free(address: str, port: int) -> None:
    "Check that the address is free and ours. Raises BadInput; the web servers would print a traceback."
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except (OSError, OverflowError) as fault:
            raise BadInput(f"cannot listen on {address}:{port} ({_reason(fault)}); change `listen`") from None


def _reason(fault: OSError | OverflowError) -> str:
    if isinstance(fault, OSError) and fault.errno == errno.EADDRINUSE:
        return "something else listens there already"
    return os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else str(fault)


def connections() -> int:
    """Return how many connections a worker may hold: half of the files that it may open.

    Raises this process's own limit of open files first, which its workers inherit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * 2 if hard == resource.RLIM_INFINITY else min(CONNECTIONS * 2, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return min(CONNECTIONS, max(soft, wanted) // 2)


def constant(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    "Read the body and answer a constant: the floor of every WSGI application on this web server."
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "14")])
    return [b'{"floor":true}']


def in_worker(factory: Factory) -> Callable[..., Iterable[bytes]]:
    "Make the application in a group of its own: Ctrl-C in the terminal is the launcher's to answer."
    os.setpgid(0, 0)
    launcher = os.getppid()
    every(1.0, lambda: end_without(launcher), "launcher")
    return factory()


def end_without(launcher: int) -> None:
    "End this worker if its launcher was killed: nothing else would replace or stop it."
    if os.getppid() != launcher:
        os.kill(os.getpid(), signal.SIGTERM)


def _granian(settings: Settings, address: str, port: int, factory: Factory, draining: Draining) -> None:
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server.mp import MPServer

    class Launcher(MPServer):
        def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
            "Drain on the first SIGTERM; stop at once on Ctrl-C and a second signal."
            if multiprocessing.parent_process():
                os._exit(0)  # a worker that is starting: it inherited this handler, and serves nothing yet
            wait = 0.0 if draining() or args[:1] == (signal.SIGINT,) else settings.drain_seconds
            draining.begin()
            timer = threading.Timer(wait, super().signal_handler_interrupt)
            timer.daemon = True
            timer.start()

        def _stop_workers(self) -> None:
            "Tell the workers to stop, and again: one that is about to serve misses the first time."
            every(1.0, self._tell_workers_again, "stop")
            super()._stop_workers()  # type: ignore[no-untyped-call]

        def _tell_workers_again(self) -> None:
            for worker in self.wrks:
                if worker.is_alive():  # type: ignore[no-untyped-call]
                    worker.terminate()  # type: ignore[no-untyped-call]

        def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
            "SIGHUP: new workers would have the same settings, and cost the old ones' connections."

    if sys.platform == "linux":
        # since Python 3.14 the default is another, which starts workers in twice the time
        multiprocessing.set_start_method("fork", force=True)
    threads = settings.max_in_flight + SPARE_THREADS
    server = Launcher(
        "serving",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=threads,
        backpressure=connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=HEADER_BYTES),
        respawn_failed_workers=True,
        workers_kill_timeout=settings.grace_seconds,
        log_level=LogLevels.error,
        log_dictconfig=log.AS_JSON,
    )
    server.serve(target_loader=partial(in_worker, factory), wrap_loader=False)


def _gunicorn(settings: Settings, factory: Factory, draining: Draining) -> None:
    import time

    from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
    from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for key, value in _gunicorn_options(settings).items():
                self.cfg.set(key, value)

        def load(self) -> Callable[..., Iterable[bytes]]:
            return in_worker(factory)

    class Launcher(Arbiter):  # type: ignore[misc]
        hurried = False

        def signal(self, number: int, frame: Any) -> None:
            self.hurried |= draining() and number in (signal.SIGTERM, signal.SIGINT)
            super().signal(number, frame)

        def stop(self, graceful: bool = True) -> None:
            "Drain after the first SIGTERM, until the time is over or a second signal comes."
            over = time.monotonic() + (0 if draining() or not graceful else settings.drain_seconds)
            draining.begin()
            while not self.hurried and time.monotonic() < over:
                time.sleep(0.1)
            super().stop(graceful)

        def handle_hup(self) -> None:
            "SIGHUP: see above."

    Launcher(Application()).run()


def _gunicorn_options(settings: Settings) -> dict[str, Any]:
    return {
        "bind": [str(settings.listen)],  # as it was written: IPv6 in brackets
        "workers": settings.workers,
        "worker_class": "gthread",
        "threads": settings.max_in_flight + SPARE_THREADS,
        "graceful_timeout": settings.grace_seconds,
        "limit_request_field_size": HEADER_BYTES // 4,
        "loglevel": "warning",
    }
