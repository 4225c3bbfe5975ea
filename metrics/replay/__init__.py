"""Real traces, sent again through the portal's own REST API as if they happened now."""
