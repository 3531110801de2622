"""What an evaluation found, as files: the tables beside it, and one page that a person can send to another."""
