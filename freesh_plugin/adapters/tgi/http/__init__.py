"""TGI's HTTP surface in front of any engine: routes, validation, tokenizer, streams."""
