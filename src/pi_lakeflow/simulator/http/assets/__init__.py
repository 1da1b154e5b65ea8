"""AF objects over HTTP: found, filtered, and printed. The routes are in ``http/routes``."""
