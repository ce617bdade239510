"""A text message service on a laptop (短信模拟): takes messages in, shows them to who plays the phone's owner."""
