"""Which capture is shown, and what a person does with capture files."""
