"""What a person does with frames: select, go to, mark, copy."""
