"""Live screens (实时): numbered topics from the database, carried between workers by Redis, pushed over websockets."""
