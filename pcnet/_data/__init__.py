"""Where features come from and how they are checked, converted and scaled, batch by batch."""
