"""The shown capture, and what a person does with capture files."""
