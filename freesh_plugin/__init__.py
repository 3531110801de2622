"""FREESH beside the GPUs: what runs next to Hugging Face TGI and keeps the plan in force."""
