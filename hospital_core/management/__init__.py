"""Running the house (管理): what needs sight of everything below."""
