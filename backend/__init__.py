"""The server: HTTP edge, realtime, staff/ward/kiosk API, worker, command line, embedded engines."""
