"""One line of migrations for the core: written with ``hospital_core.authoring``, run by ``hospital migrate``."""
