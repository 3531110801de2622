"""The OpenAI part of the HTTP front: chat, completions, models, and what they need of templates, tools and grammars."""
