"""The asset model as rows: which lists are read (``listings``), how (``reader``), and into which
columns (``fields``; the tables themselves are in ``historians/pi/tables``).
"""
