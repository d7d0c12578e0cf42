"""The whole loop on a throw-away hub, over HTTP, with simulated people.

Knows the API and the truth, never the database.
"""
