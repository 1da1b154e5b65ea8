"""A Databricks bundle from the settings: pipelines, jobs, schemas, secrets, and the pipelines' code."""

from pi_lakeflow.app.deploy.bundle import Deployment, Rendered, deploy
from pi_lakeflow.app.deploy.groups import balanced

__all__ = ["Deployment", "Rendered", "balanced", "deploy"]
