"""Tables of Unity Catalog, written where they are stored: ``lake: uc://WORKSPACE``.

The catalog is asked where a table lies and for keys that open it for an hour or so (REST API,
``tables`` and ``temporary-table-credentials``); delta-rs then writes to the object store itself. That
needs external tables that exist: ``pi-lakeflow tables --ddl`` prints their statements, to which a
``LOCATION`` is added. delta-rs' own ``uc://`` is not used: it can block for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import GenerateTemporaryTableCredentialResponse, TableOperation

from pi_lakeflow.errors import SettingsError, SinkUnavailable
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable

_RENEW_BEFORE = 300.0  # seconds
_GRANTS = "the account needs USE CATALOG, USE SCHEMA, EXTERNAL USE SCHEMA, SELECT and MODIFY"


class UnityLake(DeltaLake):
    """Tables ``catalog.schema.name`` of the workspace in ``root`` (``uc://HOST`` or ``uc://http://...``).

    ``storage_options`` may hold ``databricks_token``, or ``databricks_client_id`` and
    ``databricks_client_secret``; without them the SDK looks where it always does. The rest is the store's.
    """

    def __init__(
        self,
        root: str,
        catalog: str = "main",
        schema: str = "bronze",
        *,
        storage_options: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(root, catalog, schema, storage_options=storage_options)
        given = dict(storage_options or {})
        self._workspace = WorkspaceClient(
            host=_host(root),
            token=given.pop("databricks_token", None),
            client_id=given.pop("databricks_client_id", None),
            client_secret=given.pop("databricks_client_secret", None),
        )
        self._options = given
        self._clock = clock

    def table(self, spec: TableSpec) -> DeltaLakeTable:
        if spec.name not in self._tables:
            name = self.path_of(spec.name)
            lease = _Lease(self._workspace, name, self._options, self._clock)
            self._tables[spec.name] = DeltaLakeTable(lease.location, spec, lease.options)
        return self._tables[spec.name]

    def path_of(self, table: str) -> str:
        return f"{self.catalog}.{self.schema}.{table}"


class _Lease:
    """Where one table lies, and keys to it that are renewed before they expire."""

    def __init__(
        self,
        workspace: WorkspaceClient,
        name: str,
        options: Mapping[str, str],
        clock: Callable[[], float],
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._given = dict(options)
        self._clock = clock
        self._held: dict[str, str] = {}
        self._until = 0.0
        found: Any = self._ask(lambda: workspace.tables.get(name))
        if not found.storage_location or not found.table_id:
            raise SinkUnavailable("the catalog does not say where the table lies", subject=name, hint=_GRANTS)
        self._id: str = found.table_id
        self.location: str = found.storage_location.removeprefix("file://")

    def options(self) -> dict[str, str]:
        """Storage options that open the table for at least some minutes."""
        if self._clock() > self._until - _RENEW_BEFORE:
            answer: GenerateTemporaryTableCredentialResponse = self._ask(
                lambda: self._workspace.temporary_table_credentials.generate_temporary_table_credentials(
                    operation=TableOperation.READ_WRITE, table_id=self._id
                )
            )
            self._held = self._given | _keys(answer, self._name)
            self._until = (answer.expiration_time or 0) / 1000
        return self._held

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except NotFound as error:
            raise SinkUnavailable(
                "Unity Catalog has no such table",
                subject=self._name,
                hint="create it with the statements of `pi-lakeflow tables --ddl`, and a LOCATION",
            ) from error
        except PermissionDenied as error:
            raise SinkUnavailable(
                f"Unity Catalog refuses: {error}", subject=self._name, hint=_GRANTS
            ) from error
        except (DatabricksError, OSError, TimeoutError) as error:
            raise SinkUnavailable(f"Unity Catalog does not answer: {error}", subject=self._name) from error


def _keys(answer: GenerateTemporaryTableCredentialResponse, name: str) -> dict[str, str]:
    """The temporary keys under the names of the object store's options."""
    if aws := answer.aws_temp_credentials:
        return {
            "AWS_ACCESS_KEY_ID": aws.access_key_id or "",
            "AWS_SECRET_ACCESS_KEY": aws.secret_access_key or "",
            "AWS_SESSION_TOKEN": aws.session_token or "",
        }
    if azure := answer.azure_user_delegation_sas:
        return {"azure_storage_sas_token": azure.sas_token or ""}
    if answer.gcp_oauth_token:
        raise SettingsError(
            "tables on Google Cloud cannot be opened with the catalog's keys",
            subject=name,
            hint="write `lake: gs://...` and a service account in `lake.storage_options`",
        )
    return {}


def _host(root: str) -> str:
    host = root.removeprefix("uc://").strip("/")
    if not host:
        raise SettingsError("the workspace is missing", subject="lake", hint="lake: uc://WORKSPACE-HOST")
    return host if host.startswith(("http://", "https://")) else f"https://{host}"
