"""PostgreSQL and Redis of our own (内嵌引擎), for machines that have none: `make demo`, `make test`."""
