"""Chart (病历): encounters, later orders, results and records."""
