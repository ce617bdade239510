"""A text message service on a laptop (短信服务模拟): takes messages in, shows them to whoever plays the phone's owner."""
