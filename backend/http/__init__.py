"""The HTTP edge: routes as declarations, one way in, one shape of errors."""
