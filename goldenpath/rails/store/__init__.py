"""What stands behind the registry: versions, roles, signatures, retention."""
