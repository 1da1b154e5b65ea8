"""The reference page of the configuration, in Markdown, from the declaration of the keys."""

from __future__ import annotations

from collections.abc import Iterator

from pi_lakeflow.settings.given import env_name
from pi_lakeflow.settings.keys import Leaf
from pi_lakeflow.settings.schema import DECLARED

_INTRO = """\
# Configuration

`pi-lakeflow` reads `pi-lakeflow.yaml` in the current folder or in the nearest folder above; `--config FILE`
names another one. In Python the same keys are a dict: `load({"pi_web_api_url": ..., ...})`.

A value is taken from the first of these that has it:

1. a flag: `--since`, `--until`, `--tag`, `--lake`;
2. an environment variable: `PI_LAKEFLOW_` and the key in capitals, `__` for each dot, such as
   `PI_LAKEFLOW_AUTH__PASSWORD`; lists and mappings as YAML in one line;
3. the file, or the dict;
4. the default.

`pi-lakeflow config show` prints every value and where it came from. An unknown key is an error that names
the nearest known one. Relative paths count from the folder of the configuration file.

**Durations** are `250ms`, `30s`, `5m`, `1h30m`, `7d`, `2w`, or a number of seconds.

**Times** are ISO 8601 (UTC when no zone is written) or PI times: `*` (now), `t` (the last midnight), `y` (the
one before), each with offsets such as `*-8h`, `t+6h`, `y-1mo`. Units: `y mo w d h m s ms`. Put quotes around
`"*-7d"` in YAML.

**Secrets** are references: `env:NAME`, `file:PATH`, `databricks:SCOPE/KEY`. A text of another form is the
secret itself; that works, but in a file it draws a warning.
"""

_TAGS = """\
## What `tags` takes

One of these, or a list of them:

| Form | Meaning |
|---|---|
| `SINUSOID` | a PI point by name |
| `"SINUS*"`, `"pump-??-flow"` | points by mask: `*` any characters, `?` one |
| `all` | every point of the data server |
| `\\\\server\\tag` | a point of a named data server; the tag may be a mask |
| `\\\\server\\database\\element\\|attribute` | an AF attribute |
| `\\\\server\\database\\element` | all attributes of an AF element |
| `webid:F1DP...` | a point or attribute by WebId |
| `name:...` | a name, whatever it looks like |
| `"@tags.txt"` or `{file: tags.txt}` | a file: one of the forms above a line, `#` begins a comment line |
| `{af_query: "Template:=Pump", database: "\\\\\\\\server\\\\db"}` | attributes that an AF search finds |
| `{under: '\\\\server\\db\\Site', template: Pump, attribute: Flow}` | points of attributes below \
an element, also by `category` |
| `{point_query: "PointSource:=R"}` | points that a point query finds (PI Web API 2021 SP3 or later) |

Masks and queries are asked again in each run, so new tags are picked up by themselves.
"""


def schema_doc() -> str:
    """The whole page."""
    parts = [_INTRO, "## General\n", *_table("")]
    for path, group in DECLARED.sections.items():
        parts += [f"\n## `{path}`\n", f"{group.doc}\n", *_table(f"{path}.")]
    return "\n".join([*parts, "", _TAGS])


def _table(prefix: str) -> Iterator[str]:
    yield "| Key | Default | Meaning |\n|---|---|---|"
    for leaf in DECLARED.leaves.values():
        name = leaf.path.removeprefix(prefix)
        if leaf.path.startswith(prefix) and "." not in name:
            yield f"| `{name}` | {_default(leaf)} | {_meaning(leaf)} |"


def _default(leaf: Leaf) -> str:
    if leaf.default is None or leaf.unset:
        return leaf.unset
    shown = leaf.default if isinstance(leaf.default, str) else leaf.kind.show(leaf.default)
    return f"`{shown}`"


def _meaning(leaf: Leaf) -> str:
    text = leaf.doc
    if leaf.aliases:
        text += " Also spelled " + ", ".join(f"`{alias}`" for alias in leaf.aliases) + "."
    if leaf.kind.secret:
        text += f" Environment: `{env_name(leaf.path)}`."
    return text.replace("|", "\\|")
