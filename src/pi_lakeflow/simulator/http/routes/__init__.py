"""Route families. Each module registers its own: ``def register(router: Router) -> None``."""
