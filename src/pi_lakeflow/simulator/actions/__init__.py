"""Actions of the control route. Each module has ``def register(actions: Actions) -> None``."""
