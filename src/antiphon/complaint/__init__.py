"""Who else should know: contacts of whoever carried a mail (LAW §6)."""
