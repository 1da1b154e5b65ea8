"""The attributes of a PI point, as ``/points/{id}/attributes`` lists them."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.tags import TagDef


def attribute_values(tag: TagDef) -> dict[str, Any]:
    """Lower-case names and their values."""
    return {
        "tag": tag.name,
        "descriptor": tag.descriptor,
        "pointsource": "R",
        "pointtype": tag.point_type,
        "ptclassname": "classic",
        "engunits": tag.units,
        "zero": tag.low,
        "span": tag.high - tag.low,
        "typicalvalue": (tag.low + tag.high) / 2,
        "step": int(tag.step),
        "future": int(tag.future),
        "displaydigits": -5,
        "digitalset": tag.digital_set,
        "archiving": 1,
        "compressing": 1,
        "compdev": 0.0,
        "compmin": 0,
        "compmax": 28800,
        "compdevpercent": 0.0,
        "excdev": 0.0,
        "excmin": 0,
        "excmax": 600,
        "excdevpercent": 0.0,
        "scan": 1,
        "shutdown": 0,
        **{f"location{n}": 1 if n in (1, 4) else 0 for n in range(1, 6)},
        "instrumenttag": tag.name.rsplit(".", 1)[0],
        "exdesc": "",
        "pointid": tag.point_id,
        "creationdate": t.to_text(tag.created),
        "creator": "piadmin",
        "changedate": t.to_text(tag.created),
        "changer": "piadmin",
        "datasecurity": "piadmin: A(r,w) | piadmins: A(r,w) | PIWorld: A(r)",
        "ptsecurity": "piadmin: A(r,w) | piadmins: A(r,w) | PIWorld: A(r)",
    }
