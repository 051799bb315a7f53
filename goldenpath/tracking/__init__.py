"""The mirror in MLflow: runs, versions and roles are written there, and never read back as truth.

The volume stays the registry. MLflow's library is imported only where it is asked, by `mlflow sync`.
"""
