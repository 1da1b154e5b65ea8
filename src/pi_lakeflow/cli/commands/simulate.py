"""``simulate``: a PI Web API server to develop and test against."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
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
Plain = Annotated[bool, typer.Option("--plain", help="No oddities: good numbers and nothing else.")]
Now = Annotated[
    str, typer.Option("--now", metavar="TIME", help="Hold the clock there: ISO 8601 with offset.")
]
UseTls = Annotated[bool, typer.Option("--tls", help="https, with a certificate of its own making.")]
AuthBy = Annotated[
    list[str] | None,
    typer.Option(
        "--auth", metavar="KIND", help="anonymous, basic, bearer, kerberos (Negotiate). Repeatable."
    ),
]
Users = Annotated[
    list[str] | None,
    typer.Option("--user", metavar="NAME:PASSWORD", help="Who may log on [default: pi:pi]. Repeatable."),
]
Strength = Annotated[
    str | None,
    typer.Option(
        "--capacity", metavar="KIND", help="Be no stronger than a laptop, a plant or an enterprise server."
    ),
]
Release = Annotated[
    str | None,
    typer.Option("--release", metavar="NAME", help="Of PI Web API: '2017 R2', '2018 SP1', '2021 SP3', 2023."),
]
FaultsOn = Annotated[
    list[str] | None,
    typer.Option("--fault", metavar="KIND:FIELD=VALUE,...", help="Switch a fault on. Repeatable."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any setting, such as limits.rate_limit_requests=5. Repeatable."
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
    plain: Plain = False,
    now: Now = "",
    tls: UseTls = False,
    auth: AuthBy = None,
    users: Users = None,
    capacity: Strength = None,
    release: Release = None,
    faults: FaultsOn = None,
    changes: Settings = None,
) -> int:
    """Serve a simulated PI Web API until interrupted.

    Its archive is a pure function of the seed. The world, its clock, settings and faults can be changed
    while it runs, under /simulator/.
    """
    from pi_lakeflow.simulator.texts import config_of

    short = {"capacity": capacity, "version": release}
    try:
        config = config_of(
            auth=auth or (),
            users=users or (),
            now=now,
            plain=plain,
            faults=faults or (),
            changes=changes or (),
            shorthands={name: value for name, value in short.items() if value is not None},
            tags=tags,
            port=port,
            host=host,
            seed=seed,
            density=density,
            tls=tls,
        )
    except ValueError as error:
        raise SettingsError(str(error), subject="simulate", hint="pi-lakeflow simulate --help") from error
    asyncio.run(_served(call.output, config))
    return 0


async def _served(output: Output, config: SimulatorConfig) -> None:
    """Until SIGINT or SIGTERM, which are the usual end of a server and no failure."""
    from pi_lakeflow.simulator.launch import Missing, serve

    task = asyncio.ensure_future(
        serve(config, announce=lambda line: _announce(output, config, json.loads(line)))
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    except Missing as error:
        hint = "pip install 'pi-lakeflow[simulator]'"
        raise SettingsError(str(error), subject="simulate", hint=hint) from error
    except OSError as error:
        raise SourceUnavailable(
            f"cannot listen there: {error.strerror}",
            subject=f"{config.host}:{config.port}",
            hint="--port 0 takes any free port",
        ) from error


def _announce(output: Output, config: SimulatorConfig, told: dict[str, object]) -> None:
    output.event("listening", **told)
    output.text(f"A simulated PI Web API with {told['tags']:,} tags answers at {told['url']}")
    rows = [("data server", "PISRV01"), ("change it", "POST /simulator/clock, faults, world/...")]
    if told.get("ca_file"):
        rows.append(("tls.ca_bundle", str(told["ca_file"])))
    output.facts(*rows)
    output.text("Stop it with Ctrl-C. In another terminal:")
    before, behind = _access(config, told)
    output.text(f"  {before}pi-lakeflow discover all --url {told['url']} --set data_server=PISRV01{behind}")


def _access(config: SimulatorConfig, told: dict[str, object]) -> tuple[str, str]:
    """What the command in another terminal needs before and behind it to get in."""
    before, behind = "", f" --set tls.ca_bundle={told['ca_file']}" if told.get("ca_file") else ""
    if config.auth.methods[0] == "basic":
        user, password = next(iter(config.auth.users.items()))
        before = f"PI_LAKEFLOW_AUTH__PASSWORD={shlex.quote(password)} "
        behind += f" --set auth.type=basic --set auth.username={shlex.quote(user)}"
    return before, behind
