"""Settings: one table of keys, each parsed once into the value that travels."""

from goldenpath.settings.server import ServerSettings
from goldenpath.settings.table import (
    KEYS,
    MOUNT,
    OTHER_NAMES,
    PREFIX,
    SERVICE_LINK,
    Settings,
    check_variables,
    load_settings,
)

__all__ = [
    "KEYS",
    "MOUNT",
    "OTHER_NAMES",
    "PREFIX",
    "SERVICE_LINK",
    "ServerSettings",
    "Settings",
    "check_variables",
    "load_settings",
]
