"""Lets Spark find ``format("pi_lakeflow")`` by itself: it imports every module called ``pyspark_*``.

So this module must stay light: the rest of the package is loaded when the source is used.
"""

from pi_lakeflow.app.spark import DefaultSource

__all__ = ["DefaultSource"]
