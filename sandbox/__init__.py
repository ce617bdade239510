"""The outside world on a laptop: simulators that real client libraries talk to. Never in production."""
