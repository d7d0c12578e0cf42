"""What each word of the command ``cellcommons`` does."""
