"""A server as queueing theory sees it: K workers, a queue, service times; requests in a closed loop."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pi_lakeflow.flow.limit import AdaptiveLimit

Service = Callable[[random.Random, float], float]  # (dice, now) -> seconds of work


@dataclass
class Server:
    """``workers`` requests are served at once, at most ``queue`` wait, the rest is dropped."""

    workers: int
    service: Service
    queue: int = 10**6
    speed: Callable[[float], float] = lambda _now: 1.0  # 0.1 is a brown-out
    patience: float = float("inf")  # seconds after which the client gives up: a loss
    noise: float = 0.0  # share of requests that get lost whatever the load
    weight: Callable[[random.Random], float] = lambda _dice: 1.0  # size of a request; work grows with it


@dataclass
class Trace:
    times: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    served: int = 0
    dropped: int = 0
    ends: list[float] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[float]:
        return [limit for time, limit in zip(self.times, self.limits, strict=True) if start <= time < end]

    def throughput(self, start: float, end: float) -> float:
        return sum(start <= time < end for time in self.ends) / (end - start)


def simulate(
    limit: AdaptiveLimit, server: Server, seconds: float, *, seed: int = 1, demand: int = 10**6
) -> Trace:
    """Keep as many requests in flight as the limit and ``demand`` allow, for ``seconds``."""
    (trace,) = simulate_together([limit], server, seconds, seed=seed, demand=demand)
    return trace


def simulate_together(
    limits: list[AdaptiveLimit],
    server: Server,
    seconds: float,
    *,
    seed: int = 1,
    demand: int = 10**6,
    begins: list[float] | None = None,
) -> list[Trace]:
    """Several clients of one server, each with its own limit; ``begins`` says when each comes."""
    dice = random.Random(seed)
    traces = [Trace() for _ in limits]
    begins = begins or [0.0] * len(limits)
    free = [0.0] * server.workers  # when each worker is free
    flying: list[tuple[float, float, bool, float, int]] = []  # (end, start, dropped, weight, client)
    mine = [0] * len(limits)
    now = 0.0
    while now < seconds:
        turns = dice.sample(range(len(limits)), len(limits)) if len(limits) > 1 else [0]
        for client in turns:
            while now >= begins[client] and mine[client] < min(int(limits[client].limit), demand):
                weight = server.weight(dice)
                end, dropped = _send(server, free, now, dice, flying=len(flying), weight=weight)
                heapq.heappush(flying, (end, now, dropped, weight, client))
                mine[client] += 1
        end, start, dropped, weight, client = heapq.heappop(flying)
        now = end
        limits[client].on_sample(end - start, mine[client], dropped, weight=weight)
        mine[client] -= 1
        trace = traces[client]
        trace.times.append(now)
        trace.limits.append(limits[client].limit)
        trace.served += not dropped
        trace.dropped += dropped
        if not dropped:
            trace.ends.append(now)
    return traces


def _send(
    server: Server, free: list[float], now: float, dice: random.Random, *, flying: int, weight: float
) -> tuple[float, bool]:
    """When the request ends, and whether it was lost."""
    if flying >= server.workers + server.queue:
        return now + 0.005, True  # 429 comes back at once
    begin = max(now, heapq.heappop(free))
    end = begin + server.service(dice, now) * (0.5 + 0.5 * weight) / server.speed(begin)
    heapq.heappush(free, end)
    if end - now > server.patience:
        return now + server.patience, True
    return end, server.noise > 0 and dice.random() < server.noise


def constant(seconds: float) -> Service:
    return lambda _dice, _now: seconds


def exponential(seconds: float) -> Service:
    return lambda dice, _now: dice.expovariate(1.0 / seconds)


def lognormal(seconds: float, sigma: float = 0.7) -> Service:
    return lambda dice, _now: seconds * dice.lognormvariate(-sigma * sigma / 2, sigma)
