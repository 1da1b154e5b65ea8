"""Alarms into the lake: event frames, annotations, limits, notifications, and what follows from them."""
