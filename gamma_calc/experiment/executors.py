"""Where the runs of a sweep are carried out: a `concurrent.futures.Executor`, opened anew after it broke.

In this process, in a pool of spawned processes with one thread each, or on a dask cluster. Only the process that holds
the store writes to it: what travels is a run and what it measured.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_run import available_memory
from gamma_calc.simulation.devices import free_device_memory, one_thread

IN_PROCESS = "in-process"
SPAWN = "spawn"
DASK = "dask://"
TLS = "tls://"
CHOICES = (IN_PROCESS, SPAWN, f"{SPAWN}:K", f"{DASK}HOST:PORT", f"{TLS}HOST:PORT")
PATIENCE = 20
"""Seconds to wait for a cluster to answer."""

MOST_WORKERS = 1024
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Those that this process may use."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Crew:
    """An open executor, and how it is to be used.

    Args:
        at_once: runs that it is given at once; twice its workers keeps each of them busy.
        memory, device_memory: bytes that one run may take on the machine and on its accelerator, None where that is
            not known.
        given_up: exceptions by which it says that it has tried again itself.
    """

    executor: Executor
    at_once: int
    memory: int | None = None
    given_up: tuple[type[BaseException], ...] = ()
    device_memory: int | None = None


Executors = Callable[[], AbstractContextManager[Crew]]
"""Opens an executor; opened again after the last one broke. Leaving it abandons what is under way."""


class Immediate(Executor):
    """The executor that carries out a run when it is submitted, in this thread; Ctrl-C goes through it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future of a call, which is over already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


class Processes(ProcessPoolExecutor):
    """A pool whose processes are started while a Ctrl-C is held back, which they then never hear of.

    A terminal sends it to every process, and those that are still importing could only answer with a traceback. It is
    the parent's to answer, to whom it comes a moment later.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call; processes are started here."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def named_executors(text: str) -> Executors:
    """The executors that a user asks for: in-process, spawn, spawn:K, dask://HOST:PORT or tls://HOST:PORT."""
    if text == IN_PROCESS:
        return in_process
    for scheme, protocol in ((DASK, "tcp://"), (TLS, TLS)):
        if text.startswith(scheme) and (place := text.removeprefix(scheme)):
            return partial(on_dask, f"{protocol}{place}")
    kind, colon, count = text.partition(":")
    is_count = count.isascii() and count.isdigit() and len(count) <= 4 and 1 <= int(count) <= MOST_WORKERS
    if kind == SPAWN and (is_count or not colon):
        return partial(spawned, int(count) if colon else CORES)
    if kind == SPAWN:
        raise BadInput("--executor", found=text, expected=f"spawn:K with K processes, 1 to {MOST_WORKERS}")
    raise BadInput("--executor", found=text, expected=f"one of {', '.join(CHOICES)}", choices=CHOICES)


@contextmanager
def in_process() -> Iterator[Crew]:
    """This process, one run after the other on one thread."""
    with one_thread():
        yield Crew(Immediate(), at_once=1, memory=available_memory(), device_memory=free_device_memory())


@contextmanager
def spawned(workers: int) -> Iterator[Crew]:
    """A pool of fresh processes with one thread each, which end with this process however it ends."""
    memory, device_memory = (
        None if free is None else free // workers for free in (available_memory(), free_device_memory())
    )
    context = get_context("spawn")
    alive, ours = context.Pipe(duplex=False)
    with _one_thread_a_process():
        executor = Processes(workers, mp_context=context, initializer=_stay_with, initargs=(alive,))
        try:
            yield Crew(executor, at_once=2 * workers, memory=memory, device_memory=device_memory)
        finally:
            ours.close()
            executor.shutdown(wait=True, cancel_futures=True)
            alive.close()


@contextmanager
def on_dask(address: str) -> Iterator[Crew]:
    """The workers of a running dask cluster.

    Whoever reaches a scheduler can run code on it, on its workers and, through what they answer, here: tcp:// is for
    networks where everybody may. With tls:// both ends show certificates, those that dask's own configuration names
    under distributed.comm.tls.

    Raises:
        BadInput: dask is not installed, the cluster does not answer, or it has no worker.
    """
    try:
        distributed, scheduler = import_module("distributed"), import_module("distributed.scheduler")
    except ImportError:
        raise BadInput("--executor dask://... needs dask: pip install 'gamma-calc[dask]'") from None
    with _quiet("distributed", "tornado"):
        try:
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except TypeError as problem:  # dask has no certificate to show
            raise BadInput(
                f"{address}: dask's configuration names no certificates under distributed.comm.tls"
                f" (ca-file, client.cert, client.key): {problem}"
            ) from None
        except (OSError, ValueError) as problem:
            raise BadInput(
                f"no dask scheduler answers at {address} within {PATIENCE} s ({problem}); start one with: dask"
                " scheduler; finished runs are kept"
            ) from None
        with closing(client):
            threads = client.nthreads()
            if not threads:
                raise BadInput(f"the dask cluster at {address} has no worker; start one with: dask worker {address}")
            executor, memory = client.get_executor(), _least_memory(client, threads)
            try:
                yield Crew(executor, 2 * sum(threads.values()), memory, (scheduler.KilledWorker,))
            finally:
                executor.shutdown(wait=False)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Libraries that log what they raise as well, with a traceback, kept to what they raise."""
    known = {*names, *logging.root.manager.loggerDict}
    loggers = [logging.getLogger(each) for each in known if each.startswith(names)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _least_memory(client: Any, threads: dict[str, int]) -> int | None:
    """Bytes that the tightest worker has for each run, where the workers have limits."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    shares = [
        workers[name]["memory_limit"] // threads[name] for name in threads if workers.get(name, {}).get("memory_limit")
    ]
    return min(shares, default=None)


def _stay_with(alive: Connection) -> None:
    """Make a worker leave as soon as the other end of the pipe is closed, and let its parent answer Ctrl-C.

    A killed parent cannot tell its workers, and each holds the other's queue open: they would wait for ever.
    """

    def leave() -> None:
        try:
            alive.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=leave, daemon=True).start()


@contextmanager
def _one_thread_a_process() -> Iterator[None]:
    """Processes started meanwhile compute with one thread; libraries that are loaded here already do not look again."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
