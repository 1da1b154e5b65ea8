"""PI behind Lakeflow's connector interface, and the single file that a host may want of it."""

from __future__ import annotations

from typing import ClassVar

from pi_lakeflow.app.plant import PiPlant
from pi_lakeflow.engines.spark.lakeflow import LakeflowConnector
from pi_lakeflow.engines.spark.ports import Plant


class PILakeflowConnect(LakeflowConnector):
    """The connector class. Options are the configuration's keys, with ``_`` or ``.`` between the parts."""

    plant: ClassVar[Plant] = PiPlant()
