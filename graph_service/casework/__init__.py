"""What people do: who they are, what they read, their cases and their judgements."""
