"""``simulate``: a PI Web API server to develop and test against."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from pi_lakeflow.cli.options import Call, plain_command
from pi_lakeflow.cli.output import Output
from pi_lakeflow.errors import SettingsError, SourceUnavailable

if TYPE_CHECKING:
    from pi_lakeflow.simulator import SimulatorConfig

TagCount = Annotated[int, typer.Option("--tags", metavar="N", min=0, help="Points on the first data server.")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes any free one.")]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="The same seed is the same world, everywhere.")
]
Density = Annotated[
    float, typer.Option("--density", metavar="N", help="Events per minute of an ordinary tag.")
]
UseTls = Annotated[bool, typer.Option("--tls", help="https, with a certificate of its own making.")]
AuthBy = Annotated[
    str,
    typer.Option(
        "--auth", metavar="KIND", help="anonymous, basic (user pi, password pi), bearer or negotiate."
    ),
]
Strength = Annotated[
    str | None,
    typer.Option(
        "--capacity", metavar="KIND", help="Be no stronger than a laptop, a plant or an enterprise server."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


@plain_command
def simulate(
    call: Call,
    tags: TagCount = 1000,
    port: Port = 8765,
    host: Host = "127.0.0.1",
    seed: Seed = 1,
    density: Density = 1.0,
    tls: UseTls = False,
    auth: AuthBy = "anonymous",
    capacity: Strength = None,
) -> int:
    """Serve a simulated PI Web API until interrupted.

    Its archive is a pure function of the seed. The world, its clock and faults can be changed while it
    runs, under /simulator/.
    """
    from pi_lakeflow.simulator import Auth, Capacity, SimulatorConfig

    presets = {"laptop": Capacity.laptop, "plant": Capacity.plant, "enterprise": Capacity.enterprise}
    if capacity is not None and capacity not in presets:
        raise SettingsError(f"{capacity!r} is not known", subject="--capacity", hint=", ".join(presets))
    try:
        config = SimulatorConfig(
            tags=tags,
            port=port,
            host=host,
            seed=seed,
            density=density,
            tls=tls,
            auth=Auth(methods=(auth,)),
            capacity=presets[capacity]() if capacity else Capacity(),
        )
    except ValueError as error:
        raise SettingsError(str(error), subject="simulate", hint="pi-lakeflow simulate --help") from error
    asyncio.run(_served(call.output, config))
    return 0


async def _served(output: Output, config: SimulatorConfig) -> None:
    """Until SIGINT or SIGTERM, which are the usual end of a server and no failure."""
    from pi_lakeflow.simulator import serve

    task = asyncio.ensure_future(serve(config, announce=lambda line: _announce(output, json.loads(line))))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    except OSError as error:
        raise SourceUnavailable(
            f"cannot listen there: {error.strerror}",
            subject=f"{config.host}:{config.port}",
            hint="--port 0 takes any free port",
        ) from error


def _announce(output: Output, told: dict[str, object]) -> None:
    output.event("listening", **told)
    output.text(f"A simulated PI Web API with {told['tags']:,} tags answers at {told['url']}")
    rows = [("data server", "PISRV01"), ("change it", "POST /simulator/clock, faults, world/...")]
    if told.get("ca_file"):
        rows.append(("tls.ca_bundle", str(told["ca_file"])))
    output.facts(*rows)
    output.text("Stop it with Ctrl-C. In another terminal:")
    output.text(f"  pi-lakeflow discover all --url {told['url']} --set data_server=PISRV01")
