"""Event frames, alarms and notifications: how they are asked for, and what an alarm is."""
