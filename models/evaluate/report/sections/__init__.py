"""The sections of the page, in the order in which a manager reads them."""
