"""Exchange (互联): messages to the world outside."""
