"""The same plan, gate and decode on Apache Spark, as a Python data source.

Nothing here knows a historian: ``app/spark.py`` hands one in (see ``ports.Plant``). Planning runs in
a Python process on the driver, reading in Python processes of the executors; both get all they need
in what is pickled, so Spark Connect and serverless compute are no special cases.
"""
